"""Data sets by name, by file, and a workspace's own; limited where they are large."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
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
