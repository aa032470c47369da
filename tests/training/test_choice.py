"""Selection rules, each on a table whose answer is plain."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.training.choice import SELECTION_RULES, OneMetric, OneStandardError, Pareto, Weighted

TABLE = pl.DataFrame(
    [
        ("forest", "log_loss", 1.00, 0.05),
        ("linear", "log_loss", 1.03, 0.05),
        ("net", "log_loss", 1.20, 0.05),
        ("forest", "sharpe", 0.01, 0.02),
        ("linear", "sharpe", 0.08, 0.02),
        ("net", "sharpe", 0.05, 0.02),
    ],
    schema=["model", "metric", "mean", "standard_error"],
    orient="row",
)
FAMILIES = {"forest": "boosting", "linear": "classical", "net": "neural"}


def test_one_metric_goes_its_own_way():
    assert OneMetric(metric="log_loss").choose(TABLE, FAMILIES).ranking == ("forest", "linear", "net")
    choice = OneMetric(metric="sharpe").choose(TABLE, FAMILIES)
    assert choice.ranking == ("linear", "net", "forest")
    assert choice.why == "highest sharpe"


def test_ties_go_by_name():
    table = pl.DataFrame({"model": ["b", "a"], "metric": "ic", "mean": [0.1, 0.1], "standard_error": [0.0, 0.0]})
    assert OneMetric(metric="ic").choose(table, {}).chosen == "a"


def test_weights_decide():
    assert Weighted(weights={"log_loss": 10.0, "sharpe": 0.1}).choose(TABLE, FAMILIES).chosen == "forest"
    assert Weighted(weights={"log_loss": 0.1, "sharpe": 10.0}).choose(TABLE, FAMILIES).chosen == "linear"


def test_the_front_leaves_out_what_another_beats_in_everything():
    rule = Pareto(metrics=("log_loss", "sharpe"), then="sharpe")
    assert rule.front(TABLE) == ["forest", "linear"]  # linear is better than net in both
    assert rule.choose(TABLE, FAMILIES).ranking == ("linear", "forest", "net")
    assert Pareto(metrics=("log_loss", "sharpe"), then="log_loss").choose(TABLE, FAMILIES).chosen == "forest"


def test_the_simplest_within_one_standard_error():
    assert OneStandardError(metric="log_loss").choose(TABLE, FAMILIES).chosen == "linear"
    narrow = TABLE.with_columns(standard_error=pl.lit(0.02))
    assert OneStandardError(metric="log_loss").choose(narrow, FAMILIES).chosen == "forest"


def test_no_error_without_two_folds():
    single = TABLE.with_columns(standard_error=pl.lit(float("nan")))
    with pytest.raises(DataError, match="cross_validation"):
        OneStandardError().choose(single, FAMILIES)


def test_a_model_without_a_figure_is_not_chosen():
    broken = TABLE.with_columns(
        mean=pl.when((pl.col("model") == "forest") & (pl.col("metric") == "log_loss"))
        .then(float("nan"))
        .otherwise(pl.col("mean"))
    )
    assert OneMetric().choose(broken, FAMILIES).ranking == ("linear", "net")
    nothing = TABLE.with_columns(mean=pl.lit(float("nan")))
    with pytest.raises(DataError, match="no model has a finite log_loss"):
        OneMetric().choose(nothing, FAMILIES)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"kind": "one_metric", "metric": "sharp"}, "sharpe"),
        ({"kind": "weighted", "weights": {"ic": 0.0}}, "above 0"),
        ({"kind": "weighted", "weights": {}}, "empty"),
        ({"kind": "pareto", "metrics": ["ic"]}, "two different scores"),
        ({"kind": "one_metrik"}, "one_metric"),
    ],
)
def test_a_wrong_rule_is_refused_in_words(section, message):
    with pytest.raises(ConfigError, match=message):
        SELECTION_RULES.from_config(section, where="selection.rule")
