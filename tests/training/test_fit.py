"""Fitting: what reaches the model and its scaler, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.core.hashing import hash_tree
from gnomon.models import ModelRegistry
from gnomon.samples.transforms import SCALERS, rows_hash
from gnomon.splits import Holdout
from gnomon.testing.models import DAY, planted_samples
from gnomon.training import ModelTrainer, Trainer, fit_model

LOGISTIC = ModelConfig(model_type="logistic_regression", name="plain")
QUICK = ModelConfig(model_type="lightgbm", params={"rounds": 15, "min_rows_in_leaf": 20})


def test_a_fit_is_a_scaler_and_a_model_by_hand() -> None:
    train, other = planted_samples(500), planted_samples(50, part="other")
    trained, report = fit_model(LOGISTIC, train)
    scaler = SCALERS["standard"].fit(train)
    model = ModelRegistry.create("logistic_regression")
    assert model.fit(scaler.apply(train)) == report
    np.testing.assert_array_equal(trained.predict(other).probability, model.predict(scaler.apply(other)).probability)
    assert trained.meta.name == "plain"


@pytest.mark.parametrize("config", [LOGISTIC, QUICK], ids=lambda config: config.model_type)
def test_rows_outside_of_training_and_validation_never_matter(config: ModelConfig, tmp_path: Path) -> None:
    samples = planted_samples(900, symbols=3)
    (fold,) = Holdout().split(samples.known_at, samples.last_label_end)
    poisoned = samples.x.copy()
    poisoned[fold.test] = 1e6
    outside = np.setdiff1d(np.arange(900), np.concatenate([fold.train, fold.valid]))
    poisoned[outside] = 1e6
    flipped = samples.y.copy()
    flipped[outside] = -flipped[outside]
    for name, part in (("clean", samples), ("poisoned", replace(samples, x=poisoned, y=flipped))):
        trained, _ = fit_model(config, part.take(fold.train), part.take(fold.valid), seed=1)
        trained.save(tmp_path / name)
    assert hash_tree(tmp_path / "clean") == hash_tree(tmp_path / "poisoned")
    assert trained.scaler.rows_hash == rows_hash(samples.take(fold.train))
    assert trained.meta.trained_until < samples.known_at[fold.test].min()
    # The control: one poisoned training row is seen.
    poisoned[fold.train[0]] = 1e6
    leaky = replace(samples, x=poisoned)
    trained, _ = fit_model(config, leaky.take(fold.train), leaky.take(fold.valid), seed=1)
    trained.save(tmp_path / "leaky")
    assert hash_tree(tmp_path / "leaky") != hash_tree(tmp_path / "clean")


def test_weights_can_be_left_out() -> None:
    train = planted_samples(500)
    weighted = replace(train, weight=np.random.default_rng(0).uniform(0.01, 1, (500, 1)).astype(np.float32))
    other = planted_samples(50, part="other")

    def forecast(samples: object, **settings: bool) -> np.ndarray:
        trained, _ = fit_model(LOGISTIC, samples, training=TrainingConfig(**settings))
        return trained.predict(other).probability

    np.testing.assert_array_equal(forecast(weighted, use_sample_weights=False), forecast(train))
    assert not np.array_equal(forecast(weighted), forecast(train))


@pytest.mark.parametrize("scaler", ["standard", "robust", "none"])
def test_the_scaler_is_the_configured_one(scaler: str) -> None:
    trained, _ = fit_model(LOGISTIC, planted_samples(300), training=TrainingConfig(scaler=scaler))
    assert trained.scaler.kind == scaler


def test_impossible_fits_are_refused_with_the_way_out() -> None:
    samples = planted_samples(200)
    with pytest.raises(DataError, match=r"cannot train at horizon 9.*\[5\]; set training\.horizon"):
        fit_model(LOGISTIC, samples, training=TrainingConfig(horizon=9))
    bare = replace(
        samples, horizons=(), **{n: getattr(samples, n)[:, :0] for n in ("y", "label_end", "forward_return", "weight")}
    )
    with pytest.raises(DataError, match="carry no labels"):
        fit_model(LOGISTIC, bare)
    with pytest.raises(ConfigError, match=r"unknown key 'round' at models\.x\.params\.round; did you mean 'rounds'"):
        fit_model(ModelConfig(model_type="lightgbm", params={"round": 3}), samples, where="models.x")


def test_a_trainer_keeps_the_settings() -> None:
    assert ModelTrainer is Trainer
    trainer = Trainer(config=QUICK, training=TrainingConfig(scaler="none"), seed=4)
    trained, report = trainer.fit(planted_samples(300), name="mine", data_version="v1")
    assert (trained.meta.name, trained.meta.seed, trained.meta.data_version) == ("mine", 4, "v1")
    assert trained.scaler.kind == "none"
    assert report.iterations == 15
    assert trained.meta.trained_until % DAY == 0


def test_a_net_begins_with_weights_and_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    net = ModelConfig(model_type="mlp", params={"hidden": 8, "epochs": 2, "learning_rate": 1e-9})
    train = planted_samples(300)
    learned, _ = fit_model(net.model_copy(update={"params": {"hidden": 8, "epochs": 4, "learning_rate": 0.05}}), train)
    _, cold = fit_model(net, train)
    _, warm = fit_model(net, train, init_from=learned, checkpoint=tmp_path / "checkpoint")
    assert warm.curves["train_loss"][0] < 0.95 * cold.curves["train_loss"][0]
    assert not list((tmp_path / "checkpoint").iterdir())
    with pytest.raises(ConfigError, match="init_from: only nets know these, and lightgbm is none"):
        fit_model(QUICK, train, init_from=learned)
