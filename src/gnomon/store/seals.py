"""Small JSON records that carry their own hash, so that a single altered bit is found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gnomon.core.hashing import canonical_json, hash_value


def seal(fields: Mapping[str, Any], *, under: str = "seal") -> bytes:
    """Canonical JSON of plain fields and, `under` one more key, the hash of the others.

    >>> unseal(seal({"count": 3}))
    {'count': 3}
    """
    return canonical_json({**fields, under: hash_value(dict(fields))})


def unseal(data: bytes, *, under: str = "seal") -> dict[str, Any]:
    """The fields of what `seal` wrote. Raises ValueError when a single bit is not as it was."""
    fields = json.loads(data)
    if not isinstance(fields, dict):
        raise ValueError("no JSON object")
    found = fields.pop(under, None)
    # The exact bytes are compared too: JSON has many spellings of one value, and only one of them was written.
    if found != hash_value(fields) or canonical_json({**fields, under: found}) != data:
        raise ValueError("its bytes do not match its hash")
    return fields
