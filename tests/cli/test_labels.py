"""`gnomon labels`: counts that add up, a search in the training part alone, every try in the ledger."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.labels import triple_barrier
from gnomon.pipeline.inputs import load_inputs
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished workspace")


@pytest.fixture(scope="session")
def bars(finished):
    return load_inputs(finished, open_workspace(finished).config)[0]


def test_show_counts_every_label(finished, say, bars):
    found = say("labels", "show", "-w", finished, "--examples", "3", "--json").object
    labels = triple_barrier(bars, horizons=(5,))
    (row,) = found["horizons"]
    assert row["rows"] == bars.height == row["short"] + row["flat"] + row["long"] + row["undecided"]
    assert row["long"] == (labels["label"] == 1).sum()
    assert row["mean_weight"] == pytest.approx(labels.drop_nulls("label")["weight"].mean())
    assert row["sum_of_weights"] == pytest.approx(labels["weight"].sum())
    assert len(found["examples"]) == 3
    assert found["examples"][-1]["label_end"] == str(labels["label_end"].max())


def test_show_speaks_to_people(finished, say):
    said = say("labels", "show", "-w", finished)
    assert "by triple_barrier" in said.out
    assert "undecided" in said.out
    assert "label_end" in said.out
    assert "label_end" not in say("labels", "show", "-w", finished, "--examples", "0").out


def test_show_takes_bars_without_a_workspace(tmp_path, say, bars):
    bars.write_parquet(tmp_path / "bars.parquet")
    found = say("labels", "show", "-w", tmp_path, "--data", tmp_path / "bars.parquet", "--json").object
    assert [row["horizon"] for row in found["horizons"]] == [5, 10, 15, 20]


def test_the_search_records_every_try_and_ends_before_validation(workspace, say, tmp_path):
    before = open_workspace(workspace).trials
    tries = before.count()
    found = say("labels", "optimize", "--trials", "12", "-w", workspace, "-o", tmp_path / "f.html", "--json").object
    assert found["trials"] == 12
    assert found["trial"] in [row["trial"] for row in found["front"]]
    assert (tmp_path / "f.html").read_bytes().startswith(b"<!doctype html>")
    ledger = open_workspace(workspace).trials
    rows = [trial for trial in ledger.trials() if trial.kind == "labels"]
    assert len(rows) == 12
    assert ledger.count() == tries + 12
    # They count as tries on the very market that the runs are scored on.
    assert {trial.dataset for trial in rows} == {trial.dataset for trial in ledger.trials() if trial.kind == "run"}
    assert set(rows[0].metrics) == {"balance", "separability", "payoff_bps"}
    assert rows[found["trial"]].metrics["balance"] == pytest.approx(
        next(row["balance"] for row in found["front"] if row["trial"] == found["trial"])
    )
    assert say("trials", "verify", "-w", workspace, "--json").object["ok"]

    again = say("labels", "optimize", "--trials", "12", "-w", workspace, "--json").object
    assert again == {**found, "path": None}
    assert open_workspace(workspace).trials.count() == tries + 12, "the same search is no new try"
    # What a run says afterwards allows for them.
    assert say("run", "-w", workspace, "--json").object["trials"] == tries + 12


def test_the_search_never_sees_what_is_judged_by(workspace, say, bars):
    found = say("labels", "optimize", "--trials", "6", "-w", workspace, "--json").object
    later = pl.col("timestamp") > pl.lit(found["train_end"]).str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us")
    moments = bars["timestamp"].unique().sort()
    assert found["train_end"] == moments[round(0.6 * len(moments)) - 1 - 5].isoformat(), "five bars purged"
    names = ("open", "high", "low", "close")
    spoilt = bars.with_columns(pl.when(later).then(pl.col(name) * 1.5).otherwise(name).alias(name) for name in names)
    spoilt.write_parquet(workspace / "spoilt.parquet")
    source = "data: {source: {kind: parquet, path: spoilt.parquet, stamp: close}, frequency: 1d, calendar: XNYS}\n"
    text = (workspace / "gnomon.yaml").read_text()
    start, stop = text.index("data:"), text.index("labels:")
    (workspace / "gnomon.yaml").write_text(text[:start] + source + text[stop:])
    assert say("labels", "optimize", "--trials", "6", "-w", workspace, "--json").object == found


def test_people_are_shown_the_front_and_what_to_write(workspace, say, tmp_path):
    said = say("labels", "optimize", "--trials", "8", "-w", workspace, "--out", tmp_path / "front.png")
    assert "8 settings tried on bars up to" in said.out
    assert "labels: {kind: triple_barrier, upper: " in said.out
    assert "front.png" in said.out
    assert (tmp_path / "front.png").stat().st_size > 1000


def test_what_cannot_be_looked_for_is_told(workspace, say, tmp_path):
    assert "should end in .html or .png" in say("labels", "optimize", "-w", workspace, "-o", "front.pdf", code=2).err
    assert "--trials" in say("labels", "optimize", "-w", workspace, "--trials", "0", code=2).err
    path = workspace / "gnomon.yaml"
    text = path.read_text()
    path.write_text(text.replace("kind: triple_barrier", "kind: trend_scanning"))
    assert "has no barriers to look for" in say("labels", "optimize", "-w", workspace, code=2).err
    path.write_text(text.replace("kind: triple_barrier", "kind: tripel_barrier"))
    assert "did you mean 'triple_barrier'?" in say("labels", "show", "-w", workspace, code=2).err
    path.write_text(text.replace("horizons: [5]", "horizons: [9000]"))
    assert "horizon 9000 needs 9001 bars" in say("labels", "show", "-w", workspace, code=3).err
    assert "horizon 9000 needs 9001 bars" in say("labels", "optimize", "-w", workspace, code=3).err


SPLIT = "split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2}"


def test_a_split_without_a_training_part_in_front_is_refused(workspace, say):
    path = workspace / "gnomon.yaml"
    path.write_text(path.read_text().replace(SPLIT, "split: {kind: purged_kfold}"))
    said = say("labels", "optimize", "-w", workspace, code=2)
    assert "split.kind = 'purged_kfold' judges by the first bars there are" in said.err


def test_a_walk_forward_is_searched_before_its_first_test(workspace, say, bars):
    path = workspace / "gnomon.yaml"
    path.write_text(path.read_text().replace(SPLIT, "split: {kind: walk_forward, train_bars: 200, test_bars: 100}"))
    found = say("labels", "optimize", "-w", workspace, "--trials", "3", "--json").object
    moments = bars["timestamp"].unique().sort()
    at = [moment.isoformat() for moment in moments].index(found["train_end"])
    # The last row whose label ends before the first test, 200 moments in: five bars ahead.
    assert at == 194
