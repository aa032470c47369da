"""Optuna's samplers and pruners by name, and what each of them needs."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from gnomon.core.errors import ConfigError
from gnomon.core.seeds import derived_seed
from gnomon.training.scores import SCORES

POPULATION = 16
"""A generation of NSGA-II: small beside the 50 to 100 trials of a search."""

_NEEDS = {"cmaes": ("cmaes",), "gp": ("torch", "scipy")}
_SEVERAL = ("tpe", "gp", "nsga2", "random")
"""Samplers that take several metrics."""

_hushing = threading.RLock()


def check_search(sampler: str, pruner: str, metrics: Sequence[str], *, where: str = "search") -> None:
    """ConfigError for a sampler whose libraries are not there, and for what does not go with several metrics."""
    missing = [name for name in _NEEDS.get(sampler, ()) if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{where}.sampler = {sampler!r} needs {' and '.join(missing)}, not installed here; pip install "
            f"{' '.join(missing)}, or set {where}.sampler: tpe"
        )
    if len(set(metrics)) < len(metrics):
        raise ConfigError(f"{where}.metrics = {list(metrics)} names a score twice")
    if len(metrics) > 1 and sampler not in _SEVERAL:
        raise ConfigError(
            f"{where}.sampler = {sampler!r} takes one metric, {list(metrics)} are {len(metrics)}; choose one of "
            f"{', '.join(_SEVERAL)}"
        )
    if len(metrics) > 1 and pruner != "none":
        raise ConfigError(
            f"{where}.pruner = {pruner!r} goes by one metric, {list(metrics)} are {len(metrics)}; set it to none"
        )


def make_sampler(kind: str, *, seed: int, number: int) -> Any:
    """A fresh sampler whose chance depends on the seed and the trial's number alone."""
    from optuna import samplers

    own = derived_seed(seed, "search", str(number))
    with quiet():
        if kind == "tpe":
            return samplers.TPESampler(seed=own)
        if kind == "cmaes":
            return samplers.CmaEsSampler(seed=own, warn_independent_sampling=False)
        if kind == "gp":
            return samplers.GPSampler(seed=own, warn_independent_sampling=False)
        if kind == "nsga2":
            return samplers.NSGAIISampler(seed=own, population_size=POPULATION)
        return samplers.RandomSampler(seed=own)


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """Gives up a trial by its running means, held against trials of earlier batches: what runs beside it is not seen.

    So the decision is the same wherever and beside whatever the trial runs.
    """

    kind: str
    metric: str
    folds: int
    study: str

    def watch(self, history: Sequence[Any]) -> Watch:
        """What watches the trial that follows those of `history`."""
        import optuna

        with quiet():
            study = optuna.create_study(
                study_name=self.study,
                direction=direction(self.metric),
                sampler=optuna.samplers.RandomSampler(seed=0),
                pruner=self._pruner(),
            )
            study.add_trials(history)
            return Watch(study.ask())

    def _pruner(self) -> Any:
        from optuna import pruners

        if self.kind == "hyperband":
            return pruners.HyperbandPruner(min_resource=1, max_resource=self.folds, reduction_factor=3)
        return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0)


@dataclass(frozen=True)
class Watch:
    """A trial under watch."""

    trial: Any

    def stops(self, step: int, value: float) -> bool:
        """Whether it is given up after the fold `step` with this running mean."""
        with quiet():
            self.trial.report(value, step)
            return bool(self.trial.should_prune())

    @property
    def marks(self) -> dict[str, Any]:
        """What the pruner noted on it."""
        return dict(self.trial.study.get_trials(deepcopy=False)[-1].system_attrs)


def direction(metric: str) -> Literal["minimize", "maximize"]:
    """Optuna's word for which way is better."""
    return "maximize" if SCORES[metric].better == "higher" else "minimize"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Optuna neither logs a line a trial nor warns that a part of it is new."""
    import optuna

    # What is set here belongs to the whole process, and trials run in threads: one at a time.
    with _hushing:
        spoken = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                yield
        finally:
            optuna.logging.set_verbosity(spoken)
