"""Fitting an ensemble: members, their out-of-fold forecasts, the combiner that learns from these, and what is known.

The combiner sees no forecast of a row by a fit that saw the row: folds are purged by label end, the rows of every fit
are recorded, and an audit that shares no code with the folds goes by that record before anything is learned from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.compute import Compute, LocalCompute
from gnomon.core.errors import ConfigError, DataError, GateError, GnomonError
from gnomon.core.logging import get_logger
from gnomon.core.types import Array, Int64
from gnomon.ensembles.base import Blender, OutOfFold
from gnomon.ensembles.blending import MeanBlender, RankBlender, WeightedBlender
from gnomon.ensembles.diversity import contributions, in_words, loss_of, pairwise, prior_loss
from gnomon.ensembles.gating import RegimeGate
from gnomon.ensembles.stacking import Stacker
from gnomon.models.base import Callback, FitReport
from gnomon.models.bundle import TrainedModel
from gnomon.models.combiners import Learned
from gnomon.models.ensemble import Ensemble, EnsembleConfig
from gnomon.models.supervised import labels_of, refuse_infinite, same_features
from gnomon.samples.base import Samples
from gnomon.samples.transforms import rows_hash
from gnomon.splits.audit import overlapping
from gnomon.splits.base import Fold, Splitter
from gnomon.splits.purged import PurgedKFold
from gnomon.training.cross_validation import CrossValidation, CrossValidator
from gnomon.training.fit import fit_model

log = get_logger(__name__)


def blender_of(config: EnsembleConfig) -> Blender:
    """The blender that a config names."""
    if config.method == "mean":
        return MeanBlender()
    if config.method == "weighted":
        return WeightedBlender()
    if config.method == "rank":
        return RankBlender()
    if config.method == "stacking":
        return Stacker(meta=config.meta, params=config.meta_params, seed=config.seed)
    return RegimeGate(feature=str(config.regime), regimes=config.regimes)


def fit_ensemble(
    model: Ensemble,
    train: Samples,
    valid: Samples | None = None,
    *,
    callbacks: Sequence[Callback] = (),
    members: Mapping[str, TrainedModel] | None = None,
    compute: Compute | None = None,
) -> FitReport:
    """Fits an ensemble: what `Ensemble.fit` does.

    `members`: those that are fitted already, on the same rows with the same settings. The combiner learns from purged
    folds of the training rows; `valid` only stops the members' own fits early. Raises ConfigError or DataError for
    members of different horizons or settings that a member does not know, GateError where a forecast would be
    in-sample, and what a member raises, with its name, where the config names no fallback.
    """
    config, compute = model.config, compute if compute is not None else LocalCompute()
    sections = config.sections()
    if strange := sorted(set(members or ()) - set(sections)):
        raise ConfigError(f"{strange[0]!r} was given as a fitted member; the config names {', '.join(sections)}")
    if not train.horizons:
        raise DataError("an ensemble cannot learn: the samples carry no labels; build them with labels")
    horizon = train.horizons[0] if config.horizon is None else config.horizon
    try:
        rows = labels_of(train, horizon).rows
    except ValueError as error:
        raise DataError(f"an ensemble cannot learn: {error}") from None
    if not len(rows):
        raise DataError(f"an ensemble cannot learn: no training row has a decided label at horizon {horizon}")
    refuse_infinite(train)
    if valid is not None and len(valid):
        same_features(valid, train.feature_names, "Ensemble")
    for callback in callbacks:
        callback.on_fit_start(model, train, valid)
    # Sets are made for the ensemble's own forecast; a member's would answer another question.
    training = config.training.model_copy(update={"horizon": horizon, "conformal": None})
    work = _Work(sections=sections, train=train, valid=valid, training=training, seed=config.seed)
    fitted, dropped = _members(work, dict(members or {}), compute, fallback=config.fallback)
    crossed = _cross_validated(work, rows, config, list(fitted), compute, dropped)
    fitted = {name: fitted[name] for name in fitted if name not in dropped}
    if len(fitted) < 2:
        raise DataError(f"{len(fitted)} of {len(sections)} members are left, an ensemble needs two; {_told(dropped)}")
    known = OutOfFold.of(crossed, train)
    blender = blender_of(config)
    combiner = blender.fit(known)
    if isinstance(combiner, Learned) and combiner.meta.scaler.rows_hash != rows_hash(known.samples):
        raise GateError("the stacker leaks: it was fitted on other rows than the out-of-fold ones that were audited")
    losses = _losses(known, blender)
    pairs, shares = pairwise(known), contributions(known)
    about = {
        "method": config.method,
        **combiner.readable(known.members),
        "diversity": _plain(pairs),
        "contributions": _plain(shares),
        "out_of_fold": {
            "rows": len(known),
            "folds": crossed.folds,
            "rows_hash": rows_hash(known.samples),
            "first_known_at": int(known.samples.known_at.min()),
            "last_known_at": int(known.samples.known_at.max()),
            "log_loss": losses,
        },
        "dropped": dict(dropped),
    }
    model.hold(fitted, combiner, feature_names=train.feature_names, horizon=horizon, about=about)
    metrics = {"out_of_fold_log_loss": losses["ensemble"]} if losses["ensemble"] is not None else {}
    for callback in callbacks:
        callback.on_iteration_end(model, 0, metrics)
    report = FitReport(
        curves={name: [value] for name, value in metrics.items()},
        importance=_importance(crossed, dict(zip(known.members, combiner.shares(len(fitted)).tolist(), strict=True))),
        notes=[
            *(f"left out: {name}, {why}" for name, why in dropped.items()),
            *in_words(known.members, pairs, shares),
        ],
    )
    for callback in callbacks:
        callback.on_fit_end(model, report)
    return report


Ensemble.fitter = staticmethod(fit_ensemble)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Work:
    """What all fits of members share."""

    sections: Mapping[str, ModelSection]
    train: Samples
    valid: Samples | None
    training: TrainingConfig
    seed: int


@dataclass(frozen=True, kw_only=True)
class _Within:
    """A splitter over some of the rows: those without a label yet are not even counted."""

    splitter: Splitter
    rows: Int64[Array, " m"]

    def split(self, known_at: Int64[Array, " n"], label_end: Int64[Array, " n"]) -> Iterator[Fold]:
        """The folds of those rows, as numbers among all."""
        for fold in self.splitter.split(known_at[self.rows], label_end[self.rows]):
            yield Fold(train=self.rows[fold.train], valid=self.rows[fold.valid], test=self.rows[fold.test])


def _members(
    work: _Work, given: dict[str, TrainedModel], compute: Compute, *, fallback: str
) -> tuple[dict[str, TrainedModel], dict[str, str]]:
    """Every member fitted on all training rows, in the config's order, and why some could not be."""
    missing = [name for name in work.sections if name not in given]
    made = dict(zip(missing, compute.map(_fitted, missing, shared=work), strict=True))
    fitted, dropped = {}, {}
    for name in work.sections:
        found = given[name] if name in given else made[name]
        if isinstance(found, TrainedModel):
            fitted[name] = found
        elif fallback == "drop":
            dropped[name] = _why(found)
            log.warning("a member was left out", member=name, error=str(found))
        else:
            raise _named(found, name) from found
    horizons = {name: member.meta.horizon for name, member in fitted.items()}
    wanted = work.training.horizon
    if wrong := {name: horizon for name, horizon in horizons.items() if horizon != wanted}:
        raise ConfigError(
            f"the ensemble forecasts {wanted} bars ahead, its members {wrong}: an ensemble is of one horizon; set "
            "`horizon` of the ensemble or of these members"
        )
    return fitted, dropped


def _fitted(work: _Work, name: str) -> TrainedModel | Exception:
    """The member, or what its fit raised: who waits for the others decides what follows from it."""
    try:
        return fit_model(
            work.sections[name],
            work.train,
            work.valid,
            training=work.training,
            seed=work.seed,
            name=name,
            where=f"members.{name}",
        )[0]
    except Exception as error:  # noqa: BLE001  raised or noted by `_members`
        return error


def _cross_validated(
    work: _Work,
    rows: Int64[Array, " m"],
    config: EnsembleConfig,
    names: list[str],
    compute: Compute,
    dropped: dict[str, str],
) -> CrossValidation:
    """Every member on every fold; where a fallback is named, each by itself, and those that fail join the dropped."""
    validator = CrossValidator(
        splitter=_Within(splitter=PurgedKFold(folds=config.folds, embargo_bars=config.embargo_bars), rows=rows),
        training=work.training,
        seed=work.seed,
        metrics=("log_loss",),
        compute=compute,
    )
    if config.fallback == "fail":
        return validator.run({name: work.sections[name] for name in names}, work.train)
    done = []
    for name in names:
        try:
            done.append(validator.run({name: work.sections[name]}, work.train))
        except Exception as error:  # noqa: BLE001  the config asks to go on without it; it is named in the report
            dropped[name] = _why(error)
            log.warning("a member was left out", member=name, error=str(error))
    if not done:
        raise DataError(f"no member is left; {_told(dropped)}")
    return CrossValidation(
        results=tuple(result for one in done for result in one.results),
        metrics=done[0].metrics,
        models=tuple(name for one in done for name in one.models),
        folds=done[0].folds,
    )


def _losses(known: OutOfFold, blender: Blender) -> dict[str, float | None]:
    """The log loss on out-of-fold rows: of the prior, each member, and the ensemble.

    The ensemble's is of combiners that were fitted on the other folds' rows, purged once more. None where a fold
    leaves too little to fit one.
    """
    labels = known.labels
    losses: dict[str, float | None] = {"prior": prior_loss(labels.y, labels.weight)}
    for k, name in enumerate(known.members):
        losses[name] = loss_of(known.said[k, labels.rows, labels.y], labels.weight)
    whole = np.full((len(known), 3), np.nan)
    ends = known.samples.last_label_end
    for fold in np.unique(known.fold).tolist():
        tested = np.flatnonzero(known.fold == fold)
        others = np.flatnonzero(known.fold != fold)
        met = overlapping(others, tested, known.samples.known_at, ends)
        rest = known.take(np.setdiff1d(others, met))
        try:
            combiner = blender.fit(rest)
        except DataError:
            return {**losses, "ensemble": None}
        whole[tested] = combiner.combine(known.said[:, tested], known.samples.take(tested))
    return {**losses, "ensemble": loss_of(whole[labels.rows, labels.y], labels.weight)}


def _importance(crossed: CrossValidation, shares: Mapping[str, float]) -> dict[str, float]:
    """The importance of features: of each member, mean over folds, by its share in the ensemble."""
    total: dict[str, float] = {}
    for result in crossed.results:
        for feature, value in result.report.importance.items():
            total[feature] = total.get(feature, 0.0) + shares[result.model] * value
    size = sum(total.values())
    return {feature: value / size for feature, value in total.items()} if size > 0 else {}


def _plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values, with None where a figure has no value."""
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None)).to_dicts()


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _told(dropped: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in dropped.items())


def _named(error: Exception, name: str) -> Exception:
    """The error with the member's name, where it is one of ours; another library's stays as it was raised."""
    if not isinstance(error, GnomonError):
        error.add_note(f"while fitting the member {name!r} of an ensemble")
        return error
    return type(error)(f"the member {name!r} failed: {error}; `fallback: drop` goes on without it")
