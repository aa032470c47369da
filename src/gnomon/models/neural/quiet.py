"""Lightning without its voice: no lines on the console, no files but in a folder that is removed."""

from __future__ import annotations

import logging
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOGGERS = (
    "lightning",
    "lightning.pytorch",
    "lightning.fabric",
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
    "torch.multiprocessing",
)


class _Quiet:
    """The loggers' levels, which all threads share: the first fit lowers their voice, the last one gives it back."""

    def __init__(self) -> None:
        self.change = threading.Lock()
        self.fits = 0
        self.levels: dict[str, int] = {}

    def enter(self) -> None:
        """One more fit is at work."""
        with self.change:
            if not self.fits:
                self.levels = {name: logging.getLogger(name).level for name in LOGGERS}
                for name in LOGGERS:
                    logging.getLogger(name).setLevel(logging.ERROR)
            self.fits += 1

    def leave(self) -> None:
        """One less."""
        with self.change:
            self.fits -= 1
            if not self.fits:
                for name, level in self.levels.items():
                    logging.getLogger(name).setLevel(level)


_QUIET = _Quiet()


@contextmanager
def quiet_lightning() -> Iterator[Path]:
    """Yields the folder for whatever Lightning writes. An interrupt by the keyboard stays one."""
    in_main = threading.current_thread() is threading.main_thread()
    on_interrupt = signal.getsignal(signal.SIGINT) if in_main else None
    _QUIET.enter()
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # What Lightning warns of (workers of a loader, a GPU that is not used) is decided here on purpose.
            warnings.filterwarnings("ignore", module=r"lightning(\.|$)")
            yield Path(folder)
    except SystemExit as left:
        # Lightning turns an interrupt into an exit, and switches further ones off.
        if isinstance(left.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if on_interrupt is not None:
            signal.signal(signal.SIGINT, on_interrupt)
        _QUIET.leave()
