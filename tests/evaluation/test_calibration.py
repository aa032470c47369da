"""Calibration figures: the metrics' own values, errors that fit what repeated draws give, drift that is found."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from gnomon import metrics
from gnomon.evaluation.calibration import Judged, blocks_of, drift_table, reliability_table, score_table
from gnomon.training.scores import macro_f1

DAY = 86_400_000_000
START = 1_600_000_000_000_000
LEVELS = (0.1, 0.5, 0.9)


def drawn(seed: int, days: int = 600, *, symbols: int = 2, together: bool = False) -> Judged:
    """Forecasts that keep their word; `together`: symbols say and get the same, so that a day is one row's worth."""
    rng = np.random.default_rng(seed)
    n = days if together else days * symbols
    said = rng.dirichlet([2.0, 3.0, 2.0], n)
    came = (rng.random(n)[:, None] > np.cumsum(said, axis=1)[:, :2]).sum(axis=1)
    if together:
        said, came = np.tile(said, (symbols, 1)), np.tile(came, symbols)
    bold = said**2.5
    returns = rng.normal(size=len(came))
    return Judged(
        came=came,
        known_at=START + np.tile(np.arange(days), symbols) * DAY,
        horizon=1,
        probability={"forecast": said, "uncalibrated": bold / bold.sum(axis=1, keepdims=True)},
        allowed=said > 0.25,
        quantiles=np.tile([-1.2816, 0.0, 1.2816], (len(came), 1)),
        quantile_levels=LEVELS,
        forward_return=returns,
    )


def rng() -> np.random.Generator:
    return np.random.default_rng(9)


def figures(table: pl.DataFrame, stage: str = "forecast", column: str = "value") -> dict[str, float]:
    own = table.filter(pl.col("stage") == stage)
    return dict(zip(own["figure"].to_list(), own[column].to_list(), strict=True))


def test_the_values_are_those_of_the_metrics() -> None:
    rows = drawn(1)
    table = score_table(rows, rng=rng())
    actual = rows.came - 1
    for stage, said in rows.probability.items():
        parts = metrics.brier_decomposition(actual, said)
        expected = {
            "log_loss": metrics.log_loss(actual, said),
            "brier_score": metrics.brier_score(actual, said),
            "brier_reliability": parts.reliability,
            "brier_resolution": parts.resolution,
            "brier_uncertainty": parts.uncertainty,
            "calibration_error": metrics.expected_calibration_error(actual, said),
            "calibration_error_mass": metrics.expected_calibration_error(actual, said, binning="mass"),
            "calibration_error_top": metrics.expected_calibration_error(actual, said, binning="mass", of="top"),
            "calibration_error_debiased": metrics.expected_calibration_error(
                actual, said, binning="mass", debiased=True
            ),
            "macro_f1": macro_f1(actual.astype(np.int8), metrics.predicted_class(said)),
            "information_coefficient": metrics.information_coefficient(said[:, 2] - said[:, 0], rows.forward_return),
        }
        assert {name: figures(table, stage)[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert rows.allowed is not None
    assert rows.quantiles is not None
    assert rows.forward_return is not None
    own = figures(table)
    single = rows.allowed.sum(axis=1) == 1
    low, _, high = rows.quantiles.T
    assert own["set_coverage"] == pytest.approx(metrics.set_coverage(actual, rows.allowed))
    assert own["set_size"] == pytest.approx(metrics.set_size(rows.allowed))
    assert own["singleton_share"] == pytest.approx(metrics.singleton_share(rows.allowed))
    assert own["empty_share"] == pytest.approx(metrics.empty_share(rows.allowed))
    assert own["singleton_accuracy"] == pytest.approx(metrics.set_coverage(actual[single], rows.allowed[single]))
    assert own["pinball_loss"] == pytest.approx(metrics.pinball_loss(rows.forward_return, rows.quantiles, LEVELS))
    assert own["interval_coverage"] == pytest.approx(metrics.interval_coverage(rows.forward_return, low, high))
    assert own["interval_width"] == pytest.approx(2 * 1.2816)
    assert own["interval_level"] == pytest.approx(0.8)
    assert figures(table, "uncalibrated").keys() < own.keys()


@pytest.mark.parametrize("together", [False, True])
def test_the_errors_are_those_of_repeated_draws(together: bool) -> None:
    names = ("log_loss", "brier_score", "set_coverage", "macro_f1", "information_coefficient")
    tables = [score_table(drawn(100 + seed, 300, together=together), rng=rng()) for seed in range(40)]
    for name in names:
        values = [figures(table)[name] for table in tables]
        claimed = np.mean([figures(table, column="error")[name] for table in tables])
        assert claimed == pytest.approx(np.std(values, ddof=1), rel=0.25)
    # Control: rows that move together, taken one by one, would claim an error of 1 / sqrt(2) of the true one.
    spread = np.mean([figures(table, column="error")["log_loss"] for table in tables])
    alone = np.mean([drawn_error(seed, together=together) for seed in range(40)])
    assert alone / spread == pytest.approx(1 / math.sqrt(2) if together else 1.0, rel=0.15)


def drawn_error(seed: int, *, together: bool) -> float:
    rows = drawn(100 + seed, 300, together=together)
    loss = -np.log(rows.probability["forecast"][np.arange(len(rows.came)), rows.came])
    return float(loss.std(ddof=1) / math.sqrt(len(loss)))


def test_reliability_is_the_curve_of_the_likeliest_class() -> None:
    rows = drawn(2)
    table = reliability_table(rows, rng=rng())
    for stage, said in rows.probability.items():
        for binning in ("width", "mass"):
            own = table.filter(pl.col("stage") == stage, pl.col("binning") == binning)
            curve = metrics.reliability_curve(rows.came - 1, said, binning=binning)  # type: ignore[arg-type]
            for name in curve.columns:
                np.testing.assert_allclose(own[name].to_numpy(), curve[name].to_numpy(), rtol=1e-9)
            count, share = own["count"].to_numpy(), own["observed"].to_numpy()
            large = count > 50
            expected = np.sqrt(share * (1 - share) / count)
            np.testing.assert_allclose(own["error"].to_numpy()[large], expected[large], rtol=0.4)


def test_drift_shows_the_quarter_in_which_forecasts_broke() -> None:
    rows = drawn(3, 1200, symbols=3)
    later = rows.known_at >= START + 900 * DAY
    said = rows.probability["forecast"].copy()
    said[later] = said[later] ** 4
    said /= said.sum(axis=1, keepdims=True)
    table = drift_table(
        Judged(came=rows.came, known_at=rows.known_at, horizon=1, probability={"forecast": said}), rng=rng()
    )
    assert table["rows"].sum() == 3600
    assert table["start"].is_sorted()
    broken = table["start"].to_physical().to_numpy() >= START + 900 * DAY
    kept = table.filter(~broken).head(-1)  # the last of them holds broken days too
    assert kept.filter(pl.col("rows") > 200)["debiased"].max() < 0.06  # type: ignore[operator]
    assert table.filter(broken)["debiased"].min() > 0.12  # type: ignore[operator]
    short = Judged(
        came=rows.came[:100],
        known_at=rows.known_at[:100],
        horizon=1,
        probability={"forecast": said[:100]},
    )
    assert drift_table(short, rng=rng()).height == 4  # months: less than four quarters


def test_blocks_hold_a_horizon_of_moments() -> None:
    known_at = np.repeat(np.arange(10), 3)
    assert blocks_of(known_at, 4).tolist() == [0] * 12 + [1] * 18
    assert blocks_of(known_at, 1).tolist() == [0] * 9 + [1] * 9 + [2] * 12
    assert blocks_of(known_at, 100).max() == 0


def test_without_rows_and_with_a_single_block() -> None:
    empty = Judged(
        came=np.empty(0, np.int64),
        known_at=np.empty(0, np.int64),
        horizon=5,
        probability={"forecast": np.empty((0, 3))},
    )
    for make in (score_table, reliability_table, drift_table):
        assert make(empty, rng=rng()).is_empty()
    one = drawn(4, 3)
    alone = Judged(came=one.came, known_at=one.known_at, horizon=5, probability=one.probability)
    table = score_table(alone, rng=rng())
    assert table["error"].is_nan().all()
    assert not table["value"].is_nan().any()
    assert reliability_table(alone, rng=rng())["error"].is_nan().all()
