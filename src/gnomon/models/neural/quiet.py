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


@contextmanager
def quiet_lightning() -> Iterator[Path]:
    """Yields the folder for whatever Lightning writes. An interrupt by the keyboard stays one."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    in_main = threading.current_thread() is threading.main_thread()
    on_interrupt = signal.getsignal(signal.SIGINT) if in_main else None
    for logger in loggers:
        logger.setLevel(logging.ERROR)
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
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
