"""Versions: one record a content, never altered, with its line of descent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars
from gnomon.data.synthetic import Market, market_bars
from gnomon.data.versions import DataVersions

BARS = market_bars(Market(symbols=2, start=date(2018, 11, 1), end=date(2019, 3, 1)))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2020, 5, 1, tzinfo=UTC))


@pytest.fixture
def versions(tmp_path: Path, clock: FixedClock) -> DataVersions:
    return DataVersions(tmp_path / "data", clock)


def test_a_record_says_what_the_bars_are(versions: DataVersions) -> None:
    version = versions.record(BARS, source={"kind": "synthetic", "api_key": "hidden"})
    assert version.digest == hash_bars(BARS)
    assert (version.rows, version.symbols, version.frequency) == (BARS.height, ("SYN001", "SYN002"), "1d")
    assert (version.start, version.end) == ("2018-11-01T20:00:00+00:00", "2019-02-28T21:00:00+00:00")
    assert version.recorded_at == "2020-05-01T00:00:00+00:00"
    assert "hidden" not in str(version)
    assert list(versions.list()) == [version] == [versions.get(version.digest[:8])]


def test_the_same_content_is_recorded_once_and_a_repair_is_a_child(versions: DataVersions, clock: FixedClock) -> None:
    first = versions.record(BARS, source={"kind": "csv"})
    clock.moment = datetime(2021, 1, 1, tzinfo=UTC)
    assert versions.record(BARS, source={"kind": "csv"}) == first
    child = versions.record(
        BARS[1:], source={"kind": "csv"}, parent=first.digest, repairs=[{"kind": "drop", "rows": 1}]
    )
    assert [version.digest for version in versions.lineage(child.digest)] == [child.digest, first.digest]
    assert len(versions.list()) == 2


def test_an_altered_record_is_found(versions: DataVersions) -> None:
    versions.record(BARS, source={"kind": "csv"})
    (path,) = (versions.folder / "versions").iterdir()
    path.write_text(path.read_text().replace("csv", "cvs"))
    with pytest.raises(IntegrityError, match="was altered"):
        versions.list()


def test_unknown_and_ambiguous_versions_are_named(versions: DataVersions) -> None:
    versions.record(BARS, source={})
    versions.record(BARS[1:], source={})
    with pytest.raises(ConfigError, match="unknown data version 'zzz'"):
        versions.get("zzz")
    with pytest.raises(ConfigError, match="ambiguous"):
        versions.get("")
    with pytest.raises(DataError, match="nothing to record"):
        versions.record(BARS.clear(), source={})


def test_kept_bars_are_cut_by_time_and_come_back(versions: DataVersions) -> None:
    folder = versions.keep(BARS)
    assert versions.keep(BARS) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["2018.parquet", "2019.parquet"]
    assert read_bars(folder).equals(BARS)
    minutes = market_bars(Market(symbols=1, start=date(2020, 1, 30), end=date(2020, 2, 5), frequency="5m"))
    assert sorted(path.name for path in versions.keep(minutes).iterdir()) == ["2020-01.parquet", "2020-02.parquet"]
    single = BARS.group_by("symbol", maintain_order=True).first().select(BARS.columns)
    assert read_bars(versions.keep(single)).equals(single)
    assert versions.record(single, source={}).frequency is None
    assert pl.read_parquet(folder / "2018.parquet")["symbol"].is_sorted()
