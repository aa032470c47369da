from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.hashing import CHUNK, canonical_json, hash_bytes, hash_file, hash_tree, hash_value

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def test_known_hashes() -> None:
    assert hash_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_value(None) == hashlib.sha256(b"null").hexdigest()


def test_a_file_longer_than_a_piece(tmp_path: Path) -> None:
    data = os.urandom(CHUNK + 17)
    (tmp_path / "file").write_bytes(data)
    assert hash_file(tmp_path / "file") == hash_bytes(data)


@given(PLAIN)
def test_one_spelling_that_reads_back(value) -> None:
    assert json.loads(canonical_json(value)) == value
    assert hash_value(value) == hash_value(json.loads(canonical_json(value)))


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_count(value: dict[str, int]) -> None:
    assert hash_value(value) == hash_value(dict(reversed(value.items())))


def test_what_is_not_plain_is_refused() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON compliant"):
            hash_value(value)
    with pytest.raises(TypeError):
        hash_value({"path": Path("x")})


def test_a_tree_is_its_names_and_bytes(tmp_path: Path) -> None:
    def tree(name: str, files: dict[str, bytes]) -> str:
        for path, data in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(data)
        return hash_tree(tmp_path / name)

    one = tree("one", {"a": b"1", "sub/b": b"2"})
    same = tree("same", {"sub/b": b"2", "a": b"1"})
    os.utime(tmp_path / "same" / "a", (0, 0))
    assert hash_tree(tmp_path / "same") == same == one
    others = [
        tree("bytes", {"a": b"1", "sub/b": b"3"}),
        tree("name", {"a": b"1", "sub/c": b"2"}),
        tree("place", {"a": b"1", "b": b"2"}),
        tree("more", {"a": b"1", "sub/b": b"2", "c": b""}),
    ]
    assert len({one, *others}) == 5
