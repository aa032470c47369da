"""Strict YAML 1.2: text to values that each know their file, line and column.

What other readers guess at is refused here with a word: a key that stands twice, `010`, a tag, a merge key, a key with
a blank at its end or a letter of another alphabet. `1e-3` is a number, `no`, `12:30` and `2020-01-01` are text.
"""

from __future__ import annotations

import math
import re
import unicodedata
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnomon.core.errors import ConfigError

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_VALUES = 50_000
"""Values after aliases are followed: an alias may repeat a part, not explode it."""

NULL = re.compile(r"~|null|Null|NULL|")
TRUE = re.compile(r"true|True|TRUE")
FALSE = re.compile(r"false|False|FALSE")
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
NAN = re.compile(r"\.(nan|NaN|NAN)")
PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*")
"""Text that is written without quotes; whatever else is quoted."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where something stands: the layer, the file (or the option) and, counted from 1, line and column."""

    layer: str
    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` as written and `plain` when it stood without quotes. It may be a secret: not in `repr`."""

    value: str | int | float | bool | None = field(repr=False)
    text: str = field(repr=False)
    plain: bool
    mark: Mark


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Mapping:
    """A section: entries by key, and where each key stands."""

    entries: dict[str, Node]
    keys: dict[str, Mark]
    mark: Mark


Node = Scalar | Sequence | Mapping


def parse(text: str, *, file: str = "<text>", layer: str = "text") -> Node | None:
    r"""The values of one YAML document, None when it is empty. Raises ConfigError with file, line and column.

    >>> plain(parse("rate: 1e-3\nanswer: no\nstart: 2020-01-01"))
    {'rate': 0.001, 'answer': 'no', 'start': '2020-01-01'}
    """
    return _Reader(file=file, layer=layer).read(text)


def read(path: Path, *, layer: str) -> Node | None:
    """As `parse`, from a UTF-8 file of at most 1 MiB."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_BYTES} bytes, which no configuration needs; is it the right file?"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    return parse(text, file=str(path), layer=layer)


def plain(node: Node | None) -> Any:
    """The bare values: dict, list, str, int, float, bool, None."""
    match node:
        case Mapping():
            return {key: plain(entry) for key, entry in node.entries.items()}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value
    return None


def resolve(text: str, mark: Mark) -> str | int | float | bool | None:
    """What a scalar without quotes means by YAML 1.2's core schema. Raises ConfigError for what has two meanings."""
    if NULL.fullmatch(text):
        return None
    if TRUE.fullmatch(text):
        return True
    if FALSE.fullmatch(text):
        return False
    if LEADING_ZERO.fullmatch(text):
        digits = text.lstrip("+-0") or "0"
        raise ConfigError(f"{mark}: {text} is octal to some readers and decimal to others; write {digits} or '{text}'")
    if INTEGER.fullmatch(text) or BASED.fullmatch(text):
        if len(text) > 24 or not -(2**63) <= (number := int(text, 10 if INTEGER.fullmatch(text) else 0)) < 2**63:
            raise ConfigError(f"{mark}: the number {text[:24]}... does not fit into 64 bits")
        return number
    if NUMBER.fullmatch(text):
        if math.isinf(value := float(text)):
            raise ConfigError(f"{mark}: the number {text[:24]} is too large; write .inf where no limit is meant")
        return value
    if INFINITY.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    if NAN.fullmatch(text):
        raise ConfigError(f"{mark}: .nan is no value of any key; leave the key out or write null")
    return text


def dump(value: Any, *, indent: int = 0) -> str:
    """Plain values as YAML that `parse` reads back to the same values, always in the same bytes.

    >>> print(dump({"a": {"rate": 0.001, "answer": "no"}, "b": [1, "x"]}), end="")
    a:
      rate: 0.001
      answer: no
    b: [1, x]
    """
    blanks = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, entry in value.items():
            if _is_block(entry):
                lines.append(f"{blanks}{_text(key)}:\n{dump(entry, indent=indent + 1)}")
            else:
                lines.append(f"{blanks}{_text(key)}: {_flow(entry)}\n")
        return "".join(lines)
    if isinstance(value, list) and _is_block(value):
        lines = []
        for item in value:
            if _is_block(item):
                body = dump(item, indent=indent + 1)
                lines.append(f"{blanks}- {body[2 * (indent + 1) :]}")
            else:
                lines.append(f"{blanks}- {_flow(item)}\n")
        return "".join(lines)
    return f"{blanks}{_flow(value)}\n"


def _is_block(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and any(isinstance(item, dict | list) and item for item in value)


def _flow(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            if math.isinf(value):
                return ".inf" if value > 0 else "-.inf"
            return repr(value)
        case int():
            return str(value)
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(_flow(item) for item in value)}]"
        case dict():
            return "{}"
    raise TypeError(f"YAML holds plain values, not {type(value).__name__}")


def _text(text: str) -> str:
    if PLAIN.fullmatch(text) and not _means_something_else(text):
        return text
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(char: str) -> str:
    """A character inside double quotes; what cannot be seen is escaped, so that no reader can stumble."""
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _means_something_else(text: str) -> bool:
    try:
        return not isinstance(resolve(text, Mark("", "")), str)
    except ConfigError:
        return True


@dataclass
class _Reader:
    """Builds the tree from the parser's events, one document, and counts what it builds."""

    file: str
    layer: str
    values: int = 0
    anchors: dict[str, tuple[Node, int]] = field(default_factory=dict)

    def read(self, text: str) -> Node | None:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError, YAMLError
        from ruamel.yaml.reader import ReaderError

        if len(text) > MAX_BYTES:
            raise ConfigError(f"{self.file} is larger than {MAX_BYTES} bytes, which no configuration needs")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._document(iter(YAML(typ="safe", pure=True).parse(text)))
        except MarkedYAMLError as error:
            at = self._mark(error.problem_mark or error.context_mark)
            raise ConfigError(f"{at}: {_explain(str(error.problem or error.context or 'not YAML'))}") from None
        except ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise ConfigError(
                f"{self.file}:{line}: the character {_point(error.character)} may not stand in YAML"
            ) from None
        except (YAMLError, ValueError, IndexError, AttributeError, TypeError, OverflowError) as error:
            # The parser answers some broken escapes and directives with its own accidents.
            raise ConfigError(f"{self.file}: is not YAML that can be read ({type(error).__name__})") from None

    def _document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            match type(event).__name__:
                case "DocumentStartEvent":
                    documents += 1
                    if documents > 1:
                        raise ConfigError(
                            f"{self._mark(event.start_mark)}: a second document starts here; keep one a file"
                        )
                    if event.version not in (None, (1, 2)):
                        raise ConfigError(
                            f"{self._mark(event.start_mark)}: Gnomon reads YAML 1.2; remove the directive"
                        )
                case "ScalarEvent" | "AliasEvent" | "MappingStartEvent" | "SequenceStartEvent":
                    root = self._node(event, events, depth=0)
        empty = isinstance(root, Scalar) and root.plain and root.text == ""
        return None if empty else root

    def _mark(self, mark: Any) -> Mark:
        return Mark(self.layer, self.file, mark.line + 1, mark.column + 1) if mark else Mark(self.layer, self.file)

    def _node(self, event: Any, events: Iterator[Any], *, depth: int) -> Node:
        mark = self._mark(event.start_mark)
        self._count(1, mark)
        if type(event).__name__ == "AliasEvent":
            if event.anchor not in self.anchors:
                raise ConfigError(f"{mark}: the alias *{event.anchor} has no anchor before it")
            node, size = self.anchors[event.anchor]
            self._count(size, mark)
            return node
        if event.ctag is not None:
            raise ConfigError(f"{mark}: tags ({event.ctag}) are not read; write the plain value")
        if depth > MAX_DEPTH:
            raise ConfigError(f"{mark}: nested deeper than {MAX_DEPTH} levels")
        before = self.values
        match type(event).__name__:
            case "ScalarEvent":
                bare = event.style is None
                if any("\ud800" <= char <= "\udfff" for char in event.value):
                    raise ConfigError(f"{mark}: holds half a character (a lone surrogate); write it in full")
                node = Scalar(resolve(event.value, mark) if bare else event.value, event.value, bare, mark)
            case "SequenceStartEvent":
                node = Sequence(tuple(self._items(events, "SequenceEndEvent", depth)), mark)
            case _:
                node = self._mapping(events, mark, depth)
        if event.anchor:
            self.anchors[event.anchor] = (node, self.values - before)
        return node

    def _items(self, events: Iterator[Any], end: str, depth: int) -> Iterator[Node]:
        for event in events:
            if type(event).__name__ == end:
                return
            yield self._node(event, events, depth=depth + 1)

    def _mapping(self, events: Iterator[Any], mark: Mark, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for key_node in (items := self._items(events, "MappingEndEvent", depth)):
            key = self._key(key_node)
            if key in entries:
                raise ConfigError(f"{key_node.mark}: the key '{key}' stands twice, first at {keys[key]}; keep one")
            keys[key] = key_node.mark
            entries[key] = next(items)
        return Mapping(entries, keys, mark)

    def _key(self, node: Node) -> str:
        if not isinstance(node, Scalar):
            raise ConfigError(f"{node.mark}: a key is a word, not a list or a section")
        if not isinstance(node.value, str):
            raise ConfigError(f"{node.mark}: the key {node.text or 'null'} is not text; quote it: '{node.text}'")
        if node.plain and node.value == "<<":
            raise ConfigError(f"{node.mark}: merge keys (<<) are not YAML 1.2; write the keys out")
        if fault := key_fault(node.value):
            raise ConfigError(f"{node.mark}: the key {node.value!a} {fault}")
        return node.value

    def _count(self, count: int, mark: Mark) -> None:
        self.values += count
        if self.values > MAX_VALUES:
            raise ConfigError(f"{mark}: more than {MAX_VALUES} values, aliases followed; no configuration needs that")


def key_fault(key: str) -> str | None:
    """What is wrong with a key's spelling, or None: blanks around it, unseen characters, mixed alphabets.

    >>> key_fault("seed ")
    "has a blank at its start or end; write 'seed'"
    >>> key_fault("s\N{CYRILLIC SMALL LETTER IE}ed")
    "mixes alphabets: U+0435 only looks like a letter of 'seed'"
    """
    if not key:
        return "is empty; name it"
    straight = latinised(key)
    if key != key.strip():
        return f"has a blank at its start or end; write {straight!a}"
    for char in key:
        if char != " " and unicodedata.category(char) in _UNSEEN:
            return f"holds the unseen character U+{ord(char):04X}; write {straight!a}"
    if unicodedata.normalize("NFC", key) != unicodedata.normalize("NFKC", key):
        return f"holds look-alike characters; write {straight!a}"
    alphabets = {unicodedata.name(char, "").split(" ")[0]: char for char in key if char.isalpha()}
    if len(alphabets) > 1 and "LATIN" in alphabets:
        foreign = next(char for name, char in alphabets.items() if name != "LATIN")
        return f"mixes alphabets: U+{ord(foreign):04X} only looks like a letter of '{straight}'"
    return None


_LOOK_ALIKES = str.maketrans(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u0501\u051b\u051d\u03b1\u03b5\u03b9\u03bf\u03c1\u03c5\u03bd\u03ba\u03c4\u043a\u0442\u043c\u043d\u0432",
    "aceopxyijsdqwaeiopuvktktmhb",
)


_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp", "Cs", "Co", "Cn"}
"""Unicode categories: controls, formats, blanks other than the plain one, surrogates, what is not assigned."""


def latinised(key: str) -> str:
    """The key as it was most likely meant: accents off, unseen characters out, look-alikes by their Latin letters.

    >>> latinised("s\N{CYRILLIC SMALL LETTER IE}\N{LATIN SMALL LETTER E WITH ACUTE}d ")
    'seed'
    """
    letters = unicodedata.normalize("NFKD", key).translate(_LOOK_ALIKES)
    return "".join(c for c in letters if c == " " or unicodedata.category(c) not in _UNSEEN | {"Mn"}).strip()


def _point(character: int | str | bytes) -> str:
    return f"U+{character if isinstance(character, int) else ord(character):04X}"


def _explain(problem: str) -> str:
    if "\\t" in problem:
        return "a tab stands where blanks belong; YAML indents with blanks only"
    if problem == "mapping values are not allowed here":
        return "a second ': ' on one line, or a wrong indentation; quote the text, or align the key with its neighbours"
    if "expected <block end>" in problem:
        return "the indentation does not fit; align the key with its neighbours"
    return f"not YAML: {problem}"
