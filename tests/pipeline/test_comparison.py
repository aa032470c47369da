"""The comparison study: what it fits, what it refuses, and that no figure in it forgets a try."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.pipeline import open_workspace
from gnomon.pipeline.compared import edge_correlations, fold_changes, left_without
from gnomon.pipeline.comparison import ModelComparison
from gnomon.pipeline.searching import searchable, with_settings
from gnomon.samples.base import Forecast

pytestmark = pytest.mark.xdist_group("comparison")

SMALL = """\
project: small
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2017-06-01", seed: 3}
  frequency: 1d
  calendar: XNYS
features: {set: none, include: [log_return, rsi, ema_distance]}
labels: {kind: triple_barrier, horizons: [5, 10]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2, embargo_bars: 5}
selection: {splitter: {kind: purged_kfold, folds: 3}}
models:
  logistic: {model_type: logistic_regression}
  trees: {model_type: lightgbm, params: {rounds: 5}}
execution: {fee_bps: 1.0}
evaluation: {benchmarks: [cash]}
tracking: {enabled: false}
executor: {workers: 1}
compare:
  search_trials: 3
  themes: [oscillators]
  labels: {ahead: {kind: fixed_horizon}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "gnomon.yaml").write_text(SMALL)
    return folder


@pytest.fixture(scope="module")
def written(folder):
    return ModelComparison(open_workspace(folder)).run()


def study(folder: Path, *overrides: str) -> ModelComparison:
    return ModelComparison(open_workspace(folder, overrides=overrides))


def test_each_part_is_changed_alone(folder):
    variants = {(one.kind, one.name): one.config for one in study(folder).variants}
    base = variants["base", "multi_metric"]
    assert variants["approach", "multi_metric"] == base
    configured = variants["approach", "configured"].selection
    assert (configured.by, configured.rule) == ("cross_validation", {"kind": "one_metric", "metric": "ic"})
    assert variants["approach", "sharpe_only"].selection.rule == {"kind": "one_metric", "metric": "sharpe"}
    # The horizon that is configured anyway is the base: it is not fitted, and not counted, a second time.
    assert variants["horizon", "5"] == base
    assert variants["horizon", "10"].training.horizon == 10
    without = variants["theme", "oscillators"]
    assert without.features.exclude == ["rsi"]
    assert without.features.include == ["log_return", "ema_distance"]
    assert without.model_copy(update={"features": base.features}) == base
    assert variants["labels", "ahead"].labels == {"kind": "fixed_horizon", "horizons": [5, 10]}


def test_every_figure_is_held_against_every_try(folder, written):
    """Each model of each configuration is a try, and the first figure knows of the last one."""
    found, ledger = written.found, open_workspace(folder).trials
    # Two models: as they are, 10 bars ahead, without oscillators, with other labels, three settings each on the folds,
    # and the best of these on the test rows.
    assert ledger.count() == found.trials["count"] == 4 * 2 + 3 * 2 + 2
    assert sum(trial.kind == "tune" for trial in ledger.trials()) == 6
    assert found.before == 0
    doubts = [one.doubt for one in found.models]
    doubts += [one.result.doubt for one in (*found.approaches, *found.horizons, *found.ablations)]
    assert {doubt.trials for doubt in doubts} == {16}
    assert all(doubt.trials_variance == pytest.approx(ledger.variance()) for doubt in doubts)


def test_what_it_says(written):
    found = written.found
    assert [one.name for one in found.approaches] == ["sharpe_only", "multi_metric", "configured", "searched"]
    assert [(one.kind, one.name) for one in found.ablations] == [
        ("theme", "oscillators"),
        ("labels", "ahead"),
        ("model", "logistic"),
        ("model", "trees"),
    ]
    assert [one.bars for one in found.horizons] == [5, 10]
    # Who is left out is not chosen; of two, the other one is.
    assert [one.result.model for one in found.ablations if one.kind == "model"] == ["trees", "logistic"]
    for one in found.approaches:
        assert one.annual_sharpe_interval.low < one.result.doubt.annual_sharpe < one.annual_sharpe_interval.high
    # A loss of other labels is an answer to another question.
    assert set(found.ablations[1].changes) == {"ic", "total_return"}
    assert set(found.ablations[0].changes) == {"log_loss", "f1", "ic", "total_return"}
    own = found.correlations.drop("model").to_numpy()
    np.testing.assert_allclose(own, own.T)
    np.testing.assert_allclose(np.diag(own), 1.0)


def test_what_is_written(written):
    assert set(written.files) == {"model_comparison.md", "model_comparison.html", "model_comparison.json"}
    text = written.files["model_comparison.md"].read_text()
    for words in (
        "Ways to choose",
        "Models side by side",
        "Best model per horizon",
        "Rank correlation of the forecasts",
        "without oscillators (1)",
        "N 16)",
        "this comparison added 16",
        "What the search found",
        "(searched)",
        "with its doubt",
    ):
        assert words in text, words
    assert "heatmap" in written.files["model_comparison.html"].read_text()
    assert json.loads(written.files["model_comparison.json"].read_text())["trials"]["count"] == 16


def test_again_computes_nothing_and_counts_nothing(folder, written, tmp_path):
    again = study(folder).run(tmp_path)
    assert again.found.before == again.found.trials["count"] == 16
    assert again.files["model_comparison.md"].parent == tmp_path
    chosen = [one.result.model for one in again.found.approaches]
    assert chosen == [one.result.model for one in written.found.approaches]


def test_a_search_stands_for_its_models(folder, written):
    """Each model is searched on the folds; what is chosen among is the best of each, scored over the same folds."""
    searches = {one.model: one for one in written.found.searches}
    assert set(searches) == {"logistic", "trees"}
    approaches = {one.name: one for one in written.found.approaches}
    way = approaches["searched"].result
    name = way.model.removesuffix(" (searched)")
    assert way.model == f"{name} (searched)"
    for one in searches.values():
        assert (one.metric, one.trials) == ("log_loss", 3)
        assert one.best <= one.first
    # The folds' own figure of the best settings is what the search found.
    assert way.folds["log_loss"].value == pytest.approx(searches[name].best)
    # Control: the configured settings have another.
    assert approaches["multi_metric"].result.folds["log_loss"].value != pytest.approx(searches[name].best)
    pairs = {(one.first, one.second): one.same for one in written.found.differences}
    assert not pairs["multi_metric", "searched"]


def test_without_the_approach_nothing_is_searched(folder):
    plain = study(folder, "compare.approaches=[multi_metric]")
    assert [one.name for one in plain.variants if one.kind == "approach"] == ["multi_metric"]
    assert study(folder).id != study(folder, "compare.search_trials=7").id
    assert "3 settings of logistic, trees" in {one.name: one.what for one in study(folder).variants}["searched"]


def test_searched_settings_reach_the_members_of_an_ensemble(folder):
    blend = "models.blend={model_type: ensemble, params: {members: [logistic, trees], method: mean}}"
    config = open_workspace(folder, overrides=[blend]).config
    assert searchable(config) == ["logistic", "trees"]
    changed = with_settings(config, {"logistic": {"c": 0.5}}).candidates()
    assert changed["logistic"].params == {"c": 0.5}
    assert changed["blend"].params["members"]["logistic"]["params"] == {"c": 0.5}
    assert changed["trees"] == config.candidates()["trees"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("compare.approaches=[sharp_only]", r"unknown approach 'sharp_only'.*sharpe_only"),
        ("compare.approaches=[]", r"compare\.approaches is empty"),
        ("compare.themes=[oscilators]", r"unknown theme 'oscilators'.*oscillators"),
        ("compare.models=[tree]", r"unknown model 'tree'.*trees"),
        ("compare.horizons=[7]", r"compare\.horizons\[0\] = 7 is not one of labels\.horizons"),
        ("compare.labels={other: {kind: fixed_horizn}}", r"fixed_horizon"),
        ("compare.rule={kind: weigthed}", r"weighted"),
        ("compare.folds=3", r"compare"),
    ],
)
def test_what_is_wrong_is_told_before_any_work(folder, override, words):
    with pytest.raises(ConfigError, match=words):
        _ = study(folder, override).plans


def test_labels_without_the_forecast_horizon_are_refused(folder):
    with pytest.raises(ConfigError, match=r"compare\.labels\.other\.horizons = \[3\] leaves out training\.horizon = 5"):
        _ = study(folder, "training.horizon=5", "compare.labels={other: {kind: fixed_horizon, horizons: [3]}}").variants


def test_nothing_to_compare_says_so(tmp_path):
    bare = SMALL.partition("compare:")[0].replace("  logistic: {model_type: logistic_regression}\n", "")
    (tmp_path / "gnomon.yaml").write_text(bare)
    nothing = ("compare.themes=[]", "compare.horizons=[5]")
    with pytest.raises(ConfigError, match="there is nothing to compare: 'trees' is the only model"):
        _ = study(tmp_path, *nothing).variants
    # Another horizon is something to compare.
    assert [one.kind for one in study(tmp_path, nothing[0]).variants].count("horizon") == 2
    with pytest.raises(ConfigError, match="without 'trees' no model is left"):
        _ = study(tmp_path, "compare.models=[trees]").variants
    with pytest.raises(ConfigError, match="without 'oscillators' no feature is left"):
        _ = study(tmp_path, "features.include=[rsi]", "compare.themes=[oscillators]").variants
    (tmp_path / "gnomon.yaml").write_text(
        bare.replace("  trees: {model_type: lightgbm, params: {rounds: 5}}\n", "").replace("models:", "models: {}")
    )
    with pytest.raises(ConfigError, match="no model to compare"):
        _ = study(tmp_path).variants


def test_an_approach_by_validation_rows_needs_some(folder):
    with pytest.raises(DataError, match="'sharpe_only' chooses on validation rows"):
        study(folder, "split={kind: holdout, train: 0.8, valid: 0.0, test: 0.2}").run()


def test_changes_are_taken_fold_by_fold():
    before = pl.DataFrame({"model": ["a"] * 3 + ["b"], "fold": [0, 1, 2, 0], "ic": [0.1, 0.5, 0.9, 0.0]})
    after = pl.DataFrame({"model": ["a"] * 3, "fold": [2, 0, 1], "ic": [1.0, 0.2, 0.6]})
    change = fold_changes(before, after, "a", ["ic"])["ic"]
    # Every fold gains 0.1: the spread between folds is no doubt about the change.
    assert change.value == pytest.approx(0.1)
    assert change.error == pytest.approx(0.0, abs=1e-12)
    assert fold_changes(before, after, "b", ["ic"]) == {}


def test_an_ensemble_goes_with_its_member(folder):
    blend = "models.blend={model_type: ensemble, params: {members: [logistic, trees], method: mean}}"
    config = open_workspace(folder, overrides=[blend]).config
    assert left_without(config, "trees") == ["logistic"]
    assert left_without(config, "blend") == ["logistic", "trees"]


def test_correlations_are_of_ranks_on_shared_rows():
    stamps = np.arange(4, dtype=np.int64) * 86_400_000_000

    def forecast(long: list[float], rows: slice = slice(None)) -> Forecast:
        edge = np.array(long)
        probability = np.column_stack([1 - edge, np.zeros(4), edge])
        symbols = np.zeros(4, np.int64)
        return Forecast(
            probability=probability[rows],
            known_at=stamps[rows],
            symbol=symbols[rows],
            horizon=5,
            symbols=("X",),
        )

    table = edge_correlations(
        {
            "a": forecast([0.1, 0.2, 0.3, 0.9]),
            "b": forecast([0.4, 0.3, 0.2, 0.1]),
            "c": forecast([0.5, 0.5, 0.5, 0.9], slice(0, 3)),
        }
    )
    assert table["b"][0] == pytest.approx(-1.0)
    assert math.isnan(table["c"][0])


def test_every_model_stands_at_every_horizon(written):
    found = written.found
    assert [(one.horizon, one.family, one.model) for one in found.standings] == [
        (bars, family, model)
        for bars in (5, 10)
        for model, family in (("logistic", "classical"), ("trees", "boosting"))
    ]
    assert [one.model for one in found.standings if one.chosen] == [one.result.model for one in found.horizons]
    by_name = {(one.horizon, one.model): one for one in found.standings}
    for result in found.models:
        one = by_name[5, result.model]
        assert one.figures["information_coefficient"].value == pytest.approx(result.information_coefficient)
        assert one.doubt == result.doubt
        assert one.interval.low < one.doubt.annual_sharpe < one.interval.high
    text = written.files["model_comparison.md"].read_text()
    assert "Forecasts of every family" in text
    assert "By chance alone about 0.1 would in each." in text
