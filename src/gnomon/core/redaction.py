"""Secrets stay inside: values that were registered here are blotted out of any text on its way out.

A registered value is known in the forms it usually leaks in (raw, URL-encoded, base64 at each alignment, hex, as JSON
or Python would escape it) and by its first 8 characters, so that a truncated one is found too.
"""

from __future__ import annotations

import base64
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

_forms: set[str] = set()


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
    raw = value.encode()
    _forms.update(
        form
        for form in (
            value,
            quote(value, safe=""),
            quote(value),
            quote_plus(value),
            raw.hex(),
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            repr(value)[1:-1],
            *_base64_forms(raw),
        )
        if len(form) >= SHORTEST
    )


def forget_secrets() -> None:
    """Forgets every registered value: for tests."""
    _forms.clear()


def redact(text: str) -> str:
    """The text with every registered secret, and every part of one that starts at its first 8 characters, masked.

    >>> register_secret("correct-horse-battery")
    >>> redact("sent correct-horse-battery, then correct-horse")
    'sent **********, then **********'
    >>> forget_secrets()
    """
    for form in sorted(_forms, key=len, reverse=True):
        prefix = form[:PREFIX]
        start = text.find(prefix)
        while start >= 0:
            end = start + len(prefix)
            while end < len(text) and end - start < len(form) and text[end] == form[end - start]:
                end += 1
            text = text[:start] + MASK + text[end:]
            start = text.find(prefix, start + len(MASK))
    return text


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
