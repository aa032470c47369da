"""Secrets in the configuration: held as `Secret`, shown as the `${VAR}` that they came from, revealed to build."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from gnomon.core.redaction import MASK, looks_secret

_PASSWORD_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@")
_QUERY = re.compile(r"[?&;]([^=&;\s]+)=[^&;\s]")


class Secret(SecretStr):
    """A secret value that remembers the text it was written as (`${API_KEY}`), None for one written out in a file."""

    def __init__(self, value: str, *, reference: str | None = None) -> None:
        super().__init__(value)
        self.reference = reference

    @property
    def shown(self) -> str:
        """What may be seen of it."""
        return self.reference or MASK


def reveal(section: Any) -> Any:
    """A section with its secrets as plain text, for the moment in which a component is built from it.

    >>> reveal({"kind": "http", "api_key": Secret("s3cr3t-value", reference="${API_KEY}")})
    {'kind': 'http', 'api_key': 's3cr3t-value'}
    """
    if isinstance(section, SecretStr):
        return section.get_secret_value()
    if isinstance(section, Mapping):
        return {key: reveal(value) for key, value in section.items()}
    if isinstance(section, list | tuple):
        return [reveal(value) for value in section]
    return section


def secret_in_url(text: str) -> str | None:
    """What secret a URL carries, in words, or None: a password before the host, or a parameter that looks like one.

    >>> secret_in_url("https://me:pass@host/data"), secret_in_url("https://host/data?apikey=1"), secret_in_url("s3://b/k")
    ('a password', "the parameter 'apikey'", None)
    """
    if _PASSWORD_IN_URL.match(text):
        return "a password"
    if "://" in text:
        return next((f"the parameter {name!r}" for name in _QUERY.findall(text) if looks_secret(name)), None)
    return None
