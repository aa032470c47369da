"""Secrets stay inside: values that were registered here are blotted out of any text on its way out.

A registered value is known in the forms it usually leaks in (raw, URL-encoded, base64 at each alignment, hex, as JSON
or Python would escape it) and by its first 8 characters, so that a truncated one is found too.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "**********"
PREFIX = 8
SHORTEST = 4
"""Values under this length are not looked for in texts: they would blot out half of the words."""

_ALWAYS = {"secret", "secrets", "password", "passwd", "passphrase", "pwd", "credential", "credentials", "apikey"}
_AT_THE_END = {"key", "token", "auth", "authorization", "bearer", "signature"}
_ABOUT_A_SECRET = {"env", "file", "path", "name", "column", "columns", "length", "count"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_forms: dict[str, set[str]] = {}
"""What is looked for, by its first characters."""


def looks_secret(name: str) -> bool:
    """Whether a key or a variable is named like something that holds a secret.

    >>> [looks_secret(name) for name in ("api_key", "apiToken", "DB_PASSWORD", "key_column", "password_file", "seed")]
    [True, True, True, False, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT_A_SECRET:
        return False
    return words[-1] in _AT_THE_END or not _ALWAYS.isdisjoint(words)


def register_secret(value: str) -> None:
    """From now on `redact` blots this value out, in whatever form it comes."""
    if len(value) < SHORTEST:
        return
    raw = value.encode("utf-8", "surrogatepass")
    quoted = (quote(raw, safe=""), quote(raw), quote_plus(raw))
    for form in (
        value,
        *quoted,
        *(re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text) for text in quoted),
        raw.hex(),
        raw.hex().upper(),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        *_base64_forms(raw),
    ):
        if len(form) >= SHORTEST:
            _forms.setdefault(form[:PREFIX], set()).add(form)
    _prefixes.cache_clear()


def forget_secrets() -> None:
    """Forgets every registered value: for tests."""
    _forms.clear()
    _prefixes.cache_clear()


def redact(text: str) -> str:
    """The text with every registered secret, and every part of one that starts at its first 8 characters, masked.

    >>> register_secret("correct-horse-battery")
    >>> redact("sent correct-horse-battery, then correct-horse")
    'sent **********, then **********'
    >>> forget_secrets()
    """
    if not _forms:
        return text
    pieces, done = [], 0
    while (found := _prefixes().search(text, done)) is not None:
        pieces += [text[done : found.start()], MASK]
        # Secrets may share their first characters: the one that reaches furthest is meant.
        rest = text[found.start() : found.start() + _longest()]
        done = found.start() + max(_common(form, rest) for form in _forms[found[0]])
    return "".join([*pieces, text[done:]])


@functools.cache
def _prefixes() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(prefix) for prefix in sorted(_forms, key=len, reverse=True)))


def _longest() -> int:
    return max(len(form) for forms in _forms.values() for form in forms)


def _common(a: str, b: str) -> int:
    return next((index for index, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def redact_values(value: Any, *, name: str = "") -> Any:
    """A plain value with its texts redacted; whatever stands under a key that looks secret is masked whole."""
    if isinstance(value, Mapping):
        return {key: redact_values(inner, name=str(key)) for key, inner in value.items()}
    if name != "key" and looks_secret(name) and value is not None:
        # A bare "key" names a dictionary's or a stage's key far more often than a secret.
        return MASK
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [redact_values(inner) for inner in value]
    return value


def _base64_forms(raw: bytes) -> list[str]:
    """How the bytes look inside base64, at each of the three places where they can start in a longer text."""
    forms = []
    for lead in range(3):
        code = base64.b64encode(b"\0" * lead + raw).decode().rstrip("=")
        # The first and last digits also carry bits of the neighbours, so they are left out.
        inner = code[0 if lead == 0 else lead + 1 :]
        inner = inner if (lead + len(raw)) % 3 == 0 else inner[:-1]
        forms += [inner, inner.replace("+", "-").replace("/", "_")]
    return forms
