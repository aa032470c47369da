"""ONNX: the file says what the model says, or is not written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.errors import ConfigError, IntegrityError
from gnomon.models import ModelRegistry, export_onnx
from gnomon.models.export import TOLERANCE, OnnxModel
from gnomon.testing.models import planted_samples
from gnomon.training import fit_model

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

KINDS: dict[str, dict[str, Any]] = {
    "lightgbm": {"rounds": 25, "min_rows_in_leaf": 20},
    "xgboost": {"rounds": 25},
    "catboost": {"rounds": 25, "depth": 3},
    "random_forest": {"trees": 10},
    "logistic_regression": {},
}


@pytest.mark.parametrize("absent", [None, 0])
@pytest.mark.parametrize("name", KINDS)
def test_the_file_says_what_the_model_says(name: str, absent: int | None, tmp_path: Path) -> None:
    for module in ModelRegistry.models.get(name).needs:
        pytest.importorskip(module)
    train, other = planted_samples(600), planted_samples(200, part="other")
    x = train.x.copy()
    x[::4, 1] = np.nan
    train = replace(train, x=x)
    if absent is not None:
        train = train.take(np.flatnonzero(train.y[:, 0] != absent))
    trained, _ = fit_model(ModelConfig(model_type=name, params=KINDS[name]), train)
    assert export_onnx(trained, tmp_path / "model.onnx") <= TOLERANCE
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    holes = other.x.copy()
    holes[::3, 0] = np.nan
    (said,) = session.run(None, {"features": holes})
    np.testing.assert_allclose(said, trained.predict(replace(other, x=holes)).probability, atol=TOLERANCE)
    first = (tmp_path / "model.onnx").read_bytes()
    export_onnx(trained, tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == first
    bare = trained.model
    assert export_onnx(bare, tmp_path / "bare.onnx") <= TOLERANCE


def test_a_file_that_differs_is_not_written(tmp_path: Path) -> None:
    model: Any = ModelRegistry.create("logistic_regression")
    model.fit(planted_samples(200))
    sound = model.onnx()

    class Off:
        def onnx(self) -> OnnxModel:
            return replace(sound, expected=sound.expected + 1e-4)

    with pytest.raises(IntegrityError, match=r"differs by 0\.0001"):
        export_onnx(Off(), tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_what_onnx_has_no_words_for_is_refused(tmp_path: Path) -> None:
    train = planted_samples(200)
    returns = ModelRegistry.create("ridge")
    returns.fit(train)
    with pytest.raises(ConfigError, match="have no ONNX form"):
        export_onnx(returns, tmp_path / "a")
    majority = ModelRegistry.create("majority")
    majority.fit(train)
    with pytest.raises(ConfigError, match="Majority has no ONNX form"):
        export_onnx(majority, tmp_path / "a")
    with pytest.raises(ConfigError, match="object has no ONNX form"):
        export_onnx(object(), tmp_path / "a")


def test_one_row_through_a_trained_model() -> None:
    train, other = planted_samples(400), planted_samples(40, part="other")
    for name in ("lightgbm", "logistic_regression", "ridge"):
        for scaler in ("standard", "none"):
            params = {"rounds": 10} if name == "lightgbm" else {}
            trained, _ = fit_model(
                ModelConfig(model_type=name, params=params), train, training=TrainingConfig(scaler=scaler)
            )
            together = trained.predict(other).probability
            np.testing.assert_array_equal(np.stack([trained.row(row) for row in other.x]), together)
    from gnomon.core.errors import DataError

    with pytest.raises(DataError, match="wants 6 features"):
        trained.row(other.x[0, :3])
    with pytest.raises(DataError, match="'feature_2' is infinite"):
        trained.row(np.array([0, 0, np.inf, 0, 0, 0], np.float32))
