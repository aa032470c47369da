"""Models by configuration, and imports that wait."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gnomon.config import ConfigManager
from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.errors import ConfigError
from gnomon.models import (
    BaseModel,
    Forecast,
    LightGBM,
    ModelBase,
    ModelFactory,
    ModelRegistry,
    PredictionOutput,
    build_model,
)


def test_training_settings_fill_what_params_leave_open() -> None:
    training = TrainingConfig(horizon=10, early_stopping_rounds=7, threads=2)
    model: Any = build_model(ModelConfig(model_type="lightgbm", params={"threads": 1}), training=training, seed=5)
    assert isinstance(model, LightGBM)
    assert (model.config.horizon, model.config.early_stopping_rounds, model.config.threads) == (10, 7, 1)
    assert model.config.seed == 5
    # A model without such a setting is not handed one.
    plain = build_model(ModelConfig(model_type="logistic_regression"), training=training)
    assert plain.config.horizon == 10


def test_wrong_sections_are_refused_at_their_place() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown model 'lightgmb' at models\.a\.model_type; did you mean 'lightgbm'"
    ):
        build_model(ModelConfig(model_type="lightgmb"), where="models.a")
    with pytest.raises(ConfigError, match=r"unknown key 'leaves' at models\.a\.params\.leaves"):
        build_model(ModelConfig(model_type="lightgbm", params={"leaves": 3}), where="models.a")


def test_the_factory_reads_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "gnomon.yaml").write_text(
        "models:\n  small: {model_type: lightgbm, params: {rounds: 12}}\n  plain: {model_type: logistic_regression}\n"
    )
    factory = ModelFactory(config_manager=ConfigManager(tmp_path), model_registry=ModelRegistry)
    small: Any = factory.create_model(model_type="lightgbm", model_name="small", num_leaves=5)
    assert (small.config.rounds, small.config.num_leaves) == (12, 5)
    assert isinstance(factory.create_model(model_name="plain"), ModelBase)
    by_type: Any = factory.create_model(model_type="lightgbm")
    assert by_type.config.rounds == 12
    unnamed: Any = ModelFactory().create_model(model_type="lightgbm", model_name="mine")
    assert unnamed.config.rounds == 300
    with pytest.raises(ConfigError, match="unknown model 'nowhere'"):
        factory.create_model(model_name="nowhere")
    with pytest.raises(ValueError, match="needs a model_type"):
        ModelFactory().create_model()


def test_the_words_that_users_bring() -> None:
    assert BaseModel is ModelBase
    assert PredictionOutput is Forecast


def test_importing_the_models_waits_with_their_libraries() -> None:
    code = (
        "import sys, gnomon.models as m;"
        "assert {'lightgbm', 'xgboost', 'catboost', 'lstm'} <= set(m.ModelRegistry.names());"
        "[entry.component.Config.model_json_schema() for entry in m.ModelRegistry.models];"
        "heavy = {'lightgbm', 'xgboost', 'catboost', 'sklearn', 'scipy', 'pandas', 'polars', 'numba', 'torch'};"
        "heavy &= set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
