"""Ensembles scored over folds by what their members said of them: what the combiner may see, and what it costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gnomon.config.models import ModelConfig
from gnomon.core.errors import ConfigError, GateError
from gnomon.ensembles import OutOfFold, blender_of
from gnomon.ensembles import crossed as crossing
from gnomon.ensembles.crossed import cross_fitted
from gnomon.models.ensemble import EnsembleConfig
from gnomon.splits import CombinatorialPurgedKFold, PurgedKFold
from gnomon.splits.audit import overlapping
from gnomon.testing.models import planted_samples
from gnomon.training import CrossValidator
from gnomon.training.scores import SCORES, judged

SAMPLES = planted_samples(900)
LINEAR = ModelConfig(model_type="logistic_regression")
RULE = ModelConfig(model_type="momentum_rule", params={"feature": "feature_1"})
MEMBERS = {"linear": LINEAR, "rule": RULE}
VALIDATOR = CrossValidator(splitter=PurgedKFold(folds=3), metrics=("log_loss", "f1"))
WORK = VALIDATOR.prepare(SAMPLES)
CROSSED = VALIDATOR.over(WORK, MEMBERS)


def blend(method="stacking", members=MEMBERS):
    return ModelConfig(model_type="ensemble", params={"members": members, "method": method})


@pytest.mark.parametrize("method", ["mean", "weighted", "rank", "stacking"])
def test_a_fold_is_scored_by_a_combiner_of_the_other_folds(method):
    found = cross_fitted({"blend": blend(method)}, CROSSED, WORK)
    assert [(one.model, one.fold) for one in found] == [("blend", 0), ("blend", 1), ("blend", 2)]
    known = OutOfFold.of(CROSSED, SAMPLES)
    for one, fold in zip(found, WORK.folds, strict=True):
        # By hand: learn from the others, purged; forecast the fold.
        tested, others = np.flatnonzero(known.fold == one.fold), np.flatnonzero(known.fold != one.fold)
        met = overlapping(others, tested, SAMPLES.known_at, SAMPLES.last_label_end)
        combiner = blender_of(EnsembleConfig(members=MEMBERS, method=method)).fit(known.take(np.setdiff1d(others, met)))
        expected = combiner.combine(known.said[:, tested], known.samples.take(tested))
        assert np.array_equal(one.forecast.probability, expected)
        assert np.array_equal(one.rows, fold.test)
        assert len(met) > 0
        assert not set(one.learned) & set(fold.test)
        assert one.scores["log_loss"] == SCORES["log_loss"].function(judged(SAMPLES.take(fold.test), one.forecast))


def test_the_mean_is_that_of_the_members_own_forecasts():
    one = cross_fitted({"blend": blend("mean")}, CROSSED, WORK)[1]
    members = [CROSSED.of(name)[1].forecast.probability for name in MEMBERS]
    assert np.allclose(one.forecast.probability, np.mean(members, axis=0), atol=1e-15)


def test_labels_of_a_fold_do_not_reach_what_is_learned_for_it():
    """Flipping every label of a fold leaves its forecast as it was, given the members' forecasts."""
    fold = WORK.folds[1]
    y = SAMPLES.y.copy()
    y[fold.test] = -y[fold.test]
    flipped = replace(WORK, samples=replace(SAMPLES, y=y))
    before, after = (cross_fitted({"blend": blend()}, CROSSED, work)[1] for work in (WORK, flipped))
    assert np.array_equal(before.forecast.probability, after.forecast.probability)
    assert before.scores["log_loss"] < after.scores["log_loss"]


def test_a_combiner_that_learned_from_the_fold_itself_would_be_seen(monkeypatch):
    """The control of the test above: without the cut, flipped labels move the forecast."""
    monkeypatch.setattr(crossing.np, "setdiff1d", lambda others, _met: np.arange(len(OutOfFold.of(CROSSED, SAMPLES))))
    fold = WORK.folds[1]
    y = SAMPLES.y.copy()
    y[fold.test] = -y[fold.test]
    flipped = replace(WORK, samples=replace(SAMPLES, y=y))
    before, after = (cross_fitted({"blend": blend()}, CROSSED, work)[1] for work in (WORK, flipped))
    assert not np.array_equal(before.forecast.probability, after.forecast.probability)


def test_an_in_sample_forecast_of_a_member_is_refused():
    wrong = [replace(one, learned=np.arange(len(SAMPLES))) for one in CROSSED.results]
    with pytest.raises(GateError, match="the stacker leaks"):
        cross_fitted({"blend": blend()}, replace(CROSSED, results=tuple(wrong)), WORK)


def test_a_row_that_a_member_abstains_from_is_abstained_from():
    silent = CROSSED.results[0]
    allowed = np.ones((len(silent.forecast), 3), bool)
    allowed[:7] = False
    results = (replace(silent, forecast=replace(silent.forecast, allowed=allowed)), *CROSSED.results[1:])
    whole = [
        replace(one, forecast=replace(one.forecast, allowed=np.ones((len(one.forecast), 3), bool)))
        if one.forecast.allowed is None and one.model == silent.model
        else one
        for one in results
    ]
    found = cross_fitted({"blend": blend()}, replace(CROSSED, results=tuple(whole)), WORK)
    assert found[0].forecast.allowed is not None
    assert found[0].forecast.allowed.any(axis=1).tolist() == [False] * 7 + [True] * (len(silent.rows) - 7)
    assert found[1].forecast.allowed is None


def test_what_cannot_be_scored_is_told():
    with pytest.raises(ConfigError, match="'other' was not cross-validated"):
        cross_fitted({"blend": blend(members={"linear": LINEAR, "other": RULE})}, CROSSED, WORK)
    with pytest.raises(ConfigError, match="only ensembles are scored by their members"):
        cross_fitted({"linear": LINEAR}, CROSSED, WORK)
    many = CrossValidator(splitter=CombinatorialPurgedKFold(folds=4, test_folds=2), metrics=("log_loss",))
    work = many.prepare(SAMPLES)
    with pytest.raises(ConfigError, match="test some rows more than once"):
        cross_fitted({"blend": blend()}, many.over(work, MEMBERS), work)
