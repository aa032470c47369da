"""Lightning stays quiet while any fit is at work, and has its voice back after the last."""

from __future__ import annotations

import logging
import threading

from gnomon.models.neural.quiet import LOGGERS, quiet_lightning


def levels() -> set[int]:
    return {logging.getLogger(name).level for name in LOGGERS}


def test_two_fits_that_overlap_leave_the_loggers_as_they_were():
    """The first to begin ends first: it must not give the voice back while the second is at work, nor that keep it."""
    before = [logging.getLogger(name).level for name in LOGGERS]
    begun, end = threading.Event(), threading.Event()

    def second() -> None:
        with quiet_lightning():
            begun.set()
            end.wait(10)

    with quiet_lightning() as folder:
        assert folder.is_dir()
        thread = threading.Thread(target=second)
        thread.start()
        assert begun.wait(10)
    assert levels() == {logging.ERROR}
    end.set()
    thread.join(10)
    assert [logging.getLogger(name).level for name in LOGGERS] == before
    assert not folder.exists()
