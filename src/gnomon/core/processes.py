"""Which process is this, and does that one still live: who owns a lock, or a write that was never finished.

A process id alone is not enough, because the machine gives it to another process later; with the moment at which the
process started it is one process for ever.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process for all time: the machine, the process id there, and a stamp of when it started."""

    host: str
    pid: int
    started: str

    def lives(self) -> bool | None:
        """Whether it still runs; None for a process of another machine, which cannot be asked from here."""
        if self.host != _host():
            return None
        return _started(self.pid) == self.started

    def token(self) -> str:
        """A short form that fits into a file name.

        >>> Process.from_token(this_process().token()).lives()
        True
        """
        return f"{self.host}+{self.pid}+{self.started}"

    @classmethod
    def from_token(cls, token: str) -> Process:
        """What `token` wrote. Raises ValueError."""
        host, pid, started = token.split("+")
        return cls(host, int(pid), started)


def this_process() -> Process:
    """The process that asks."""
    return _process(os.getpid())


@functools.lru_cache(maxsize=2)
def _process(pid: int) -> Process:
    return Process(_host(), pid, _started(pid) or "")


@functools.cache
def _host() -> str:
    # Letters, digits, dots and dashes only: the token is part of a file name.
    return "".join(c if c.isalnum() or c in ".-" else "-" for c in socket.gethostname())[:40] or "localhost"


def _started(pid: int) -> str | None:
    """A stamp that no later process with this id has; None when nothing runs under it (a zombie does not run)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None if _boot() else _started_by_ps(pid)
    # The second field is the program's name in brackets, which may itself hold blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{_boot()}.{fields[19]}"


@functools.cache
def _boot() -> str:
    identity = _PROC / "sys/kernel/random/boot_id"
    return identity.read_text()[:8] if identity.exists() else ""


def _started_by_ps(pid: int) -> str | None:
    """For systems without /proc."""
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return hashlib.sha256(found.stdout.encode()).hexdigest()[:12] if found.stdout.strip() else None
