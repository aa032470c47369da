from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.evaluation.base import DOUBT_COLUMNS, Evaluation, LagResult, SharpeDoubt, ThresholdResult
from gnomon.evaluation.plain import to_plain


def test_the_columns_of_a_doubt_are_its_fields(doubt: SharpeDoubt) -> None:
    assert tuple(field.name for field in fields(SharpeDoubt)) == DOUBT_COLUMNS
    assert tuple(doubt.row()) == DOUBT_COLUMNS


@pytest.mark.parametrize("name", DOUBT_COLUMNS)
def test_no_part_of_a_doubt_can_be_left_out(doubt: SharpeDoubt, name: str) -> None:
    row = {key: value for key, value in doubt.row().items() if key != name}
    with pytest.raises(TypeError, match=name):
        SharpeDoubt(**row)  # type: ignore[arg-type]


def test_a_sharpe_ratio_among_the_metrics_is_refused(evaluation: Evaluation) -> None:
    with pytest.raises(ValueError, match="sharpe_ratio without a doubt"):
        replace(evaluation, metrics={"sharpe_ratio": 1.0})
    with pytest.raises(ValueError, match="sharpe_ratio without a doubt"):
        replace(evaluation.benchmarks["cash"], metrics={"sharpe_ratio": 1.0})


def test_an_evaluation_without_a_doubt_is_refused(evaluation: Evaluation) -> None:
    with pytest.raises(TypeError, match="needs its SharpeDoubt"):
        replace(evaluation, doubt=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="needs its SharpeDoubt"):
        LagResult(metrics={}, doubt=1.0, kept=1.0, suspicious=False)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="needs its SharpeDoubt"):
        ThresholdResult(name="sharpe_ratio", value=1.0, relation="at least", limit=0.5, passed=True)


@pytest.mark.parametrize("field", ["regimes", "cost_sensitivity"])
def test_a_frame_that_shows_a_bare_sharpe_is_refused(evaluation: Evaluation, field: str) -> None:
    bare = pl.DataFrame({"value": ["2020"], "sharpe": [1.0]})
    with pytest.raises(ValueError, match=r"standard_error.*psr"):
        replace(evaluation, **{field: bare})  # type: ignore[arg-type]
    replace(evaluation, **{field: bare.drop("sharpe")})  # type: ignore[arg-type]  # control: no Sharpe, no complaint


def test_json_keeps_everything(evaluation: Evaluation) -> None:
    text = json.dumps(evaluation.to_json(), allow_nan=False)
    again = Evaluation.from_json(json.loads(text))
    assert json.dumps(again.to_json(), allow_nan=False) == text
    assert again.regimes.equals(evaluation.regimes, null_equal=True)
    assert again.drawdowns.schema == evaluation.drawdowns.schema
    assert again.trades.largest.equals(evaluation.trades.largest)
    assert again.metrics["profit_factor"] == float("inf")
    assert again.start == evaluation.start
    assert not again.passed


def test_json_writes_nan_as_null(evaluation: Evaluation) -> None:
    plain = evaluation.to_json()
    assert plain["metrics"]["win_rate"] is None
    assert plain["doubt"]["pbo"] is None
    assert plain["doubt"]["minimum_track_record"] == "Infinity"


def test_no_lag_result_is_none_in_json(evaluation: Evaluation) -> None:
    without = replace(evaluation, one_bar_lag=None)
    assert Evaluation.from_json(without.to_json()).one_bar_lag is None


def _without(plain: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return plain


def test_a_missing_field_is_named(evaluation: Evaluation) -> None:
    with pytest.raises(DataError, match=r"evaluation\.doubt lacks psr"):
        Evaluation.from_json(_without(evaluation.to_json(), "doubt", "psr"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("n",), "many", "evaluation.n must be int, was 'many'"),
        (("n",), True, "evaluation.n must be int"),
        (("metrics", "win_rate"), "high", "evaluation.metrics.win_rate must be a number"),
        (("start",), "yesterday", "evaluation.start must be a moment"),
        (("start",), 3, "evaluation.start must be a moment"),
        (("thresholds",), {}, "evaluation.thresholds must be a list"),
        (("benchmarks",), [], "evaluation.benchmarks must be an object"),
        (("verdict",), "good", "evaluation.verdict must be an object"),
        (("monthly",), [], "evaluation.monthly must be a frame"),
        (("monthly", "schema", "year"), "Complex", "evaluation.monthly.year must be one of the types"),
        (("monthly", "columns", "year"), 3, "evaluation.monthly.year must be a list"),
    ],
)
def test_a_wrong_value_is_named(evaluation: Evaluation, path: tuple[str, ...], value: Any, message: str) -> None:
    plain = evaluation.to_json()
    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(DataError, match=message):
        Evaluation.from_json(plain)


def test_what_is_not_plain_is_refused() -> None:
    with pytest.raises(TypeError, match="plain values"):
        to_plain({"a": object()})
    with pytest.raises(TypeError, match="cannot hold the type"):
        to_plain(pl.DataFrame({"a": [[1]]}))
