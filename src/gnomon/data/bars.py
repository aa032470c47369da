"""Any frame to bars, under a declared reading; what cannot be read as declared is refused with its rows.

Nothing is guessed that changes a value: a naive stamp needs a zone, an integer stamp needs a unit, a date such as
01/03/2017 needs a format, and every source says whether it stamps the open or the close of a bar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from gnomon.core.errors import DataError, nearest
from gnomon.data.base import BAR_SCHEMA, PRICES
from gnomon.data.calendars import infer_frequency
from gnomon.data.reading import NUMBERS, Reading
from gnomon.data.stamps import ROW, Located, bar_closes, local_stamps, to_utc


def to_bars(
    frame: pl.DataFrame, reading: Reading, *, origin: str = "the frame", line: Callable[[int], int] | None = None
) -> pl.DataFrame:
    """Bars from a frame of any columns. `origin` names it in errors; `line` turns a row's index into its line number.

    DataError, with the rows (line, column, value), for a missing column, an unreadable stamp, text or nothing in a
    number, rows out of order. Values are not judged here: `gnomon.data.checks` does that.
    """
    where = Located(origin, line)
    if frame.is_empty():
        raise DataError(f"{origin} holds no rows")
    mapped = _map_columns(frame, reading, origin)
    symbols = _symbols(mapped, reading, where)
    stamps = local_stamps(mapped, reading, where)
    if reading.session_close is None:
        stamps = to_utc(stamps, reading, where)
    numbers = [_number(mapped, name, reading, where) for name in NUMBERS]
    bars = pl.DataFrame([stamps.alias("timestamp"), symbols, *numbers])
    if reading.extras:
        taken = {*BAR_SCHEMA, "date", "time"}
        bars = bars.hstack([extra_column(mapped[name]) for name in mapped.columns if name not in taken])
    bars = _ordered(bars.with_row_index(ROW), reading, where)
    bars = bars.with_columns(bar_closes(bars, reading, where, frequency=_frequency(bars, reading, origin))).drop(ROW)
    if reading.off_session == "drop":
        bars = bars.filter(pl.col("timestamp").is_not_null())
    return bars if in_order(bars) else bars.sort("symbol", "timestamp", maintain_order=True)


def _map_columns(frame: pl.DataFrame, reading: Reading, origin: str) -> pl.DataFrame:
    """The frame with our names; a source column may serve several of ours."""
    wanted = dict(reading.columns or {})
    for ours, theirs in wanted.items():
        if theirs not in frame.columns:
            raise DataError(
                f"{origin} has no column {theirs!r} (wanted as {ours!r}); "
                + (f"did you mean {close!r}?" if (close := nearest(theirs, frame.columns)) else _columns(frame))
            )
    used = set(wanted.values())
    split_stamp = "date" in wanted and "time" in wanted
    for ours in ("timestamp", "symbol", *NUMBERS):
        if ours in wanted or (ours == "timestamp" and split_stamp):
            continue
        found = [name for name in frame.columns if name.strip().casefold() == ours and name not in used]
        if len(found) > 1:
            raise DataError(f"{origin} has {len(found)} columns that could be {ours!r}: {found}; map one in `columns`")
        if found:
            wanted[ours] = found[0]
            used.add(found[0])
    given = {*wanted, *(reading.constants or {}), *(["symbol"] if reading.symbol else [])}
    needed = [*([] if split_stamp else ["timestamp"]), "symbol", *NUMBERS]
    missing = [name for name in needed if name not in given]
    if missing:
        ways = {"symbol": "or give `symbol: NAME`", "volume": "or give `constants: {volume: 0}`"}
        hint = "; ".join(ways[name] for name in missing if name in ways)
        raise DataError(
            f"{origin} has no column for {', '.join(missing)}; {_columns(frame)}; "
            f"map it in `columns: {{{missing[0]}: THEIRS}}`" + (f" ({hint})" if hint else "")
        )
    clash = [name for name in frame.columns if name not in used and name in wanted]
    if clash:
        raise DataError(f"{origin} has its own column {clash[0]!r} beside the one mapped to that name; map both")
    rest = [name for name in frame.columns if name not in used]
    return frame.select(*(pl.col(theirs).alias(ours) for ours, theirs in wanted.items()), *rest)


def _columns(frame: pl.DataFrame) -> str:
    return f"its columns are {', '.join(repr(name) for name in frame.columns[:30])}"


def _symbols(frame: pl.DataFrame, reading: Reading, where: Located) -> pl.Series:
    if reading.symbol is not None:
        return pl.Series("symbol", [reading.symbol], dtype=pl.String).new_from_index(0, len(frame))
    symbols = frame["symbol"].cast(pl.String)
    bad = symbols.is_null() | (symbols != symbols.str.strip_chars()) | (symbols == "")
    if bad.any():
        raise where.refuse("symbol", frame["symbol"], bad, "symbols are empty or have blanks around them")
    return symbols


def _number(frame: pl.DataFrame, name: str, reading: Reading, where: Located) -> pl.Series:
    """A price or volume as Float64; text, and nothing where that is not declared to be NaN, is refused."""
    if name not in frame.columns:
        value = (reading.constants or {})[name]
        return pl.Series(name, [float(value)]).new_from_index(0, len(frame))
    raw = frame[name]
    empty = _is_empty(raw, reading)
    if raw.dtype == pl.String:
        text = raw.str.strip_chars()
        if reading.decimal == ",":
            # A point would be a thousands separator here; it is refused rather than dropped.
            text = text.str.replace_all(".", "?", literal=True).str.replace(",", ".", literal=True)
        values = text.cast(pl.Float64, strict=False)
    elif raw.dtype.is_numeric() or raw.dtype == pl.Null:
        values = raw.cast(pl.Float64)
    else:
        raise DataError(f"column {name!r} of {where.origin} is {raw.dtype}, not a number; map another column to it")
    text_in_numbers = values.is_null() & ~empty
    if text_in_numbers.any():
        raise where.refuse(name, raw, text_in_numbers, "values are not numbers")
    if reading.nulls == "refuse" and empty.any():
        hint = "values are empty; say `nulls: nan` to let the checks and repairs deal with them"
        raise where.refuse(name, raw, empty, hint)
    if reading.price_scale != 1.0 and name in PRICES:
        values = values / reading.price_scale
    return values.fill_null(float("nan")).rename(name)


def _is_empty(raw: pl.Series, reading: Reading) -> pl.Series:
    if raw.dtype != pl.String:
        return raw.is_null()
    words = ["", *reading.null_values]
    return raw.is_null() | raw.str.strip_chars().is_in(words)


def extra_column(raw: pl.Series) -> pl.Series:
    """An extra column: text that is all integers or all numbers becomes them, anything else stays what it is."""
    if raw.dtype != pl.String:
        return raw
    filled = raw.set(raw == "", None)
    for dtype in (pl.Int64, pl.Float64):
        values = filled.cast(dtype, strict=False)
        if values.null_count() == filled.null_count() and values.null_count() < len(values):
            return values
    return raw


def in_order(bars: pl.DataFrame) -> bool:
    """Whether rows are sorted by symbol, then timestamp (equal stamps allowed)."""
    symbol, stamp = bars["symbol"], bars["timestamp"]
    later = (symbol > symbol.shift()) | ((symbol == symbol.shift()) & (stamp >= stamp.shift()))
    return bool(later.fill_null(True).all())


def _ordered(bars: pl.DataFrame, reading: Reading, where: Located) -> pl.DataFrame:
    """Rows ascending within each symbol. Wholly descending rows are turned round; disorder is refused or sorted."""
    steps = bars.select(step=pl.col("timestamp").diff().over("symbol"))["step"].dt.total_microseconds()
    back = steps < 0
    if not back.any():
        return bars
    if not (steps > 0).any():
        return bars.reverse()
    if reading.sort:
        return bars.sort("timestamp", maintain_order=True)
    ahead = steps > 0
    descending = int(back.sum()) > int(ahead.sum())
    odd, word, whole = (ahead, "later", "descends") if descending else (back, "earlier", "ascends")
    what = (
        f"rows are {word} than their symbol's row before, where the rest {whole}; say `sort: true` to put all in order"
    )
    raise where.refuse("timestamp", bars["timestamp"], odd, what)


def _frequency(bars: pl.DataFrame, reading: Reading, origin: str) -> str | None:
    if reading.stamp != "open" or reading.frequency is not None:
        return reading.frequency
    try:
        return infer_frequency(bars)
    except DataError as error:
        raise DataError(f"{origin}: {error}") from None


def join_bars(parts: Sequence[tuple[str, pl.DataFrame]]) -> pl.DataFrame:
    """Bars of several files as one table, sorted. DataError when their extra columns differ."""
    first_origin, first = parts[0]
    for origin, part in parts[1:]:
        if set(part.columns) != set(first.columns):
            odd = sorted(set(part.columns) ^ set(first.columns))
            raise DataError(
                f"{first_origin} and {origin} differ in the columns {', '.join(odd)}; "
                "map what both have, or say `extras: false`"
            )
    text = [name for name in first.columns if any(part.schema[name] == pl.String for _, part in parts)]
    aligned = [part.select(first.columns).cast(dict.fromkeys(text, pl.String)) for _, part in parts]
    try:
        # An extra that is whole numbers in one file and fractions in another is numbers; beside text it is text.
        whole = pl.concat(aligned, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{first_origin} and its fellows differ in column types: {str(error).splitlines()[0]}"
        ) from None
    return whole if in_order(whole) else whole.sort("symbol", "timestamp", maintain_order=True)
