"""Choosing among candidates: by validation rows only. A test row never enters here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gnomon.core.errors import DataError
from gnomon.models.bundle import TrainedModel
from gnomon.models.supervised import log_loss, target_of
from gnomon.samples.base import Samples


@dataclass(frozen=True, kw_only=True)
class ValidationScore:
    """How a candidate did on the validation rows. `skill` is 1 - log_loss / prior_log_loss: above 0 it knows something.

    The prior gives every row the class frequencies of the training rows.
    """

    name: str
    log_loss: float
    prior_log_loss: float
    rows: int

    @property
    def skill(self) -> float:
        """Share of the prior's loss that it takes away; 0 and below is no better than guessing the frequencies."""
        return 1.0 - self.log_loss / self.prior_log_loss


def validation_scores(candidates: Mapping[str, TrainedModel], train: Samples, valid: Samples) -> list[ValidationScore]:
    """Every candidate's weighted log loss on the validation rows, best first; ties go by name.

    Candidates with different horizons answer different questions and cannot be ranked: DataError.
    """
    if not candidates:
        raise DataError("there is no candidate to choose among")
    horizons = {name: trained.meta.horizon for name, trained in candidates.items()}
    if len(set(horizons.values())) > 1:
        raise DataError(f"candidates forecast different horizons, {horizons}: compare those of one horizon")
    horizon = next(iter(horizons.values()))
    seen, judged = target_of(train, horizon), target_of(valid, horizon)
    if not len(judged):
        raise DataError(
            f"no validation row has a decided label at horizon {horizon}, so no candidate can be chosen; "
            "give the split a validation part (split.valid)"
        )
    frequency = np.bincount(seen.y, weights=seen.weight, minlength=3) / seen.weight.sum()
    prior = log_loss(np.tile(frequency, (len(judged), 1)), judged)
    scores = [
        ValidationScore(
            name=name,
            log_loss=log_loss(trained.predict_rows(valid, judged.rows).probability, judged),
            prior_log_loss=prior,
            rows=len(judged),
        )
        for name, trained in candidates.items()
    ]
    return sorted(scores, key=lambda score: (score.log_loss, score.name))


def select_model(candidates: Mapping[str, TrainedModel], train: Samples, valid: Samples) -> str:
    """The name of the candidate with the lowest validation loss."""
    return validation_scores(candidates, train, valid)[0].name
