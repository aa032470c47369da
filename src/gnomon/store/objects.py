"""Bytes by their SHA-256: written under a temporary name, flushed and renamed; hashed again before every use."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from gnomon.core.errors import IntegrityError, StoreError
from gnomon.core.files import (
    atomic_path,
    is_temporary,
    make_folder,
    remove,
    step,
    sync,
    temporary_for,
    write_all,
)
from gnomon.core.hashing import hash_file
from gnomon.store.remote import RemoteFiles

BUFFER = 4 << 20
# Whoever is not root cannot change an object by accident, through a hard link or otherwise.
READ_ONLY = 0o444


@dataclass(frozen=True)
class ObjectInfo:
    """One object: its SHA-256, its length in bytes, and when it was last written."""

    digest: str
    size: int
    modified: datetime


class Objects(Protocol):
    """Keeps bytes under their own hash."""

    def add(self, source: Path) -> ObjectInfo:
        """Stores a copy of the file's bytes. Raises StoreError when the file changes meanwhile."""
        ...

    def fetch(self, digest: str) -> Path:
        """A local read-only file whose bytes were hashed just now. IntegrityError when they are wrong or gone."""
        ...

    def check(self, digest: str) -> str | None:
        """What is wrong with an object, None when its bytes are right."""
        ...

    def has(self, digest: str) -> bool:
        """Whether an object is there; its bytes are not looked at."""
        ...

    def all(self) -> Iterator[ObjectInfo]:
        """Every object, in the order of their hashes."""
        ...

    def discard(self, digest: str) -> None:
        """Removes an object."""
        ...


class LocalObjects:
    """Objects as files of a folder: `ab/cdef...`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Where an object lies, whether it is there or not."""
        return self.root / digest[:2] / digest[2:]

    def add(self, source: Path) -> ObjectInfo:
        """Stores a copy of the file's bytes, hashed in the same pass. StoreError when the file changes meanwhile.

        An object that is there already is replaced by the same bytes, so that putting again mends a damaged one.
        """
        make_folder(self.root)
        temporary = temporary_for(self.root / "incoming")
        try:
            digest, size = copy_hashed(source, temporary)
            temporary.chmod(READ_ONLY)
            target = self.path(digest)
            make_folder(target.parent)
            sync(temporary)
            step("rename", target)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(target.parent)
        return ObjectInfo(digest, size, _modified(target))

    def add_bytes(self, data: bytes) -> str:
        """Stores bytes and returns their hash."""
        digest = hashlib.sha256(data).hexdigest()
        with atomic_path(self.path(digest)) as temporary, temporary.open("wb", buffering=0) as file:
            write_all(file, data, self.path(digest))
            os.fchmod(file.fileno(), READ_ONLY)
        return digest

    def fetch(self, digest: str) -> Path:
        """The object's own file, whose bytes were hashed just now. IntegrityError when they are wrong or gone."""
        fault = self.check(digest)
        if fault:
            raise IntegrityError(fault)
        return self.path(digest)

    def check(self, digest: str) -> str | None:
        """What is wrong with an object, None when its bytes are right."""
        path = self.path(digest)
        try:
            found = hash_file(path)
        except FileNotFoundError:
            return f"{path} is missing"
        return None if found == digest else f"{path} was altered: its bytes hash to {found[:12]}..."

    def has(self, digest: str) -> bool:
        """Whether an object is there; its bytes are not looked at."""
        return self.path(digest).exists()

    def all(self) -> Iterator[ObjectInfo]:
        """Every object, in the order of their hashes."""
        for path in sorted(self.root.glob("??/*")):
            if not is_temporary(path):
                yield ObjectInfo(path.parent.name + path.name, path.stat().st_size, _modified(path))

    def discard(self, digest: str) -> None:
        """Removes an object."""
        remove(self.path(digest))


class RemoteObjects:
    """Objects under an fsspec URL, with a local cache in front that is hashed before every use like the rest."""

    def __init__(self, files: RemoteFiles, *, cache: LocalObjects) -> None:
        self.files = files
        self.cache = cache

    def add(self, source: Path) -> ObjectInfo:
        """Stores a copy of the file's bytes; they pass through the local cache, so what is sent is what was hashed.

        Sent even when the object is there: its new date keeps a collection that runs now from removing it.
        """
        info = self.cache.add(source)
        stored = self.files.put(self.cache.path(info.digest), _key(info.digest))
        if stored != info.size:
            raise StoreError(f"{self._place(info.digest)} holds {stored} bytes of {info.size} sent; put it again")
        return info

    def fetch(self, digest: str) -> Path:
        """A cached copy, whose bytes were hashed just now. IntegrityError when the stored ones are wrong or gone."""
        path = self.cache.path(digest)
        if self.cache.check(digest) is None:
            return path
        with atomic_path(path) as temporary:
            try:
                self.files.get(_key(digest), temporary)
            except FileNotFoundError:
                raise IntegrityError(f"{self._place(digest)} is missing") from None
            found = hash_file(temporary)
            if found != digest:
                raise IntegrityError(f"{self._place(digest)} was altered: its bytes hash to {found[:12]}...")
            temporary.chmod(READ_ONLY)
        return path

    def check(self, digest: str) -> str | None:
        """What is wrong with the stored object, None when its bytes are right; the cache is not asked."""
        running = hashlib.sha256()
        try:
            for piece in self.files.pieces(_key(digest)):
                running.update(piece)
        except FileNotFoundError:
            return f"{self._place(digest)} is missing"
        found = running.hexdigest()
        return None if found == digest else f"{self._place(digest)} was altered: its bytes hash to {found[:12]}..."

    def has(self, digest: str) -> bool:
        """Whether an object is there; its bytes are not looked at."""
        return self.files.exists(_key(digest))

    def all(self) -> Iterator[ObjectInfo]:
        """Every object, in the order of their hashes."""
        for entry in self.files.find("objects"):
            yield ObjectInfo(entry.key.removeprefix("objects/").replace("/", ""), entry.size, entry.modified)

    def discard(self, digest: str) -> None:
        """Removes an object, and its cached copy."""
        self.files.remove(_key(digest))
        self.cache.discard(digest)

    def _place(self, digest: str) -> str:
        return f"{self.files.url}/{_key(digest)}"


def copy_hashed(source: Path, target: Path) -> tuple[str, int]:
    """Copies a file in one pass and returns its SHA-256 and length; `target` is not flushed yet.

    Reading and writing overlap with hashing on a second thread. Raises StoreError when the source changes meanwhile.
    """
    running = hashlib.sha256()
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        before = os.fstat(reader.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise StoreError(f"{source} is not a regular file; only files and folders of files can be stored")
        length = min(BUFFER, before.st_size + 1)
        with nullcontext() if length < BUFFER else ThreadPoolExecutor(1) as pool:
            buffers = [memoryview(bytearray(length)) for _ in range(2 if pool else 1)]
            size = _pump(reader, writer, target, running, buffers, pool, most=before.st_size)
        after = os.fstat(reader.fileno())
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or size != after.st_size:
            raise StoreError(f"{source} changed while it was being stored; store it when its writer is done")
        if os.fstat(writer.fileno()).st_size != size:
            raise StoreError(
                f"{target.parent} kept {os.fstat(writer.fileno()).st_size} of {size} bytes; check the disk"
            )
    return running.hexdigest(), size


def _pump(
    reader: FileIO,
    writer: FileIO,
    target: Path,
    running: Any,
    buffers: list[memoryview],
    pool: ThreadPoolExecutor | None,
    *,
    most: int,
) -> int:
    size, turn, pending = 0, 0, None
    # A file that grows while it is read (a log) would otherwise be followed for as long as it grows.
    while size <= most and (count := reader.readinto(buffers[turn])):
        piece = buffers[turn][:count]
        if pool is None:
            running.update(piece)
        else:
            # One buffer is hashed while the other is filled: the hash of the piece before must be done by now.
            if pending is not None:
                pending.result()
            pending = pool.submit(running.update, piece)
            turn = 1 - turn
        write_all(writer, piece, target)
        size += count
    if pending is not None:
        pending.result()
    return size


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _key(digest: str) -> str:
    return f"objects/{digest[:2]}/{digest[2:]}"
