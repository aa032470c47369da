"""What cannot be traded on is refused with its row; what can is read from any frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.execution import ExecutionConfig
from gnomon.simulation import simulate

DAYS = [datetime(2024, 1, d, tzinfo=UTC) for d in (2, 3, 4)]


def bars() -> pl.DataFrame:
    prices = [10.0, 11.0, 12.0]
    one = pl.DataFrame({"timestamp": DAYS, "symbol": "AAPL", "open": prices, "close": prices, "volume": [1e3] * 3})
    return one.vstack(one.with_columns(symbol=pl.lit("MSFT")))


def targets() -> pl.DataFrame:
    return pl.DataFrame({"timestamp": DAYS[:2], "symbol": ["AAPL", "MSFT"], "target": [0.5, -0.5]})


def funding() -> pl.DataFrame:
    return pl.DataFrame({"timestamp": DAYS[1:2], "symbol": ["AAPL"], "rate": [1e-4]})


def put(frame: pl.DataFrame, row: int, **values: Any) -> pl.DataFrame:
    rows = frame.to_dicts()
    rows[row] = {**rows[row], **values}
    return pl.DataFrame(rows, schema=frame.schema)


LIMITED = ExecutionConfig(max_volume_share=0.1)
CASES: dict[str, tuple[Callable[[], tuple[Any, ...]], str]] = {
    "unknown symbol": (
        lambda: (bars(), put(targets(), 1, symbol="MSTF")),
        r"targets, row 2 \(MSTF at 2024-01-03.*did you mean 'MSFT'",
    ),
    "a stamp of no bar": (
        lambda: (bars(), put(targets(), 0, timestamp=datetime(2024, 1, 2, 1, tzinfo=UTC))),
        "targets, row 1 .*timestamps are not in the bars",
    ),
    "after the bars": (
        lambda: (bars(), put(targets(), 1, timestamp=datetime(2025, 1, 1, tzinfo=UTC))),
        "targets, row 2 .*timestamps are not in the bars",
    ),
    "targets twice": (lambda: (bars(), targets().vstack(targets()[1:])), "targets, row 2 .*share a timestamp"),
    "bars twice": (lambda: (bars().vstack(bars()[3:4]), targets()), "bars, row 4 .*share a timestamp"),
    "infinite target": (
        lambda: (bars(), put(targets(), 1, target=float("inf"))),
        "targets, row 2 .*target inf.*infinite",
    ),
    "infinite price": (lambda: (put(bars(), 2, close=float("inf")), targets()), "bars, row 3 .*'close' are infinite"),
    "negative price": (lambda: (put(bars(), 4, open=-37.6), targets()), "bars, row 5 .*open -37.6.*zero or below"),
    "negative volume": (
        lambda: (put(bars(), 0, volume=-1.0), targets(), LIMITED),
        "bars, row 1 .*'volume' are below 0",
    ),
    "no volume": (lambda: (bars().drop("volume"), targets(), LIMITED), "no column 'volume'"),
    "naive bars": (
        lambda: (bars().with_columns(pl.col("timestamp").dt.replace_time_zone(None)), targets()),
        "'timestamp' of bars is Datetime.*time zone",
    ),
    "naive targets": (
        lambda: (bars(), targets().with_columns(pl.col("timestamp").dt.replace_time_zone(None))),
        "'timestamp' of targets",
    ),
    "dates": (
        lambda: (bars(), targets().with_columns(pl.col("timestamp").dt.date())),
        "'timestamp' of targets is Date",
    ),
    "no symbol": (lambda: (put(bars(), 1, symbol=None), targets()), "bars, row 2 .*no symbol"),
    "near column": (lambda: (bars().rename({"close": "closes"}), targets()), "no column 'close'; is it 'closes'"),
    "far column": (lambda: (bars(), targets().rename({"target": "x"})), "no column 'target'; they have"),
    "text": (lambda: (bars(), targets().with_columns(target=pl.lit("all"))), "'target' of targets is String"),
    "no bars": (lambda: (bars().clear(), targets()), "bars hold no rows"),
    "no frame": (lambda: ([1, 2], targets()), "bars must be a polars or pandas frame, was list"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named(case: str) -> None:
    build, message = CASES[case]
    simulate(bars(), targets(), LIMITED, funding=funding())
    with pytest.raises(DataError, match=message):
        simulate(*build())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (put(funding(), 0, rate=None), "funding, row 1 .*rates are missing"),
        (funding().vstack(funding()), "funding, row 1 .*one venue"),
        (put(funding(), 0, symbol="X"), "no rate for any symbol"),
        (funding().drop("rate"), "one rate, it has"),
        (funding().with_columns(venue=pl.lit("a")), "one rate, it has"),
        (funding().drop("timestamp"), "no column 'timestamp'"),
    ],
)
def test_bad_funding_is_named(bad: pl.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        simulate(bars(), targets(), funding=bad)


def test_an_error_carries_its_rows() -> None:
    with pytest.raises(DataError) as caught:
        simulate(bars(), put(targets(), 1, symbol="X"))
    assert caught.value.rows is not None
    assert caught.value.rows["row"].to_list() == [2]
    assert caught.value.rows["symbol"].to_list() == ["X"]


def test_any_frame_and_any_zone_is_read() -> None:
    wanted = simulate(bars(), targets())
    elsewhere = pl.col("timestamp").dt.convert_time_zone("America/New_York").dt.cast_time_unit("ns")
    for ours, theirs in (
        (bars().to_pandas(), targets().to_pandas()),
        (bars().to_pandas().set_index("timestamp"), targets().to_pandas().set_index("timestamp")),
        (bars().lazy(), targets().lazy()),
        (bars().with_columns(elsewhere).reverse(), targets().with_columns(elsewhere).reverse()),
        (bars().with_columns(pl.col("symbol").cast(pl.Categorical)), targets()),
    ):
        run = simulate(ours, theirs)
        assert run.equity.equals(wanted.equity)
        assert run.fills.equals(wanted.fills)
        assert run.targets.equals(wanted.targets)


def test_hundreds_of_symbols() -> None:
    """More symbols than a byte counts."""
    names = [f"S{k:03}" for k in range(300)]
    frame = pl.concat([bars()[:3].with_columns(symbol=pl.lit(name)) for name in names])
    wanted = frame.select("timestamp", "symbol", target=pl.lit(1.0 / 300.0))
    run = simulate(frame, wanted, ExecutionConfig(initial_cash=3_300.0))
    assert run.fills.filter(timestamp=DAYS[1])["symbol"].to_list() == names
    assert run.fills.filter(timestamp=DAYS[1])["quantity"].to_list() == pytest.approx([1.0] * 300)
