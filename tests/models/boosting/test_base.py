"""Quantiles by trees of their own: against a known distribution, against the libraries, never crossing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.metrics import pinball_loss, quantile_coverage
from gnomon.models import Forecast, ModelBase, ModelRegistry
from gnomon.samples import Samples
from gnomon.testing.models import planted_samples

LEVELS = (0.1, 0.5, 0.9)
QUICK: dict[str, dict[str, Any]] = {
    "lightgbm": {"num_leaves": 6},
    "xgboost": {"max_depth": 3},
    "catboost": {"depth": 3, "max_bins": 32},
}


def market(rows: int, part: str) -> Samples:
    """Returns of normal noise: the first feature moves their mean, the second their spread."""
    samples = planted_samples(rows, features=4, part=part)
    noise = np.random.default_rng(rows).normal(size=rows)
    return replace(samples, forward_return=(center(samples) + spread(samples) * noise)[:, None])


def center(samples: Samples) -> np.ndarray:
    return 0.01 * samples.x[:, 0].astype(np.float64)


def spread(samples: Samples) -> np.ndarray:
    return 0.01 * np.exp(0.6 * samples.x[:, 1].astype(np.float64))


TRAIN, VALID, FRESH = market(3000, "train"), market(1001, "valid"), market(4002, "fresh")
Fitted = Callable[..., ModelBase]


@pytest.fixture(params=QUICK)
def name(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    """A function of a booster's name and its further settings: one that was fitted, each once."""
    held: dict[tuple[Any, ...], ModelBase] = {}

    def fit(name: str, **more: Any) -> ModelBase:
        key = (name, *sorted(more.items()))
        if key not in held:
            settings = {"rounds": 120, "learning_rate": 0.15, "early_stopping_rounds": 10, "quantiles": LEVELS}
            held[key] = ModelRegistry.create(name, **settings, **QUICK[name], **more)
            held[key].fit(TRAIN, VALID)
        return held[key]

    return fit


def judged(forecast: Forecast) -> tuple[float, np.ndarray, np.ndarray]:
    """Pinball loss, coverage of the levels, and the width of each row's outer interval."""
    assert forecast.quantiles is not None
    came = FRESH.forward_return[:, 0]
    width = forecast.quantiles[:, -1] - forecast.quantiles[:, 0]
    return pinball_loss(came, forecast.quantiles, LEVELS), quantile_coverage(came, forecast.quantiles, LEVELS), width


def test_each_row_gets_its_own_spread(name: str, fitted: Fitted) -> None:
    at = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    truth = pinball_loss(FRESH.forward_return[:, 0], center(FRESH)[:, None] + spread(FRESH)[:, None] * at, LEVELS)
    loss, coverage, width = judged(fitted(name, quantile_method="pinball").predict(FRESH))
    np.testing.assert_allclose(coverage, LEVELS, atol=0.04)
    assert loss < 1.06 * truth
    assert np.corrcoef(width, spread(FRESH))[0, 1] > 0.8
    # The control: one spread for all rows is right on the whole, and wrong for each.
    same, coverage, width = judged(fitted(name, target="return").predict(FRESH))
    np.testing.assert_allclose(coverage, LEVELS, atol=0.04)
    assert np.ptp(width) < 1e-12
    assert same > 1.12 * truth


def test_classes_are_those_of_the_model_without_them(name: str, fitted: Fitted) -> None:
    """Quantiles stand beside the classes; rows whose return is not known teach the classes all the same."""
    model = fitted(name, quantile_method="pinball")
    plain = ModelRegistry.create(name, **{**model.config.model_dump(), "quantiles": (), "quantile_method": "spread"})
    plain.fit(TRAIN, VALID)
    np.testing.assert_array_equal(model.predict(FRESH).probability, plain.predict(FRESH).probability)
    assert plain.predict(FRESH).quantiles is None
    holes = TRAIN.forward_return.copy()
    holes[::2] = np.nan
    some = ModelRegistry.create(name, **model.config.model_dump())
    some.fit(replace(TRAIN, forward_return=holes), VALID)
    np.testing.assert_array_equal(some.predict(FRESH).probability, plain.predict(FRESH).probability)
    assert not np.array_equal(some.predict(FRESH).quantiles, model.predict(FRESH).quantiles)
    with pytest.raises(DataError, match="no training row at horizon 5 has a forward return; leave `quantiles` out"):
        some.fit(replace(TRAIN, forward_return=np.full_like(holes, np.nan)))


def test_beside_the_expected_return(name: str, fitted: Fitted) -> None:
    beside = fitted(name, quantile_method="pinball", target="return").predict(FRESH)
    np.testing.assert_array_equal(beside.probability, fitted(name, target="return").predict(FRESH).probability)
    np.testing.assert_array_equal(beside.quantiles, fitted(name, quantile_method="pinball").predict(FRESH).quantiles)


def test_quantiles_never_cross_though_the_trees_do(name: str) -> None:
    levels = (0.4, 0.45, 0.5, 0.55)
    model: Any = ModelRegistry.create(
        name, rounds=30, learning_rate=0.3, quantiles=levels, quantile_method="pinball", **QUICK[name]
    )
    model.fit(TRAIN.take(np.arange(300)))
    assert (np.diff(model.predict(FRESH).quantiles) >= 0).all()
    raw = np.column_stack([model._outputs_of(trees.read, FRESH.x) for trees in model.quantile_trees])
    assert (np.diff(raw) < 0).any(), "here they would cross"
    came = FRESH.forward_return[:, 0]
    assert pinball_loss(came, model.predict(FRESH).quantiles, levels) <= pinball_loss(came, raw, levels)


def test_they_are_what_the_library_says(name: str) -> None:
    train, weight = TRAIN.take(np.arange(500)), np.linspace(0.2, 1.8, 500)
    model: Any = ModelRegistry.create(
        name, rounds=15, quantiles=LEVELS, quantile_method="pinball", seed=3, **QUICK[name]
    )
    model.fit(replace(train, weight=weight[:, None].astype(np.float32)))
    weight = weight.astype(np.float32).astype(np.float64)
    weight, y = weight / weight.mean(), train.forward_return[:, 0]
    params = {key: value for key, value in model._params().items() if key not in ("num_class", "classes_count")}
    if name == "lightgbm":
        import lightgbm

        said = []
        for level in LEVELS:
            params |= {"objective": "quantile", "metric": "quantile", "alpha": level}
            data = lightgbm.Dataset(train.x, y, weight=weight, params=params)
            said.append(lightgbm.train(params, data, 15).predict(FRESH.x))
        oracle = np.column_stack(said)
    elif name == "xgboost":
        import xgboost

        params |= {"objective": "reg:quantileerror", "quantile_alpha": list(LEVELS), "eval_metric": "quantile"}
        data = xgboost.QuantileDMatrix(train.x, y, weight=weight)
        oracle = xgboost.train(params, data, 15).predict(xgboost.DMatrix(FRESH.x))
    else:
        import catboost

        other = catboost.CatBoost({**params, "loss_function": "MultiQuantile:alpha=0.1,0.5,0.9"})
        oracle = other.fit(catboost.Pool(train.x, y, weight=weight)).predict(FRESH.x)
    np.testing.assert_allclose(model.predict(FRESH).quantiles, np.sort(oracle, axis=1), atol=1e-7)


def test_saved_and_loaded_and_row_by_row_they_are_the_same_bits(name: str, fitted: Fitted, tmp_path: Path) -> None:
    model = fitted(name, quantile_method="pinball")
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    together = model.predict(FRESH)
    np.testing.assert_array_equal(loaded.predict(FRESH).quantiles, together.quantiles)
    assert together.quantiles is not None
    for rows in (np.arange(7, 8), np.arange(100, 133)):
        np.testing.assert_array_equal(loaded.predict(FRESH.take(rows)).quantiles, together.quantiles[rows])
    assert loaded.parameter_count == model.parameter_count
    files = sorted(tmp_path.glob("quantiles_*"))
    assert len(files) == (3 if name == "lightgbm" else 1)
    files[0].write_bytes(files[0].read_bytes()[:-9])
    with pytest.raises(IntegrityError, match=r"quantiles_0\.\w+ is not the file that was written"):
        type(model).load(tmp_path)


def test_validation_rows_stop_each_level(name: str, fitted: Fitted) -> None:
    model: Any = ModelRegistry.create(
        name, **{**fitted(name, quantile_method="pinball").config.model_dump(), "rounds": 400}
    )
    curves = model.fit(TRAIN.take(np.arange(400)), VALID).curves
    found = {key: curve for key, curve in curves.items() if key.startswith("pinball")}
    assert list(found) == [f"pinball_{level:g}" for level in LEVELS] if name == "lightgbm" else ["pinball"]
    for curve in found.values():
        assert len(curve) == int(np.argmin(curve)) + 11 < 400
    unstopped = type(model)(model.config.model_copy(update={"early_stopping_rounds": None, "rounds": 60}))
    longer = unstopped.fit(TRAIN.take(np.arange(400)), VALID).curves
    assert all(len(curve) == 60 for curve in longer.values())


def test_settings_that_contradict(name: str) -> None:
    for given, words in (
        ({"quantiles": (0.5,)}, "quantiles need `target: return`, or `quantile_method: pinball`"),
        ({"quantile_method": "pinball"}, r"needs `quantiles`, such as \[0\.05, 0\.5, 0\.95\]"),
        ({"quantile_method": "pinball", "quantiles": (0.9, 0.1)}, "levels must rise"),
        ({"quantile_method": "pinball", "quantiles": (0.0, 0.1)}, "greater than 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            ModelRegistry.create(name, **given)
