"""What a boosted fit is watched by: each round goes to the callbacks, and a loss that no longer falls stops it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from gnomon.core.errors import TrainingError
from gnomon.models.base import Callback, FitReport
from gnomon.models.supervised import SupervisedModel


class Watch:
    """Follows the loss of one part, round by round. `patience` None never stops the fit, and the last round is kept."""

    def __init__(
        self, model: SupervisedModel, callbacks: Sequence[Callback], *, part: str, patience: int | None
    ) -> None:
        self.model = model
        self.callbacks = callbacks
        self.patience = patience
        self.metric = f"{part}_{'rmse' if model.learns_returns else 'log_loss'}"
        self.losses: list[float] = []
        self._best = 0

    def stops(self, iteration: int, loss: float) -> bool:
        """Takes a round's loss; whether the fit should end. It ends at once where the loss is no number any more."""
        self.losses.append(loss)
        if not math.isfinite(loss):
            return True
        if loss < self.losses[self._best]:
            self._best = iteration
        asked = [callback.on_iteration_end(self.model, iteration, {self.metric: loss}) for callback in self.callbacks]
        return any(asked) or (self.patience is not None and iteration - self._best >= self.patience)

    @property
    def best_iteration(self) -> int:
        """The round that is kept: the best one where rounds are judged on validation rows, else the last."""
        return len(self.losses) - 1 if self.patience is None else int(np.argmin(self.losses))

    def report(self, importance: Mapping[str, float]) -> FitReport:
        """What the fit did."""
        flat = not any(importance.values())
        notes = ["no split was worth making: every row gets the same forecast"] if flat else []
        return FitReport(
            iterations=len(self.losses),
            best_iteration=self.best_iteration,
            curves={self.metric: self.losses},
            importance=importance,
            notes=notes,
        )


@contextmanager
def explained(error: type[Exception], model: SupervisedModel) -> Iterator[None]:
    """What the library raises within the block becomes a TrainingError that names the model."""
    try:
        yield
    except error as raised:
        said = str(raised).strip().splitlines()[0]
        raise TrainingError(f"{type(model).__name__} could not be fitted; its library says: {said}") from raised
