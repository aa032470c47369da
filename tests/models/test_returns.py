"""From expected returns to probabilities, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.models import ModelRegistry
from gnomon.models.returns import ReturnSpread
from gnomon.testing.models import planted_samples


def spread_of(rows: int = 4001) -> ReturnSpread:
    returns = np.linspace(-2.0, 2.0, 400)
    y = np.repeat([0, 1, 2], [100, 200, 100])
    missed = np.linspace(-1.0, 1.0, rows)
    return ReturnSpread.fit(returns=returns, y=y, weight=np.ones(400), missed=missed, missed_weight=np.ones(rows))


def test_bounds_divide_training_returns_as_the_labels_are() -> None:
    spread = spread_of()
    assert spread.lower == pytest.approx(-1.0, abs=0.01)
    assert spread.upper == pytest.approx(1.0, abs=0.01)


def test_probabilities_of_an_even_spread() -> None:
    # What is missed is even on [-1, 1]: an expectation of 0.5 ends above 1 in a quarter of the cases, never below -1.
    spread = spread_of()
    probability = spread.probability(np.array([0.0, 0.5, 5.0]))
    np.testing.assert_allclose(probability[0], [0.0, 1.0, 0.0], atol=0.01)
    np.testing.assert_allclose(probability[1], [0.0, 0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert (probability > 0).all(), "one row of the frequencies is mixed in"
    np.testing.assert_allclose(spread.quantiles(np.array([0.2]), (0.25, 0.5))[0], [-0.3, 0.2], atol=0.01)


def test_facts_bring_it_back_with_a_class_that_is_not_there() -> None:
    returns = np.linspace(-1.0, 1.0, 50)
    y = np.where(returns > 0, 2, 1)
    spread = ReturnSpread.fit(returns=returns, y=y, weight=np.ones(50), missed=returns / 10, missed_weight=np.ones(50))
    assert spread.lower == -np.inf
    again = ReturnSpread.from_facts(spread.facts())
    expected = np.linspace(-1, 1, 7)
    np.testing.assert_array_equal(again.probability(expected), spread.probability(expected))
    assert (spread.probability(expected)[:, 0] == 0).all()


def test_validation_rows_judge_where_they_are_enough() -> None:
    train, valid = planted_samples(600), planted_samples(300, part="valid")
    rows = []
    for judges in (None, valid, valid.take(np.arange(50))):
        model = ModelRegistry.create("ridge")
        model.fit(train, judges)
        rows.append(model._spread.rows)  # type: ignore[attr-defined]
    assert rows == [600.0, 300.0, 600.0]


def test_returns_that_cannot_be_learned_are_refused() -> None:
    train = planted_samples(100)
    holes = train.forward_return.copy()
    holes[3] = np.nan
    with pytest.raises(DataError, match="1 training returns at horizon 5 are not finite"):
        ModelRegistry.create("ridge").fit(replace(train, forward_return=holes))
    with pytest.raises(DataError, match=r"all 100 forward returns at horizon 5 are 0\.1"):
        ModelRegistry.create("ridge").fit(replace(train, forward_return=np.full_like(holes, 0.1)))
    with pytest.raises(ConfigError, match="quantiles need `target: return`"):
        ModelRegistry.create("lightgbm", quantiles=(0.5,))
    with pytest.raises(ConfigError, match="levels must rise"):
        ModelRegistry.create("lightgbm", target="return", quantiles=(0.9, 0.1))
