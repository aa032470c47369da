"""Bars in chunks of time: the same bits as all at once, whatever was saved in between."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import DataError, IntegrityError, StoreError
from gnomon.features import FEATURES, FeatureSet
from gnomon.testing.features import synthetic_bars

FEW = FeatureSet([FEATURES.create(name) for name in ("rsi", "bollinger", "session", "vix_change")])
FULL = FeatureSet.default(tables=("cpi", "vix", "wti"))
BARS = 200


def market() -> pl.DataFrame:
    """Three symbols: one is there throughout, one joins late, one leaves early and has holes."""
    bars = synthetic_bars(("open", "high", "low", "close", "volume"), symbols=("A", "B", "C"), bars=BARS)
    row = pl.int_range(pl.len()).over("symbol")
    there = (
        pl.when(pl.col("symbol") == "B").then(row >= 70).when(pl.col("symbol") == "C").then((row < 150) & (row % 7 > 0))
    )
    return bars.filter(there.otherwise(True))


MARKET = market()
STAMPS = MARKET["timestamp"].unique().sort()


def in_chunks(
    features: FeatureSet,
    edges: Sequence[int],
    tables: Mapping[str, pl.DataFrame],
    folder: Path | None = None,
    *,
    pieces: bool = False,
) -> pl.DataFrame:
    """The features over chunks that end at these moments; with a folder saved and restored after each."""
    state = features.start()
    parts = []
    for start, stop in itertools.pairwise(edges):
        stamps = STAMPS[start:stop]
        chunk = MARKET.filter(pl.col("timestamp").is_in(stamps.implode()))
        given = tables
        if pieces and stop > start:
            # Only what was published after the chunk before.
            new = pl.col("known_at") <= stamps[-1]
            new &= pl.col("known_at") > STAMPS[start - 1] if start else pl.lit(True)
            given = {name: table.filter(new) for name, table in tables.items()}
        parts.append(features.advance(state, chunk, given))
        if folder is not None:
            state.save(folder / "state.npz")
            state = features.restore(folder / "state.npz")
    return pl.concat(parts).sort("symbol", "timestamp")


@pytest.mark.parametrize("edges", [[0, 1, 2, 3, 70, 71, 199, 200], [0, 99, 99, 200]], ids=["single", "empty"])
def test_the_full_set_in_chunks_is_bit_equal_to_the_whole(edges, tables, tmp_path: Path) -> None:
    assert_frame_equal(in_chunks(FULL, edges, tables, tmp_path), FULL.compute(MARKET, tables), check_exact=True)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, BARS), max_size=12), pieces=st.booleans())
def test_no_cut_in_time_changes_a_bit(cuts: list[int], pieces: bool, tables) -> None:
    found = in_chunks(FEW, [0, *sorted(cuts), BARS], tables, pieces=pieces)
    assert_frame_equal(found, FEW.compute(MARKET, tables), check_exact=True)


def test_forgetting_the_state_would_be_seen(tables) -> None:
    """The control: chunks that each begin anew give other values."""
    parts = [
        FEW.compute(MARKET.filter(pl.col("timestamp").is_in(STAMPS[a:b].implode())), tables)
        for a, b in ((0, 100), (100, 200))
    ]
    assert not pl.concat(parts).sort("symbol", "timestamp").equals(FEW.compute(MARKET, tables))


def test_tables_in_pieces_carry_the_last_row_of_each_symbol(tmp_path: Path) -> None:
    features = FeatureSet([FEATURES.create("vix_change", window=1)])
    known = pl.concat([STAMPS.gather([3, 100, 120]), STAMPS.gather([50])])
    table = pl.DataFrame({"known_at": known, "symbol": ["A", "A", "A", "B"], "vix": [10.0, None, 30.0, 7.0]})
    expected = features.compute(MARKET, {"vix": table})
    for pieces in (True, False):
        found = in_chunks(features, [0, 2, 80, 110, BARS], {"vix": table}, tmp_path, pieces=pieces)
        assert_frame_equal(found, expected, check_exact=True)


def test_a_table_need_not_come_again_while_nothing_new_is_published(tables) -> None:
    features = FeatureSet([FEATURES.create("vix_level")])
    table = {"vix": tables["vix"].head(20)}
    state = features.start()
    cut = pl.col("timestamp") <= STAMPS[49]
    parts = [features.advance(state, MARKET.filter(cut), table), features.advance(state, MARKET.filter(~cut))]
    assert state.tables["vix"].height == 1
    assert_frame_equal(pl.concat(parts).sort("symbol", "timestamp"), features.compute(MARKET, table), check_exact=True)


def test_rows_that_come_late_are_refused(tables) -> None:
    features = FeatureSet([FEATURES.create("vix_level")])
    state = features.start()
    cut = pl.col("timestamp") <= STAMPS[49]
    features.advance(state, MARKET.filter(cut), {"vix": tables["vix"].head(20)})
    with pytest.raises(DataError, match=r"30 rows of side table 'vix' came late, first the one of 1970-01-01 00:21"):
        features.advance(state, MARKET.filter(~cut), tables)
    with pytest.raises(DataError, match="other columns than in the chunk before: known_at, symbol, vix"):
        features.advance(state, MARKET.filter(~cut), {"vix": tables["vix"].with_columns(symbol=pl.lit("A"))})
    again = pl.concat([tables["vix"].slice(60, 1), tables["vix"].slice(60, 1)])
    with pytest.raises(DataError, match="share known_at"):
        features.advance(state, MARKET.filter(~cut), {"vix": again})


def test_a_chunk_that_does_not_follow_is_refused_and_changes_nothing(tables) -> None:
    state = FEW.start()
    cut = pl.col("timestamp") <= STAMPS[99]
    FEW.advance(state, MARKET.filter(cut), tables)
    before = {symbol: state.copy_of(symbol) for symbol in state.symbols}
    late = MARKET.filter(pl.col("timestamp") >= STAMPS[99])
    with pytest.raises(
        DataError, match=r"begin after the end of the one before; 3 bars do not, the first A at"
    ) as error:
        FEW.advance(state, late, tables)
    assert error.value.rows is not None
    assert error.value.rows.height == 3
    with pytest.raises(DataError, match="must hold numbers"):
        FEW.advance(state, MARKET.filter(~cut).with_columns(close=pl.lit("high")), tables)
    for symbol, held in before.items():
        np.testing.assert_array_equal(state.of(symbol), held)
    whole = FEW.compute(MARKET, tables).filter(~cut)
    assert_frame_equal(FEW.advance(state, MARKET.filter(~cut), tables), whole, check_exact=True)


def test_a_stream_goes_on_where_chunks_ended_and_back(tables) -> None:
    features = FeatureSet([FEATURES.create("rsi"), FEATURES.create("bollinger")])
    whole = features.compute(MARKET)
    state = features.start()
    cut = STAMPS[99]
    features.advance(state, MARKET.filter(pl.col("timestamp") <= cut))
    stream = features.stream(state)
    middle = MARKET.filter(pl.col("timestamp").is_between(cut, STAMPS[119], closed="right")).sort("timestamp")
    for bar in middle.iter_rows(named=True):
        live = stream.update(bar["symbol"], bar)
        there = whole.filter(symbol=bar["symbol"], timestamp=bar["timestamp"]).select(features.outputs)
        np.testing.assert_array_equal(live, there.to_numpy()[0])
    last = features.advance(state, MARKET.filter(pl.col("timestamp") > STAMPS[119]))
    assert_frame_equal(last, whole.filter(pl.col("timestamp") > STAMPS[119]), check_exact=True)
    assert state.bars_seen("A") == BARS
    assert "3 symbols" in repr(state)


def test_the_state_of_others_is_refused(tmp_path: Path, tables) -> None:
    rsi = FeatureSet([FEATURES.create("rsi")])
    other = FeatureSet([FEATURES.create("rsi", window=7)])
    for use in (lambda: other.advance(rsi.start(), MARKET), lambda: other.stream(rsi.start(["A"]))):
        with pytest.raises(StoreError, match="that of other features"):
            use()
    state = rsi.start()
    state.save(tmp_path / "empty.npz")
    assert rsi.restore(tmp_path / "empty.npz").symbols == ()
    rsi.advance(state, MARKET)
    state.save(tmp_path / "state.npz")
    with pytest.raises(StoreError, match="other features, parameters or kernel code"):
        other.restore(tmp_path / "state.npz")
    entries = dict(np.load(tmp_path / "state.npz"))
    for change in ({"bars": np.zeros(1)}, {"panel": np.zeros(3)}, {"moment": np.array(["now"])}):
        np.savez(tmp_path / "bad.npz", **{**entries, **change})
        with pytest.raises(IntegrityError, match="no readable state"):
            rsi.restore(tmp_path / "bad.npz")
    with pytest.raises(DataError, match="unknown symbol 'D'"):
        state.bars_seen("D")


def test_naive_times_are_refused() -> None:
    for kind in (pl.Datetime("us"), pl.Date):
        with pytest.raises(DataError, match="carries no time zone"):
            FEW.compute(MARKET.with_columns(pl.col("timestamp").dt.replace_time_zone(None).cast(kind)))
