"""The fault harness: kills, failing disks and flipped bits, one at a time, at every place where they can strike.

`kill_everywhere` runs a command again and again and kills it at its first write, its second, ... until it gets through
untouched; `fail_everywhere` does the same with a disk that fails; `flip_bits` damages what lies on disk. Each gives
back what happened; whether that is good is for the test to say.

    python -m gnomon.testing.faults --at 3 --do kill -- SCRIPT ARGUMENT...

runs a Python script (or, after `-c`, a line of code) under the fault at the third operation of the file layer.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gnomon.core.errors import GnomonError
from gnomon.core.files import observed
from gnomon.core.seeds import generator

SYSTEM_CALLS = (
    "write",
    "pwrite64",
    "fsync",
    "rename,renameat,renameat2",
    "link,linkat",
    "unlink,unlinkat",
    "ftruncate",
)
"""What changes a disk, under the names of Linux; which of several names is used differs between machines."""
FAULTS = ("kill", "ENOSPC", "EIO", "short")
MOST_STEPS = 10_000


@dataclass(frozen=True)
class Outcome:
    """One run under one fault.

    `step` counts from 1; `operation` is what was struck, where that is known; `fired`: the fault was met, otherwise the
    run got through untouched and was the last. `code` is the exit status (-9: killed), `output` what it wrote.
    """

    step: int
    fault: str
    fired: bool
    operation: str = ""
    code: int | None = None
    output: str = ""
    error: BaseException | None = None


@dataclass(frozen=True)
class Flip:
    """One flipped bit, and whether the check noticed."""

    path: Path
    offset: int
    bit: int
    found: bool


class Striker:
    """Observes the file layer and strikes at its k-th operation.

    "kill" ends the process as `kill -9` would; ENOSPC and EIO raise that OSError; "short" lets a write take one byte.
    A disk that is full stays full: with `lasting` every later write fails too.
    """

    def __init__(self, step: int, fault: str, *, lasting: bool = False) -> None:
        if fault not in FAULTS:
            raise ValueError(f"fault {fault!r} is none of {', '.join(FAULTS)}")
        self.step = step
        self.fault = fault
        self.lasting = lasting
        self.seen = 0
        self.struck = ""

    def __call__(self, operation: str, path: Path) -> int | None:
        """Counts an operation, and strikes when its turn has come."""
        self.seen += 1
        if self.seen != self.step and not (self.lasting and self.seen > self.step and operation == "write"):
            return None
        self.struck = self.struck or f"{operation} {path.name}"
        if self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "short":
            return 1
        number = getattr(errno, self.fault)
        raise OSError(number, os.strerror(number), str(path))


def fail_everywhere(
    action: Callable[[], object], fault: str, *, lasting: bool = False, most: int = MOST_STEPS
) -> Iterator[Outcome]:
    """Runs `action` in this process with `fault` at operation 1, 2, ... until it meets none.

    The caller puts the stage right between two steps. What the action raises is in the outcome.
    """
    for step in range(1, most + 1):
        striker, error = Striker(step, fault, lasting=lasting), None
        with observed(striker):
            try:
                action()
            except (OSError, GnomonError) as raised:
                error = raised
        yield Outcome(step, fault, bool(striker.struck), striker.struck, error=error)
        if not striker.struck:
            return
    raise RuntimeError(f"{most} steps did not reach the end; does the action grow with each run?")


def kill_forks(action: Callable[[], object], *, most: int = MOST_STEPS) -> Iterator[Outcome]:
    """Runs `action` in a forked child that is killed at operation 1, 2, ... until one child lives to its end.

    Fast, because nothing is imported again; for actions that start no threads before they are called.
    """
    for step in range(1, most + 1):
        child = os.fork()
        if child == 0:
            code = 70
            try:
                with observed(Striker(step, "kill")):
                    action()
                code = 0
            finally:
                # Whatever was raised: a forked child must never return into its parent's test run.
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        yield Outcome(step, "kill", code == -signal.SIGKILL, code=code)
        if code != -signal.SIGKILL:
            return
    raise RuntimeError(f"{most} steps did not reach the end; does the action grow with each run?")


@functools.cache
def strace_works() -> bool:
    """Whether system calls of a child can be struck here."""
    if not shutil.which("strace"):
        return False
    probe = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "inject=fsync:signal=KILL:when=1", "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def kill_everywhere(
    script: Sequence[str],
    *,
    calls: Sequence[str] = SYSTEM_CALLS,
    strace: bool | None = None,
    most: int = MOST_STEPS,
    stride: int = 1,
) -> Iterator[Outcome]:
    """Runs a Python script (`["-c", code]` or `[file, argument, ...]`) killed at operation 1, 2, ... to the last.

    With strace each system call in `calls` is stepped through for itself, below anything that Python could hide; where
    strace cannot be had, the file layer's own operations. `stride` takes every n-th step only.
    """
    by_strace = strace_works() if strace is None else strace
    for call in calls if by_strace else ("any",):
        for step in range(1, most + 1, stride):
            command = (
                strike_call(script, call, step, "signal=KILL") if by_strace else strike_layer(script, step, "kill")
            )
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            fired = done.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}
            yield Outcome(step, "kill", fired, call, done.returncode, done.stdout + done.stderr)
            if not fired:
                break
        else:
            raise RuntimeError(f"{most} steps of {call} did not reach the end; does the script grow with each run?")


def strike_call(script: Sequence[str], call: str, step: int, what: str) -> list[str]:
    """The command that runs a Python script with its k-th system call struck (`signal=KILL`, `error=ENOSPC`)."""
    # With a question mark a name that this machine does not have is no error.
    inject = f"inject={','.join(f'?{name}' for name in call.split(','))}:{what}:when={step}"
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", inject, sys.executable, *script]


def strike_layer(script: Sequence[str], step: int, fault: str) -> list[str]:
    """The command that runs a Python script with the k-th operation of the file layer struck."""
    return [sys.executable, "-m", "gnomon.testing.faults", "--at", str(step), "--do", fault, "--", *script]


def kill_at_instants(
    script: Sequence[str], *, count: int, longest: float, seed: int, after: Callable[[Outcome], None]
) -> list[Outcome]:
    """Runs a Python script `count` times and kills it after seeded random times of up to `longest` seconds.

    `after` is called after each, with the process gone.
    """
    outcomes = []
    waits = generator(seed, "kill_at_instants").uniform(0.0, longest, count)
    for number, wait in enumerate(waits, 1):
        child = subprocess.Popen([sys.executable, *script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=float(wait))
        child.kill()
        code = child.wait()
        outcome = Outcome(number, "kill", code == -signal.SIGKILL, f"after {wait:.3f} s", code)
        outcomes.append(outcome)
        after(outcome)
    return outcomes


def flip_bits(
    folder: Path,
    check: Callable[[], bool],
    *,
    count: int,
    seed: int,
    spare: Callable[[Path], bool] = lambda _path: False,
) -> list[Flip]:
    """Flips one seeded random bit below `folder`, asks `check` whether anything is wrong, mends it; `count` times.

    Every byte is as likely as any other, and every file gets its turn; `spare` names files that may be damaged freely.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size and not spare(path)]
    if not files:
        raise ValueError(f"{folder} holds no bytes to flip")
    chance = generator(seed, "flip_bits")
    flips = []
    for turn in range(count):
        # Half of the flips go by bytes, and half by files: small ones (manifests) would be missed by the first alone.
        path = files[turn // 2 % len(files)] if turn % 2 else _by_size(files, chance.random())
        offset, bit = int(chance.integers(path.stat().st_size)), int(chance.integers(8))
        with _flipped(path, offset, bit):
            flips.append(Flip(path, offset, bit, check()))
    return flips


@contextlib.contextmanager
def _flipped(path: Path, offset: int, bit: int) -> Iterator[None]:
    mode = path.stat().st_mode
    path.chmod(0o600)
    try:
        _flip(path, offset, bit)
        yield
        _flip(path, offset, bit)
    finally:
        path.chmod(mode)


def _flip(path: Path, offset: int, bit: int) -> None:
    # In place, as a disk does it: the file stays the same file, with all its hard links.
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def _by_size(files: Sequence[Path], place: float) -> Path:
    sizes = [path.stat().st_size for path in files]
    left = place * sum(sizes)
    for path, size in zip(files, sizes, strict=True):
        left -= size
        if left < 0:
            return path
    return files[-1]


@contextlib.contextmanager
def polled(read: Callable[[], object], *, every: float = 0.002) -> Iterator[list[BaseException]]:
    """Calls `read` in a forked reader again and again while the block runs; yields what it raised, known at the end."""
    raised: list[BaseException] = []
    with tempfile.TemporaryDirectory() as folder:
        stop, report = Path(folder) / "stop", Path(folder) / "report"
        child = os.fork()
        if child == 0:
            try:
                while not stop.exists():
                    read()
                    time.sleep(every)
            finally:
                kind, error, _ = sys.exc_info()
                if kind is not None:
                    report.write_text(f"{kind.__name__}: {error}")
                os._exit(0)
        try:
            yield raised
        finally:
            stop.touch()
            os.waitpid(child, 0)
            if report.exists():
                raised.append(AssertionError(report.read_text()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a script in this process under a fault of the file layer."""
    parser = argparse.ArgumentParser(prog="python -m gnomon.testing.faults", description=main.__doc__)
    parser.add_argument("--at", type=int, required=True, help="which operation is struck, from 1")
    parser.add_argument("--do", choices=FAULTS, default="kill")
    parser.add_argument("--lasting", action="store_true", help="later writes fail too: a full disk")
    parser.add_argument("script", nargs="+", help="FILE ARGUMENT..., or -c CODE, or -m MODULE ARGUMENT...")
    own, script = _split(list(sys.argv[1:] if arguments is None else arguments))
    options = parser.parse_args([*own, "--", *script])
    with observed(Striker(options.at, options.do, lasting=options.lasting)):
        if script[0] == "-c":
            sys.argv = ["-c", *script[2:]]
            exec(compile(script[1], "<string>", "exec"), {"__name__": "__main__"})
        elif script[0] == "-m":
            sys.argv = script[1:]
            runpy.run_module(script[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = script
            runpy.run_path(script[0], run_name="__main__")


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


if __name__ == "__main__":
    main()
