"""The façades over a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import gnomon.data
from gnomon.config.models import DataConfig
from gnomon.data.manager import DataManager, DataTransformer, DataValidator

TEXT = "timestamp,open,high,low,close,volume\n2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1,2,0.5,1.75,0\n"


class Config:
    def __init__(self, **section: Any) -> None:
        self.section = section

    def get_config(self, key: str) -> Any:
        assert key == "data"
        return DataConfig.model_validate(self.section)


def csv(path: str = "x.csv") -> dict[str, Any]:
    return {"kind": "csv", "path": path, "session_close": "XNYS", "symbol": "X"}


def test_bars_come_from_the_workspace_and_are_cached_there(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(TEXT)
    manager = DataManager(config_manager=Config(source=csv(), start="2020-01-03"), root=tmp_path)
    bars = manager.load()
    assert bars["close"].to_list() == [1.75]
    assert list((tmp_path / ".gnomon/cache/data/objects").iterdir())
    assert [issue.check for issue in manager.check(bars).issues] == ["zero_volume"]
    plain = DataManager(config_manager=Config(source=csv(str(tmp_path / "x.csv")), cache=False), artifact_store=None)
    assert plain.load().height == 2


def test_side_tables_start_at_the_workspace_too(tmp_path: Path) -> None:
    (tmp_path / "cpi.csv").write_text("date,value\n2020-01-01,1.5\n")
    source = {"kind": "csv", "path": "cpi.csv", "columns": {"timestamp": "date"}, "zone": "UTC"}
    manager = DataManager(config_manager=Config(side_tables={"cpi": {"source": source, "delay": "45d"}}), root=tmp_path)
    (table,) = manager.side_tables().values()
    assert str(table["known_at"][0]) == "2020-02-15 00:00:00+00:00"


def test_the_words_that_users_bring_can_be_imported() -> None:
    for name in gnomon.data.__all__:
        assert getattr(gnomon.data, name) is not None
    assert {"DataManager", "DataSource", "CsvDataSource", "ApiDataSource", "DataTransformer"} <= set(dir(gnomon.data))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        gnomon.data.Nothing  # noqa: B018


def test_validator_and_transformer_do_what_checks_and_repairs_do() -> None:
    bars = gnomon.data.read_bars("embedded", symbols=["SP500"], start="2018-12-01")
    broken = bars.with_columns(pl.when(pl.int_range(pl.len()) == 3).then(-1.0).otherwise(pl.col("low")).alias("low"))
    assert DataValidator().validate(bars).errors == ()
    assert DataValidator().validate(broken).errors
    repaired, counts = DataTransformer([{"kind": "drop", "checks": ["non_positive"]}]).transform(broken)
    assert repaired.height == bars.height - 1
    assert counts
