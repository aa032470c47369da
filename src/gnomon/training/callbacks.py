"""What may watch a fit: show, log and track it, save it on the way, stop it; `gnomon.models.base.Callback` says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import structlog

from gnomon.core.files import atomic_folder, remove
from gnomon.models.base import FitReport, ModelBase
from gnomon.samples.base import Samples

if TYPE_CHECKING:
    from gnomon.store.tracking import TrackedRun


class CallbackBase:
    """A callback that does nothing: override what you need."""

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:
        """Before the first iteration."""

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:  # noqa: ARG002
        """After each iteration, counted from 0; True stops the fit."""
        return False

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:
        """After the last iteration."""


class LoggingCallback(CallbackBase):
    """Logs the start, every `every`-th iteration and the end of a fit."""

    def __init__(self, *, every: int = 10, logger: Any = None) -> None:
        if every < 1:
            raise ValueError(f"every must be 1 iteration or more, was {every}")
        self.every = every
        self.log = logger if logger is not None else structlog.get_logger("gnomon.training")

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:
        """Logs how much is learned from."""
        self.log.info("fit started", model=type(model).__name__, rows=len(train), valid_rows=len(valid) if valid else 0)

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:  # noqa: ARG002
        """Logs the metrics of every `every`-th iteration."""
        if iteration % self.every == 0:
            self.log.info("iteration", number=iteration, **{name: round(value, 6) for name, value in metrics.items()})
        return False

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:
        """Logs how it ended."""
        self.log.info("fit ended", model=type(model).__name__, iterations=report.iterations, best=report.best_iteration)


class ProgressCallback(CallbackBase):
    """Tells how far a fit is: `update("12/100", 0.12)` after each iteration."""

    def __init__(self, update: Callable[[str, float], None]) -> None:
        self.update = update

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:  # noqa: ARG002
        """Tells the iteration, of as many as the model's config allows; never stops the fit."""
        names = ("rounds", "iterations", "epochs")
        most = next((n for n in (getattr(model.config, name, None) for name in names) if n), iteration + 1)
        self.update(f"{iteration + 1}/{most}", min((iteration + 1) / most, 1.0))
        return False


class MLflowCallback(CallbackBase):
    """Writes the metrics of each iteration into a run of the experiment tracker (MLflow), as curves.

    `run`: of `gnomon.store.tracking.ExperimentTracker`; `prefix`: before the names, to tell models of a run apart.
    """

    def __init__(self, run: TrackedRun, *, prefix: str = "") -> None:
        self.run, self.prefix = run, prefix

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:  # noqa: ARG002
        """Collects the metrics; they are sent in batches."""
        self.run.log_metrics({f"{self.prefix}{name}": value for name, value in metrics.items()}, step=iteration)
        return False

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:  # noqa: ARG002
        """Sends what is still held."""
        self.run.flush()


class _Monitor:
    """Follows one metric and knows its best value so far."""

    def __init__(self, metric: str | None, mode: Literal["min", "max"], min_delta: float) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', was {mode!r}")
        if not min_delta >= 0:
            raise ValueError(f"min_delta must be 0 or more, was {min_delta}")
        self.metric, self.sign, self.min_delta = metric, 1.0 if mode == "min" else -1.0, min_delta
        self.best: float | None = None

    def improved(self, metrics: Mapping[str, float]) -> bool:
        """Whether the metric is better than ever by at least `min_delta`; it then becomes the best."""
        metric = self.metric or next((name for name in metrics if name.startswith("valid_")), next(iter(metrics), ""))
        if metric not in metrics:
            raise ValueError(f"monitor {metric!r} is no metric of this fit; it reports {sorted(metrics)}")
        value = self.sign * metrics[metric]
        if self.best is None or value < self.best - self.min_delta:
            self.best = value
            return True
        return False


class EarlyStoppingCallback(CallbackBase):
    """Stops a fit when `monitor` has not become better by `min_delta` for `patience` iterations."""

    def __init__(
        self,
        *,
        monitor: str = "valid_log_loss",
        patience: int = 50,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] = "min",
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience must be 1 iteration or more, was {patience}")
        self.patience = patience
        self._settings = monitor, mode, min_delta
        self._monitor = _Monitor(*self._settings)
        self._best_iteration = 0

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:  # noqa: ARG002
        """Forgets the fit before."""
        self._monitor = _Monitor(*self._settings)
        self._best_iteration = 0

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:  # noqa: ARG002
        """Says whether the patience is over."""
        if self._monitor.improved(metrics):
            self._best_iteration = iteration
        return iteration - self._best_iteration >= self.patience


class ModelCheckpointCallback(CallbackBase):
    """Saves the model while it is fitted: after each better iteration, keeping only the best, or after every one.

    A checkpoint is a folder `iteration-00012` under `folder`, whole or absent; `ModelClass.load` reads it. It is a
    snapshot to predict with; a fit that was cut off starts again from the beginning. A model that cannot be saved
    before its fit has ended is saved then. `monitor` None follows the first metric of the validation rows, or the first
    there is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        monitor: str | None = "valid_log_loss",
        mode: Literal["min", "max"] = "min",
        best_only: bool = True,
    ) -> None:
        self.folder = Path(folder)
        self.best_only = best_only
        self._settings = monitor, mode
        self._monitor = _Monitor(*self._settings, 0.0)

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:  # noqa: ARG002
        """Removes the checkpoints of the fit before."""
        self._monitor = _Monitor(*self._settings, 0.0)
        for old in self.saved():
            remove(old)

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:
        """Saves the model where it became better."""
        better = self._monitor.improved(metrics)
        if model.saves_midway and (better or not self.best_only):
            self._save(model, iteration)
        return False

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:
        """Saves a model that could not be saved on the way."""
        if not model.saves_midway:
            self._save(model, report.iterations - 1 if report.best_iteration is None else report.best_iteration)

    def _save(self, model: ModelBase, iteration: int) -> None:
        old = self.saved()
        with atomic_folder(self.folder / f"iteration-{iteration:05d}") as folder:
            model.save(folder)
        if self.best_only:
            for checkpoint in old:
                remove(checkpoint)

    def saved(self) -> list[Path]:
        """The checkpoints there are, oldest first."""
        return sorted(self.folder.glob("iteration-*"))
