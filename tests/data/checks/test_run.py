"""Planted faults are found where they were planted, and clean bars draw no error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from gnomon.config.models import ChecksConfig
from gnomon.core.errors import DataError
from gnomon.data.checks import check_bars
from gnomon.data.checks.run import CHECKS, severity_of
from gnomon.data.issues import Issue

Factory = Callable[..., pl.DataFrame]
Plant = Callable[[pl.DataFrame, int, np.random.Generator], tuple[pl.DataFrame, set[int]]]
PER_FAULT = 18


def set_value(bars: pl.DataFrame, row: int, **values: float | None) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row
    return bars.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()
    )


def scale(bars: pl.DataFrame, rows: range, factor: float, *, volume: float = 1.0) -> pl.DataFrame:
    here = pl.int_range(pl.len()).is_between(rows.start, rows.stop - 1)
    prices = [pl.when(here).then(pl.col(p) * factor).otherwise(p).alias(p) for p in ("open", "high", "low", "close")]
    return bars.with_columns(*prices, pl.when(here).then(pl.col("volume") * volume).otherwise("volume").alias("volume"))


def plant_null(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    return set_value(bars, row, **{str(rng.choice(["open", "high", "low", "close", "volume"])): None}), {row}


def plant_nan(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    column = str(rng.choice(["open", "high", "low", "close", "volume"]))
    return set_value(bars, row, **{column: float(rng.choice([np.nan, np.inf, -np.inf]))}), {row}


def plant_nonpositive(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    return set_value(bars, row, **{str(rng.choice(["open", "low", "close"])): float(rng.choice([0.0, -3.0]))}), {row}


def plant_negative_volume(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    return set_value(bars, row, volume=-1.0), {row}


def plant_ohlc(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    column = str(rng.choice(["high", "low"]))
    return set_value(bars, row, **{column: bars["close"][row] * (0.97 if column == "high" else 1.03)}), {row}


def plant_zero_volume(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    return set_value(bars, row, volume=0.0), {row}


def plant_duplicate(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    again = bars.slice(row, 1)
    if rng.random() < 0.5:
        again = again.with_columns(pl.col("volume") + 1)
    return pl.concat([bars.head(row + 1), again, bars.slice(row + 1)]), {row, row + 1}


def plant_disorder(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    # Rows `row` and `row + 1` change places: the older one now stands second.
    return pl.concat([bars.head(row), bars.slice(row + 1, 1), bars.slice(row, 1), bars.slice(row + 2)]), {row + 1}


def plant_gap(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    # The gap is reported at the bar after it, which now stands where the first missing one stood.
    return pl.concat([bars.head(row), bars.slice(row + int(rng.integers(1, 6)))]), {row}


def plant_stale(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    row -= 15
    held = bars.row(row, named=True)
    here = pl.int_range(pl.len()).is_between(row, row + 12)
    prices = ("open", "high", "low", "close")
    return bars.with_columns(pl.when(here).then(pl.lit(held[p])).otherwise(p).alias(p) for p in prices), {row}


def plant_unit(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    rows = range(row, row + int(rng.integers(1, 8)))
    return scale(bars, rows, float(rng.choice([100.0, 0.01, 1000.0, 10.0]))), set(rows)


def plant_unit_in_bar(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    return set_value(bars, row, low=bars["low"][row] / 100), {row}


def plant_split(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    ratio = float(rng.choice([2.0, 3.0, 5.0, 7.0, 0.1, 0.05]))
    end = 260 * (row // 260 + 1)
    # An ex-day like any other: it opens where the last one closed, so that the ratio shows.
    quiet = bars["close"][row - 1]
    bars = set_value(bars, row, open=quiet, close=quiet * 1.003, high=quiet * 1.01, low=quiet * 0.99)
    return scale(bars, range(row, end), 1 / ratio, volume=ratio), {row}


def plant_jump(bars: pl.DataFrame, row: int, rng: np.random.Generator) -> tuple[pl.DataFrame, set[int]]:
    end = 260 * (row // 260 + 1)
    return scale(bars, range(row, end), 1.38, volume=3.0), {row}


FAULTS: dict[str, tuple[str, Plant]] = {
    "null": ("nulls", plant_null),
    "nan or infinity": ("non_finite", plant_nan),
    "zero or negative price": ("non_positive", plant_nonpositive),
    "negative volume": ("negative_volume", plant_negative_volume),
    "high below close": ("ohlc", plant_ohlc),
    "no volume": ("zero_volume", plant_zero_volume),
    "duplicate": ("duplicates", plant_duplicate),
    "disorder": ("order", plant_disorder),
    "missing bars": ("gaps", plant_gap),
    "stale run": ("stale", plant_stale),
    "wrong unit": ("units", plant_unit),
    "wrong unit within a bar": ("units", plant_unit_in_bar),
    "split": ("splits", plant_split),
    "extreme move": ("jumps", plant_jump),
}


def found(bars: pl.DataFrame, check: str) -> list[Issue]:
    return [issue for issue in check_bars(bars).issues if issue.check == check]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_at_its_place(fault: str, clean: Factory) -> None:
    check, plant = FAULTS[fault]
    for seed in range(PER_FAULT):
        rng = np.random.default_rng([seed, len(fault)])
        bars = clean(seed, sigma=0.01)
        # Away from a symbol's ends, where a gap or a jump has no neighbour to be seen against.
        row = 260 * int(rng.integers(0, 3)) + int(rng.integers(40, 240))
        assert not found(bars, check), "the control: without the plant there is no such finding"
        broken, rows = plant(bars, row, rng)
        issues = found(broken, check)
        assert len(issues) == 1, (fault, seed)
        assert set(issues[0].rows["row"]) == rows, (fault, seed)
        assert issues[0].rows["symbol"].unique().to_list() == [bars["symbol"][row]]
        assert bars["symbol"][row] in issues[0].message
        assert issues[0].severity == severity_of(check, ChecksConfig())


def test_enough_mutated_frames_are_tried() -> None:
    assert len(FAULTS) * PER_FAULT >= 200


def test_clean_bars_draw_no_error_and_hardly_a_warning(clean: Factory) -> None:
    reports = [check_bars(clean(seed, symbols=2)) for seed in range(60)]
    assert not [issue for report in reports for issue in report.errors]
    warnings = [issue.check for report in reports for issue in report.warnings]
    # 60 frames of 520 bars; t5 tails reach 20 robust sigmas less than once in a million bars.
    assert len(warnings) <= 1, warnings


def test_every_check_has_a_severity_and_can_be_turned_off(clean: Factory) -> None:
    names = [name for _, names in CHECKS for name in names]
    assert len(names) == len(set(names)) == 14
    broken = set_value(clean(1), 50, close=-1.0, volume=0.0)
    assert {issue.check for issue in check_bars(broken).issues} >= {"non_positive", "zero_volume"}
    silent = ChecksConfig(**dict.fromkeys(names, "off"))
    assert check_bars(broken, silent).issues == ()
    raised = check_bars(broken, ChecksConfig(zero_volume="error", non_positive="warning"))
    assert "zero_volume" in {issue.check for issue in raised.errors}
    assert "non_positive" in {issue.check for issue in raised.warnings}


def test_errors_come_first_and_rows_are_kept_up_to_the_limit(clean: Factory) -> None:
    bars = clean(2).with_columns(volume=0.0, close=-pl.col("close"))
    report = check_bars(bars, ChecksConfig(max_rows=7))
    severities = [issue.severity for issue in report.issues]
    assert severities == sorted(severities)
    issue = next(issue for issue in report.issues if issue.check == "non_positive")
    assert issue.count == bars.height
    assert issue.rows.height == 7


def test_checks_change_nothing(clean: Factory) -> None:
    bars = clean(3)
    before = bars.clone()
    check_bars(bars)
    assert bars.equals(before)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda bars: bars.drop("volume"), "volume"),
        (lambda bars: bars.cast({"close": pl.String}), "close"),
        (lambda bars: bars.cast({"timestamp": pl.Datetime("us")}), "timestamp"),
        (lambda bars: bars.with_columns(symbol=pl.lit(None, dtype=pl.String)), "symbol"),
        (lambda bars: bars.head(0), "no bars"),
    ],
)
def test_what_is_no_table_of_bars_is_refused(
    broken: Callable[[pl.DataFrame], pl.DataFrame], says: str, clean: Factory
) -> None:
    with pytest.raises(DataError, match=says):
        check_bars(broken(clean(4)))


def test_one_bar_is_enough(clean: Factory) -> None:
    assert check_bars(clean(5).head(1)).issues == ()


def test_an_unknown_check_is_named() -> None:
    with pytest.raises(Exception, match="no check named 'volume'"):
        severity_of("volume", ChecksConfig())
