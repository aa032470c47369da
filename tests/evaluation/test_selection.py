from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.evaluation import ModelSelectionTester


def table(seed: int, edge: float = 0.0, models: int = 8) -> pl.DataFrame:
    noise = np.random.default_rng([5, seed]).normal(0, 0.01, (600, models))
    noise[:, 2] += edge
    return pl.DataFrame({f"model {i}": noise[:, i] for i in range(models)})


def test_the_best_is_named_and_tested_among_all() -> None:
    found = ModelSelectionTester().test(table(1, edge=0.003))
    assert found.best == "model 2"
    assert found.passed
    assert "model 2" in found.superior
    assert found.doubt.trials == 8
    assert found.doubt.pbo < 0.1
    noise = ModelSelectionTester().test(table(1))
    assert not noise.passed  # control
    assert noise.doubt.pbo > found.doubt.pbo


def test_a_benchmark_has_to_be_beaten() -> None:
    returns = table(2, edge=0.003)
    market = np.random.default_rng(1).normal(0.003, 0.001, 600)
    drifting = returns.with_columns(pl.all() + market, pl.Series("market", market))
    assert ModelSelectionTester().test(drifting, benchmark="market").best == "model 2"
    plain = table(3).with_columns(pl.all() + market, pl.Series("market", market))
    assert ModelSelectionTester().test(plain.drop("market")).passed  # control: against cash, drift passes
    assert not ModelSelectionTester().test(plain, benchmark="market").passed


def test_one_model_and_gaps() -> None:
    one = (
        table(4, edge=0.003)
        .select("model 2")
        .with_columns(pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("model 2").alias("model 2"))
    )
    result = ModelSelectionTester().test(one)
    assert result.passed
    assert math.isnan(result.doubt.pbo)
    with pytest.raises(DataError, match="returns need a column a model"):
        ModelSelectionTester().test(one.select(pl.col("model 2").alias("timestamp")))
    with pytest.raises(DataError, match="benchmark 'nothing'"):
        ModelSelectionTester().test(one, benchmark="nothing")
