"""Frames to the ledger's grid: all symbols on one list of timestamps, holes as NaN, faults named with their row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError, nearest, unknown
from gnomon.core.types import Array, Float64, Int64
from gnomon.data.base import TIMESTAMP
from gnomon.data.frames import as_polars
from gnomon.execution.base import ExecutionConfig

MAX_ROWS = 200
"""Offending rows that an error carries."""
FUNDING_TIMES = ("timestamp", "known_at")


@dataclass(frozen=True, eq=False)
class Panel:
    """Bars and targets as the ledger reads them: `bars[bars, columns]` and which of its columns is what."""

    timestamps: pl.Series
    symbols: tuple[str, ...]
    bars: Float64[Array, "bars columns"]
    columns: Int64[Array, " columns"]
    funding: bool
    targets: pl.DataFrame

    def column_of(self, kind: int) -> Int64[Array, " symbols"]:
        """Each symbol's column of opens (0), closes (1), volumes (2), targets (3) or funding rates (4)."""
        size = len(self.symbols)
        return self.columns[1 + kind * size : 1 + (kind + 1) * size]


def build_panel(bars: Any, targets: Any, *, funding: Any = None, execution: tuple[ExecutionConfig, ...] = ()) -> Panel:
    """The grid of `simulate`; DataError for what cannot be traded on, with the rows."""
    frame = _keyed(bars, "bars", ["timestamp", "symbol", "open", "close"])
    if frame.is_empty():
        raise DataError("bars hold no rows; there is nothing to simulate")
    volumes = any(e.slippage_model == "volume_share" or e.max_volume_share < np.inf for e in execution)
    if volumes and "volume" not in frame.columns:
        raise DataError("bars have no column 'volume', which slippage and limits by volume share need")
    stamps = frame["timestamp"].to_physical().to_numpy()
    grid, at = np.unique(stamps, return_inverse=True)
    names = frame["symbol"].unique().sort()
    symbols = tuple(names.to_list())
    of = frame["symbol"].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    _no_duplicates(frame, "bars", at * len(symbols) + of, len(grid) * len(symbols))

    size = len(symbols)
    table = np.full((len(grid), 2 + (3 + volumes + (funding is not None)) * size), np.nan)
    table[:, 0] = grid
    table[:, 1] = 0.0
    block = 2
    table[at, block + of] = _prices(frame, "open")
    table[at, block + size + of] = _prices(frame, "close")
    opens, closes, wanted = (block + k * size + np.arange(size) for k in range(3))
    nothing = np.ones(size, np.int64)
    chosen = _targets(targets, grid, symbols)
    table[chosen.bar, wanted[chosen.symbol]] = chosen.value
    block += 3 * size
    volume, rates = nothing, nothing
    if volumes:
        volume = block + np.arange(size)
        table[at, volume[of]] = _numbers(frame, "volume", "bars", least=0.0)
        block += size
    if funding is not None:
        rates = block + np.arange(size)
        table[:, rates] = 0.0
        _add_funding(table, rates, funding, grid, symbols)
    return Panel(
        timestamps=pl.Series("timestamp", grid, dtype=pl.Int64).cast(TIMESTAMP),
        symbols=symbols,
        bars=table,
        columns=np.concatenate([[0], opens, closes, volume, wanted, rates]).astype(np.int64),
        funding=funding is not None,
        targets=chosen.frame,
    )


@dataclass(frozen=True, eq=False)
class _Placed:
    frame: pl.DataFrame
    bar: Int64[Array, " n"]
    symbol: Int64[Array, " n"]
    value: Float64[Array, " n"]


def _targets(targets: Any, grid: Int64[Array, " bars"], symbols: tuple[str, ...]) -> _Placed:
    frame = _keyed(targets, "targets", ["timestamp", "symbol", "target"])
    value = _numbers(frame, "target", "targets")
    stamps = frame["timestamp"].to_physical().to_numpy()
    bar = np.minimum(np.searchsorted(grid, stamps), len(grid) - 1)
    off = grid[bar] != stamps
    if off.any():
        raise _refuse(
            frame, off, "targets", "timestamps are not in the bars; a target is decided at the close of a bar"
        )
    symbol = _codes(frame, symbols)
    if (symbol < 0).any():
        first = frame["symbol"][int(np.flatnonzero(symbol < 0)[0])]
        raise _refuse(frame, symbol < 0, "targets", f"symbols are not in the bars: {unknown('symbol', first, symbols)}")
    _no_duplicates(frame, "targets", bar * len(symbols) + symbol, len(grid) * len(symbols))
    kept = frame.select("timestamp", "symbol", target=pl.Series(value).fill_nan(None)).sort("timestamp", "symbol")
    return _Placed(kept, bar, symbol, value)


def _add_funding(
    table: Float64[Array, "bars columns"],
    rates: Int64[Array, " symbols"],
    funding: Any,
    grid: Int64[Array, " bars"],
    symbols: tuple[str, ...],
) -> None:
    """Adds each rate to the first bar that closes at or after it."""
    frame = _as_frame(funding, "funding")
    time = next((name for name in FUNDING_TIMES if name in frame.columns), "timestamp")
    values = [name for name in frame.columns if name not in {*FUNDING_TIMES, "symbol"}]
    if len(values) != 1:
        raise DataError(
            f"funding must have the columns timestamp (or known_at), symbol and one rate, it has {frame.columns}"
        )
    frame = _keyed(
        frame.rename({time: "timestamp"}) if time in frame.columns else frame,
        "funding",
        ["timestamp", "symbol", values[0]],
    )
    value = _numbers(frame, values[0], "funding")
    absent = np.isnan(value)
    if absent.any():
        raise _refuse(frame, absent, "funding", "rates are missing; leave those rows out")
    symbol = _codes(frame, symbols)
    if not (symbol >= 0).any():
        raise DataError(
            f"funding has no rate for any symbol of the bars; it has {frame['symbol'].unique().sort().to_list()[:5]}, "
            f"the bars have {list(symbols[:5])}"
        )
    stamps = frame["timestamp"].to_physical().to_numpy()
    twice = frame.select("timestamp", "symbol").is_duplicated().to_numpy() & (symbol >= 0)
    if twice.any():
        raise _refuse(frame, twice, "funding", "rates share a moment and symbol; keep one (one venue)")
    bar = np.searchsorted(grid, stamps)
    inside = (bar < len(grid)) & (symbol >= 0)
    np.add.at(table, (bar[inside], rates[symbol[inside]]), value[inside])


def _as_frame(value: Any, what: str) -> pl.DataFrame:
    try:
        return as_polars(value)
    except ConfigError:
        raise DataError(f"{what} must be a polars or pandas frame, was {type(value).__name__}") from None


def _keyed(value: Any, what: str, columns: list[str]) -> pl.DataFrame:
    """The frame with stamps in UTC microseconds and symbols as text; its row order is kept, for messages."""
    frame = _as_frame(value, what)
    for name in columns:
        if name not in frame.columns:
            close = nearest(name, frame.columns)
            hint = f"is it {close!r}? rename it" if close else f"they have {frame.columns}"
            raise DataError(f"{what} have no column {name!r}; {hint}")
    stamp = frame["timestamp"].dtype
    if not isinstance(stamp, pl.Datetime) or stamp.time_zone is None:
        raise DataError(
            f"column 'timestamp' of {what} is {stamp}; it must be a moment with a time zone (the close of the bar), "
            'such as frame["timestamp"].dt.replace_time_zone("UTC")'
        )
    frame = frame.with_columns(
        pl.col("timestamp").dt.convert_time_zone("UTC").cast(TIMESTAMP), pl.col("symbol").cast(pl.String)
    )
    for name in ("timestamp", "symbol"):
        if frame[name].null_count():
            raise _refuse(frame, frame[name].is_null().to_numpy(), what, f"rows have no {name}")
    return frame


def _codes(frame: pl.DataFrame, symbols: tuple[str, ...]) -> Int64[Array, " n"]:
    """Each row's symbol as an index into `symbols`, -1 where it is not one."""
    codes = frame["symbol"].replace_strict(list(symbols), list(range(len(symbols))), default=-1, return_dtype=pl.Int64)
    return codes.to_numpy()


def _numbers(frame: pl.DataFrame, name: str, what: str, *, least: float | None = None) -> Float64[Array, " n"]:
    """A column as float64, NaN where there is nothing; infinity and values below `least` are refused."""
    column = frame[name]
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise DataError(f"column {name!r} of {what} is {column.dtype}, not a number")
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if np.isinf(values).any():
        raise _refuse(frame, np.isinf(values), what, f"values of {name!r} are infinite")
    if least is not None and (values < least).any():
        raise _refuse(frame, values < least, what, f"values of {name!r} are below {least:g}")
    return values


def _prices(frame: pl.DataFrame, name: str) -> Float64[Array, " n"]:
    values = _numbers(frame, name, "bars")
    if (values <= 0.0).any():
        raise _refuse(frame, values <= 0.0, "bars", f"values of {name!r} are zero or below; the ledger needs prices")
    return values


def _no_duplicates(frame: pl.DataFrame, what: str, cell: Int64[Array, " n"], cells: int) -> None:
    taken = np.zeros(cells, bool)
    taken[cell] = True
    if int(taken.sum()) < len(cell):
        twice = frame.select("timestamp", "symbol").is_duplicated().to_numpy()
        raise _refuse(frame, twice, what, "rows share a timestamp and symbol; keep one a bar")


def _refuse(frame: pl.DataFrame, bad: Any, what: str, fault: str) -> DataError:
    """The error for the rows marked in `bad`: the first one, counted from 1, and a table of them."""
    index = np.flatnonzero(bad)
    first = frame.row(int(index[0]), named=True)
    place = f"{first.get('symbol')} at {first.get('timestamp')}"
    numbers = [name for name in frame.columns if name not in {"timestamp", "symbol"}][:4]
    values = ", ".join(f"{name} {first[name]}" for name in numbers)
    rows = frame[index[:MAX_ROWS].tolist()].with_columns(row=pl.Series(index[:MAX_ROWS] + 1))
    return DataError(f"{what}, row {index[0] + 1} ({place}; {values}): {index.size} {fault}", rows=rows)
