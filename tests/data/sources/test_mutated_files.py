"""Damaged files never pass in silence: each is read to the same bars, or refused in words that name the file.

The same judge is put before a lenient reader, which it must catch: a judge that catches nothing is none.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.core.seeds import generator
from gnomon.data.base import BAR_SCHEMA
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars
from gnomon.data.sources.parquet import DIGEST
from gnomon.data.synthetic import Market, market_bars

Chance = np.random.Generator
Reader = Callable[[Path], pl.DataFrame]
BARS = market_bars(Market(symbols=2, start=date(2020, 1, 6), end=date(2020, 1, 8), frequency="30m", seed=3))
STAMPED = BARS.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
CSV = STAMPED.write_csv()
LINES = CSV.splitlines()


def _row(chance: Chance) -> int:
    return int(chance.integers(1, len(LINES)))


def _with_field(chance: Chance, value: str, *columns: int) -> bytes:
    lines = list(LINES)
    row, column = _row(chance), int(chance.choice(columns or range(2, 7)))
    fields = lines[row].split(",")
    fields[column] = value
    lines[row] = ",".join(fields)
    return _text(lines)


def _text(lines: list[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


def _inserted(chance: Chance, what: bytes) -> bytes:
    at = int(chance.integers(1, len(CSV)))
    return CSV[:at].encode() + what + CSV[at:].encode()


def _swapped(chance: Chance) -> bytes:
    lines = list(LINES)
    # Two different stamps of one symbol.
    row = 1 + int(chance.integers(len(LINES) // 2 - 2))
    lines[row], lines[row + 1] = lines[row + 1], lines[row]
    return _text(lines)


def _choice(chance: Chance, *values: str) -> str:
    return values[int(chance.integers(len(values)))]


def _upside_down(chance: Chance) -> bytes:
    lines = list(LINES)
    row = _row(chance)
    stamp, symbol, start, high, low, close, volume = lines[row].split(",")
    lines[row] = ",".join([stamp, symbol, start, str(float(low) - 1), high, close, volume])
    return _text(lines)


CSV_MUTATIONS: dict[str, Callable[[Chance], bytes]] = {
    "truncated": lambda c: CSV[: int(c.integers(0, len(CSV) - 1))].encode(),
    "other delimiter": lambda c: CSV.replace(",", _choice(c, ";", "|", "\t", " ")).encode(),
    "one row's delimiter": lambda c: _text([*LINES[: (r := _row(c))], LINES[r].replace(",", ";"), *LINES[r + 1 :]]),
    "text in a number": lambda c: _with_field(
        c, _choice(c, "abc", "--", "N/A", "1.2.3", "12,5", "0x1F", "1_000", "$5")
    ),
    "nothing in a number": lambda c: _with_field(c, _choice(c, "", " ")),
    "not finite": lambda c: _with_field(c, _choice(c, "nan", "inf", "-inf", "1e999")),
    "not positive": lambda c: _with_field(c, _choice(c, "0", "-1.5"), 2, 3, 4, 5),
    "upside down": _upside_down,
    "byte order mark": lambda c: b"\xef\xbb\xbf" + CSV.encode(),
    "NUL": lambda c: _inserted(c, b"\0"),
    "not UTF-8": lambda c: _inserted(c, b"\xff"),
    # In a symbol, a letter more is another symbol: no reader can know.
    "a letter": lambda c: _with_field(c, LINES[1].split(",")[(at := int(c.choice([0, 2, 3, 4, 5, 6])))] + "x", at),
    "mixed line ends": lambda c: b"".join(f"{line}{_choice(c, chr(10), chr(13) + chr(10))}".encode() for line in LINES),
    "blank lines": lambda c: _text([*LINES[: (r := _row(c))], "", *LINES[r:], ""]),
    "header again": lambda c: _text([*LINES[: (r := _row(c))], LINES[0], *LINES[r:]]),
    "no header": lambda c: _text(LINES[1:]),
    "column dropped": lambda c: STAMPED.drop(_choice(c, *BAR_SCHEMA)).write_csv().encode(),
    "column twice": lambda c: _text([f"{line},{line.split(',')[int(c.integers(0, 1)) + 2]}" for line in LINES]),
    "column misspelt": lambda c: CSV.replace(_choice(c, "timestamp", "symbol", "open", "volume"), "opne", 1).encode(),
    "columns in capitals": lambda c: _text([LINES[0].upper(), *LINES[1:]]),
    "zone dropped": lambda c: CSV.replace("Z", "").encode(),
    "one zone dropped": lambda c: _text([*LINES[: (r := _row(c))], LINES[r].replace("Z", ""), *LINES[r + 1 :]]),
    "another zone": lambda c: CSV.replace("Z,", "+01:0x,").encode(),
    "month and day": lambda c: _with_field(c, _choice(c, "01/06/2020 15:00", "6.1.2020", "2020-13-01T00:00:00Z"), 0),
    "epoch": lambda c: _with_field(c, "1578322800", 0),
    "no stamp": lambda c: _with_field(c, "", 0),
    "no such moment": lambda c: _with_field(c, _choice(c, "2020-02-30T15:00:00Z", "2020-01-06T25:00:00Z"), 0),
    "no symbol": lambda c: _with_field(c, _choice(c, "", " SYN001", "SYN001 "), 1),
    "row twice": lambda c: _text([*LINES[: (r := _row(c))], LINES[r], *LINES[r:]]),
    "rows swapped": _swapped,
    "field more": lambda c: _text([*LINES[: (r := _row(c))], LINES[r] + ",1", *LINES[r + 1 :]]),
    "field less": lambda c: _text([*LINES[: (r := _row(c))], LINES[r].rpartition(",")[0], *LINES[r + 1 :]]),
    "quote not closed": lambda c: _with_field(c, '"1'),
    "all quoted": lambda c: _text([",".join(f'"{field}"' for field in line.split(",")) for line in LINES]),
    "UTF-16": lambda c: CSV.encode("utf-16"),
    "gzip cut": lambda c: gzip.compress(CSV.encode())[: int(c.integers(1, 400))],
    "empty": lambda c: b"",
}


def _table(change: Callable[[pl.DataFrame, Chance], pl.DataFrame]) -> Callable[[Chance], bytes]:
    def mutate(chance: Chance) -> bytes:
        buffer = io.BytesIO()
        change(BARS, chance).write_parquet(buffer)
        return buffer.getvalue()

    return mutate


def _own() -> bytes:
    buffer = io.BytesIO()
    BARS.write_parquet(buffer, compression="zstd", metadata={DIGEST: hash_bars(BARS)})
    return buffer.getvalue()


OWN = _own()


def _flipped(chance: Chance) -> bytes:
    data = bytearray(OWN)
    for at in chance.integers(0, len(data), int(chance.integers(1, 4))):
        data[at] ^= 1 << int(chance.integers(8))
    return bytes(data)


def _zeroed(chance: Chance) -> bytes:
    at = int(chance.integers(0, len(OWN) - 64))
    return OWN[:at] + bytes(64) + OWN[at + 64 :]


def _value(name: str, value: float | None) -> Callable[[pl.DataFrame, Chance], pl.DataFrame]:
    return lambda bars, c: bars.with_columns(
        pl.when(pl.int_range(pl.len()) == int(c.integers(len(bars)))).then(value).otherwise(pl.col(name)).alias(name)
    )


PARQUET_MUTATIONS: dict[str, Callable[[Chance], bytes]] = {
    "cut": lambda c: OWN[: int(c.integers(0, len(OWN)))],
    "bits flipped": _flipped,
    "bytes zeroed": _zeroed,
    "bytes more": lambda c: OWN + bytes(int(c.integers(1, 50))),
    "text": lambda c: CSV.encode(),
    "column dropped": _table(lambda bars, c: bars.drop(_choice(c, *BAR_SCHEMA))),
    "column renamed": _table(lambda bars, c: bars.rename({_choice(c, *BAR_SCHEMA): "other"})),
    "words": _table(lambda bars, c: bars.with_columns(close=pl.lit("high"))),
    "no zone": _table(lambda bars, c: bars.with_columns(pl.col("timestamp").dt.replace_time_zone(None))),
    "numbers for stamps": _table(lambda bars, c: bars.with_columns(pl.col("timestamp").cast(pl.Int64))),
    "rows twice": _table(
        lambda bars, c: pl.concat([bars, bars[int(c.integers(len(bars))) :][:1]]).sort("symbol", "timestamp")
    ),
    "disorder": _table(lambda bars, c: bars.sample(fraction=1.0, shuffle=True, seed=int(c.integers(1 << 30)))),
    "null": _table(_value("close", None)),
    "NaN": _table(_value("open", float("nan"))),
    "infinite": _table(_value("high", float("inf"))),
    "negative": _table(_value("low", -1.0)),
    "no rows": _table(lambda bars, c: bars.clear()),
    "strings of numbers": _table(lambda bars, c: bars.with_columns(pl.col("volume").cast(pl.String))),
    "other zone": _table(lambda bars, c: bars.with_columns(pl.col("timestamp").dt.convert_time_zone("Asia/Tokyo"))),
}


def judge(reader: Reader, path: Path, warned: Callable[[], bool], *, prefix: bool) -> str | None:
    """None when a mutated file was handled well; else what was wrong."""
    try:
        bars = reader(path)
    except (DataError, ConfigError, IntegrityError) as error:
        known = str(path) in str(error) or "say what the time stamps are" in str(error)
        return None if known else f"names no file: {error}"
    except Exception as error:  # noqa: BLE001 - anything else is the finding
        return f"{type(error).__name__}: {error}"
    if warned():
        return None
    expected = BARS
    if prefix:
        # Whole rows that are missing at the end cannot be seen in a text: what is there must be right.
        expected = STAMPED[: len(bars)].with_columns(BARS["timestamp"][: len(bars)])
    try:
        assert_frame_equal(bars.select(*BAR_SCHEMA), expected.select(*BAR_SCHEMA), check_exact=True)
    except (AssertionError, pl.exceptions.ColumnNotFoundError):
        return "accepted with other bars"
    return None


def strict(path: Path) -> pl.DataFrame:
    return read_bars(path, **({"stamp": "close"} if path.suffix != ".parquet" else {}))


def strict_parquet(path: Path) -> pl.DataFrame:
    try:
        return read_bars(path)
    except ConfigError:
        return read_bars(path, stamp="close")


def lenient(path: Path) -> pl.DataFrame:
    """How files are often read: whatever does not fit is dropped."""
    frame = pl.read_csv(path, ignore_errors=True, truncate_ragged_lines=True, schema_overrides={"close": pl.Float64})
    stamps = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="us", time_zone="UTC")
    return frame.with_columns(
        stamps, pl.col("open", "high", "low", "close", "volume").cast(pl.Float64, strict=False)
    ).drop_nulls()


def run(
    reader: Reader, mutations: dict[str, Callable[[Chance], bytes]], suffix: str, folder: Path, count: int,
    caplog: pytest.LogCaptureFixture,
) -> list[str]:  # fmt: skip
    """Every mutation in turn, `count` files in all; what went wrong with each."""
    wrong = []
    for number in range(count):
        name = list(mutations)[number % len(mutations)]
        path = folder / f"{number}{'.csv.gz' if name == 'gzip cut' else suffix}"
        path.write_bytes(mutations[name](generator(11, name, str(number))))
        caplog.clear()
        fault = judge(reader, path, lambda: "cut short" in caplog.text, prefix=name == "truncated")
        if fault:
            wrong.append(f"{name} ({number}): {fault}")
    return wrong


def test_mutated_text_files_never_pass_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert run(strict, CSV_MUTATIONS, ".csv", tmp_path, 5 * len(CSV_MUTATIONS), caplog) == []


def test_mutated_parquet_files_never_pass_in_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert run(strict_parquet, PARQUET_MUTATIONS, ".parquet", tmp_path, 5 * len(PARQUET_MUTATIONS), caplog) == []


def test_the_judge_catches_a_lenient_reader(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wrong = run(lenient, CSV_MUTATIONS, ".csv", tmp_path, len(CSV_MUTATIONS), caplog)
    assert sum("accepted with other bars" in fault for fault in wrong) >= 5


def test_the_unharmed_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(CSV)
    (tmp_path / "x.parquet").write_bytes(OWN)
    assert strict(tmp_path / "x.csv").equals(BARS)
    assert strict_parquet(tmp_path / "x.parquet").equals(BARS)


@pytest.mark.fuzz
def test_two_thousand_mutated_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "csv").mkdir()
    (tmp_path / "parquet").mkdir()
    assert run(strict, CSV_MUTATIONS, ".csv", tmp_path / "csv", 1400, caplog) == []
    assert run(strict_parquet, PARQUET_MUTATIONS, ".parquet", tmp_path / "parquet", 600, caplog) == []
