"""A person's tables, read and written; trained models, found."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError, StoreError
from gnomon.pipeline.inputs import configured
from gnomon.pipeline.prediction import find_model, forecast_bars, read_table, write_table
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished pipeline")
FRAME = pl.DataFrame(
    {"timestamp": [datetime(2024, 1, 2, 21, tzinfo=UTC)], "symbol": ["A"], "target": [0.25]},
    schema_overrides={"timestamp": pl.Datetime("us", "UTC")},
)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_that_was_written_is_read_back(tmp_path, ending):
    write_table(FRAME, tmp_path / f"t.{ending}")
    assert_frame_equal(read_table(tmp_path / f"t.{ending}"), FRAME)


@pytest.mark.parametrize(
    "written",
    ["2024-01-02T21:00:00Z", "2024-01-02T16:00:00-05:00", "2024-01-02 21:00:00+00:00", "2024-01-03T06:00+0900"],
)
def test_moments_of_any_zone_are_moments_in_utc(tmp_path, written):
    (tmp_path / "t.csv").write_text(f"timestamp,symbol,target\n{written},A,0.25\n")
    assert_frame_equal(read_table(tmp_path / "t.csv"), FRAME)


@pytest.mark.parametrize("written", ["2024-01-02T21:00:00", "2024-01-02", "20240102", "yesterday", "1704229200", "aZ"])
def test_times_without_a_zone_are_refused(tmp_path, written):
    (tmp_path / "t.csv").write_text(f"timestamp,symbol,target\n{written},A,0.25\n")
    with pytest.raises(DataError, match=f"moments with a zone.*first {written}"):
        read_table(tmp_path / "t.csv")


def test_a_late_fraction_is_a_number_like_the_whole_ones_before_it(tmp_path):
    rows = "".join(f"{n}\n" for n in range(20_000))
    (tmp_path / "t.csv").write_text(f"target\n{rows}0.5\n")
    assert read_table(tmp_path / "t.csv")["target"][-1] == 0.5


def test_a_table_without_times_is_left_as_it_is(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    assert read_table(tmp_path / "t.csv")["a"].to_list() == [1]


def test_other_endings_and_missing_files_are_told(tmp_path):
    (tmp_path / "signals.csv").write_text("a\n1\n")
    for action, told in (
        (lambda: read_table(tmp_path / "t.txt"), "the ending must be"),
        (lambda: write_table(FRAME, tmp_path / "t.txt"), "the ending must be"),
        (lambda: read_table(tmp_path / "signal.csv"), r"did you mean .*signals\.csv"),
        (lambda: read_table(tmp_path / "zzz.parquet"), "check the path"),
    ):
        with pytest.raises(ConfigError, match=told):
            action()


def test_a_model_is_found_by_candidate_artifact_version_or_folder(finished, tmp_path):
    store = open_workspace(finished).store
    names = ("logistic", "tiny.logistic", "tiny.logistic:1", str(store.get("tiny.logistic")))
    found = [find_model(finished, name) for name in names]
    assert {trained.meta.name for trained, _ in found} == {"logistic"}
    assert [origin for _, origin in found] == ["tiny.logistic:1"] * 3 + [names[3]]
    with pytest.raises(StoreError, match="did you mean 'logistic'"):
        find_model(finished, "logistik")
    with pytest.raises(ConfigError, match="name a workspace with --workspace"):
        find_model(tmp_path, "logistic")


def test_the_features_are_those_that_the_model_learned_from_whatever_the_workspace_says_now(copied):
    """A workspace whose features have changed since: the model still gets its own."""
    trained, _ = find_model(copied, "logistic")
    before = forecast_bars(trained, copied, configured(copied))
    text = (copied / "gnomon.yaml").read_text()
    assert "features: {set: basic}" in text
    (copied / "gnomon.yaml").write_text(text.replace("{set: basic}", "{set: basic, exclude: [rsi]}"))
    assert forecast_bars(trained, copied, configured(copied)).equals(before)
