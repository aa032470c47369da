"""One fit shared by several processes (Lightning DDP, spawned): gloo between CPUs, NCCL between GPUs."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

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


class QuietDDP(DDPStrategy):
    """DDP whose processes are set up like the one that started them."""

    threads: int = 1
    strict: bool = True

    def setup_environment(self) -> None:
        """The first thing that a spawned process does."""
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore")
        torch.set_num_threads(self.threads)
        torch.use_deterministic_algorithms(self.strict)
        super().setup_environment()


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
    learner.exchange = folder
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


def hand_back(learner: Learner) -> None:
    """In a spawned process: leaves where the fit ended for the process that waits."""
    assert learner.exchange is not None
    save_checkpoint(learner.exchange / ENDED, learner.progress, learner.tensors(), learner.identity)


def hand_back_failure(learner: Learner, error: GnomonError) -> None:
    """In a spawned process: leaves why the fit failed."""
    assert learner.exchange is not None
    write_atomic(learner.exchange / FAILED, json.dumps({"error": str(error)}).encode())
