"""Text with delimiters to a frame of strings, with the line of each row; malformed text is refused with its line."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from gnomon.core.errors import ConfigError, DataError, nearest
from gnomon.core.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Delimited:
    """How a text file is laid out. The fields are part of a source's YAML."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    """Whether the first line after `skip_rows` names the columns."""
    names: tuple[str, ...] | None = None
    """The columns' names, for a file without a header (or with `skip_rows` over a wrong one)."""
    skip_rows: int = 0
    """Lines before the header: banners, comments."""
    encoding: str = "utf-8"
    member: str | None = None
    """The file inside a zip archive that holds several."""

    def __post_init__(self) -> None:
        for name in ("delimiter", "quote"):
            sign: str = getattr(self, name)
            if len(sign) != 1 or not sign.isascii() or sign in "\r\n\0":
                raise ConfigError(f'{name} must be one character, was {sign!r} (a tab is "\\t")')
        if self.delimiter == self.quote:
            raise ConfigError(f"delimiter and quote are both {self.quote!r}")
        if self.skip_rows < 0:
            raise ConfigError(f"skip_rows must be 0 or more, was {self.skip_rows}")
        if not self.header and not self.names:
            raise ConfigError("a file without a header (header: false) needs `names: [timestamp, open, ...]`")
        if self.header and self.names:
            raise ConfigError("`names` are for a file without a header; say `header: false`, and skip a wrong one")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(f"encoding {self.encoding!r} is unknown; utf-8, latin-1, cp1252, utf-16") from None


@dataclass(frozen=True)
class Text:
    """A file's text as bytes in UTF-8: the part from the header on, and the number of its first line."""

    path: Path
    body: bytes
    first_line: int
    layout: Delimited

    @cached_property
    def records(self) -> list[tuple[int, int]]:
        """Line and number of fields of each record that is not blank."""
        reader = csv.reader(
            io.StringIO(self.body.decode(), newline=""), delimiter=self.layout.delimiter, quotechar=self.layout.quote
        )
        return list(self._records(reader))

    def _records(self, reader: Iterator[list[str]]) -> Iterator[tuple[int, int]]:
        line = self.first_line
        try:
            for fields in reader:
                if fields:
                    yield line, len(fields)
                line = self.first_line + reader.line_num  # type: ignore[attr-defined]
        except csv.Error as error:
            raise DataError(f"{self.path}, line {line}: {error}") from None

    def line(self, row: int) -> int:
        """The line of a row of the frame."""
        return self.records[row][0]


def read_delimited(path: Path, layout: Delimited) -> tuple[pl.DataFrame, Callable[[int], int]]:
    """A frame of strings, and the function from a row's index to its line. DataError names file, line and fault."""
    data = _decoded(path, layout)
    data, first_line = _skipped(path, data, layout.skip_rows)
    names = layout.names
    if layout.header:
        head, _, data = data.partition(b"\n")
        names = _header(path, head, first_line, layout)
        first_line += 1
    assert names is not None
    if not data.strip():
        raise DataError(f"{path} holds no rows")
    # The parser passes over blank lines, but takes one at the very start for a row of a single column.
    while blank := re.match(rb"\r?\n", data):
        data = data[blank.end() :]
        first_line += 1
    if not data.endswith(b"\n"):
        log.warning("the file does not end in a line break: its last row may be cut short", file=str(path))
    text = Text(path, data, first_line, layout)
    return _parsed(text, names), text.line


def _decoded(path: Path, layout: Delimited) -> bytes:
    """The file's text in UTF-8, unpacked, without a byte order mark, lines ended by newlines."""
    data = _unpacked(path, layout.member)
    if codecs.lookup(layout.encoding).name != "utf-8":
        try:
            data = data.decode(layout.encoding).encode()
        except UnicodeError as error:
            raise DataError(f"{path} is not {layout.encoding}: {error}") from None
    elif data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        raise DataError(f"{path} is UTF-16; declare `encoding: utf-16`")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; declare `encoding` (latin-1, cp1252)"
        ) from None
    at = data.find(b"\0")
    if at >= 0:
        raise DataError(f"{path}, line {data.count(bytes([10]), 0, at) + 1}: a NUL byte; the file is damaged or binary")
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data


def _unpacked(path: Path, member: str | None) -> bytes:
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read()
        if path.suffix != ".zip":
            return path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            inside = [entry for entry in archive.namelist() if not entry.endswith("/")]
            if member is None and len(inside) != 1:
                raise DataError(f"{path} holds {len(inside)} files ({', '.join(inside[:10])}); name one as `member`")
            if member is not None and member not in inside:
                close = nearest(member, inside)
                hint = f"did you mean {close!r}?" if close else f"it holds {', '.join(inside[:10])}"
                raise DataError(f"{path} has no member {member!r}; {hint}")
            return archive.read(member or inside[0])
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} cannot be unpacked, it is damaged or cut short: {error}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _skipped(path: Path, data: bytes, lines: int) -> tuple[bytes, int]:
    start = 0
    for number in range(lines):
        start = data.find(b"\n", start) + 1
        if start == 0:
            raise DataError(f"{path} has {number + 1} lines; skip_rows = {lines} leaves none")
    return data[start:], lines + 1


def _header(path: Path, head: bytes, line: int, layout: Delimited) -> tuple[str, ...]:
    text = head.decode().rstrip("\r")
    if not text.strip():
        raise DataError(f"{path}, line {line} is blank where the header should be; set `skip_rows` or `header: false`")
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=layout.delimiter, quotechar=layout.quote))]
    except csv.Error as error:
        raise DataError(f"{path}, line {line}: the header cannot be read: {error}") from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path}, line {line}: the header names {', '.join(map(repr, twice))} more than once")
    if len(names) == 1:
        raise DataError(
            f"{path}, line {line}: one column, {names[0][:80]!r}; is `delimiter: {layout.delimiter!r}` right?"
        )
    return tuple(names)


def _parsed(text: Text, names: tuple[str, ...]) -> pl.DataFrame:
    sign, quote = text.layout.delimiter.encode(), text.layout.quote.encode()
    try:
        frame = pl.read_csv(
            text.body,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=text.layout.delimiter,
            quote_char=text.layout.quote,
        )
    except pl.exceptions.PolarsError as error:
        _refuse_ragged(text, names)
        raise DataError(f"{text.path} cannot be read: {str(error).splitlines()[0]}") from None
    blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    rows = frame.height - int(blank.sum())
    if quote in text.body or text.body.count(sign) != (len(names) - 1) * rows:
        # Quotes hide delimiters, and the fast parser fills short rows: count the fields of every record.
        _refuse_ragged(text, names)
        if frame.height != len(text.records):
            frame = frame.filter(~blank)
        if frame.height != len(text.records):
            raise DataError(f"{text.path} cannot be read for certain: quotes and line breaks do not pair")
        return frame
    return frame.filter(~blank) if rows < frame.height else frame


def _refuse_ragged(text: Text, names: tuple[str, ...]) -> None:
    """DataError for the first record whose number of fields is not that of the names."""
    wrong = [(line, count) for line, count in text.records if count != len(names)]
    if not wrong:
        return
    line, count = wrong[0]
    rows = pl.DataFrame(
        [(str(text.path), at, number) for at, number in wrong[:200]],
        schema={"file": pl.String, "line": pl.Int64, "fields": pl.Int64},
        orient="row",
    )
    hint = (
        "the file was cut short there"
        if len(wrong) == 1 and (line, count) == text.records[-1]
        else "skip a wrong header with `skip_rows` and `header: false`, and give `names`"
        if len(wrong) == len(text.records)
        else "mend the source"
    )
    raise DataError(
        f"{text.path}, line {line} has {count} fields for {len(names)} columns ({len(wrong)} such lines); {hint}",
        rows=rows,
    )
