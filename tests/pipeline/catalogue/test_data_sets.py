"""Data sets by name, by file, and a workspace's own; limited where they are large."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gnomon.config.loader import load_config
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.read import read_bars
from gnomon.pipeline.catalogue.data_sets import SYNTHETIC, find_data_sets
from gnomon.pipeline.trial_record import market_of

OWN = """\
project: mine
data: {source: {kind: synthetic, symbols: 2, start: "2016-01-01", end: "2016-03-01"}, frequency: 1d, calendar: XNYS}
"""


def test_what_is_in_the_box(tmp_path):
    index, made = find_data_sets(["sp500", "stocks:synthetic", "sp500"], workspace=tmp_path)
    assert (index.name, index.asset_class, index.symbols, index.frequency) == ("sp500", "index", ["SP500"], "1d")
    assert index.market == market_of(["SP500"], "1d")
    assert (made.name, made.asset_class, tuple(made.symbols)) == ("synthetic", "stocks", SYNTHETIC.names())
    assert index.version != made.version


def test_a_workspace_and_a_file(tmp_path):
    (tmp_path / "gnomon.yaml").write_text(OWN)
    (own,) = find_data_sets(["workspace"], workspace=tmp_path)
    assert (own.name, own.asset_class, len(own.symbols)) == ("mine", "workspace", 2)
    own.bars.write_parquet(tmp_path / "bars.parquet")
    (file,) = find_data_sets([f"fx:{tmp_path}/bars.parquet?stamp=close"], workspace=tmp_path)
    assert (file.name, file.asset_class, file.version) == ("bars", "fx", own.version)


def test_large_sets_are_cut_to_symbols_and_to_their_latest_bars():
    (whole,) = find_data_sets(["synthetic"])
    (cut,) = find_data_sets(["synthetic"], symbols=1, rows=300)
    assert cut.symbols == whole.symbols[:1]
    assert cut.bars.equals(whole.bars.filter(pl.col("symbol") == whole.symbols[0]).tail(300))
    (both,) = find_data_sets(["synthetic"], rows=301)
    assert both.bars.height == 300
    with pytest.raises(DataError, match="more than 1 bars at one moment"):
        find_data_sets(["synthetic"], rows=1)


DECLARED = """\
calm:
  asset_class: rates
  rows: 200
  data:
    source: {kind: parquet, path: bars.parquet, stamp: close}
    symbols: [NASDAQ]
    frequency: 1d
  execution: {fee_bps: 7}
whole:
  data: {source: {kind: embedded}, symbols: [SP500], end: 2000-01-01}
"""


def test_a_yaml_file_declares_data_sets_with_costs_of_their_own(tmp_path):
    read_bars("embedded").write_parquet(tmp_path / "bars.parquet")
    (tmp_path / "sets.yaml").write_text(DECLARED)
    calm, whole = find_data_sets([f"{tmp_path}/sets.yaml"], workspace=tmp_path / "elsewhere")
    assert (calm.name, calm.asset_class, calm.symbols, calm.bars.height) == ("calm", "rates", ["NASDAQ"], 200)
    assert (whole.asset_class, whole.symbols, whole.bars["timestamp"].max().year) == ("declared", ["SP500"], 1999)
    common = load_config(overrides=["execution.fee_bps=1", "execution.half_spread_bps=2"])
    assert calm.config(common).execution == {"fee_bps": 7, "half_spread_bps": 2}
    assert whole.config(common).execution == common.execution
    fewer, _ = find_data_sets([f"{tmp_path}/sets.yaml"], rows=100)
    assert fewer.bars.equals(calm.bars.tail(100))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "declares no data set"),
        ("a: 3", "sets.yaml:1:1: the data set 'a' is a section"),
        ("a: {asset_class: fx}", "has no section `data`"),
        ("a: {daata: {source: {kind: embedded}}}", "sets.yaml:1:5: unknown key 'daata'.*did you mean 'data'"),
        ("a: {rows: few, data: {source: {kind: embedded}}}", "rows is a whole number"),
        ("a: {asset_class: 3, data: {source: {kind: embedded}}}", "asset_class is a word"),
        ("a: {data: {sauce: {kind: embedded}}}", "did you mean 'source'"),
        (
            "a: {data: {source: {kind: embedded}}, execution: {fees_bps: 1}}",
            "the data set 'a' of .*did you mean 'fee_bps'",
        ),
        ("a: {data: {source: {kind: embedded}, symbols: [DAX]}}", "the data set 'a' of .*no symbol 'DAX'"),
    ],
)
def test_a_wrong_declaration_is_told_with_its_place(text, told, tmp_path):
    (tmp_path / "sets.yaml").write_text(text)
    with pytest.raises((ConfigError, DataError), match=f"(?s){told}"):
        find_data_sets([f"{tmp_path}/sets.yaml"])


def test_a_file_that_is_refused_is_named_with_the_way_out(tmp_path):
    bars = read_bars("embedded", symbols=["SP500"]).head(20)
    bars.write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(ConfigError, match=r"the data set .*bars\.parquet: say what the time stamps are.*\?stamp=open"):
        find_data_sets([f"{tmp_path}/bars.parquet"])
    bars.with_columns(open=pl.col("high") * 2.0).write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(DataError, match=r"the data set .*bars\.parquet.*YAML file of data sets") as caught:
        find_data_sets([f"{tmp_path}/bars.parquet?stamp=close"])
    assert caught.value.rows is not None
    (scaled,) = find_data_sets([_scaled(bars, tmp_path)])
    assert scaled.bars["close"].to_list() == pytest.approx(bars["close"].to_list())


def _scaled(bars: pl.DataFrame, folder: Path) -> str:
    prices = pl.col("open", "high", "low", "close") * 100.0
    bars.with_columns(prices).write_parquet(folder / "scaled.parquet")
    return f"{folder}/scaled.parquet?stamp=close&price_scale=100"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["sp50"], "did you mean 'sp500'"),
        (["workspace"], "no gnomon.yaml"),
        (["crypto:absent.parquet?stamp=open"], "no such file"),
        (["sp500", "stocks:sp500"], "two data sets are called 'sp500'"),
    ],
)
def test_what_cannot_be_found_is_told(names, told, tmp_path):
    with pytest.raises(ConfigError, match=told):
        find_data_sets(names, workspace=tmp_path)
