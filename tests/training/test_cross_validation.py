"""Cross-validation: what each fold sees, what it is scored by, and that nothing depends on who did the work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gnomon.config.models import ModelConfig
from gnomon.core.compute import LocalCompute
from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.samples.base import Samples
from gnomon.splits.base import Fold
from gnomon.splits.combinatorial import CombinatorialPurgedKFold
from gnomon.splits.purged import PurgedKFold
from gnomon.testing.models import DAY, planted_samples
from gnomon.training.cross_validation import CrossValidator, inner_split
from gnomon.training.fit import fit_model

LOGISTIC = ModelConfig(model_type="logistic_regression")
TREES = ModelConfig(model_type="lightgbm", params={"rounds": 5})
MODELS = {"logistic": LOGISTIC, "trees": TREES}
SAMPLES = planted_samples(900)


def bars_of(samples: Samples, *, seed: int = 0) -> pl.DataFrame:
    """Bars at the samples' moments, whose next move is what the samples say."""
    draw = np.random.default_rng(seed)
    frames = []
    for code, symbol in enumerate(samples.symbols):
        known = samples.known_at[samples.symbol == code]
        stamps = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(t)) for t in known]
        close = 100 * np.exp(np.cumsum(0.01 * draw.standard_normal(len(known))))
        frames.append(pl.DataFrame({"timestamp": stamps, "symbol": symbol, "open": close, "close": close}))
    return pl.concat(frames).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))


def test_a_fold_is_what_a_fit_on_its_rows_gives():
    splitter = PurgedKFold(folds=3)
    result = CrossValidator(splitter=splitter, inner_valid=0.0).run({"logistic": LOGISTIC}, SAMPLES)
    folds = list(splitter.split(SAMPLES.known_at, SAMPLES.last_label_end))
    for held, fold in zip(result.of("logistic"), folds, strict=True):
        trained, _ = fit_model(LOGISTIC, SAMPLES.take(fold.train))
        np.testing.assert_array_equal(held.rows, fold.test)
        np.testing.assert_array_equal(held.forecast.probability, trained.predict(SAMPLES.take(fold.test)).probability)
    rows, forecast = result.out_of_fold("logistic")
    np.testing.assert_array_equal(rows, np.arange(len(SAMPLES)))
    np.testing.assert_array_equal(forecast.known_at, SAMPLES.known_at)


def test_tested_rows_do_not_reach_the_fit():
    """Other labels and features in a fold's tested rows leave its model, hence its forecasts of the others, as is."""
    splitter = PurgedKFold(folds=3)
    first = next(splitter.split(SAMPLES.known_at, SAMPLES.last_label_end))
    y = SAMPLES.y.copy()
    y[first.test] = -y[first.test]
    plain = CrossValidator(splitter=splitter).run(MODELS, SAMPLES)
    flipped = CrossValidator(splitter=splitter).run(MODELS, replace(SAMPLES, y=y))
    for model in MODELS:
        before, after = plain.of(model), flipped.of(model)
        np.testing.assert_array_equal(before[0].forecast.probability, after[0].forecast.probability)
        # The control: the other folds learn from those rows, and do change.
        assert not np.array_equal(before[1].forecast.probability, after[1].forecast.probability)
        assert after[0].scores["log_loss"] > before[0].scores["log_loss"]


@pytest.mark.parametrize("compute", [LocalCompute(workers=2), LocalCompute(workers=2, kind="processes")])
def test_the_number_of_workers_changes_nothing(compute):
    one = CrossValidator(splitter=PurgedKFold(folds=2)).run(MODELS, SAMPLES, bars=bars_of(SAMPLES))
    two = CrossValidator(splitter=PurgedKFold(folds=2), compute=compute).run(MODELS, SAMPLES, bars=bars_of(SAMPLES))
    assert one.scores.drop("seconds").equals(two.scores.drop("seconds"))
    for a, b in zip(one.results, two.results, strict=True):
        np.testing.assert_array_equal(a.forecast.probability, b.forecast.probability)


def test_early_stopping_sees_the_end_of_the_training_rows_alone():
    fold = next(PurgedKFold(folds=3).split(SAMPLES.known_at, SAMPLES.last_label_end))
    inner = inner_split(SAMPLES, fold, 0.2)
    assert set(inner.train) | set(inner.valid) <= set(fold.train)
    assert not set(inner.train) & set(inner.valid)
    assert SAMPLES.last_label_end[inner.train].max() < SAMPLES.known_at[inner.valid].min()
    assert 0.15 < len(inner.valid) / len(fold.train) < 0.25
    np.testing.assert_array_equal(inner.test, fold.test)


def test_too_few_rows_for_an_inner_split_leave_the_fold_as_it_is():
    small = planted_samples(8, symbols=1)
    fold = Fold(train=np.arange(2), test=np.arange(6, 8))
    assert inner_split(small, fold, 0.5) is fold


def test_trading_does_not_cross_the_hole_between_tested_groups():
    samples = planted_samples(600, symbols=1)
    splitter = CombinatorialPurgedKFold(folds=4, test_folds=2)
    result = CrossValidator(splitter=splitter).run({"logistic": LOGISTIC}, samples, bars=bars_of(samples))
    apart = result.of("logistic")[1]  # groups 0 and 2
    gaps = np.diff(apart.stamps) // DAY
    assert (gaps[np.flatnonzero(gaps > 1)] > 100).all()
    assert (gaps > 1).sum() == 1
    together = result.of("logistic")[0]  # groups 0 and 1
    assert (np.diff(together.stamps) == DAY).all()
    rows, forecast = result.out_of_fold("logistic")
    assert len(rows) == len(np.unique(rows)) == len(forecast) == len(samples)


def test_summary_by_hand():
    result = CrossValidator(splitter=PurgedKFold(folds=4), metrics=["log_loss"]).run({"logistic": LOGISTIC}, SAMPLES)
    values = result.scores["log_loss"].to_numpy()
    row = result.summary.row(0, named=True)
    assert row["mean"] == pytest.approx(values.mean())
    assert row["standard_error"] == pytest.approx(values.std(ddof=1) / 2)
    assert row["folds"] == 4


def test_progress_is_told():
    told = []
    CrossValidator(splitter=PurgedKFold(folds=2)).run(
        {"logistic": LOGISTIC}, SAMPLES, progress=lambda done, of: told.append((done, of))
    )
    assert told == [(1, 2), (2, 2)]


@dataclass(frozen=True)
class Leaky:
    """A splitter that does not purge."""

    def split(self, known_at, label_end):
        yield Fold(train=np.arange(500), test=np.arange(450, 900))


def test_a_splitter_that_leaks_is_stopped():
    with pytest.raises(GateError, match="leaks"):
        CrossValidator(splitter=Leaky()).run(MODELS, SAMPLES)


def test_wrong_requests_are_refused():
    with pytest.raises(ConfigError, match="no model"):
        CrossValidator(splitter=PurgedKFold(folds=2)).run({}, SAMPLES)
    with pytest.raises(ConfigError, match="needs bars"):
        CrossValidator(splitter=PurgedKFold(folds=2), metrics=["sharpe"]).run(MODELS, SAMPLES)
    with pytest.raises(ConfigError, match="log_loss"):
        CrossValidator(splitter=PurgedKFold(folds=2), metrics=["log_los"])
    with pytest.raises(ConfigError, match="inner_valid"):
        CrossValidator(splitter=PurgedKFold(folds=2), inner_valid=0.95)
    with pytest.raises(KeyError, match="nothing"):
        CrossValidator(splitter=PurgedKFold(folds=2)).run(MODELS, SAMPLES).of("nothing")
    constant = replace(SAMPLES, y=np.zeros_like(SAMPLES.y))
    with pytest.raises(DataError, match="logistic, fold 1 of 2"):
        CrossValidator(splitter=PurgedKFold(folds=2)).run(MODELS, constant)
