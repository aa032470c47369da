"""A search as it goes: configurations are asked for in batches of a fixed size and told in the order of their numbers.

Which worker tried what, and when, cannot be seen from here; so it cannot change what is found. A search that goes on
asks everything again from the first trial, and takes what the record holds in place of trying it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import TrialState, create_trial

from gnomon.core.errors import IntegrityError
from gnomon.core.seeds import derived_seed
from gnomon.models.search_space import SearchSpace
from gnomon.training.scores import SCORES
from gnomon.training.search.base import Asked, Outcome, SearchTrial
from gnomon.training.search.record import SearchRecord
from gnomon.training.search.samplers import direction, make_sampler, quiet
from gnomon.training.search.space import distributions

Told = Callable[[SearchTrial, Outcome], None]
"""Called with each trial that was tried, before it is recorded."""
Progress = Callable[[int, int, float], None]
"""Trials done, of how many, and the best value so far (NaN before there is one)."""

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(kw_only=True, eq=False)
class Campaign:
    """One study, from its first trial to its last."""

    study: str
    space: SearchSpace
    start: Mapping[str, Any]
    metrics: tuple[str, ...]
    sampler: str
    seed: int
    trials: int
    batch: int
    pruned: bool
    """Whether the pruner of a trial has to know of those before it."""
    record: SearchRecord | None = None
    told: Told | None = None
    progress: Progress | None = None
    timeout: float | None = None
    finished: list[SearchTrial] = field(default_factory=list)
    """Every trial that was told, by number."""

    def __post_init__(self) -> None:
        self._began = time.perf_counter()
        self._distributions = distributions(self.space)
        self._known = {trial.number: trial for trial in self.record.trials()} if self.record is not None else {}
        self._open: dict[int, Any] = {}
        self._asked: list[Asked] = []
        self._history: list[Any] = []
        with quiet():
            self._study = optuna.create_study(
                study_name=self.study, directions=[direction(metric) for metric in self.metrics]
            )
            self._study.enqueue_trial(dict(self.start))

    def next(self) -> list[Asked]:
        """What is to be tried next, at most a batch; empty when the search is over. `tell` has to follow."""
        while len(self.finished) < self.trials and not self._late():
            self._ask(min(self.batch, self.trials - len(self.finished)))
            new = [asked for asked in self._asked if asked.number not in self._known]
            if new:
                return new
            self.tell([])
        return []

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """What came of all that `next` gave, in any order."""
        by_number = {outcome.number: outcome for outcome in outcomes}
        for asked in self._asked:
            outcome = by_number.get(asked.number)
            trial = self._known[asked.number] if outcome is None else _trial_of(asked, outcome)
            if outcome is not None:
                # First the ledger, then the record: a kill between the two tries it again, and counts it once.
                if self.told is not None:
                    self.told(trial, outcome)
                if self.record is not None:
                    self.record.add(trial)
            self._tell(trial)
        self._asked = []

    def importance(self) -> dict[str, float]:
        """The share of the first metric's variance that each setting explains, greatest first; see `SearchResult`."""
        complete = [trial for trial in self.finished if trial.state == "complete"]
        if len({trial.value for trial in complete}) < 2:
            return {}
        if len(self.space) == 1:
            return {next(iter(self.space)): 1.0}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=derived_seed(self.seed, "search", "importance"))
        with quiet():
            found = optuna.importance.get_param_importances(
                self._study, evaluator=evaluator, target=lambda trial: float(trial.values[0])
            )
        return {name: float(share) for name, share in found.items()}

    def _late(self) -> bool:
        return self.timeout is not None and time.perf_counter() - self._began > self.timeout

    def _ask(self, count: int) -> None:
        history = tuple(self._history) if self.pruned else ()
        with quiet():
            for number in range(len(self.finished), len(self.finished) + count):
                self._study.sampler = make_sampler(self.sampler, seed=self.seed, number=number)
                trial = self._study.ask(self._distributions)
                self._open[number] = trial
                # Its fellows take numbers in the pruner's eyes, and nothing else.
                fellows = (create_trial(state=TrialState.FAIL),) * (number - len(self.finished)) if self.pruned else ()
                self._asked.append(Asked(number=number, params=dict(trial.params), history=(*history, *fellows)))
                held = self._known.get(number)
                if held is not None and dict(held.params) != dict(trial.params):
                    raise IntegrityError(
                        f"trial {number} of the study {self.study} was recorded with other settings than are asked for "
                        "now: another version of Optuna or of a library made it; remove its folder to begin anew"
                    )

    def _tell(self, trial: SearchTrial) -> None:
        asked = self._open.pop(trial.number)
        with quiet():
            self._study.sampler = make_sampler(self.sampler, seed=self.seed, number=trial.number)
            if len(self.metrics) == 1:
                for step, value in enumerate(trial.intermediate):
                    asked.report(value, step)
            values = [trial.values[name] for name in self.metrics] if trial.state == "complete" else None
            self._study.tell(asked, values, state=None if values is not None else STATES[trial.state])
        if self.pruned:
            self._history.append(
                create_trial(
                    state=STATES[trial.state],
                    values=values,
                    intermediate_values=dict(enumerate(trial.intermediate)),
                    system_attrs=dict(trial.marks),
                )
            )
        self.finished.append(trial)
        if self.progress is not None:
            self.progress(len(self.finished), self.trials, self._best())

    def _best(self) -> float:
        sign = SCORES[self.metrics[0]].sign
        values = [sign * trial.value for trial in self.finished if trial.state == "complete"]
        return sign * max(values) if values else math.nan


def _trial_of(asked: Asked, outcome: Outcome) -> SearchTrial:
    return SearchTrial(
        number=asked.number,
        params=asked.params,
        state=outcome.state,
        folds=outcome.folds,
        seconds=outcome.seconds,
        cause=outcome.cause,
        marks=outcome.marks,
    )
