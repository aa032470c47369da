"""What is kept comes back equal; what is not of the key's kind is refused before it is kept."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.pipeline.codecs import FolderCodec, FrameCodec, FramesCodec, JsonCodec

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def through(codec, value, folder):
    folder.mkdir(parents=True)
    codec.save(value, folder)
    return codec.load(folder)


def test_a_frame_comes_back_and_gives_the_same_bytes_twice(tmp_path):
    frame = pl.DataFrame({"a": [1, None, 3], "b": [0.1, float("nan"), -0.0], "c": ["x", "é", None]})
    assert_frame_equal(through(FrameCodec(), frame, tmp_path / "1"), frame, check_exact=True)
    through(FrameCodec(), frame, tmp_path / "2")
    assert (tmp_path / "1/frame.parquet").read_bytes() == (tmp_path / "2/frame.parquet").read_bytes()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (3, "expected a polars DataFrame, got int"),
        (pl.DataFrame({"b": [1.0]}), "column 'a' is missing; it has b"),
        (pl.DataFrame({"a": [1.0]}), "column 'a' is Float64, expected Int64"),
    ],
)
def test_a_frame_of_another_shape_is_refused(value, fault):
    assert FrameCodec({"a": pl.Int64}).check(value) == fault
    assert FrameCodec({"a": pl.Int64}).check(pl.DataFrame({"a": [1], "more": ["x"]})) is None


def test_frames_come_back_by_name(tmp_path):
    frames = {"cpi": pl.DataFrame({"x": [1.0]}), "wti": pl.DataFrame({"y": ["a"]})}
    back = through(FramesCodec(), frames, tmp_path / "f")
    assert list(back) == ["cpi", "wti"]
    assert all(back[name].equals(frames[name]) for name in frames)
    assert "got list" in FramesCodec().check([1])
    assert "got int" in FramesCodec().check({"a": 1})


@given(value=PLAIN)
def test_plain_values_come_back(value):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        assert through(JsonCodec(), value, Path(folder) / "v") == value
    assert JsonCodec().check(value) is None


@given(value=PLAIN)
def test_what_is_handed_on_is_what_would_be_loaded(value):
    """The same value and the same order of keys, whether a run was killed between two stages or not."""
    import json
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        loaded = through(JsonCodec(), value, Path(folder) / "v")
    assert json.dumps(JsonCodec().as_loaded(value)) == json.dumps(loaded)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, {"a": object()}])
def test_what_is_no_json_is_refused(value):
    assert JsonCodec().check(value).startswith("not a plain JSON value")


def test_a_value_with_its_own_save_and_load(tmp_path):
    codec = FolderCodec(
        str,
        save=lambda value, folder: (folder / "t").write_text(value) and None,
        load=lambda folder: (folder / "t").read_text(),
    )
    assert through(codec, "hello", tmp_path / "t") == "hello"
    assert codec.check("x") is None
    assert codec.check(3) == "expected str, got int"


@pytest.mark.parametrize("cuts", [(1,), (100_000, 150_001), (7, 8, 9, 250_000)])
def test_how_a_frame_lies_in_memory_does_not_show_in_its_bytes(tmp_path, cuts):
    whole = pl.DataFrame({"a": pl.int_range(300_000, eager=True), "b": pl.Series(["x", "y", "z"] * 100_000)})
    pieces = pl.concat([whole.slice(a, b - a) for a, b in pairwise([0, *cuts, whole.height])], rechunk=False)
    assert pieces.n_chunks() > 1
    for name, frame in (("whole", whole), ("pieces", pieces)):
        (tmp_path / name).mkdir()
        FrameCodec().save(frame, tmp_path / name)
    kept = [(tmp_path / name / "frame.parquet").read_bytes() for name in ("whole", "pieces")]
    assert kept[0] == kept[1]
    # The control: written as it lies, it would show.
    pieces.write_parquet(tmp_path / "bare.parquet", compression="zstd", statistics=True)
    assert (tmp_path / "bare.parquet").read_bytes() != kept[0]
