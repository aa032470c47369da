from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError, IntegrityError, StoreError
from gnomon.core.files import observed
from gnomon.features import FEATURES, FeatureSet, FeatureSpec
from gnomon.kernels.base import kernel

FEW = FeatureSet([FEATURES.create(name) for name in ("rsi", "bollinger", "mfi", "stochastic")])


def columns_of(bars: pl.DataFrame, symbol: str, features: FeatureSet = FEW) -> np.ndarray:
    return np.stack([bars.filter(symbol=symbol)[name].to_numpy() for name in features.inputs])


def expected(bars: pl.DataFrame, symbol: str, features: FeatureSet = FEW) -> np.ndarray:
    return features.compute(bars).filter(symbol=symbol).select(features.outputs).to_numpy().T


def test_rows_arrays_and_blocks_give_one_result(bars: pl.DataFrame) -> None:
    stream = FEW.stream(["A", "B"])
    x = columns_of(bars, "A")
    rows = bars.filter(symbol="A").to_dicts()
    parts = [
        stream.extend("A", x[:, :50]),
        np.stack([stream.update("A", row) for row in rows[50:80]], axis=1),
        np.stack([stream.update("A", x[:, t]) for t in range(80, 100)], axis=1),
        np.stack([stream.update("A", x[:, t].tolist()) for t in range(100, 120)], axis=1),
        stream.extend("A", x[:, 120:]),
    ]
    assert all(part.dtype == np.float32 for part in parts)
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected(bars, "A"))
    assert stream.bars_seen("A") == 300
    assert stream.bars_seen("B") == 0


def test_side_tables_stream_under_their_full_names() -> None:
    features = FeatureSet([FEATURES.create("vix_change", window=1)])
    stream = features.stream(["A"])
    stream.update("A", {"vix.vix": 10.0})
    assert stream.update("A", {"vix.vix": 20.0, "close": 1.0})[0] == np.float32(np.log(20.0) - np.log(10.0))


def test_a_result_is_not_overwritten_by_the_next() -> None:
    stream = FEW.stream(["A"])
    first = stream.update("A", [1.0, 2.0, 1.0, 5.0])
    copy = first.copy()
    stream.update("A", [9.0, 9.0, 9.0, 9.0])
    np.testing.assert_array_equal(first, copy)


@pytest.mark.parametrize("cut", [0, 1, 17, 299])
def test_a_saved_state_goes_on_with_the_same_bits(cut: int, bars: pl.DataFrame, tmp_path: Path) -> None:
    before = FEW.stream(["A", "B"])
    xs = {symbol: columns_of(bars, symbol) for symbol in ("A", "B")}
    head = {symbol: before.extend(symbol, x[:, :cut]) for symbol, x in xs.items()}
    before.save(tmp_path / "state.npz")
    # The symbols may stand in another order.
    after = FEW.stream(["B", "A"])
    after.load(tmp_path / "state.npz")
    for symbol, x in xs.items():
        assert after.bars_seen(symbol) == cut
        found = np.concatenate([head[symbol], after.extend(symbol, x[:, cut:])], axis=1)
        np.testing.assert_array_equal(found, expected(bars, symbol))


def test_a_state_is_data_only_and_always_the_same_bytes(bars: pl.DataFrame, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        stream = FEW.stream(["A"])
        stream.extend("A", columns_of(bars, "A"))
        stream.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as saved:
        assert {"bars", "fingerprint", "format", "states", "symbols"} < set(saved)


def test_a_failed_save_leaves_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    stream = FEW.stream(["A"])
    stream.save(path)
    old = path.read_bytes()
    stream.update("A", [1.0, 2.0, 3.0, 4.0])

    def full(operation: str, _: Path) -> None:
        if operation == "fsync":
            raise OSError(28, "no space left on device")

    with observed(full), pytest.raises(OSError, match="no space"):
        stream.save(path)
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_state_is_refused_and_changes_nothing(bars: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    source = FEW.stream(["A"])
    source.extend("A", columns_of(bars, "A"))
    source.save(path)
    whole = bytearray(path.read_bytes())
    chance = np.random.default_rng(5)
    stream = FEW.stream(["A"])
    accepted = 0
    for _ in range(60):
        place, bit = int(chance.integers(len(whole))), 1 << int(chance.integers(8))
        flipped = bytearray(whole)
        flipped[place] ^= bit
        path.write_bytes(flipped)
        try:
            stream.load(path)
        except StoreError:
            continue
        # A few bits of a zip carry nothing (a time stamp, a flag): then the state must be the true one.
        accepted += 1
        np.testing.assert_array_equal(stream.state.of("A"), source.state.of("A"))
    assert accepted < 30
    for cut in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(IntegrityError, match="no readable state"):
            stream.load(path)
    fresh = FEW.stream(["A"])
    path.write_bytes(whole[:100])
    with pytest.raises(IntegrityError):
        fresh.load(path)
    assert fresh.bars_seen("A") == 0


def test_a_state_of_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    FEW.stream(["A"]).save(path)
    with pytest.raises(StoreError, match="other features, parameters or kernel code"):
        FeatureSet([FEATURES.create("rsi")]).stream(["A"]).load(path)
    with pytest.raises(StoreError, match="other symbols than this stream: A, B stand in one only"):
        FEW.stream(["B"]).load(path)
    with pytest.raises(FileNotFoundError):
        FEW.stream(["A"]).load(tmp_path / "none.npz")
    entries = dict(np.load(path))
    for change, error in (({"format": np.array(1)}, "format 1"), ({"states": np.zeros((1, 2))}, "shape")):
        np.savez(path, **{**entries, **change})
        with pytest.raises(StoreError, match=error):
            FEW.stream(["A"]).load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format.npy", b"nothing")
    with pytest.raises(IntegrityError):
        FEW.stream(["A"]).load(path)


def test_bad_bars_are_refused_and_change_nothing() -> None:
    stream = FEW.stream(["AAPL"])
    for bar, message in (
        ({"close": 1.0}, "the bar of AAPL lacks"),
        (dict.fromkeys(FEW.inputs, "12.5"), "must be a number, was '12.5'"),
        (dict.fromkeys(FEW.inputs, ()), "must be a number"),
        ([1.0], "must hold 4 numbers"),
    ):
        with pytest.raises(DataError, match=message):
            stream.update("AAPL", bar)
    with pytest.raises(DataError, match="unknown symbol 'APPL'; did you mean 'AAPL'"):
        stream.update("APPL", [1.0] * 4)
    with pytest.raises(DataError, match="4 inputs, bars"):
        stream.extend("AAPL", np.zeros((2, 5)))
    assert stream.bars_seen("AAPL") == 0
    for symbols in ([], ["A", "A"]):
        with pytest.raises(ConfigError, match="each once"):
            FEW.stream(symbols)


def test_none_is_a_missing_value_and_a_moment_is_its_microseconds() -> None:
    @kernel(outputs=2, state_size=lambda p: 0)
    def passes(s, x, c, out, p):
        for t in range(x.shape[1]):
            out[0, t] = x[c[0], t] % 1e7
            out[1, t] = x[c[1], t]

    spec = FeatureSpec(
        name="now", inputs=("timestamp", "size"), outputs=("stamp", "size_value"), kernel=passes, warmup=0, reference=""
    )
    stream = FeatureSet([spec]).stream(["A"])
    stamp, size = stream.update("A", {"timestamp": datetime(1970, 1, 1, 0, 0, 4, 5, tzinfo=UTC), "size": None})
    assert stamp == 4_000_005.0
    assert np.isnan(size)
    with pytest.raises(DataError, match="must carry a time zone"):
        stream.update("A", {"timestamp": datetime(1970, 1, 1), "size": 1})
