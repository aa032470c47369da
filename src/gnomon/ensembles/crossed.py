"""Scores of ensembles over folds from forecasts that a cross-validation of their members has made already.

An ensemble that is cross-validated like any model fits each member on each fold and, inside of it, on folds of its own:
folds squared. Here nothing is fitted but the combiner. For each fold it learns from what the members said of the other
folds' rows, purged by label end, and is judged on the fold. No member saw a row that it forecast. What is given up is
this: the members that forecast the other folds had learned from this one, so the combiner knows of it at second hand.
It has a few weights to learn and no feature to learn them by, so that is little; it is not nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.core.errors import ConfigError, GnomonError
from gnomon.core.types import Array, Bool, Float64, Int64
from gnomon.ensembles.base import OutOfFold
from gnomon.ensembles.fit import blender_of
from gnomon.models.base import FitReport
from gnomon.models.ensemble import Ensemble, EnsembleConfig
from gnomon.models.factory import build_model
from gnomon.samples.base import Forecast
from gnomon.samples.transforms import rows_hash
from gnomon.splits.audit import overlapping
from gnomon.training.cross_validation import CrossValidation, FoldResult, FoldWork, judge_fold
from gnomon.training.scores import SCORES


def cross_fitted(
    ensembles: Mapping[str, ModelSection], crossed: CrossValidation, work: FoldWork
) -> tuple[FoldResult, ...]:
    """Each ensemble scored on every fold of `crossed`, whose models all its members are; `work` is what made that.

    A row from which a member abstains is abstained from. The forecast is scored as the combiner gives it, before a
    calibration of the ensemble's own. Raises ConfigError for a member that was not cross-validated, DataError (with
    the ensemble and the fold) where the other folds leave too little to learn from, GateError where a member's forecast
    would be in-sample.
    """
    if ensembles and len(np.unique(tested := np.concatenate([fold.test for fold in work.folds]))) < len(tested):
        raise ConfigError(
            "the folds test some rows more than once, so it is not known which of a member's forecasts an ensemble "
            "should learn from; choose another selection.splitter, or set selection.ensembles: nested"
        )
    results = []
    for name, section in ensembles.items():
        settings = build_model(
            section, training=work.validator.training, seed=work.validator.seed, where=f"models.{name}"
        ).config
        if not isinstance(settings, EnsembleConfig):
            raise ConfigError(f"models.{name} is no {Ensemble.__name__}; only ensembles are scored by their members")
        members = list(settings.sections())
        if missing := [member for member in members if member not in crossed.models]:
            raise ConfigError(
                f"models.{name}: the member {missing[0]!r} was not cross-validated, so the ensemble cannot be scored "
                "by its forecasts; make it a candidate, or set selection.ensembles: nested"
            )
        results.extend(_each_fold(name, settings, members, crossed, work))
    return tuple(results)


def _each_fold(
    name: str, settings: EnsembleConfig, members: Sequence[str], crossed: CrossValidation, work: FoldWork
) -> list[FoldResult]:
    of_members = replace(
        crossed,
        results=tuple(result for member in members for result in crossed.of(member)),
        models=tuple(members),
    )
    known = OutOfFold.of(of_members, work.samples)
    rows = _spoken(of_members)
    results = []
    for number, fold in enumerate(work.folds):
        began = time.perf_counter()
        tested = np.flatnonzero(known.fold == number)
        others = np.flatnonzero(known.fold != number)
        met = overlapping(others, tested, known.samples.known_at, known.samples.last_label_end)
        learned = np.setdiff1d(others, met)
        try:
            combiner = blender_of(settings).fit(known.take(learned))
            said = combiner.combine(known.said[:, tested], known.samples.take(tested))
            forecast = _whole(crossed.of(members[0])[number].forecast, np.isin(fold.test, rows[tested]), said)
            judged = judge_fold(work, fold.test, forecast)
        except GnomonError as error:
            raise type(error)(f"{name}, fold {number + 1} of {len(work.folds)}: {error}") from error
        results.append(
            FoldResult(
                model=name,
                fold=number,
                rows=fold.test,
                forecast=forecast,
                scores={metric: SCORES[metric].function(judged) for metric in work.metrics},
                returns=judged.returns,
                stamps=judged.stamps,
                report=FitReport(),
                train_rows=len(learned),
                seconds=time.perf_counter() - began,
                learned=rows[learned],
                stopped=np.empty(0, np.int64),
                rows_hash=rows_hash(known.samples.take(learned)),
            )
        )
    return results


def _spoken(crossed: CrossValidation) -> Int64[Array, " m"]:
    """Numbers, among all samples, of the tested rows that every model speaks of, sorted."""
    rows, _ = crossed.out_of_fold(crossed.models[0])
    spoken = np.ones(len(rows), bool)
    for model in crossed.models:
        allowed = crossed.out_of_fold(model)[1].allowed
        if allowed is not None:
            spoken &= allowed.any(axis=1)
    return np.asarray(rows[spoken])


def _whole(like: Forecast, spoken: Bool[Array, " m"], said: Float64[Array, "s 3"]) -> Forecast:
    """A forecast of all rows of `like`: what was said where something was, and an abstention elsewhere."""
    probability = np.full((len(like), 3), 1.0 / 3.0)
    probability[spoken] = said
    return Forecast(
        probability=probability,
        known_at=like.known_at,
        symbol=like.symbol,
        symbols=like.symbols,
        horizon=like.horizon,
        allowed=None if spoken.all() else np.repeat(spoken[:, None], 3, axis=1),
    ).checked()
