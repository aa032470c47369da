"""A lock has one owner, the loser names it in time, and a dead owner holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gnomon.core.errors import LockedError
from gnomon.store.locks import lock, owner_of, shared_lock

HOLDER = """
import sys, time
from pathlib import Path
from gnomon.store.locks import lock
with lock(Path(sys.argv[1]), "train the model"):
    print("held", flush=True)
    time.sleep(60)
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_the_loser_is_told_who_holds_the_lock_and_a_dead_owner_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    child = start_holder(path)
    try:
        started = time.perf_counter()
        told = rf"cannot promote: .*process {child.pid} on .* \(train the model\)"
        with pytest.raises(LockedError, match=told), lock(path, "promote", wait=0.1):
            pass
        assert time.perf_counter() - started < 2.0
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert owner_of(path) is None, "the name of a dead owner is still in the file, and must not be believed"
    with lock(path, "promote", wait=0.5) as owner:
        assert owner.process.pid == os.getpid()
        assert owner_of(path) == owner


def test_a_child_of_a_dead_owner_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    inside, outside = os.pipe()
    owner = os.fork()
    if owner == 0:
        with lock(path, "train"):
            if os.fork() == 0:
                # A forked worker that outlives its parent, as data loaders do.
                time.sleep(20)
                os._exit(0)
            os.write(outside, b"x")
            time.sleep(20)
    os.read(inside, 1)
    time.sleep(0.05)
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    with lock(path, "promote", wait=0.5):
        pass


def test_two_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "a.lock", [0], [0]

    def work() -> None:
        for _ in range(10):
            with lock(path, "count", wait=20):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1


def test_sharers_stand_together_and_against_one_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with (
        shared_lock(path, "put"),
        shared_lock(path, "put"),
        pytest.raises(LockedError, match=r"cannot collect: .* another process"),
        lock(path, "collect", wait=0),
    ):
        pass
    with lock(path, "collect"), pytest.raises(LockedError, match=r"\(collect\)"), shared_lock(path, "put", wait=0):
        pass


def test_an_error_inside_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with pytest.raises(KeyError), lock(path, "fail"):
        raise KeyError
    with lock(path, "go on", wait=0):
        pass
