"""Strict YAML: what means what, what is refused, and that every value knows its place."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gnomon.config import yaml
from gnomon.core.errors import ConfigError


def value(text: str) -> Any:
    return yaml.plain(yaml.parse(f"v: {text}"))["v"]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'010'", "010"),
        ('"a\\tb"', "a\tb"),
        ("{a: [1, x]}", {"a": [1, "x"]}),
    ],
)
def test_yaml_1_2_means_what_it_says(text: str, meaning: Any) -> None:
    found = value(text)
    assert found == meaning
    assert type(found) is type(meaning)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' stands twice, first at f.yaml:1:1"),
        ("a: 010", "f.yaml:1:4: 010 is octal to some readers"),
        ("a: 99999999999999999999", "does not fit into 64 bits"),
        ("a: 1e999", "too large"),
        ("a: .nan", ".nan is no value"),
        ("'a ': 1", "blank at its start or end; write 'a'"),
        ("s\u0435ed: 1", "U+0435 only looks like a letter of 'seed'"),
        ("\uff53eed: 1", "look-alike characters; write 'seed'"),
        ("se\u200bed: 1", "unseen character U+200B; write 'seed'"),
        ("a:\n\tb: 1", "f.yaml:2:1: a tab stands where blanks belong"),
        ("a:\n  b: 1\n c: 2", "f.yaml:3:2: the indentation does not fit"),
        ("a: b: c", "f.yaml:1:5: a second ': ' on one line"),
        ("a: !!python/name:os.system x", "tags"),
        ("a: *b", "the alias *b has no anchor"),
        ("a: &x [*x]", "the alias *x has no anchor"),
        ("<<: {a: 1}", "merge keys"),
        ("1: a", "the key 1 is not text"),
        ("[a]: 1", "a key is a word"),
        ("'': 1", "is empty"),
        ("---\na: 1\n---\nb: 1", "f.yaml:3:1: a second document"),
        ("%YAML 1.1\n---\na: 1", "YAML 1.2"),
        ("a: \x07", "U+0007"),
        (r'a: "\ud823\udcd6"', "half a character"),
        ("a: 'x", "f.yaml:1"),
        ("a: [1, 2", "f.yaml:1"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 40"),
    ],
)
def test_what_is_refused_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        yaml.parse(text, file="f.yaml")
    assert message in str(error.value)
    assert "f.yaml:" in str(error.value)


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="more than 50000 values"):
        yaml.parse("\n".join(lines))


def test_an_alias_repeats_its_value() -> None:
    assert yaml.plain(yaml.parse("a: &x {b: 1}\nc: *x")) == {"a": {"b": 1}, "c": {"b": 1}}


def test_every_key_and_value_knows_its_line() -> None:
    tree = yaml.parse("a:\n  b: 1\n  c: [x,\n      y]\n", file="f.yaml", layer="base")
    assert isinstance(tree, yaml.Mapping)
    section = tree.entries["a"]
    assert isinstance(section, yaml.Mapping)
    assert str(section.keys["c"]) == "f.yaml:3:3"
    items = section.entries["c"]
    assert isinstance(items, yaml.Sequence)
    assert (items.items[1].mark.line, items.items[1].mark.column) == (4, 7)


def test_an_empty_document_is_none() -> None:
    assert yaml.parse("") is None
    assert yaml.parse("# only words\n") is None


def test_a_file_is_bounded_and_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert yaml.plain(yaml.read(path, layer="base")) == {"a": 1}
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"f.yaml:2: is not UTF-8"):
        yaml.read(path, layer="base")
    path.write_bytes(b"a" * (yaml.MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        yaml.read(path, layer="base")
    with pytest.raises(ConfigError, match="larger than"):
        yaml.parse("a" * (yaml.MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="cannot be read"):
        yaml.read(tmp_path, layer="base")


KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="_ .-"), min_size=1).filter(
    lambda key: yaml.key_fault(key) is None
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    st.sampled_from(
        ["no", "010", "1e3", "12:30", "", " x", "a: b", "- a", "#", "null", ".inf", "x\ty", "a\nb", "${V}"]
    ),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_dumped_is_read_back_by_us_and_by_others(values: dict[str, Any]) -> None:
    text = yaml.dump(values)
    assert (yaml.plain(yaml.parse(text)) or {}) == values
    assert (YAML(typ="safe", pure=True).load(text) or {}) == values
    assert yaml.dump(values) == text


def test_only_plain_values_are_dumped() -> None:
    with pytest.raises(TypeError, match="plain values, not object"):
        yaml.dump({"a": object()})


@given(st.text(max_size=60))
def test_any_text_is_a_tree_or_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        yaml.parse(text)
