"""`gnomon backtest` on a person's signals, and `gnomon predict` on a person's bars: files good and bad."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from gnomon.data.synthetic import Market, market_bars
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished workspace")
MARKET = Market(symbols=1, start=dt.date(2019, 1, 1), end=dt.date(2019, 12, 31), seed=9)


@pytest.fixture(scope="session")
def signals(finished):
    """A run's own targets and forecasts, as a person would hand them in."""
    folder = open_workspace(finished).runs.get().folder
    return pl.read_parquet(folder / "targets.parquet"), pl.read_parquet(folder / "predictions.parquet")


@pytest.fixture(scope="session")
def bars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    frame = market_bars(MARKET)
    frame.write_parquet(folder / "bars.parquet")
    frame.write_csv(folder / "bars.csv")
    frame.with_columns(close=pl.lit(-1.0)).write_parquet(folder / "negative.parquet")
    frame.head(10).write_parquet(folder / "short.parquet")
    frame.select("timestamp", "symbol").write_parquet(folder / "columns.parquet")
    (folder / "junk.parquet").write_bytes(b"hello")
    return folder


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_targets_earn_what_the_run_that_wrote_them_earned(workspace, say, signals, tmp_path, ending):
    path = tmp_path / f"targets.{ending}"
    (signals[0].write_csv if ending == "csv" else signals[0].write_parquet)(path)
    found = say("backtest", "--forecasts", path, "-w", workspace, "--name", "mine", "--json").object
    (chosen, *_) = say("run", "-w", workspace, "--json").object["candidates"]
    assert found["candidates"][0]["name"] == "mine"
    assert found["candidates"][0]["total_return"] == chosen["total_return"]
    assert found["trials"] == 3, "a person's signals are a try like any other"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_probabilities_of_the_test_part_earn_the_same(workspace, say, signals, tmp_path, ending):
    path = tmp_path / f"forecasts.{ending}"
    (signals[1].write_csv if ending == "csv" else signals[1].write_parquet)(path)
    found = say("backtest", "--forecasts", path, "-w", workspace, "--json").object
    (chosen, *_) = say("run", "-w", workspace, "--json").object["candidates"]
    assert found["candidates"][0]["total_return"] == pytest.approx(chosen["total_return"], rel=1e-12)
    assert found["period"] == say("run", "-w", workspace, "--json").object["period"]


def test_a_backtest_shows_a_table_a_verdict_and_its_files(workspace, say, signals, tmp_path):
    signals[0].write_csv(tmp_path / "t.csv")
    said = say("backtest", "--forecasts", tmp_path / "t.csv", "-w", workspace, "--out", tmp_path / "out")
    assert "Your signals" in said.out
    assert "Out of sample" not in said.out, "nobody here knows what the signals were fitted on"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"equity.parquet", "fills.parquet", "targets.parquet", "metrics.json", "report.md"} <= names
    assert str(tmp_path / "out" / "metrics.json") in said.out


def test_costs_can_be_set_and_the_same_signals_are_the_same_try(workspace, say, signals, tmp_path):
    signals[0].write_csv(tmp_path / "t.csv")
    words = ["backtest", "--forecasts", tmp_path / "t.csv", "-w", workspace, "--json"]
    first, again = say(*words).object, say(*words).object
    assert first == again
    dear = say(*words, "--set", "execution.fee_bps=50").object
    assert dear["candidates"][0]["total_return"] < first["candidates"][0]["total_return"]
    assert dear["trials"] == first["trials"] + 1


def test_signals_that_never_trade_are_answered_in_whole_json(workspace, say, signals, tmp_path):
    signals[0].with_columns(target=0.0).write_csv(tmp_path / "t.csv")
    found = say("backtest", "--forecasts", tmp_path / "t.csv", "-w", workspace, "--json").object
    assert found["edge"] is False
    assert found["candidates"][0]["annual_sharpe"] is None


def spoiled(targets: pl.DataFrame) -> dict[str, pl.DataFrame]:
    stamp = pl.col("timestamp")
    return {
        "naive": targets.with_columns(stamp.dt.replace_time_zone(None)),
        "dates": targets.with_columns(stamp.dt.date()),
        "renamed": targets.rename({"target": "targets"}),
        "words": targets.with_columns(target=pl.lit("x")),
        "nothing": targets.with_columns(target=pl.lit(None, pl.Float64)),
        "infinite": targets.with_columns(target=pl.lit(float("inf"))),
        "stranger": targets.with_columns(symbol=pl.lit("SYN01")),
        "numbered": targets.with_columns(symbol=pl.lit(1)),
        "late": targets.with_columns(stamp.dt.offset_by("20y")),
        "twice": pl.concat([targets, targets]),
        "off": targets.with_columns(stamp.dt.offset_by("1h")),
        "no_symbol": targets.drop("symbol"),
        "no_stamp": targets.rename({"timestamp": "time"}),
        "empty": targets.head(0),
        "validation": targets.with_columns(part=pl.lit("valid")),
    }


TOLD = {
    "naive": "moments with a zone",
    "dates": "moments with a zone",
    "renamed": "is 'targets' the target?",
    "words": "must hold numbers",
    "nothing": "holds no number",
    "infinite": "inf",
    "stranger": "no symbol 'SYN01', which the signals trade; did you mean 'SYN001'?",
    "numbered": "must hold names",
    "late": "after the last bar",
    "twice": "share a timestamp and symbol",
    "off": "not in the bars",
    "no_symbol": "need a column 'symbol'",
    "no_stamp": "is 'time' the timestamp?",
    "empty": "has no rows",
    "validation": "of the part 'test'",
}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("fault", TOLD)
def test_bad_targets_are_refused_by_name_and_counted_as_no_try(workspace, say, signals, tmp_path, fault, ending):
    path, frame = tmp_path / f"bad.{ending}", spoiled(signals[0])[fault]
    (frame.write_csv if ending == "csv" else frame.write_parquet)(path)
    before = open_workspace(workspace).trials.count()
    said = say("backtest", "--forecasts", path, "-w", workspace, code=3)
    assert TOLD[fault] in said.err
    assert said.out == ""
    assert open_workspace(workspace).trials.count() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability_long": pl.lit(3.0)}, "do not add up to 1"),
        ({"probability_long": pl.lit("x")}, "must be numbers"),
        ({"symbol": pl.lit("ZZZ")}, "no symbol 'ZZZ'"),
        ({"timestamp": pl.col("timestamp").dt.offset_by("1h")}, "not in the bars"),
    ],
)
def test_bad_probabilities_are_refused(workspace, say, signals, tmp_path, change, message):
    signals[1].with_columns(**change).write_parquet(tmp_path / "bad.parquet")
    assert message in say("backtest", "--forecasts", tmp_path / "bad.parquet", "-w", workspace, code=3).err


def test_a_missing_column_of_the_probabilities_is_named(workspace, say, signals, tmp_path):
    signals[1].drop("horizon").write_parquet(tmp_path / "bad.parquet")
    assert "'horizon'" in say("backtest", "--forecasts", tmp_path / "bad.parquet", "-w", workspace, code=3).err


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("zero.csv", b"", 3, "cannot be read as CSV"),
        ("junk.csv", b'\x00\xff\xfe,,,\n"', 3, "junk.csv"),
        ("junk.parquet", b"hello", 3, "cannot be read as Parquet"),
        ("ragged.csv", b"timestamp,symbol,target\n1,2\n1,2,3,4\n", 3, "ragged.csv"),
        ("notes.txt", b"hello", 2, "the ending must be .parquet or .csv"),
    ],
)
def test_files_that_are_no_tables_are_told(workspace, say, tmp_path, name, content, code, message):
    (tmp_path / name).write_bytes(content)
    assert message in say("backtest", "--forecasts", tmp_path / name, "-w", workspace, code=code).err


def test_a_file_that_is_not_there_is_told_with_the_nearest(workspace, say, signals, tmp_path):
    signals[0].write_csv(tmp_path / "targets.csv")
    assert "did you mean" in say("backtest", "--forecasts", tmp_path / "target.csv", "-w", workspace, code=2).err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_model_forecasts_bars_from_a_file(finished, say, bars, tmp_path, ending):
    out = tmp_path / "forecasts.parquet"
    found = say("predict", "trees", "--data", bars / f"bars.{ending}", "-w", finished, "--out", out, "--json").object
    frame = pl.read_parquet(out)
    assert found["rows"] == frame.height > 100
    assert found["model"] == "tiny.trees:1"
    sums = frame.select(pl.sum_horizontal("probability_short", "probability_flat", "probability_long")).to_series()
    assert (sums - 1.0).abs().max() < 1e-9
    assert found["last"][0]["probability_long"] == frame["probability_long"][-1]


def test_a_forecast_is_the_runs_own_on_the_runs_own_bars(finished, say, signals, tmp_path):
    """What `predict` computes over all bars equals what the pipeline computed for the test rows, to the last bit."""
    chosen = say("run", "-w", finished, "--json").object["chosen"]
    say("predict", chosen, "-w", finished, "--out", tmp_path / "p.parquet")
    mine = pl.read_parquet(tmp_path / "p.parquet")
    both = signals[1].join(mine, on=["timestamp", "symbol"], how="left", suffix="_mine")
    assert both["probability_long"].to_list() == both["probability_long_mine"].to_list()


def test_a_forecast_can_be_traded(workspace, say, bars, tmp_path):
    out = tmp_path / "forecasts.csv"
    said = say("predict", "logistic", "--data", bars / "bars.parquet", "-w", workspace, "--out", out, "--last", 50)
    assert "50 forecasts 5 bars ahead, by tiny.logistic:1" in said.out
    found = say("backtest", "--forecasts", out, "--data", bars / "bars.parquet", "-w", workspace, "--json").object
    assert found["trials"] == 1, "another market has its own count"


def test_a_model_is_found_by_candidate_artifact_version_and_folder(finished, say, bars, tmp_path):
    store = open_workspace(finished).store
    for name in ("trees", "tiny.trees", "tiny.trees:1", "trees:1", store.get("tiny.trees")):
        words = ["--data", bars / "bars.parquet", "--last", 1, "--json"]
        assert say("predict", name, "-w", finished, *words).object["rows"] == 1
    alone = say("predict", store.get("tiny.trees"), "-w", tmp_path, "--data", bars / "bars.parquet", "--json")
    assert alone.object["rows"] > 100


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trees", "--data", "negative.parquet"], 3, "non_positive"),
        (["trees", "--data", "short.parquet"], 3, "no row of 10 is warm"),
        (["trees", "--data", "columns.parquet"], 3, "no column for open"),
        (["trees", "--data", "junk.parquet"], 3, "cannot be read as Parquet"),
        (["trees", "--data", "bar.parquet"], 3, "did you mean"),
        (["trees", "--data", "bars.csv", "--stamp", "sideways"], 2, "'open' or 'close'"),
        (["trees", "--data", "bars.csv", "--out", "x.txt"], 2, "the ending must be .parquet or .csv"),
        (["trees", "--data", "bars.csv", "--last", "0"], 2, "--last"),
        (["treees"], 2, "did you mean 'trees'?"),
        (["trees:9"], 2, "no version '9'"),
    ],
)
def test_what_cannot_be_forecast_is_told(finished, say, bars, monkeypatch, words, code, message):
    monkeypatch.chdir(bars)
    said = say("predict", *words, "-w", finished, code=code)
    assert message in said.err
    assert said.out == ""
    assert not (bars / "x.txt").exists()


def test_a_workspace_without_a_model_says_how_to_make_one(tmp_path, say):
    (tmp_path / "gnomon.yaml").write_text("project: new\n")
    assert "`gnomon run` trains" in say("predict", "trees", "-w", tmp_path, code=2).err
