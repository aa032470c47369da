"""Mutated configurations: each means the same, or is refused with file and key; none is accepted in silence.

The harness's control is a loader that ignores what it does not know, as many do: it must be caught.
"""

from __future__ import annotations

import random
import re
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gnomon.config import yaml
from gnomon.config.components import check_components
from gnomon.config.diff import flat
from gnomon.config.loader import defaults, resolve
from gnomon.config.resolved import masked
from gnomon.core.errors import ConfigError

FILE = "gnomon.yaml"
KEY = re.compile(r"^(\s*)([a-z_]+):", re.MULTILINE)
Builders = dict[str, Callable[..., object]]
Loader = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Mutation:
    kind: str
    text: str
    line: int
    key: str
    typo: bool = False
    """Whether the message must name `key` as what was meant."""


def load(text: str, builders: Builders) -> dict[str, Any]:
    """What `gnomon config check` does, from text."""
    layers = [node for node in (defaults(), yaml.parse(text, file=FILE, layer="base")) if node is not None]
    if not all(isinstance(layer, yaml.Mapping) for layer in layers):
        raise ConfigError(f"{FILE}: not a section")
    loaded = resolve(layers, {})  # type: ignore[arg-type]
    check_components(loaded, builders)
    return masked(loaded.config)


def ignoring(text: str, builders: Builders) -> dict[str, Any]:
    """The control: a loader that drops each unknown key and goes on."""
    for _ in range(5):
        try:
            return load(text, builders)
        except ConfigError as error:
            found = re.search(rf"{FILE}:(\d+):\d+: unknown key", str(error))
            if not found:
                raise
            lines = text.split("\n")
            del lines[int(found[1]) - 1]
            text = "\n".join(lines)
    raise ConfigError(f"{FILE}: too many")


def mutate(text: str, rng: random.Random) -> Mutation:
    """One random mutation of one line that holds a key."""
    lines = text.split("\n")
    number = rng.choice([index for index, line in enumerate(lines) if KEY.match(line)])
    line = lines[number]
    found = KEY.match(line)
    assert found is not None
    indent, key = found.groups()
    value = line[found.end() :].strip()
    kind = rng.choice(list(MUTATIONS))
    changed, typo = MUTATIONS[kind](rng, indent, key, value)
    lines[number] = changed
    return Mutation(kind, "\n".join(lines), number + 1, key, typo and key not in CHOSEN_BY_THE_PERSON)


CHOSEN_BY_THE_PERSON = {"quick", "first"}
"""Names that a person gives: any other name is as good."""


def _typo(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    at = rng.randrange(len(key))
    wrong = rng.choice(
        [
            key[:at] + key[at + 1 :],
            key[:at] + rng.choice(string.ascii_lowercase) + key[at:],
            key[:at] + rng.choice(string.ascii_lowercase) + key[at + 1 :],
            key[: at - 1] + key[at] + key[at - 1] + key[at + 1 :] if at else key + key[-1],
        ]
    )
    return f"{indent}{wrong}: {value}".rstrip(), wrong != key and bool(wrong)


def _wrong_type(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    if value == "":
        return f"{indent}{key}: {rng.choice(['3', 'text', '[1, 2]', 'true'])}\n{indent}x_rest:", False
    meaning = yaml.plain(yaml.parse(f"v: {value}"))["v"]
    wrong = {
        bool: ["maybe", "no", "1", "[true]", "'true'", "{a: 1}"],
        int: ["many", "true", "[1]", "{a: 1}", "'7'", "1.5.2"],
        float: ["much", "true", "[1]", "{a: 1}", "'0.5'", "0,5"],
        str: ["3", "true", "[x, 3]", "{a: b}", "1.5"],
        list: ["some", "3", "{a: 1}", "[{a: 1}]", "[[1]]"],
    }[type(meaning)]
    return f"{indent}{key}: {rng.choice(wrong)}", False


def _twice(_rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    return f"{indent}{key}: 1\n{indent}{key}: {value}", False


def _blank(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    blank = rng.choice([" ", "  ", "\t", "\u00a0", "\u2003", "\u200b", "\ufeff"])
    inside = rng.choice([f"{key}{blank}", f"{blank}{key}"])
    return f'{indent}"{inside}": {value}'.rstrip(), True


def _tab(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    return rng.choice(
        [f"\t{indent}{key}: {value}", f"{indent[:-1]}\t{key}: {value}", f"{indent}{key}:\t{value}"]
    ), False


def _indentation(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    width = rng.choice([n for n in range(len(indent) + 5) if n != len(indent)])
    return f"{' ' * width}{key}: {value}".rstrip(), False


def _huge(rng: random.Random, indent: str, key: str, _value: str) -> tuple[str, bool]:
    number = rng.choice(
        ["9" * 20, "9" * 5000, "-" + "9" * 30, "1e400", "0x" + "f" * 30, "010", "0o777777777777777777777777"]
    )
    return f"{indent}{key}: {number}", False


def _not_finite(rng: random.Random, indent: str, key: str, _value: str) -> tuple[str, bool]:
    return f"{indent}{key}: {rng.choice(['.nan', '.NaN', 'NaN', 'nan', '-.inf', 'Infinity', '1e999'])}", False


def _alphabet(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    twins = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "p": "\u0440", "c": "\u0441", "x": "\u0445", "i": "\u0456"}
    at = rng.randrange(len(key))
    letter = key[at]
    other = rng.choice(
        [twins.get(letter, "\u0444"), chr(ord(letter) - 0x61 + 0xFF41), letter + "\u0301", "\u202e" + letter]
    )
    return f"{indent}{key[:at]}{other}{key[at + 1 :]}: {value}".rstrip(), letter != "_" and other != "\u0444"


def _garbage(rng: random.Random, indent: str, key: str, value: str) -> tuple[str, bool]:
    junk = rng.choice(
        ['"', "'", "[", "}", "&a", "*a", "!!int ", "? ", "- ", "| ", "%", "@", "\x07", "\x00", ": ", "${", "#"]
    )
    return rng.choice(
        [f"{indent}{junk}{key}: {value}", f"{indent}{key}: {junk}{value}", f"{indent}{key}{junk}: {value}"]
    ), False


MUTATIONS: dict[str, Callable[[random.Random, str, str, str], tuple[str, bool]]] = {
    "typo": _typo,
    "wrong type": _wrong_type,
    "twice": _twice,
    "blank": _blank,
    "tab": _tab,
    "indentation": _indentation,
    "huge": _huge,
    "not finite": _not_finite,
    "alphabet": _alphabet,
    "garbage": _garbage,
}


def honoured(text: str, values: dict[str, Any]) -> bool:
    """Whether every leaf that stands in the text stands in the result with the same value, by another reader."""
    from ruamel.yaml import YAML

    written = dict(flat(YAML(typ="safe", pure=True).load(text)))
    there = dict(flat(values))
    missing = object()
    return all(_alike(value, there.get(key, missing)) for key, value in written.items())


def _alike(written: Any, there: Any) -> bool:
    if isinstance(written, list) and isinstance(there, list):
        return len(written) == len(there) and all(map(_alike, written, there))
    if isinstance(written, dict) and isinstance(there, dict):
        return all(_alike(value, there.get(key)) for key, value in written.items())
    if isinstance(there, str) and there[:4].isdigit():
        return str(written)[:10] == there[:10]
    return bool(written == there) and isinstance(written, bool) == isinstance(there, bool)


def judge(mutation: Mutation, original: dict[str, Any], loader: Loader) -> str:
    """ "equal", "honoured", "refused" and "named" are right; "silent", "unplaced" and "crash" are not."""
    try:
        values = loader(mutation.text)
    except ConfigError as error:
        message = str(error)
        if FILE not in message:
            return "unplaced"
        if mutation.typo:
            return "named" if re.search(rf"\b{mutation.key}\b", message) else "unnamed"
        return "refused"
    except Exception:  # noqa: BLE001 - a crash is what the harness counts
        return "crash"
    if values == original:
        return "equal"
    # A mutation that a person may have meant (another name, another number) counts only when all of it is honoured.
    return "honoured" if not mutation.typo and honoured(mutation.text, values) else "silent"


def run(count: int, seed: int, text: str, loader: Loader) -> tuple[Counter[str], list[tuple[str, Mutation]]]:
    rng = random.Random(seed)
    original = loader(text)
    outcomes: Counter[str] = Counter()
    bad = []
    for _ in range(count):
        mutation = mutate(text, rng)
        outcome = judge(mutation, original, loader)
        outcomes[outcome] += 1
        if outcome not in {"equal", "honoured", "refused", "named"}:
            bad.append((outcome, mutation))
    return outcomes, bad


def assert_refused_in_words(count: int, seed: int, text: str, builders: Builders) -> None:
    outcomes, bad = run(count, seed, text, lambda mutated: load(mutated, builders))
    shown = [(outcome, m.kind, m.key, m.text.split("\n")[m.line - 1]) for outcome, m in bad[:30]]
    assert not outcomes["crash"], shown
    assert not outcomes["silent"], shown
    assert not outcomes["unplaced"], shown
    assert outcomes["unnamed"] <= 0.01 * (outcomes["named"] + outcomes["unnamed"]), shown
    # The harness is worth something only when most mutations really break something.
    assert outcomes["named"] + outcomes["refused"] > 0.7 * count, outcomes


def test_600_mutated_configs_are_refused_in_words(workspace_text: str, builders: Builders) -> None:
    assert_refused_in_words(600, 20, workspace_text, builders)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(5))
def test_5000_mutated_configs_are_refused_in_words(seed: int, workspace_text: str, builders: Builders) -> None:
    assert_refused_in_words(1000, 100 + seed, workspace_text, builders)


def test_control_a_loader_that_ignores_unknown_keys_is_caught(workspace_text: str, builders: Builders) -> None:
    outcomes, _ = run(120, 20, workspace_text, lambda mutated: ignoring(mutated, builders))
    assert outcomes["silent"] > 5
