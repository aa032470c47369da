"""The file layer: whatever Gnomon keeps is written under a temporary name, flushed, and renamed.

A reader sees the old bytes or the new bytes, never a part. Every write, fsync and rename passes `step`, so that a test
can kill the process or fail the disk at each of them in turn.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

TEMPORARY_SUFFIX = ".gnomon-tmp"
CHUNK = 1 << 20

Observer = Callable[[str, Path], None]
_observers: list[Observer] = []


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Calls `observer(operation, path)` before each "write", "fsync", "rename"; what it raises is raised there."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def step(operation: str, path: Path) -> None:
    """Announces an operation that changes the disk. Every module that writes durable bytes calls it first."""
    for observer in _observers:
        observer(operation, path)


def temporary_for(path: Path) -> Path:
    """A fresh name beside `path`, on the same file system, that `is_temporary` knows."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")


def is_temporary(path: Path) -> bool:
    """Whether a file or folder is an unfinished write."""
    return path.name.endswith(TEMPORARY_SUFFIX)


def write_atomic(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes the bytes: `path` holds all of them, or what it held before. Raises OSError; leaves no part behind."""
    pieces = [data] if isinstance(data, bytes) else data
    with atomic_path(path) as temporary, temporary.open("wb", buffering=0) as file:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                step("write", path)
                view = view[file.write(view[:CHUNK]) :]


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary file name for a library that writes by itself; renamed to `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_for(path)
    try:
        yield temporary
        sync(temporary)
        step("rename", path)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder and renames it to `path`, which must not exist, when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_for(path)
    temporary.mkdir()
    try:
        yield temporary
        for entry in sorted(temporary.rglob("*")):
            sync(entry)
        sync(temporary)
        step("rename", path)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Flushes a file or a folder to the disk."""
    step("fsync", path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
