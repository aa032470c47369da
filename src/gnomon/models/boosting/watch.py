"""What a boosted fit is watched by: each round goes to the callbacks, and a loss that no longer falls stops it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

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
        """Takes a round's loss; whether the fit should end."""
        self.losses.append(loss)
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
