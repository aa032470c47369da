"""The one trainer of all nets: PyTorch Lightning runs the loop, on the CPU, a GPU, or several processes (DDP, Ray).

What a step does is a function of the seed and the step's number alone (which windows, which units drop out, how large
the step is), so a fit that was killed goes on from a checkpoint, in the middle of an epoch too, and ends in the same
bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch import Tensor, nn

from gnomon.core.errors import ConfigError, TrainingError
from gnomon.models.base import Callback, FitReport
from gnomon.models.neural.chance import seeded
from gnomon.models.neural.checkpoint import (
    Progress,
    clear_checkpoints,
    fingerprint,
    load_checkpoint,
    save_checkpoint,
)
from gnomon.models.neural.data import Batch, Schedule, Windows
from gnomon.models.neural.inference import device_of, steady
from gnomon.models.neural.processes import Exchange, fit_in_processes
from gnomon.models.neural.quiet import quiet_lightning
from gnomon.models.neural.ray_workers import fit_on_ray
from gnomon.models.neural.stability import (
    GradientNoise,
    dead_units,
    importance,
    landscape,
    log_losses,
    mean_losses,
)
from gnomon.models.neural.weights import tensors_of, whole_net

if TYPE_CHECKING:
    from gnomon.models.neural.base import NetConfig, NeuralModel
    from gnomon.models.neural.heads import Head
    from gnomon.models.neural.networks.base import Network

PROBED = 256
"""Training windows on which dead units are counted."""
NOISE = ("steps", "squares", "products", "product_squares")
"""What a checkpoint holds of the gradients' noise, beside the last gradient."""
SKIPS = 25
"""Steps in a row whose gradient may overflow in 16-bit numbers while their scale is found."""

Told = Callable[[int, Mapping[str, float]], bool]
Keep = Callable[[Path, Progress, Mapping[str, Tensor], str], None]
"""What writes a checkpoint: `save_checkpoint`, here or on the machine that the fit was called on."""


def train_network(
    model: NeuralModel,
    train: Windows,
    valid: Windows | None,
    *,
    callbacks: Sequence[Callback],
    checkpoint: Path | None,
    transferred: bool,
) -> FitReport:
    """Fits the network and the head of a model in place, and says how it went. See `NeuralModel.fit`."""
    assert model.network is not None
    assert model.head is not None
    config = model.config
    if config.processes > 1 and len(train) < config.processes:
        raise ConfigError(f"processes = {config.processes}, but there are only {len(train)} windows to share")
    learner = Learner(model.network, model.head, config, train, valid, transferred=transferred)
    if checkpoint is not None:
        learner.checkpoints = Path(checkpoint)
        learner.identity = fingerprint(config.model_dump(mode="json"), train, valid, tensors_of(whole_net(model)))
        learner.resume()

    def tell(epoch: int, metrics: Mapping[str, float]) -> bool:
        stops = [callback.on_iteration_end(model, epoch, metrics) for callback in callbacks]
        return any(stops)

    learner.replay(tell)
    with steady(config), quiet_lightning() as folder:
        if config.launcher == "ray":
            fit_on_ray(learner, folder)
            learner.replay(tell)
        elif config.processes > 1:
            fit_in_processes(learner, folder)
            learner.replay(tell)
        else:
            learner.tell = tell
            fit(learner, folder)
        learner.restore_best()
        report = learner.report(model.feature_names)
    if checkpoint is not None:
        clear_checkpoints(Path(checkpoint))
    return report


def fit(learner: Learner, folder: Path, **settings: Any) -> None:
    """Runs Lightning's loop from where the learner stands to the end."""
    config = learner.config
    left = config.epochs - learner.progress.step // learner.schedule.steps
    if left < 1 or learner.progress.stopped:
        return
    device = device_of(config)
    trainer = lightning.Trainer(
        **{
            "accelerator": "gpu" if device.type == "cuda" else "cpu",
            "devices": 1,
            "max_epochs": left,
            "precision": precision_of(config, device),
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "benchmark": False,
            "default_root_dir": folder,
            **settings,
        }
    )
    trainer.fit(learner)


def precision_of(config: NetConfig, device: torch.device) -> Any:
    """Lightning's word for the precision that a config asks for on a device."""
    if config.precision == "auto":
        return "bf16-mixed" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "32-true"
    return {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[config.precision]


def step_size(config: NetConfig, step: int, steps: int) -> float:
    """The learning rate of a step: a straight rise over the warm-up, then half a cosine down to 0."""
    rise = round(config.warmup * steps)
    if step < rise:
        return config.learning_rate * (step + 1) / rise
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(steps - rise, 1)))


class Feed:
    """The batches from where a learner stands to the end of its epoch."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def __iter__(self) -> Iterator[Batch]:
        schedule, step = self.learner.schedule, self.learner.progress.step
        for number in range(step, (step // schedule.steps + 1) * schedule.steps):
            yield schedule.at(number)


class Learner(lightning.LightningModule):
    """A network and its head while they are fitted."""

    def __init__(
        self,
        network: Network,
        head: Head,
        config: NetConfig,
        train: Windows,
        valid: Windows | None,
        *,
        transferred: bool = False,
    ) -> None:
        super().__init__()
        self.net = nn.ModuleDict({"network": network, "head": head})
        self.config = config
        self.schedule = Schedule(train, config.batch_size, config.seed)
        self.judged = None if valid is None else Schedule(valid, config.batch_size, config.seed)
        self.transferred = transferred
        self.progress = Progress()
        self.best: dict[str, Tensor] = {}
        self.noise = GradientNoise(config.batch_size)
        self.moments: dict[str, Tensor] = {}
        """The optimiser's, of a checkpoint, until the optimiser takes them."""
        self.tell: Told | None = None
        self.exchange: Exchange | None = None
        """Where processes that share the fit leave how it ended."""
        self.checkpoints: Path | None = None
        self.keep: Keep = save_checkpoint
        self.identity = ""

    @property
    def network(self) -> Network:
        """The body."""
        return self.net["network"]  # type: ignore[return-value]

    @property
    def head(self) -> Any:
        """What sits on it."""
        return self.net["head"]

    @property
    def epoch(self) -> int:
        """The epoch that the present step belongs to."""
        return self.progress.step // self.schedule.steps

    def train_dataloader(self) -> Any:
        """Lightning's name for what gives batches."""
        return Feed(self)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; biases, norms and the like are not decayed."""
        named = list(self.net.named_parameters())
        groups = [
            {"params": [p for _, p in named if p.dim() >= 2], "weight_decay": self.config.weight_decay},
            {"params": [p for _, p in named if p.dim() < 2], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=self.config.learning_rate)
        if self.moments:
            for name, parameter in named:
                own = {
                    k: self.moments[f"{name}/{k}"]
                    for k in ("step", "exp_avg", "exp_avg_sq")
                    if f"{name}/{k}" in self.moments
                }
                if own:
                    optimizer.state[parameter] = own
            self.moments = {}
        return optimizer

    def setup(self, stage: str) -> None:  # noqa: ARG002
        """Takes this process's part of every batch, the first one too, which is fetched before training starts."""
        for schedule in (self.schedule, self.judged):
            if schedule is not None:
                schedule.rank, schedule.world = self.global_rank, self.trainer.world_size

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Sets the step size, and lets what is frozen sleep."""
        steps = self.config.epochs * self.schedule.steps
        size = step_size(self.config, self.progress.step, steps)
        self.head.progress = self.progress.step / steps
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = size
        for part in self.frozen():
            part.eval()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """The mean loss of a batch."""
        names = ("step", str(self.progress.step), str(self.global_rank))
        with seeded(self.config.seed, *names, device=batch.x.device):
            out = self.head(self.network(batch.x)).float()
        loss: Tensor = self.head.loss(out, batch.y, batch.forward_return, batch.weight)
        weight = float(batch.weight.sum())
        self.progress.loss_sum += float(loss.detach()) * weight
        self.progress.log_loss_sum += float(log_losses(self.head.probability(out), batch.y, batch.weight))
        self.progress.weight_sum += weight
        if not math.isfinite(float(loss.detach())):
            self.stop_as_unstable(f"the loss is {float(loss.detach())}")
        if self.network.auxiliary_loss is not None:
            loss, self.network.auxiliary_loss = loss + self.network.auxiliary_loss, None
        return loss * batch.share

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        """Measures the gradient, stops where it explodes, cuts it to the norm that is allowed."""
        for part in self.frozen():
            for parameter in part.parameters():
                parameter.grad = None
        parameters = list(self.net.parameters())
        gradients = [parameter.grad for parameter in parameters]
        total = nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None])
        norm = float(total)
        if not math.isfinite(norm) and self.config.precision == "16" and self.progress.skipped < SKIPS:
            # The scale of 16-bit losses is found by trying: this step is skipped, and the next one is scaled less.
            self.progress.skipped += 1
            return
        self.progress.skipped = 0
        if not norm <= self.config.gradient_limit:
            self.stop_as_unstable(
                f"the gradient's norm is {norm:g}, above gradient_limit = {self.config.gradient_limit:g}"
            )
        self.noise.add(gradients, norm, parameters)
        self.curve("gradient_norm", norm)
        if self.config.gradient_clip is not None:
            nn.utils.clip_grads_with_norm_(parameters, self.config.gradient_clip, total)

    def stop_as_unstable(self, cause: str) -> None:
        """Raises TrainingError."""
        error = TrainingError(
            f"the fit became unstable at step {self.progress.step} (epoch {self.epoch}): {cause}; lower learning_rate "
            f"(now {self.config.learning_rate:g}) or gradient_clip (now {self.config.gradient_clip}), and look for "
            "extreme feature values"
        )
        if self.exchange is not None:
            self.exchange.failed(error)
        raise error

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Counts the step; writes a checkpoint now and then."""
        self.progress.step += 1
        at_end = self.progress.step % self.schedule.steps == 0
        if not at_end and self.progress.step % self.config.checkpoint_every == 0:
            self.write_checkpoint()

    def on_train_epoch_end(self) -> None:
        """Judges the epoch, keeps the best weights, and decides whether to go on."""
        progress, epoch = self.progress, self.epoch - 1
        sums = self.together(
            torch.tensor([progress.loss_sum, progress.log_loss_sum, progress.weight_sum], dtype=torch.float64)
        )
        loss_sum, log_loss_sum, weight = sums.tolist()
        metrics = {"train_loss": loss_sum / weight, "train_log_loss": log_loss_sum / weight}
        if self.judged is not None:
            loss, log_loss = mean_losses(self.network, self.head, self.judged, self.device, self.together)
            metrics |= {"valid_loss": loss, "valid_log_loss": log_loss}
        for name, value in metrics.items():
            self.curve(name, value)
        self.curve("gradient_noise_scale", self.noise.scale())
        self.curve("dead_units", dead_units(self.network, self.probe()))
        progress.loss_sum = progress.log_loss_sum = progress.weight_sum = 0.0
        self.noise = GradientNoise(self.config.batch_size)
        judged = metrics.get("valid_loss")
        if judged is not None and not math.isfinite(judged):
            self.stop_as_unstable(f"the validation loss is {judged}")
        if judged is None or judged < progress.best_loss:
            progress.best_loss, progress.best_epoch = math.inf if judged is None else judged, epoch
            if judged is not None:
                self.best = tensors_of(self.net)
        patience = self.config.stop_after
        waited = epoch - progress.best_epoch
        progress.stopped = judged is not None and patience is not None and waited >= patience
        if self.tell is not None and self.tell(epoch, metrics):
            progress.stopped = True
        self.write_checkpoint()
        if progress.stopped:
            self.trainer.should_stop = True

    def on_train_end(self) -> None:
        """Hands the result to the process that waits for it."""
        if self.exchange is not None and self.global_rank == 0:
            self.exchange.ended(self)

    def frozen(self) -> list[nn.Module]:
        """The parts that do not learn in the present epoch."""
        config, epoch = self.config, self.epoch
        if not self.transferred or config.freeze_epochs == 0:
            return []
        parts = list(self.network.children()) or [self.network]
        if epoch < config.freeze_epochs:
            return [self.network]
        if config.unfreeze == "all":
            return []
        return parts[: max(len(parts) - 1 - (epoch - config.freeze_epochs), 0)]

    def probe(self) -> Tensor:
        """A few training windows, the same every time."""
        count = min(PROBED, len(self.schedule.windows))
        return self.schedule.windows.batch(torch.arange(count).numpy()).x.to(self.device)

    def together(self, sums: Tensor) -> Tensor:
        """The sums over all processes."""
        if self._trainer is None or self.trainer.world_size == 1:
            return sums
        return self.trainer.strategy.reduce(sums.to(self.device), reduce_op="sum").cpu()

    def curve(self, name: str, value: float) -> None:
        """Adds a value to a curve."""
        self.progress.curves.setdefault(name, []).append(value)

    def write_checkpoint(self) -> None:
        """Writes where the fit stands, where it was given a folder."""
        if self.checkpoints is None or self.global_rank != 0:
            return
        for name in NOISE:
            setattr(self.progress, f"noise_{name}", getattr(self.noise, name))
        self.keep(self.checkpoints, self.progress, self.tensors(), self.identity)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of a checkpoint."""
        held = {f"net/{name}": tensor for name, tensor in tensors_of(self.net).items()}
        held |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        held |= {f"noise/{i:05d}": tensor for i, tensor in enumerate(self.noise.last)}
        state = self.trainer.optimizers[0].state
        for name, parameter in self.net.named_parameters():
            held |= {f"optimizer/{name}/{key}": value for key, value in state.get(parameter, {}).items()}
        return held

    def take(self, progress: Progress, tensors: Mapping[str, Tensor]) -> None:
        """Stands where a checkpoint stood."""
        of = {
            kind: {name.partition("/")[2]: t for name, t in tensors.items() if name.startswith(f"{kind}/")}
            for kind in ("net", "best", "noise", "optimizer")
        }
        self.progress, self.best, self.moments = progress, of["best"], of["optimizer"]
        self.net.load_state_dict(of["net"])
        noise = [of["noise"][name] for name in sorted(of["noise"])]
        sums = {name: getattr(progress, f"noise_{name}") for name in NOISE}
        self.noise = GradientNoise(self.config.batch_size, **sums, last=noise)

    def resume(self) -> None:
        """Goes on from the last checkpoint, where there is one."""
        assert self.checkpoints is not None
        found = load_checkpoint(self.checkpoints, self.identity)
        if found is not None:
            self.take(*found)

    def replay(self, tell: Told) -> None:
        """Tells of the epochs that are past, so that what watches the fit knows them too; with the best weights."""
        curves = self.progress.curves
        past = len(curves.get("train_loss", ()))
        if not past:
            return
        now = tensors_of(self.net)
        if self.best:
            self.net.load_state_dict(self.best)
        names = ("train_loss", "train_log_loss", "valid_loss", "valid_log_loss")
        for epoch in range(past):
            tell(epoch, {name: curves[name][epoch] for name in names if name in curves})
        self.net.load_state_dict(now)

    def restore_best(self) -> None:
        """Takes the weights of the epoch with the lowest validation loss, where there was validation."""
        if self.best:
            self.net.load_state_dict(self.best)

    def report(self, names: Sequence[str]) -> FitReport:
        """How the fit went."""
        progress, config = self.progress, self.config
        device = next(self.net.parameters()).device
        curves: dict[str, Sequence[float]] = dict(progress.curves)
        if config.landscape_points:
            windows = self.schedule.windows if self.judged is None else self.judged.windows
            drawn = landscape(
                self.network, self.head, windows, points=config.landscape_points, seed=config.seed, device=device
            )
            curves["loss_landscape"] = drawn.loss.ravel().tolist()
        notes = []
        dead = progress.curves["dead_units"][-1]
        if dead > 0.5:
            notes.append(f"{dead:.0%} of the hidden units are dead: lower learning_rate or weight_decay")
        if progress.best_epoch == config.epochs - 1 and self.judged is not None:
            notes.append("the last epoch was the best one: more epochs may help")
        return FitReport(
            iterations=len(progress.curves["train_loss"]),
            best_iteration=progress.best_epoch,
            curves=curves,
            importance=importance(self.network, self.head, self.schedule.windows, names, device),
            notes=notes,
        )
