"""One configuration tried: fold after fold, until its pruner gives it up. Runs in any thread, process or machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.core.types import Array, Float64, Int64
from gnomon.training.cross_validation import FoldResult, FoldWork, score_fold
from gnomon.training.search.base import Asked, Outcome
from gnomon.training.search.samplers import Pruning


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What all configurations of a search are tried on."""

    work: FoldWork
    section: ModelSection
    name: str
    metrics: tuple[str, ...]
    pruning: Pruning | None

    def section_of(self, params: Any) -> ModelSection:
        """The model's section with these settings in it."""
        return self.section.model_copy(update={"params": {**self.section.params, **params}})


def score_trial(ground: Ground, asked: Asked) -> Outcome:
    """Fits and judges the configuration on fold after fold.

    A fit that fails, or a score that is no number, fails the trial with its cause; the search goes on.
    """
    began = time.perf_counter()
    section = ground.section_of(asked.params)
    watch = None if ground.pruning is None else ground.pruning.watch(asked.history)
    results: list[FoldResult] = []
    folds: dict[str, tuple[float, ...]] = dict.fromkeys(ground.metrics, ())
    state, cause, of = "complete", None, len(ground.work.folds)
    for number in range(of):
        try:
            result = score_fold(ground.work, ground.name, section, number)
        except Exception as error:  # noqa: BLE001  what a library raises in some corner of the space ends that trial
            state, cause = "failed", f"{type(error).__name__}: {error}"
            break
        bad = [name for name in ground.metrics if not math.isfinite(result.scores[name])]
        if bad:
            state, cause = "failed", f"{bad[0]} is {result.scores[bad[0]]} on fold {number + 1} of {of}"
            break
        results.append(result)
        folds = {name: (*folds[name], float(result.scores[name])) for name in ground.metrics}
        mean = float(np.mean(folds[ground.metrics[0]]))
        # After the last fold there is nothing left to save.
        if watch is not None and watch.stops(number, mean) and number + 1 < of:
            state = "pruned"
            break
    returns, stamps = joined_returns(results)
    return Outcome(
        number=asked.number,
        state=state,  # type: ignore[arg-type]
        folds=folds,
        seconds=time.perf_counter() - began,
        cause=cause,
        returns=returns,
        stamps=stamps,
        marks=watch.marks if watch is not None else {},
    )


def joined_returns(results: Sequence[FoldResult]) -> tuple[Float64[Array, " t"], Int64[Array, " t"]]:
    """The folds' trading returns in the order of time; a bar that several folds traded gets their mean."""
    stamps = np.concatenate([result.stamps for result in results]) if results else np.empty(0, np.int64)
    returns = np.concatenate([result.returns for result in results]) if results else np.empty(0)
    moments, place = np.unique(stamps, return_inverse=True)
    if not moments.size:
        return np.empty(0), moments
    return np.bincount(place, weights=returns) / np.bincount(place), moments
