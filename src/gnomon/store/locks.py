"""Locks between processes: one owner, whom the loser can name, and none left behind by the dead.

The kernel holds the lock (`flock`) and lets go of it when its owner dies, however it dies; what stands in the file only
tells others who the owner is.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import weakref
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gnomon.core.errors import LockedError
from gnomon.core.files import make_folder
from gnomon.core.processes import Process, this_process

POLL_SECONDS = 0.02
DEFAULT_WAIT_SECONDS = 1.0


@dataclass(frozen=True)
class Owner:
    """Who holds a lock, and what for."""

    process: Process
    purpose: str

    def __str__(self) -> str:
        return f"process {self.process.pid} on {self.process.host} ({self.purpose})"


class _Descriptor:
    """An open lock file; closed in children, which would otherwise hold the lock after their parent's death."""

    def __init__(self, number: int) -> None:
        self.number = number


_open: weakref.WeakSet[_Descriptor] = weakref.WeakSet()


def _close_in_child() -> None:
    for descriptor in list(_open):
        with contextlib.suppress(OSError):
            os.close(descriptor.number)


os.register_at_fork(after_in_child=_close_in_child)


@contextlib.contextmanager
def lock(path: Path, purpose: str, *, wait: float = DEFAULT_WAIT_SECONDS) -> Iterator[Owner]:
    """Holds the lock file `path` alone. Raises LockedError, which names the owner, after `wait` seconds.

    A lock belongs to the block that took it: a second one in the same process waits like any other.
    """
    descriptor = _acquire(path, fcntl.LOCK_EX, purpose, wait)
    owner = Owner(this_process(), purpose)
    try:
        _write_owner(descriptor.number, owner)
        yield owner
    finally:
        os.ftruncate(descriptor.number, 0)
        _release(descriptor)


@contextlib.contextmanager
def shared_lock(path: Path, purpose: str, *, wait: float = DEFAULT_WAIT_SECONDS) -> Iterator[None]:
    """Holds the lock file together with any number of sharers, and against `lock`."""
    descriptor = _acquire(path, fcntl.LOCK_SH, purpose, wait)
    try:
        yield
    finally:
        _release(descriptor)


def owner_of(path: Path) -> Owner | None:
    """Who holds the lock file now; None when nobody does, or when the holders share it and none is written down."""
    try:
        record = json.loads(path.read_bytes())
        owner = Owner(Process(**record["process"]), record["purpose"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        # Empty after a release, and for an instant between taking the lock and signing it.
        return None
    return None if owner.process.lives() is False else owner


def _acquire(path: Path, mode: int, purpose: str, wait: float) -> _Descriptor:
    make_folder(path.parent)
    # Not truncated on opening: the present owner's name stands in it.
    descriptor = _Descriptor(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
    deadline = time.perf_counter() + wait
    while True:
        try:
            fcntl.flock(descriptor.number, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.perf_counter() < deadline:
                time.sleep(POLL_SECONDS)
                continue
            os.close(descriptor.number)
            owner = owner_of(path) or "another process"
            raise LockedError(
                f"cannot {purpose}: {path} is held by {owner}; wait until it is done, or stop that process"
            ) from None
        except BaseException:
            os.close(descriptor.number)
            raise
        _open.add(descriptor)
        return descriptor


def _write_owner(number: int, owner: Owner) -> None:
    os.ftruncate(number, 0)
    os.pwrite(number, json.dumps(asdict(owner)).encode(), 0)


def _release(descriptor: _Descriptor) -> None:
    _open.discard(descriptor)
    os.close(descriptor.number)
