"""Side tables from files and frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import SOURCES, TABLES, TIMESTAMP, Query

TEXT = "date,series,value\n2020-02-01,cpi,101.5\n2020-01-01,cpi,.\n"


def read(kind: str, **fields: Any) -> pl.DataFrame:
    return TABLES.create(kind, **fields).read()


def test_a_text_table_is_sorted_and_typed(tmp_path: Path) -> None:
    (tmp_path / "cpi.csv").write_text(TEXT)
    fields = {"path": str(tmp_path / "cpi.csv"), "columns": {"timestamp": "date"}, "zone": "UTC"}
    table = read("csv", **fields, null_values=["."])
    assert table.schema == {"timestamp": TIMESTAMP, "series": pl.String, "value": pl.Float64}
    assert table["value"].to_list() == [None, 101.5]
    assert read("csv", **fields, values=["value"]).columns == ["timestamp", "value"]
    assert read("csv", **fields)["value"].to_list() == [".", "101.5"]
    pl.read_csv(TEXT.encode()).write_parquet(tmp_path / "cpi.parquet")
    assert read("parquet", **{**fields, "path": str(tmp_path / "*.parquet")}).height == 2


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    frame = pl.read_csv(TEXT.encode())
    with pytest.raises(DataError, match=r"has no stamp; map `known_at` .* columns: {timestamp: date}"):
        read("frame", frame=frame)
    with pytest.raises(DataError, match="no column 'dat'; did you mean 'date'"):
        read("frame", frame=frame, columns={"timestamp": "dat"})
    with pytest.raises(DataError, match="carry no time zone"):
        read("frame", frame=frame, columns={"timestamp": "date"})
    with pytest.raises(ConfigError, match="one of them"):
        read("sqlite", path="x.db")
    for name, text in (("a.csv", TEXT), ("b.csv", "date,other\n2020-01-01,1\n")):
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=r"the files of .* differ"):
        read("csv", path=str(tmp_path), columns={"timestamp": "date"}, zone="UTC")


def test_pandas_frames_bring_their_index() -> None:
    index = pd.date_range("2020-01-02 15:00", periods=2, freq="min", tz="UTC")
    prices = {key: [1.0, float("nan")] for key in ("open", "high", "low", "close", "volume")}
    for frame in (pd.DataFrame(prices, index=index), pd.DataFrame(prices, index=index.rename("timestamp"))):
        bars = SOURCES.create("frame", frame=frame, stamp="close", symbol="A").fetch(Query()).collect()
        assert [f"{moment:%H:%M}" for moment in bars["timestamp"]] == ["15:00", "15:01"]
        assert bars["close"].is_nan().to_list() == [False, True]
