"""The point-in-time universe: spans, reused symbols, what is dropped and counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import DataError
from gnomon.data.universe import LISTING_SCHEMA, UniverseCount, apply_universe, read_listings, restrict

START = datetime(2020, 1, 1, 21, tzinfo=UTC)


def bars(symbol: str, days: range) -> pl.DataFrame:
    stamps = [START + timedelta(days=number) for number in days]
    frame = pl.DataFrame({"timestamp": stamps, "symbol": symbol, "close": [float(number) for number in days]})
    return frame.cast({"timestamp": pl.Datetime("us", "UTC")})


def listings(*rows: tuple[str, date | None, date | None]) -> pl.DataFrame:
    schema = {"symbol": pl.String, "listed": pl.Date, "delisted": pl.Date}
    return read_listings(pl.DataFrame(rows, schema=schema, orient="row"))


def test_bars_outside_the_listing_are_dropped_and_counted() -> None:
    table = listings(("A", date(2020, 1, 3), date(2020, 1, 5)), ("B", date(2019, 1, 1), None))
    kept, counts = apply_universe(pl.concat([bars("A", range(10)), bars("B", range(3))]), table)
    # The first and the last day of the listing trade: closes of the 3rd, 4th and 5th.
    assert kept.filter(pl.col("symbol") == "A")["close"].to_list() == [2.0, 3.0, 4.0]
    assert kept.filter(pl.col("symbol") == "B").height == 3
    assert counts == [UniverseCount(symbol="A", action="dropped", name="A", count=7)]


def test_a_reused_symbol_is_another_one() -> None:
    table = listings(("C", date(2020, 1, 1), date(2020, 1, 3)), ("C", date(2020, 1, 6), None))
    kept, counts = apply_universe(bars("C", range(8)), table)
    assert kept["symbol"].to_list() == ["C"] * 3 + ["C@2020-01-06"] * 3
    assert kept["close"].to_list() == [0.0, 1.0, 2.0, 5.0, 6.0, 7.0]
    assert counts == [
        UniverseCount(symbol="C", action="dropped", name="C", count=2),
        UniverseCount(symbol="C", action="renamed", name="C@2020-01-06", count=3),
    ]


def test_later_listings_never_rename_earlier_bars() -> None:
    first = ("C", date(2020, 1, 1), date(2020, 1, 3))
    today, later = listings(first), listings(first, ("C", date(2020, 1, 6), None))
    past = bars("C", range(3))
    assert apply_universe(past, today)[0].equals(apply_universe(past, later)[0])


def test_a_day_that_closes_at_midnight_belongs_to_its_listing() -> None:
    midnight = pl.DataFrame({"timestamp": [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)], "symbol": "A"})
    kept, _ = apply_universe(midnight, listings(("A", date(2020, 1, 1), date(2020, 1, 2))))
    # The bars of the 1st and of the 2nd; that of 31 December closed when the listing began.
    assert kept["timestamp"].dt.day().to_list() == [2, 3]


@pytest.mark.parametrize("unlisted", ["refuse", "drop", "keep"])
def test_symbols_that_the_table_does_not_have(unlisted: Any) -> None:
    panel = pl.concat([bars("A", range(3)), bars("ZZ", range(3))])
    table = listings(("A", date(2019, 1, 1), None))
    if unlisted == "refuse":
        with pytest.raises(DataError, match=r"ZZ.*data\.unlisted"):
            apply_universe(panel, table)
        return
    kept, counts = apply_universe(panel, table, unlisted=unlisted)
    assert kept["symbol"].unique().sort().to_list() == (["A"] if unlisted == "drop" else ["A", "ZZ"])
    assert len(counts) == (1 if unlisted == "drop" else 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=4))
def test_every_bar_is_kept_or_counted(gaps: list[tuple[int, int]]) -> None:
    """The slow twin: a plain loop over spans and days."""
    spans, start = [], 0
    for gap, length in gaps:
        begin = start + gap
        spans.append((begin, begin + length))
        start = begin + length + 1
    first = date(2020, 1, 1)
    table = listings(*(("A", first + timedelta(days=b), first + timedelta(days=e)) for b, e in spans))
    frame = bars("A", range(45))
    kept, counts = apply_universe(frame, table)
    inside = [number for number in range(45) if any(b <= number <= e for b, e in spans)]
    assert sorted(kept["close"].to_list()) == inside
    assert sum(count.count for count in counts if count.action == "dropped") == 45 - len(inside)
    assert kept["symbol"].n_unique() == len([span for span in spans if span[0] < 45])


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"symbol": ["A"], "listed": ["2020-01-01"]}, "delisted"),
        ({"symbol": ["A"], "listed": ["1/2/2020"], "delisted": [None]}, "no dates"),
        ({"symbol": ["A"], "listed": [2020], "delisted": [None]}, "write dates"),
        ({"symbol": ["A"], "listed": [None], "delisted": ["2020-01-01"]}, "no beginning"),
        ({"symbol": ["A"], "listed": ["2020-02-01"], "delisted": ["2020-01-01"]}, "end before"),
        (
            {"symbol": ["A", "A"], "listed": ["2020-01-01", "2020-02-01"], "delisted": [None, None]},
            "one listing at a time",
        ),
        (
            {"symbol": ["A", "A"], "listed": ["2020-01-01", "2020-02-01"], "delisted": ["2020-02-01", ""]},
            "one listing at a time",
        ),
    ],
)
def test_unusable_listings_are_refused_in_words(columns: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_listings(pl.DataFrame(columns))


def test_dates_are_read_from_text_dates_and_moments() -> None:
    text = pl.DataFrame({"symbol": ["A"], "listed": ["2020-01-01"], "delisted": ["2020-03-01"]})
    dates = text.with_columns(pl.col("listed", "delisted").str.to_date())
    moments = dates.with_columns(pl.col("listed", "delisted").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    tables = [read_listings(table) for table in (text, dates, moments.rename({"listed": "timestamp"}))]
    assert all(table.schema == LISTING_SCHEMA and table.equals(tables[0]) for table in tables)
    assert tables[0]["delisted"].to_list() == [datetime(2020, 3, 2, tzinfo=UTC)], "that day still trades"


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(DataError, match="no bar lies within"):
        apply_universe(bars("A", range(3)), listings(("A", date(2030, 1, 1), None)))


def test_listings_are_read_from_their_configured_source(tmp_path: Path) -> None:
    import gnomon.data.sources  # noqa: F401

    path = tmp_path / "listings.csv"
    path.write_text("symbol,listed,delisted\nA,2020-01-02,2020-01-03\nB,2020-01-01,\n")
    section = {"kind": "csv", "path": str(path), "columns": {"timestamp": "listed"}, "zone": "UTC"}
    kept, counts = restrict(pl.concat([bars("A", range(5)), bars("Q", range(2))]), section, unlisted="drop")
    assert kept["close"].to_list() == [1.0, 2.0]
    assert sum(count.count for count in counts) == 5
