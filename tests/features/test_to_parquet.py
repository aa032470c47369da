from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.files import observed
from gnomon.data.chunks import cut_bars
from gnomon.features import FEATURES, FeatureSet
from gnomon.features.missing import Missing
from gnomon.features.to_parquet import write_features

FEW = FeatureSet([FEATURES.create(name) for name in ("rsi", "bollinger", "vix_change")])


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
@pytest.mark.parametrize("folder", [True, False])
def test_a_file_and_a_folder_hold_what_compute_gives(folder, compression, bars, tables, tmp_path: Path) -> None:
    told: list[int] = []
    path = tmp_path / "features"
    missing = write_features(
        FEW, cut_bars(bars, 77), path, tables, folder=folder, compression=compression, progress=told.append
    )
    assert told == [78, 156, 234, 312, 390, 468, 546, 600]
    assert missing.rows == 600
    found = pl.read_parquet(path / "*.parquet" if folder else path)
    # By time, and within a chunk by symbol.
    assert found["symbol"].head(78).to_list() == ["A"] * 39 + ["B"] * 39
    assert_frame_equal(found.sort("symbol", "timestamp"), FEW.compute(bars, tables), check_exact=True)
    if folder:
        assert len(list(path.iterdir())) == 8
        with pytest.raises(ConfigError, match="exists already; name a new folder"):
            write_features(FEW, cut_bars(bars), path, tables, folder=True)


@pytest.mark.parametrize("folder", [True, False])
def test_nothing_half_written_is_ever_seen(folder, bars, tables, tmp_path: Path) -> None:
    path = tmp_path / "features"

    def broken():
        yield from list(cut_bars(bars, 100))[:3]
        assert not path.exists()
        raise DataError("the fourth chunk is damaged")

    with pytest.raises(DataError, match="fourth chunk"):
        write_features(FEW, broken(), path, tables, folder=folder)
    with pytest.raises(DataError, match="no bars"):
        write_features(FEW, [], path, tables, folder=folder)

    def full(operation: str, _: Path) -> None:
        if operation == "fsync":
            raise OSError(28, "no space left on device")

    with observed(full), pytest.raises(OSError, match="no space"):
        write_features(FEW, cut_bars(bars), path, tables, folder=folder)
    assert list(tmp_path.iterdir()) == []


def test_chunks_that_overlap_in_time_are_refused(bars, tables, tmp_path: Path) -> None:
    by_symbol = [bars.filter(symbol="A"), bars.filter(symbol="B")]
    with pytest.raises(DataError, match="begin after the end of the one before; 300 bars do not, the first B at"):
        write_features(FEW, by_symbol, tmp_path / "f.parquet", tables)


@pytest.mark.parametrize("rows", [600, 90])
def test_bad_input_is_counted_and_passes(rows, bars, tables, tmp_path: Path) -> None:
    clean = write_features(FEW, cut_bars(bars, rows), tmp_path / "clean.parquet", tables)
    assert (clean.inputs, clean.outputs, clean.affected) == ({}, {}, 0)
    row = pl.int_range(pl.len()).over("symbol")
    odd = bars.with_columns(
        close=pl.when((row == 150) & (pl.col("symbol") == "A"))
        .then(float("nan"))
        .when((row == 200) & (pl.col("symbol") == "B"))
        .then(float("inf"))
        .when(row == 5)
        .then(None)
        .otherwise("close")
    )
    missing = write_features(FEW, cut_bars(odd, rows), tmp_path / "odd.parquet", tables)
    assert missing.inputs == {"close": 4}
    # A window of 20 bars holds a bad one for 20, for 6 of them after the warm-up where it is the fifth.
    assert missing.outputs["bollinger_width_20"] == 2 * 20 + 2 * 6
    assert 0 < missing.outputs["rsi_14"] <= 2 * 2
    # RSI is warm a bar later where a bar of its warm-up was bad.
    assert missing.affected == 2 * 20 + 2 * 6 + 2
    found = pl.read_parquet(tmp_path / "odd.parquet").sort("symbol", "timestamp")
    assert_frame_equal(found, FEW.compute(odd, tables), check_exact=True)


def test_the_count_knows_how_many_bars_came_before(bars: pl.DataFrame) -> None:
    """The control: without the bars before, what is bad looks like a warm-up."""
    rsi = FeatureSet([FEATURES.create("rsi")])
    part = bars.head(5)
    silent = rsi.compute(part)
    for seen, rows in (({"A": 100}, 5), ({}, 0)):
        missing = Missing()
        missing.add(rsi, part, silent, seen)
        assert missing.affected == rows
