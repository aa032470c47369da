"""Bars from whatever is at hand: a file, a folder, a frame, an address, a registered source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from gnomon.core.errors import ConfigError, DataError, nearest
from gnomon.data.base import SOURCES, DataSource, Query

if TYPE_CHECKING:
    import pandas as pd

    from gnomon.config.models import ChecksConfig

KINDS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".zip": "csv",
    ".json": "json",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
DEFAULT = object()


def read_bars(
    source: str | Path | DataSource | pl.DataFrame | pd.DataFrame,
    *,
    symbols: Sequence[str] | None = None,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    checks: ChecksConfig | object | None = DEFAULT,
    **fields: Any,
) -> pl.DataFrame:
    """Bars as `BAR_SCHEMA`, checked, sorted by symbol and timestamp; `timestamp` is when a bar was known.

    source: a path or glob (CSV, Parquet, SQLite, JSON, by its ending), a frame, an http address, the name of a
    registered source ("embedded", "synthetic"), or a source. fields: that source's own (`stamp="open"`, `columns=...`,
    `zone=...`; see `gnomon.data.reading.Reading`). checks: a `ChecksConfig`; by default its defaults, None for none.
    Raises ConfigError for what was asked wrongly, DataError (with `.rows`) for data that is refused.

    >>> read_bars("embedded", symbols=["SP500"], start="2018-12-31")["close"].to_list()
    [2506.850098]
    """
    from gnomon.config.models import ChecksConfig
    from gnomon.data.checks import check_bars

    if isinstance(symbols, str):
        raise ConfigError(f"symbols must be a list, was the text {symbols!r}; write symbols=[{symbols!r}]")
    query = Query(symbols=tuple(symbols) if symbols is not None else None, start=_moment(start), end=_moment(end))
    found = as_source(source, **fields)
    bars = found.fetch(query).collect()
    if checks is not None:
        try:
            check_bars(bars, checks if isinstance(checks, ChecksConfig) else ChecksConfig()).raise_errors()
        except DataError as error:
            raise DataError(f"{found}: {error}", rows=error.rows) from None
    return bars


def as_source(source: Any, **fields: Any) -> DataSource:
    """The source that a path, a frame, an address or a registered name means; `fields` are its own."""
    if hasattr(source, "fetch"):
        found: DataSource = replace(source, **fields) if fields else source
        return found
    if isinstance(source, Path) or (isinstance(source, str) and not _is_name(source)):
        text = str(source)
        if text.startswith(("http://", "https://")):
            return SOURCES.create("http_json", url=text, **fields)
        return SOURCES.create(fields.pop("kind", None) or kind_of(text), path=text, **fields)
    if isinstance(source, str):
        return SOURCES.create(source, **fields)
    return SOURCES.create("frame", frame=source, **fields)


def _is_name(text: str) -> bool:
    return text in SOURCES.names() and not Path(text).exists()


def kind_of(path: str) -> str:
    """The kind of source that reads a path, by its ending or by what the folder holds."""
    place = Path(path)
    names = [place.name]
    if place.is_dir():
        names = sorted(entry.name for entry in place.rglob("*") if entry.is_file())
    for name in names:
        suffix = Path(name.removesuffix(".gz")).suffix
        if suffix in KINDS:
            return KINDS[suffix]
    close = nearest(path, SOURCES.names()) if "/" not in path and "." not in path else None
    hint = f"did you mean the source {close!r}?" if close else f"known endings: {', '.join(KINDS)} (.gz too)"
    raise ConfigError(f"nothing says what {path!r} is: no such source or file ending; {hint}, or give `kind`")


def _moment(value: datetime | str | None) -> datetime | None:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ConfigError(f"{value!r} is no date or moment; write 2018-12-31 or 2018-12-31T21:00:00Z") from None
    if moment.tzinfo is None:
        from datetime import UTC

        # A date written by hand is one in UTC, as all stamps of bars are.
        moment = moment.replace(tzinfo=UTC)
    return moment
