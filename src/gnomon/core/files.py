"""The file layer: whatever Gnomon keeps is written under a temporary name, flushed, and renamed.

A reader sees the old bytes or the new bytes, never a part. Every write, fsync, rename and removal passes `step`, so
that a test can kill the process or fail the disk at each of them in turn.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from gnomon.core.processes import Process, this_process

TEMPORARY_SUFFIX = ".gnomon-tmp"
CHUNK = 1 << 20

Observer = Callable[[str, Path], int | None]
"""Told of each operation; a number that it returns for a "write" is the most bytes which that one write takes."""
_observers: list[Observer] = []


@contextlib.contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Calls `observer(operation, path)` before each "write", "fsync", "rename", "remove"; it may raise."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def step(operation: str, path: Path) -> int | None:
    """Announces an operation that changes the disk. Every module that writes durable bytes calls it first."""
    limits = [observer(operation, path) for observer in _observers]
    return min((limit for limit in limits if limit is not None), default=None)


def temporary_for(path: Path) -> Path:
    """A fresh name beside `path`, on the same file system, that `is_temporary` knows; it carries this process."""
    # Names are cut so that a long one still fits into the 255 bytes of a file name with the token behind it.
    stem = path.name.encode()[:100].decode(errors="ignore")
    return path.with_name(f".{stem}.{this_process().token()}~{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")


def is_temporary(path: Path) -> bool:
    """Whether a file or folder is an unfinished write."""
    return path.name.endswith(TEMPORARY_SUFFIX)


def writer_lives(path: Path) -> bool | None:
    """Whether the process that began the temporary `path` still runs; None when that cannot be known from here."""
    body = path.name.removesuffix(TEMPORARY_SUFFIX).rpartition("~")[0]
    for start in (i for i, c in enumerate(body) if c == "."):
        # The token follows a dot, and host names may hold dots too: the longest tail that names this host wins.
        with contextlib.suppress(ValueError):
            lives = Process.from_token(body[start + 1 :]).lives()
            if lives is not None:
                return lives
    return None


def make_folder(path: Path) -> None:
    """Makes the folder and its parents, each flushed into the one above it, so that a power cut cannot lose them."""
    if path.is_dir():
        return
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        sync(folder.parent)


def write_all(file: BinaryIO, data: bytes | memoryview, path: Path) -> None:
    """Writes every byte to an unbuffered file, however little each write takes; `path` is named to observers."""
    view = memoryview(data)
    while view:
        limit = step("write", path)
        view = view[file.write(view[: CHUNK if limit is None else limit]) :]


def write_atomic(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Writes the bytes: `path` holds all of them, or what it held before. Raises OSError; leaves no part behind."""
    with atomic_path(path) as temporary:
        _write_pieces(temporary, data, path)


def create_atomic(path: Path, data: bytes | Iterable[bytes]) -> bool:
    """Writes the bytes to a name that must be new: of several processes that try, one gets True.

    The others get False and change nothing. `path` holds all bytes from its first moment on.
    """
    make_folder(path.parent)
    temporary = temporary_for(path)
    try:
        _write_pieces(temporary, data, path)
        sync(temporary)
        step("rename", path)
        # A hard link is the one operation that both publishes whole bytes and refuses a name that is taken.
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)
    return True


def append_durable(path: Path, data: bytes) -> None:
    """Adds the bytes to the end of a file and flushes them; a failed write is taken back.

    Not atomic: a crash can leave a part of `data` at the end, which the reader must expect. The caller holds a lock.
    """
    make_folder(path.parent)
    new = not path.exists()
    with path.open("ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            write_all(file, data, path)
            step("fsync", path)
            os.fsync(file.fileno())
        except BaseException:
            os.ftruncate(file.fileno(), before)
            raise
    if new:
        sync(path.parent)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary file name for a library that writes by itself; renamed to `path` when the block ends well."""
    make_folder(path.parent)
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
    make_folder(path.parent)
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


def remove(path: Path) -> None:
    """Removes a file, or a folder with everything in it; what is already gone is no error."""
    step("remove", path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flushes a file or a folder to the disk."""
    step("fsync", path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_pieces(temporary: Path, data: bytes | Iterable[bytes], path: Path) -> None:
    with temporary.open("wb", buffering=0) as file:
        for piece in [data] if isinstance(data, bytes) else data:
            write_all(file, piece, path)
