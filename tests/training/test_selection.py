"""Choosing among candidates: by validation rows, and by nothing else."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from gnomon.config.models import ModelConfig
from gnomon.core.errors import DataError
from gnomon.models import TrainedModel
from gnomon.models.supervised import log_loss, target_of
from gnomon.samples import UNKNOWN_END
from gnomon.testing.models import HORIZON, planted_samples, prior_log_loss
from gnomon.training import fit_model, select_model, validation_scores

TRAIN, VALID = planted_samples(1000), planted_samples(500, part="valid")


@pytest.fixture(scope="module")
def candidates() -> dict[str, TrainedModel]:
    good = ModelConfig(model_type="logistic_regression")
    timid = ModelConfig(model_type="logistic_regression", params={"c": 1e-4})
    return {
        "timid": fit_model(timid, TRAIN)[0],
        "good": fit_model(good, TRAIN)[0],
        "also_good": fit_model(good, TRAIN)[0],
    }


def test_the_lowest_validation_loss_wins(candidates: dict[str, TrainedModel]) -> None:
    scores = validation_scores(candidates, TRAIN, VALID)
    assert [score.name for score in scores] == ["also_good", "good", "timid"]  # ties go by name
    expected = log_loss(candidates["good"].predict(VALID).probability, target_of(VALID, HORIZON))
    assert scores[1].log_loss == pytest.approx(expected)
    assert scores[0].prior_log_loss == pytest.approx(prior_log_loss(TRAIN, VALID))
    assert scores[0].skill > scores[2].skill > 0
    assert select_model(candidates, TRAIN, VALID) == "also_good"


def test_undecided_rows_do_not_count(candidates: dict[str, TrainedModel]) -> None:
    label_end = VALID.label_end.copy()
    label_end[::2] = UNKNOWN_END
    poisoned = replace(VALID, label_end=label_end, y=np.where(label_end == UNKNOWN_END, 1, VALID.y).astype(np.int8))
    half = validation_scores(candidates, TRAIN, VALID.take(np.arange(1, 500, 2)))
    assert validation_scores(candidates, TRAIN, poisoned) == half


def test_no_test_row_can_enter() -> None:
    for function in (validation_scores, select_model, fit_model):
        assert not [name for name in inspect.signature(function).parameters if "test" in name]


def test_what_cannot_be_compared_is_refused(candidates: dict[str, TrainedModel]) -> None:
    with pytest.raises(DataError, match="no candidate"):
        validation_scores({}, TRAIN, VALID)
    undecided = replace(VALID, label_end=np.full_like(VALID.label_end, UNKNOWN_END))
    with pytest.raises(DataError, match="no validation row has a decided label at horizon 5"):
        validation_scores(candidates, TRAIN, undecided)
    far = replace(candidates["good"], meta=replace(candidates["good"].meta, horizon=20))
    with pytest.raises(DataError, match="forecast different horizons"):
        validation_scores({**candidates, "far": far}, TRAIN, VALID)
