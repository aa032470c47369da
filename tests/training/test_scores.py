"""The figures of a fold, against answers by hand and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from gnomon.core.errors import ConfigError
from gnomon.samples.base import Forecast
from gnomon.testing.models import planted_samples
from gnomon.training.scores import SCORES, Judged, judged, macro_f1, score_of


def rows(**changes):
    held = {
        "actual": np.array([1, 0, -1], np.int8),
        "probability": np.array([[0.1, 0.1, 0.8], [0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]),
        "forward_return": np.array([0.02, 0.0, -0.01]),
        "weight": np.array([1.0, 2.0, 1.0]),
    }
    return Judged(**{**held, **changes})


def test_by_hand():
    assert SCORES["log_loss"].function(rows()) == pytest.approx(-(np.log(0.8) + 2 * np.log(0.25) + np.log(0.6)) / 4)
    assert SCORES["accuracy"].function(rows()) == pytest.approx(2 / 3)
    assert 0.0 < SCORES["ece"].function(rows()) < 1.0
    # Edges 0.7, -0.25, -0.5 rise with the returns 0.02, 0, -0.01.
    assert SCORES["ic"].function(rows()) == pytest.approx(1.0)


def test_what_says_the_same_of_every_row_has_no_rank_correlation():
    said = np.tile([0.2, 0.3, 0.5], (3, 1))
    assert SCORES["ic"].function(rows(probability=said)) == 0.0
    # Where nothing came either, nothing can be known.
    assert np.isnan(SCORES["ic"].function(rows(probability=said, forward_return=np.zeros(3))))
    assert np.isnan(SCORES["ic"].function(rows(forward_return=np.zeros(3))))


@pytest.mark.parametrize("seed", range(5))
def test_f1_is_that_of_scikit_learn(seed):
    draw = np.random.default_rng(seed)
    actual, predicted = draw.integers(-1, 2, (2, 200)).astype(np.int8)
    assert macro_f1(actual, predicted) == pytest.approx(f1_score(actual, predicted, average="macro"))


def test_without_an_account_there_is_no_figure_of_trading():
    assert all(np.isnan(score.function(rows())) for score in SCORES.values() if score.trades)


def test_an_account_by_hand():
    class Block:
        returns = np.array([0.1, -0.5, 0.2])

    held = rows(blocks=(Block(),))
    assert SCORES["total_return"].function(held) == pytest.approx(1.1 * 0.5 * 1.2 - 1)
    assert SCORES["drawdown"].function(held) == pytest.approx(0.5)


def test_a_fall_from_the_first_equity_is_a_drawdown():
    class Block:
        returns = np.array([-0.2, 0.1])

    assert SCORES["drawdown"].function(rows(blocks=(Block(),))) == pytest.approx(0.2)


def test_undecided_rows_are_not_judged():
    samples = planted_samples(10)
    weight = samples.weight.copy()
    weight[3] = 0.0
    object.__setattr__(samples, "weight", weight)
    forecast = Forecast(
        probability=np.full((10, 3), 1 / 3),
        known_at=samples.known_at,
        symbol=samples.symbol,
        symbols=samples.symbols,
        horizon=5,
    )
    assert len(judged(samples, forecast).actual) == 9


def test_an_unknown_score_names_the_nearest():
    with pytest.raises(ConfigError, match="log_loss"):
        score_of("logloss", where="selection.metric")
