"""One fit shared by several processes (Lightning DDP, spawned): gloo between CPUs, NCCL between GPUs."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessException

from gnomon.core.errors import GnomonError, TrainingError
from gnomon.core.files import write_atomic
from gnomon.models.neural.checkpoint import load_checkpoint, save_checkpoint
from gnomon.models.neural.inference import device_of
from gnomon.models.neural.quiet import LOGGERS

if TYPE_CHECKING:
    from gnomon.models.neural.trainer import Learner

ENDED, FAILED = "ended", "failed.json"


class Exchange(Protocol):
    """How a process that shares a fit tells the one that waits for it."""

    def ended(self, learner: Learner) -> None:
        """Where the fit ended; the first process says it."""
        ...

    def failed(self, error: GnomonError) -> None:
        """Why the fit failed."""
        ...


@dataclass(frozen=True)
class FolderExchange:
    """Between processes of one machine."""

    folder: Path

    def ended(self, learner: Learner) -> None:
        """Leaves it as a checkpoint."""
        save_checkpoint(self.folder / ENDED, learner.progress, learner.tensors(), learner.identity)

    def failed(self, error: GnomonError) -> None:
        """Leaves its words."""
        write_atomic(self.folder / FAILED, json.dumps({"error": str(error)}).encode())


class QuietDDP(DDPStrategy):
    """DDP whose processes are set up like the one that started them."""

    threads: int = 1
    strict: bool = True

    def setup_environment(self) -> None:
        """The first thing that a spawned process does."""
        prepare_process(self.threads, deterministic=self.strict)
        super().setup_environment()


def prepare_process(threads: int, *, deterministic: bool) -> None:
    """Sets up a process that does nothing else than share a fit."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def fit_in_processes(learner: Learner, folder: Path) -> None:
    """Fits with `config.processes` processes that share every batch; the learner then stands where they ended.

    Started from a script, the script must guard its work with `if __name__ == "__main__":`, as all spawning must.
    Callbacks are told of the epochs afterwards: they live in this process.
    """
    from gnomon.models.neural.trainer import fit

    config = learner.config
    on_gpu = device_of(config).type == "cuda"
    strategy = QuietDDP(start_method="spawn", process_group_backend="nccl" if on_gpu else "gloo")
    strategy.threads, strategy.strict = config.threads, config.deterministic
    learner.exchange = FolderExchange(folder)
    try:
        fit(learner, folder, devices=config.processes, strategy=strategy)
    except ProcessException:
        failed = folder / FAILED
        if failed.is_file():
            raise TrainingError(json.loads(failed.read_bytes())["error"]) from None
        raise
    finally:
        learner.exchange = None
    found = load_checkpoint(folder / ENDED, learner.identity)
    if found is not None:
        learner.take(*found)
