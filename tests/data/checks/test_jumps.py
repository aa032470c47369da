"""Units, splits and extreme moves: what prices alone can show, and what they must not be taken for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gnomon.config.models import ChecksConfig
from gnomon.data.checks import check_bars
from gnomon.data.issues import Issue

Factory = Callable[..., pl.DataFrame]


def flat(closes: Sequence[float], volume: Sequence[float] | float = 100.0, **columns: Sequence[float]) -> pl.DataFrame:
    """Daily bars whose four prices are the close, so that every ratio is known to the digit."""
    start = datetime(2020, 1, 6, 21, tzinfo=UTC)
    return pl.DataFrame(
        {"timestamp": [start + timedelta(days=day) for day in range(len(closes))], "symbol": "A"}
        | dict.fromkeys(("open", "high", "low", "close"), np.asarray(closes, dtype=float))
        | {"volume": np.broadcast_to(np.asarray(volume, dtype=float), len(closes))}
        | columns
    ).cast({"timestamp": pl.Datetime("us", "UTC")})


def wiggle(count: int, level: float = 100.0) -> list[float]:
    return [level * (1.01 if step % 2 else 1.0) for step in range(count)]


def found(bars: pl.DataFrame, **config: float) -> dict[str, Issue]:
    names = ("units", "splits", "jumps")
    return {issue.check: issue for issue in check_bars(bars, ChecksConfig(**config)).issues if issue.check in names}


def test_prices_in_another_unit_are_found_bar_by_bar() -> None:
    closes = wiggle(40)
    for row in (10, 11, 12):
        closes[row] *= 100
    issue = found(flat(closes))["units"]
    assert issue.severity == "error"
    assert issue.rows["row"].to_list() == [10, 11, 12]
    assert np.allclose(issue.rows["factor"], [100, 101, 100], rtol=0.02)
    assert "factor of 99" in issue.message or "factor of 100" in issue.message
    assert set(found(flat(closes))) == {"units"}, "the way in and out is explained, no jump is left over"


def test_of_two_units_the_rarer_is_called_off() -> None:
    closes = [price * (100 if row < 10 or row >= 14 else 1) for row, price in enumerate(wiggle(18))]
    assert found(flat(closes))["units"].rows["row"].to_list() == [10, 11, 12, 13]
    closes = [price * (1 if row < 2 or row >= 16 else 100) for row, price in enumerate(wiggle(18))]
    assert found(flat(closes))["units"].rows["row"].to_list() == [0, 1, 16, 17], "the middle is most of it here"


def test_a_power_of_ten_that_stays_is_a_split_and_no_unit() -> None:
    issues = found(flat(wiggle(40) + wiggle(40, 1000.0), [100.0] * 40 + [10.0] * 40))
    assert set(issues) == {"splits"}
    assert issues["splits"].rows["split"].to_list() == ["1:10"]
    assert issues["splits"].severity == "warning"


@pytest.mark.parametrize(("ratio", "name"), [(2.0, "2:1"), (1.5, "1.5:1"), (7.0, "7:1"), (0.1, "1:10"), (0.05, "1:20")])
def test_splits_are_named_by_their_ratio(ratio: float, name: str) -> None:
    bars = flat(wiggle(40) + wiggle(40, 100.0 / ratio), [100.0] * 40 + [100.0 * ratio] * 40)
    issue = found(bars)["splits"]
    assert issue.rows["row"].to_list() == [40]
    assert issue.rows["split"].to_list() == [name]
    assert issue.rows["volume_ratio"].to_list() == [pytest.approx(ratio)]
    assert f"as a {name} split" in issue.message
    assert "data.actions" in issue.message


def test_volume_that_moves_against_a_split_makes_it_a_move() -> None:
    # The price doubles on five times the volume: news, where a 1:2 split would halve the shares that trade.
    bars = flat(wiggle(40) + wiggle(40, 200.0), [100.0] * 40 + [500.0] * 40)
    assert set(found(bars)) == {"jumps"}
    silent = bars.with_columns(volume=0.0)
    assert set(found(silent)) == {"splits"}, "without volume nothing speaks against it"


def test_moves_between_the_ratios_are_jumps() -> None:
    bars = flat(wiggle(40) + wiggle(40, 175.0))
    issue = found(bars)["jumps"]
    assert issue.rows["row"].to_list() == [40]
    # Moves of log 1.01 up and down: their robust deviation about the median is 1.4826 x log 1.01.
    assert issue.rows["sigmas"][0] == pytest.approx(np.log(1.75 / 1.01) / (1.4826 * np.log(1.01)), rel=0.6)
    assert found(bars, jump_sigmas=200.0) == {}


def test_a_fall_by_a_recorded_dividend_is_no_split() -> None:
    closes = wiggle(40) + wiggle(40, 50.5)
    dividend = [50.0 if row == 40 else 0.0 for row in range(80)]
    assert set(found(flat(closes))) == {"splits"}, "the control: without the dividend it looks like one"
    assert found(flat(closes, Dividends=dividend)) == {}
    # A dividend in another unit must not make a jump where the price has none.
    assert found(flat(wiggle(80), Dividends=[d * 1.9 for d in dividend])) == {}


def test_symbols_do_not_mix() -> None:
    two = pl.concat([flat(wiggle(30)), flat(wiggle(30, 1e4)).with_columns(symbol=pl.lit("B"))])
    assert found(two) == {}


def test_prices_that_never_move_draw_nothing() -> None:
    assert found(flat([5.0] * 30)) == {}
    assert found(flat([5.0])) == {}


def test_unusable_closes_are_skipped() -> None:
    closes: list[float] = wiggle(40)
    closes[7], closes[8], closes[9] = float("nan"), 0.0, -1.0
    assert found(flat(closes)) == {}


def test_few_false_alarms_on_heavy_tails(clean: Factory) -> None:
    names = [name for seed in range(20) for name in found(clean(seed, sigma=0.03))]
    assert len(names) <= 1, names
