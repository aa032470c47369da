"""Small records by key: each is written whole, once, and never changed. The keys are the commit points of the store.

One interface over a local folder and over any fsspec file system, where an object put is itself atomic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from gnomon.core.files import create_atomic, is_temporary
from gnomon.store.remote import RemoteFiles


class Records(Protocol):
    """Keys are relative POSIX paths."""

    place: str

    def read(self, key: str) -> bytes:
        """The bytes of one record. Raises FileNotFoundError."""
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Writes a record under a new key; False, with nothing changed, when the key is taken."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Every key in the folder `prefix` and below it, sorted."""
        ...


class LocalRecords:
    """Records as files of a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def read(self, key: str) -> bytes:
        """The bytes of one record. Raises FileNotFoundError."""
        return (self.root / key).read_bytes()

    def create(self, key: str, data: bytes) -> bool:
        """Writes a record under a new key; False, with nothing changed, when the key is taken."""
        path = self.root / key
        # Looked at first only to spare a write; the creation itself decides between several at once.
        return False if path.exists() else create_atomic(path, data)

    def keys(self, prefix: str) -> list[str]:
        """Every key in the folder `prefix` and below it, sorted."""
        found = (self.root / prefix).rglob("*")
        return sorted(p.relative_to(self.root).as_posix() for p in found if not is_temporary(p) and p.is_file())


class RemoteRecords:
    """Records as objects under an fsspec URL."""

    def __init__(self, files: RemoteFiles) -> None:
        self.files = files
        self.place = files.url

    def read(self, key: str) -> bytes:
        """The bytes of one record. Raises FileNotFoundError."""
        return self.files.read(key)

    def create(self, key: str, data: bytes) -> bool:
        """Writes a record under a new key; False, with nothing changed, when the key is taken."""
        return self.files.create(key, data)

    def keys(self, prefix: str) -> list[str]:
        """Every key in the folder `prefix` and below it, sorted."""
        return [entry.key for entry in self.files.find(prefix)]
