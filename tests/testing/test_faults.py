"""The harness catches what it is meant to catch, and lets what is right through."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from gnomon.core.files import append_durable, step, write_atomic
from gnomon.core.hashing import hash_file
from gnomon.testing import faults

OLD, NEW = b"old" * 100, b"new" * 100


def write_in_place(path: Path) -> None:
    """The control: a writer without rename."""
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(NEW), 100):
            step("write", path)
            file.write(NEW[start : start + 100])


def write_well(path: Path) -> None:
    write_atomic(path, (NEW[start : start + 100] for start in range(0, len(NEW), 100)))


def torn_after_kills(path: Path, writer: object) -> tuple[int, int]:
    """How many of the kills left neither the old nor the new bytes; and how many kills there were."""
    torn = kills = 0
    for outcome in faults.kill_forks(lambda: writer(path)):  # type: ignore[operator]
        torn += path.read_bytes() not in {OLD, NEW}
        kills += outcome.fired
        if not outcome.fired:
            assert outcome.code == 0
            assert path.read_bytes() == NEW
        path.write_bytes(OLD)
    return torn, kills


def test_a_writer_that_renames_survives_every_kill_and_one_that_does_not_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    assert torn_after_kills(path, write_well) == (0, 6), "3 writes, fsync, rename, fsync of the folder"
    assert torn_after_kills(path, write_in_place)[0] > 0


SCRIPT = """
import sys
from pathlib import Path
from gnomon.core.files import write_atomic
path = Path(sys.argv[1])
if sys.argv[2] == "well":
    write_atomic(path, [b"new" * 100, b"new" * 100])
else:
    with path.open("wb", buffering=0) as file:
        file.write(b"new" * 100)
        file.write(b"new" * 100)
"""


@pytest.mark.skipif(not faults.strace_works(), reason="strace cannot be had here; the file layer's steps stand in")
@pytest.mark.parametrize("calls", [("rename", "fsync"), pytest.param(faults.SYSTEM_CALLS, marks=pytest.mark.torture)])
def test_system_calls_are_struck_one_by_one(tmp_path: Path, calls: tuple[str, ...]) -> None:
    path = tmp_path / "file"
    states = set()
    path.write_bytes(OLD)
    outcomes = []
    for outcome in faults.kill_everywhere(["-c", SCRIPT, str(path), "well"], calls=calls):
        outcomes.append(outcome)
        states.add(path.read_bytes())
        path.write_bytes(OLD)
    assert states == {OLD, NEW * 2}
    fired = [(outcome.operation, outcome.step) for outcome in outcomes if outcome.fired]
    assert {(calls[-1] if len(calls) == 2 else "fsync", 1), ("fsync", 2)} <= set(fired)
    assert any(operation.startswith("rename") for operation, _ in fired)


@pytest.mark.skipif(not faults.strace_works(), reason="strace cannot be had here; the file layer's steps stand in")
def test_the_control_is_caught_by_strace_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    states = set()
    for _ in faults.kill_everywhere(["-c", SCRIPT, str(path), "badly"], calls=("write",)):
        states.add(path.read_bytes())
        path.write_bytes(OLD)
    assert b"" in states
    assert NEW in states, "half of what was to be written"


def test_without_strace_the_file_layer_is_stepped_through(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    outcomes = list(faults.kill_everywhere(["-c", SCRIPT, str(path), "well"], strace=False, stride=2))
    assert [(outcome.step, outcome.fired) for outcome in outcomes] == [(1, True), (3, True), (5, True), (7, False)]
    assert outcomes[-1].code == 0
    assert path.read_bytes() == NEW * 2


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
def test_a_failing_disk_is_loud_and_leaves_the_old_bytes(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    outcomes = []
    for outcome in faults.fail_everywhere(lambda: write_well(path), fault):
        outcomes.append(outcome)
        if outcome.fired:
            assert isinstance(outcome.error, OSError)
            assert outcome.error.errno == getattr(errno, fault)
            # The last fsync comes after the rename: then the new bytes are there, and whole.
            assert path.read_bytes() in ({OLD} if outcome.step < 6 else {NEW})
        assert list(tmp_path.iterdir()) == [path], "nothing is left lying about"
        path.write_bytes(OLD)
    assert len(outcomes) == 7
    assert outcomes[-1].error is None


def test_short_writes_are_finished(tmp_path: Path) -> None:
    path = tmp_path / "file"
    outcomes = list(faults.fail_everywhere(lambda: write_well(path), "short"))
    assert path.read_bytes() == NEW
    assert all(outcome.error is None for outcome in outcomes)


def test_the_control_a_writer_that_trusts_one_write_is_caught(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def trusting() -> None:
        with path.open("wb", buffering=0) as file:
            limit = step("write", path)
            file.write(NEW[:limit])

    sizes = [path.stat().st_size for _ in faults.fail_everywhere(trusting, "short")]
    assert sizes == [1, len(NEW)]


def test_a_failed_append_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n")
    for outcome in faults.fail_everywhere(lambda: append_durable(path, b"second\n"), "ENOSPC", lasting=True):
        assert path.read_bytes() == (b"first\n" if outcome.fired else b"first\nsecond\n")


def test_flips_are_found_by_hashes_and_mended_afterwards(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"a")
    large.write_bytes(bytes(5000))
    (tmp_path / "free").write_bytes(b"free")
    hashes = {path: hash_file(path) for path in (small, large)}

    def wrong() -> bool:
        return any(hash_file(path) != digest for path, digest in hashes.items())

    flips = faults.flip_bits(tmp_path, wrong, count=40, seed=7, spare=lambda path: path.name == "free")
    assert all(flip.found for flip in flips)
    assert {flip.path for flip in flips} == {small, large}
    assert not wrong()
    sloppy = faults.flip_bits(tmp_path, lambda: large.stat().st_size != 5000, count=40, seed=7)
    assert not any(flip.found for flip in sloppy), "the control: a check of sizes finds nothing"
    with pytest.raises(ValueError, match="no bytes to flip"):
        faults.flip_bits(tmp_path, wrong, count=1, seed=7, spare=lambda path: True)


def test_kills_at_random_instants(tmp_path: Path) -> None:
    seen = []
    outcomes = faults.kill_at_instants(
        ["-c", "import time; time.sleep(20)"], count=3, longest=0.05, seed=7, after=seen.append
    )
    assert [outcome.fired for outcome in outcomes] == [True] * 3
    assert seen == outcomes


def test_a_reader_that_meets_half_a_file_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def read() -> None:
        if path.read_bytes() not in {OLD, NEW}:
            raise ValueError("torn")

    with faults.polled(read, every=0.0) as raised:
        for _ in range(20):
            write_well(path)
    assert raised == []
    with faults.polled(read, every=0.0) as raised:
        for _ in range(200):
            write_in_place(path)
    assert "torn" in str(raised[0])


@pytest.mark.parametrize("form", ["-c", "-m", "file"])
def test_a_script_runs_under_a_fault(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, source = tmp_path / "out", tmp_path / "struck_script.py"
    source.write_text("import sys\nfrom gnomon.core.files import *\nwrite_atomic(Path(sys.argv[-1]), b'x')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["kept"])
    script = {"-c": ["-c", source.read_text()], "-m": ["-m", "struck_script"], "file": [str(source)]}[form]
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        faults.main(["--at", "1", "--do", "EIO", "--", *script, str(target)])
    assert not target.exists()
    faults.main(["--at", "99", "--do", "EIO", "--", *script, str(target)])
    assert target.read_bytes() == b"x"


def test_faults_that_do_not_exist_and_runs_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is none of kill, ENOSPC"):
        faults.Striker(1, "earthquake")
    with pytest.raises(RuntimeError, match="did not reach the end"):
        list(faults.fail_everywhere(lambda: write_well(tmp_path / "file"), "EIO", most=2))
    with pytest.raises(RuntimeError, match="did not reach the end"):
        list(faults.kill_forks(lambda: write_well(tmp_path / "file"), most=2))
