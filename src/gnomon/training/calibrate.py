"""Calibration and conformal sets of a fitted model, on validation rows only.

With `calibration_share` the last part of the validation rows is kept from early stopping. What is fitted then sees rows
that nothing was chosen by; where both a calibrator and sets are asked for, the older half makes the calibrator and the
newer half the sets, so that the sets judge probabilities that were not fitted on them. Labels that reach into a later
part are left out of the earlier one. Without a share all validation rows serve for everything, and the record says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gnomon.config.models import TrainingConfig
from gnomon.core.errors import DataError, GateError
from gnomon.models.bundle import TrainedModel
from gnomon.models.calibration.base import FittedOn
from gnomon.models.calibration.calibration import Calibration, fit_calibrator
from gnomon.models.calibration.conformal import Conformal, ConformalSets, row_chance
from gnomon.models.supervised import Target, target_of
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples

FEWEST = 50
"""Validation rows with a decided label below which no calibrator is fitted."""


def held_out(valid: Samples, share: float, *, horizon: int) -> tuple[Samples, Samples]:
    """The validation rows in two: those that may stop a fit, and the last `share` of moments.

    A row of the first whose label ends in the time of the second is left out. DataError where one of the two is empty.
    """
    moments = np.unique(valid.known_at)
    begin = moments[min(int(np.ceil(len(moments) * (1.0 - share))), len(moments) - 1)]
    ends = valid.label_end[:, valid.horizon(horizon)]
    first = np.flatnonzero((valid.known_at < begin) & (ends < begin))
    second = np.flatnonzero(valid.known_at >= begin)
    if not len(first) or not len(second):
        raise DataError(
            f"{len(moments)} validation moments cannot be divided at {share:g} for calibration: {len(first)} rows "
            f"would be left for one part and {len(second)} for the other; give the split more validation rows "
            "(split.valid)"
        )
    return valid.take(first), valid.take(second)


def calibrated(
    trained: TrainedModel, rows: Samples, *, training: TrainingConfig, shared: bool
) -> tuple[TrainedModel, tuple[str, ...]]:
    """The model with the calibrator and the sets that `training` asks for, fitted on `rows`, and what to say of it.

    `shared`: whether the fit could stop by the same rows. DataError where they are too few for the sets.
    """
    horizon, notes = trained.meta.horizon, []
    calibrating, judging = rows, rows
    if training.calibration != "none" and training.conformal is not None and not shared:
        calibrating, judging = held_out(rows, 0.5, horizon=horizon)
    if training.calibration != "none":
        forecast, target = _judged(trained, calibrating, target_of(calibrating, horizon))
        if len(target) < FEWEST:
            notes.append(f"not calibrated: {len(target)} decided validation rows, {FEWEST} are needed")
        else:
            calibrator = fit_calibrator(training.calibration, forecast.probability, target.y, target.weight)
            seen = FittedOn.of(calibrating.take(target.rows), horizon, shared=shared)
            trained = replace(trained, calibration=Calibration(training.calibration, calibrator, seen))
    if training.conformal is not None:
        asked = training.conformal
        forecast, target = _judged(trained, judging, _decided(judging, horizon))
        sets = ConformalSets.fit(
            forecast.probability,
            target.y,
            row_chance(forecast.known_at, forecast.symbol, forecast.symbols),
            alpha=asked.alpha,
            method=asked.method,
            by_class=asked.by_class,
        )
        seen = FittedOn.of(judging.take(target.rows), horizon, shared=shared)
        trained = replace(trained, conformal=Conformal(sets, seen))
    if shared:
        notes.append(
            "calibrated on the validation rows that also stopped the fit; training.calibration_share parts them"
        )
    return trained, tuple(notes)


def _judged(trained: TrainedModel, samples: Samples, target: Target) -> tuple[Forecast, Target]:
    """Forecasts and targets of the rows that the model does not abstain from.

    Forecasts are made of all samples, and rows chosen afterwards: a net needs the rows before them.
    """
    whole = trained.predict(samples)
    rows = target.rows
    if whole.allowed is not None:
        rows = rows[whole.allowed[rows].any(axis=1)]
    kept = np.isin(target.rows, rows)
    weight = target.weight[kept]
    forecast = Forecast(
        probability=whole.probability[rows],
        known_at=whole.known_at[rows],
        symbol=whole.symbol[rows],
        symbols=whole.symbols,
        horizon=whole.horizon,
    )
    chosen = replace(
        target,
        x=target.x[kept],
        y=target.y[kept],
        weight=weight / weight.mean() if len(weight) else weight,
        rows=rows,
    )
    return forecast, chosen


def _decided(samples: Samples, horizon: int) -> Target:
    """Every row with a decided label, whatever it weighs: sets cover rows, not weights."""
    weight = (samples.label_end != UNKNOWN_END).astype(np.float32)
    return target_of(replace(samples, weight=weight), horizon)


def audit_outputs(trained: TrainedModel, test: Samples) -> None:
    """Raises GateError (exit 4) where rows that calibrated the model share time with the labels of these test rows.

    Goes by the spans in the model's own records, not by what fitted it.
    """
    ends = test.label_end[:, test.horizon(trained.meta.horizon)]
    ends = np.where(ends == UNKNOWN_END, test.known_at, ends)
    for name, part in (("calibration", trained.calibration), ("conformal sets", trained.conformal)):
        if part is None:
            continue
        last = max(part.seen.last_label_end, part.seen.last_known_at)
        met = int(((test.known_at <= last) & (ends >= part.seen.first_known_at)).sum())
        if met:
            raise GateError(
                f"the {name} of {trained.meta.name!r} leak: the labels of {met} test rows share time with the rows "
                "that they were fitted on; fit them on validation rows that end before the test rows begin"
            )
