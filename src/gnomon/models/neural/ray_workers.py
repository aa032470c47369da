"""One fit shared by the machines of a Ray cluster: Ray Train places the processes, Lightning's DDP does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load, save
from torch import Tensor

from gnomon.core.cluster import environment, ray_cluster
from gnomon.core.errors import GnomonError, TrainingError
from gnomon.models.neural.checkpoint import Progress, save_checkpoint
from gnomon.models.neural.processes import prepare_process
from gnomon.models.neural.quiet import quiet_lightning

if TYPE_CHECKING:
    from gnomon.models.neural.trainer import Learner

QUIET = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}
State = tuple[Progress, bytes]
"""How far a fit is, and its tensors as safetensors: Ray Train returns no tensors."""


class Held:
    """In a worker: how the fit ended, to be returned to the machine that waits."""

    def __init__(self) -> None:
        self.state: State | None = None

    def ended(self, learner: Learner) -> None:
        """Keeps it."""
        self.state = learner.progress, save(learner.tensors())

    def failed(self, error: GnomonError) -> None:
        """Nothing: Ray Train carries the error."""


class Writer:
    """An actor on the machine that the fit was called on: checkpoints belong there, whoever computes."""

    def write(self, folder: Path, progress: Progress, tensors: Mapping[str, Tensor], identity: str) -> None:
        """See `save_checkpoint`."""
        save_checkpoint(folder, progress, tensors, identity)


def fit_on_ray(learner: Learner, folder: Path) -> None:
    """Fits with `config.processes` workers of a cluster that share every batch; the learner stands where they ended.

    The machines need this package. With GPUs (`device` auto and enough of them in the cluster, or cuda) each worker
    holds one, else `threads` processors. Callbacks are told of the epochs afterwards. ConfigError without Ray or where
    no cluster answers, TrainingError for a fit that became unstable or a worker that was lost.
    """
    config = learner.config
    count = config.processes
    with (
        environment(QUIET),
        ray_cluster(config.address, processors=count * config.threads, where="params.launcher: ") as ray,
    ):
        train, torch_train = import_module("ray.train"), import_module("ray.train.torch")
        there = ray.cluster_resources().get("GPU", 0)
        on_gpu = config.device == "cuda" or (config.device == "auto" and there >= count)
        given = {"learner": ray.put(learner), "writer": None if learner.checkpoints is None else _writer(ray)}
        trainer = torch_train.TorchTrainer(
            share_fit,
            train_loop_config=given,
            torch_config=torch_train.TorchConfig(backend="nccl" if on_gpu else "gloo"),
            scaling_config=train.ScalingConfig(
                num_workers=count,
                use_gpu=on_gpu,
                resources_per_worker={"CPU": config.threads, **({"GPU": 1} if on_gpu else {})},
            ),
            run_config=train.RunConfig(storage_path=str(folder), name="fit"),
        )
        try:
            state: State | None = trainer.fit().return_value
        except train.TrainingFailedError as error:
            raise TrainingError(_cause(error)) from None
    if state is not None:
        progress, tensors = state
        learner.take(progress, load(tensors))


def share_fit(given: Mapping[str, Any]) -> State | None:
    """What a worker does; the first one returns where the fit ended, None where nothing was left to do."""
    from gnomon.models.neural.trainer import fit

    ray, lightning = import_module("ray"), import_module("ray.train.lightning")
    learner: Learner = ray.get(given["learner"])
    writer, held = given["writer"], Held()
    learner.exchange = held
    if writer is not None:
        learner.keep = lambda *checkpoint: ray.get(writer.write.remote(*checkpoint))
    prepare_process(learner.config.threads, deterministic=learner.config.deterministic)
    with quiet_lightning() as folder:
        fit(
            learner,
            folder,
            devices="auto",
            strategy=lightning.RayDDPStrategy(),
            plugins=[lightning.RayLightningEnvironment()],
        )
    return held.state


def _writer(ray: Any) -> Any:
    strategies = import_module("ray.util.scheduling_strategies")
    here = strategies.NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(Writer).remote()


def _cause(error: Exception) -> str:
    """What a worker's own error said, or the last that Ray says."""
    failures = list(getattr(error, "worker_failures", {}).values())
    own = next((str(failure) for failure in failures if isinstance(failure, GnomonError)), None)
    last = str(failures[0] if failures else error).strip().splitlines()[-1]
    return own or f"a worker of the Ray cluster failed: {last}"
