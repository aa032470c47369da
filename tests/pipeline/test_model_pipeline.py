"""A small market through the whole pipeline: what stands afterwards, what is reused, what is refused."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.config import ConfigManager
from gnomon.core.clock import FixedClock
from gnomon.core.errors import ConfigError, DataError, LockedError, PlanError
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import BARS, EVALUATION, SAMPLES
from gnomon.store.locks import lock

SMALL = """\
project: small
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2018-01-01", seed: 3}
  frequency: 1d
  calendar: XNYS
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5, 10]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2, embargo_bars: 5}
models:
  logistic: {model_type: logistic_regression}
  lightgbm: {model_type: lightgbm, params: {rounds: 20}}
training: {horizon: 5}
selection: {splitter: {kind: purged_kfold, folds: 2}}
execution: {fee_bps: 1.0, half_spread_bps: 1.0}
report: {formats: [md]}
tracking: {enabled: false}
"""
CLOCK = FixedClock(datetime(2024, 1, 2, tzinfo=UTC))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    folder = tmp_path_factory.mktemp("small")
    (folder / "gnomon.yaml").write_text(SMALL)
    return folder, ModelPipeline(workspace=folder, clock=CLOCK).run()


def again(folder: Path, *overrides: str):
    return ModelPipeline(workspace=open_workspace(folder, overrides=overrides), clock=CLOCK)


def test_a_run_leaves_what_the_design_names(made):
    _, context = made
    assert context.get_metadata("pipeline_status") == "completed"
    names = {path.name for path in context.run.folder.iterdir()}
    assert {
        "config.yaml",
        "manifest.json",
        "metrics.json",
        "predictions.parquet",
        "targets.parquet",
        "fills.parquet",
        "equity.parquet",
        "report.md",
        "state.json",
    } <= names
    context.run.verify()


def test_the_manifest_holds_the_lineage_of_every_product(made):
    _, context = made
    stages = context.run.manifest()["stages"]
    written = {name: made["digest"] for stage in stages for name, made in stage["writes"].items()}
    for stage in stages:
        assert {name: written[name] for name in stage["reads"]} == stage["reads"]


def test_an_altered_file_of_a_run_is_found(made, tmp_path):
    import shutil

    from gnomon.core.errors import IntegrityError
    from gnomon.pipeline.runs import Run

    _, context = made
    shutil.copytree(context.run.folder, tmp_path / "run")
    copy = Run(context.run.id, tmp_path / "run")
    copy.verify()
    (copy.folder / "report.md").write_text("an edge!")
    with pytest.raises(IntegrityError, match=r"report\.md is missing or was altered"):
        copy.verify()


def test_the_same_run_again_computes_nothing_but_asks_the_record_of_tries(made):
    folder, context = made
    second = again(folder).run()
    assert second.outcome.computed == ["trials"]
    assert second.run.id == context.run.id


def test_one_changed_key_redoes_only_what_depends_on_it_and_counts_as_tries(made):
    folder, _ = made
    context = again(folder, "execution.fee_bps=2.0").run()
    redone = set(context.outcome.computed)
    assert {"simulate.logistic", "evaluate.logistic", "trials"} <= redone
    assert not redone & {"ingest", "check", "features", "labels", "samples", "split", "train.logistic"}
    # The folds are traded again, and none is fitted again.
    assert not redone & {"cross_validate.logistic", "cross_validate.lightgbm"}
    metrics = json.loads((context.run.folder / "metrics.json").read_bytes())
    assert metrics["trials"]["count"] == 4


def test_how_a_result_is_judged_is_not_another_try(made):
    folder, _ = made
    before = open_workspace(folder).trials.count()
    again(folder, "evaluation.thresholds.min_sharpe=1.0").run(until="trials")
    assert open_workspace(folder).trials.count() == before


def test_values_can_be_asked_for_by_key(made):
    _, context = made
    assert context.value(BARS)["symbol"].n_unique() == 2
    assert context.value(SAMPLES).horizons == (5, 10)
    assert np.isfinite(context.value(EVALUATION.of("logistic")).doubt.standard_error)


def test_test_rows_never_reach_the_fit(made):
    """The control of the whole pipeline: the model's training rows end before the first test row begins."""
    _, context = made
    from gnomon.pipeline.keys import FOLD, MODEL

    samples, fold = context.value(SAMPLES), context.value(FOLD)
    trained = context.value(MODEL.of("lightgbm"))
    assert trained.meta.trained_until < samples.known_at[fold.test].min()
    assert trained.meta.rows == len(fold.train)


def test_the_future_of_the_bars_never_changes_the_forecasts_before_it(made, tmp_path):
    """Bars after the middle of the test span are replaced; every forecast and target up to there stays, to the bit."""
    _, context = made
    bars = context.value(BARS)
    forecasts = pl.read_parquet(context.run.folder / "predictions.parquet")
    tests = forecasts.filter(pl.col("part") == "test")["timestamp"].unique().sort()
    cut = tests[len(tests) // 2]
    spoiled = bars.with_columns(
        pl.when(pl.col("timestamp") > cut).then(pl.col(c) * 3.0).otherwise(pl.col(c)).alias(c)
        for c in ("open", "high", "low", "close")
    )
    spoiled.write_parquet(tmp_path / "bars.parquet")
    source = f"data.source={{kind: parquet, path: {tmp_path / 'bars.parquet'}, stamp: close}}"
    (tmp_path / "gnomon.yaml").write_text(SMALL)
    other = again(tmp_path, source, "data.checks.splits=off", "data.checks.jumps=off").run(until="simulate")
    for name in ("logistic", "lightgbm"):
        from gnomon.pipeline.keys import FORECAST, SIMULATION

        mine, theirs = context.value(FORECAST.of(name)), other.value(FORECAST.of(name))
        known = pl.col("timestamp") <= cut
        assert mine.filter(known).equals(theirs.filter(known))
        equity = [c.value(SIMULATION.of(name)).equity.filter(known) for c in (context, other)]
        assert equity[0].equals(equity[1])
        assert not mine.equals(theirs)


def test_refused_bars_are_kept_beside_the_run(tmp_path):
    bars = pl.DataFrame(
        {
            "timestamp": pl.datetime_range(
                datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 12, 31, tzinfo=UTC), "1d", eager=True
            ),
            "symbol": "A",
            "open": 1.0,
            "high": 1.0,
            "low": 1.0,
            "close": 1.0,
            "volume": 1.0,
        }
    )
    spoiled = bars.with_columns(
        close=pl.when(pl.int_range(pl.len()) == 7).then(-1.0).otherwise("close"),
    )
    spoiled.write_parquet(tmp_path / "bars.parquet")
    (tmp_path / "gnomon.yaml").write_text(SMALL)
    pipeline = again(tmp_path, "data.source={kind: parquet, path: bars.parquet, stamp: close}", "data.calendar=24/7")
    with pytest.raises(DataError, match="non_positive") as caught:
        pipeline.run()
    run = open_workspace(tmp_path).runs.get()
    assert run.state()["status"] == "failed"
    assert pl.read_parquet(run.folder / "refused_rows.parquet").height == len(caught.value.rows)
    assert any("refused_rows.parquet" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("models.lightgbm.params={ronds: 3}", "did you mean 'rounds'"),
        ("labels.horizns=[5]", "did you mean 'horizons'"),
        ("sizing={kind: volatility_targt}", "did you mean 'volatility_target'"),
        ("training.horizon=7", "not one of labels.horizons"),
        ("execution.latency_bars=0", "latency_bars must be 1 or more"),
        ("evaluation.benchmarks=[buy_and_hld]", "did you mean 'buy_and_hold'"),
        ("features.include=[rsii]", "did you mean 'rsi'"),
        ("pipelines={default: [features]}", "reads 'bars', which no stage"),
        ("plugins=[absent.py]", "no Python file"),
    ],
)
def test_what_cannot_run_is_refused_before_any_work(made, override, message):
    folder, _ = made
    runs = len(open_workspace(folder).runs.list())
    with pytest.raises((ConfigError, PlanError), match=message):
        again(folder, override).run()
    assert len(open_workspace(folder).runs.list()) == runs


def test_a_second_run_in_a_busy_workspace_names_the_owner(made):
    folder, _ = made
    with lock(folder / ".gnomon" / "run.lock", "a test"), pytest.raises(LockedError, match="a test"):
        again(folder).run()


def test_a_plugin_feature_joins_by_one_file(made):
    folder, _ = made
    (folder / "mine.py").write_text(PLUGIN)
    context = again(folder, "plugins=[mine.py]", "features.include=[twice_close]").run(until="features")
    from gnomon.pipeline.keys import FEATURES

    frame, bars = context.value(FEATURES), context.value(BARS)
    assert np.array_equal(frame["twice_close"], (2.0 * bars["close"]).cast(pl.Float32))


def test_a_changed_plugin_takes_the_place_of_the_old_one(tmp_path):
    from gnomon.pipeline.workspace import load_plugins

    source = "from gnomon.pipeline.workspace import Workspace\nvalue = {}\n"
    for number in (1, 2):
        (tmp_path / "mine.py").write_text(source.format(number))
        load_plugins(tmp_path, ["mine.py"])
        assert sys.modules["gnomon_plugin_mine"].value == number


def test_a_plugin_that_fails_names_the_file_and_the_line(made):
    folder, _ = made
    (folder / "broken.py").write_text("a = 1\nb = a / 0\n")
    with pytest.raises(ConfigError, match=r"broken\.py:2: ZeroDivisionError"):
        _ = again(folder, "plugins=[broken.py]").plan


def test_the_names_of_the_design_run_it(made):
    folder, context = made
    done = ModelPipeline(pipeline_name="default", config_manager=ConfigManager(folder)).run()
    assert done.get_metadata("pipeline_status") == "completed"
    assert done.run.id == context.run.id


PLUGIN = """
from gnomon.features import FeatureSpec, feature
from gnomon.kernels.base import kernel


@kernel(state_size=lambda params: 0)
def doubled(state, x, columns, out, params):
    values = x[columns[0]]
    for t in range(values.size):
        out[0, t] = 2.0 * values[t]


@feature()
def twice_close() -> FeatureSpec:
    return FeatureSpec(
        name="twice_close", inputs=("close",), outputs=("twice_close",), kernel=doubled, warmup=0, reference="none"
    )
"""
