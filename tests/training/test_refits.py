"""Each stretch is forecast by a model of what came before it, stitched in the order of symbols and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.honesty import levels
from gnomon.splits.walk_forward import WalkForward
from gnomon.training.fit import fit_model
from gnomon.training.refits import Refits


@pytest.mark.parametrize("anchored", [False, True])
def test_slow_twin_each_fold_fitted_by_hand(anchored):
    samples = levels.samples()
    splitter = WalkForward(train_bars=200, test_bars=120, valid_bars=30, anchored=anchored)
    section, training = ModelConfig(model_type="ridge"), TrainingConfig()
    made = Refits(model=section, splitter=splitter, training=training)(samples)
    assert (np.diff(made.symbol) >= 0).all()
    tested = 0
    for fold in splitter.split(samples.known_at, samples.last_label_end):
        trained, _ = fit_model(section, samples.take(fold.train), samples.take(fold.valid), training=training)
        part = trained.predict(samples.take(fold.test))
        rows = np.isin(made.known_at, samples.known_at[fold.test])
        assert np.array_equal(made.probability[rows], part.probability)
        tested += len(fold.test)
    assert len(made) == tested == 2 * (460 - 200)


def test_edges_are_the_first_moments_of_test_spans():
    samples = levels.samples()
    edges = levels.CLEAN_REFITS["rolling_ridge"].edges(samples)
    first = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(samples.known_at[0]))
    assert [(edge - first) / timedelta(hours=1) for edge in edges] == [200.0, 290.0, 380.0]


def test_before_the_first_test_span_there_is_an_empty_forecast():
    samples = levels.samples()
    short = samples.take(np.flatnonzero(samples.known_at <= np.unique(samples.known_at)[199]))
    made = levels.CLEAN_REFITS["anchored_boosting"](short)
    assert len(made) == 0
    assert made.symbols == samples.symbols
    assert made.to_frame().is_empty()
