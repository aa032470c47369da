"""Content hashes (SHA-256, hex): of bytes, of files, of plain values in one canonical form."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

CHUNK = 1 << 20


def hash_bytes(data: bytes) -> str:
    """SHA-256 of the bytes, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """One spelling for each plain value: keys sorted, no blanks, no NaN, UTF-8.

    >>> canonical_json({"b": 1, "a": [1.5, None]})
    b'{"a":[1.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def hash_value(value: Any) -> str:
    """Hash of a plain value (dict, list, str, int, float, bool, None) in its canonical form."""
    return hash_bytes(canonical_json(value))


def hash_tree(folder: Path) -> str:
    """Hash of a folder: the relative names and the bytes of its files, in sorted order; times do not count."""
    entries = {p.relative_to(folder).as_posix(): hash_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}
    return hash_value(entries)
