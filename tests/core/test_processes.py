"""A process is known for all time: by where it runs, its id, and when it started."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from gnomon.core import processes
from gnomon.core.processes import Process, this_process


def test_this_process_lives_and_one_that_had_its_id_before_does_not() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert me.lives() is True
    assert replace(me, started="before").lives() is False
    assert replace(me, host="elsewhere").lives() is None


def test_a_process_that_ended_is_dead_even_before_its_parent_looks() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = Process(this_process().host, child.pid, processes._started(child.pid) or "")
    assert process.lives() is True
    child.kill()
    deadline = time.monotonic() + 10
    while process.lives() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.lives() is False, "killed and not yet waited for: a zombie"
    child.wait()
    assert process.lives() is False


def test_a_token_is_read_back_and_anything_else_refused() -> None:
    assert Process.from_token(this_process().token()) == this_process()
    for text in ("", "a+b+c", "host+1"):
        with pytest.raises(ValueError, match=r"unpack|invalid literal"):
            Process.from_token(text)


def test_a_forked_child_is_another_process() -> None:
    me = this_process()
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(outside, this_process().token().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert Process.from_token(os.read(inside, 1000).decode()) != me


@pytest.mark.skipif(not os.path.exists("/bin/ps") and not os.path.exists("/usr/bin/ps"), reason="no ps here")  # noqa: PTH110
def test_where_there_is_no_proc_the_process_list_is_asked() -> None:
    assert processes._started_by_ps(os.getpid())
    assert processes._started_by_ps(2**22 + 1) is None
