"""A stacker learns from forecasts of rows that no fit has seen; an audit of records catches in-sample ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.errors import DataError, GateError
from gnomon.ensembles import OutOfFold, fits_of
from gnomon.samples.base import Samples
from gnomon.splits import PurgedKFold
from gnomon.splits.audit import MemberFit
from gnomon.testing.models import HORIZON, planted_samples
from gnomon.training import CrossValidation, CrossValidator, fit_model

MODELS = {"a": ModelConfig(model_type="logistic_regression"), "b": ModelConfig(model_type="ridge")}


@pytest.fixture(scope="module")
def samples() -> Samples:
    return planted_samples(600)


@pytest.fixture(scope="module")
def crossed(samples: Samples) -> CrossValidation:
    return CrossValidator(splitter=PurgedKFold(folds=3), metrics=("log_loss",)).run(MODELS, samples)


def test_every_row_is_forecast_by_fits_that_end_before_or_begin_after_it(crossed, samples):
    known = OutOfFold.of(crossed, samples)
    assert known.members == ("a", "b")
    assert known.said.shape == (2, 600, 3)
    assert sorted(set(known.fold.tolist())) == [0, 1, 2]
    for fit in fits_of(crossed):
        seen = np.concatenate([fit.learned, fit.stopped])
        for row in fit.tested[:: max(1, len(fit.tested) // 20)]:
            # Worked row by row: the lives of their labels do not meet.
            apart = (samples.label_end[seen, 0] < samples.known_at[row]) | (
                samples.known_at[seen] > samples.label_end[row, 0]
            )
            assert apart.all()


def in_sample(samples: Samples, **lies: object) -> OutOfFold:
    """The control: a stacker's rows forecast by models that were fitted on them, recorded as it was, or not."""
    rows, said, fits = np.arange(len(samples)), {}, []
    for name, section in MODELS.items():
        trained, _ = fit_model(section, samples, training=TrainingConfig())
        said[name] = trained.predict(samples).probability
        fit = MemberFit(
            member=name,
            fold=0,
            learned=rows,
            stopped=rows[:0],
            tested=rows,
            rows_hash=trained.scaler.rows_hash,
        )
        fits.append(replace(fit, **lies))
    return OutOfFold.audited(samples=samples, said=said, rows=rows, fits=fits, horizon=HORIZON)


def test_a_stacker_on_in_sample_forecasts_is_caught(samples):
    with pytest.raises(GateError, match=r"the stacker leaks: 600 rows that a, fold 1 learned from share time") as error:
        in_sample(samples)
    assert error.value.exit_code == 4


def test_one_that_hides_what_it_was_fitted_on_is_caught_by_the_models_own_record(samples):
    with pytest.raises(GateError, match="a, fold 1 was fitted on other rows than the 0 that are recorded"):
        in_sample(samples, learned=np.empty(0, np.int64))


def test_rows_that_stopped_a_fit_count_as_seen(crossed, samples):
    first = crossed.results[0]
    assert len(first.stopped)
    leaking = replace(crossed, results=(replace(first, rows=np.sort(first.stopped)), *crossed.results[1:]))
    with pytest.raises(GateError, match="was stopped by share time"):
        OutOfFold.of(replace(leaking, models=("a",), results=leaking.results[:3]), samples)


def test_one_label_that_reaches_into_the_fold_is_caught(crossed, samples):
    """The control of purging: folds that are cut where they are, without purging."""

    class Unpurged:
        def split(self, known_at, label_end):
            for fold in PurgedKFold(folds=3).split(known_at, label_end):
                rest = np.setdiff1d(np.arange(len(known_at)), fold.test)
                yield replace(fold, train=rest)

    with pytest.raises(GateError):
        CrossValidator(splitter=Unpurged(), metrics=("log_loss",)).run(MODELS, samples)
    # And where nothing audits the folds, what is learned from them is audited.
    result = crossed.results[0]
    rest = np.setdiff1d(np.arange(600), result.rows)
    from gnomon.samples.transforms import rows_hash

    loose = replace(result, learned=rest, stopped=rest[:0], rows_hash=rows_hash(samples.take(rest)))
    with pytest.raises(GateError, match="learned from share time"):
        OutOfFold.of(replace(crossed, models=("a",), results=(loose, *crossed.results[1:3])), samples)


def test_rows_of_which_no_fit_is_known_are_caught(crossed, samples):
    fits = fits_of(crossed)[1:3]
    rows, forecast = crossed.out_of_fold("a")
    with pytest.raises(GateError, match="it is not known which fit of a forecast them"):
        OutOfFold.audited(samples=samples, said={"a": forecast.probability}, rows=rows, fits=fits, horizon=HORIZON)
    with pytest.raises(DataError, match="not known what the forecasts of b were fitted on"):
        OutOfFold.audited(samples=samples, said={"b": forecast.probability}, rows=rows, fits=fits, horizon=HORIZON)


def test_members_of_different_horizons_are_refused(crossed, samples):
    other = tuple(
        replace(result, forecast=replace(result.forecast, horizon=20)) if result.model == "b" else result
        for result in crossed.results
    )
    with pytest.raises(DataError, match=r"different horizons, \{'a': 5, 'b': 20\}"):
        OutOfFold.of(replace(crossed, results=other), samples)
