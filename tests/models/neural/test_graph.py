"""Nets as ONNX graphs: the same probabilities, one window or many, holes included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gnomon.core.errors import ConfigError, IntegrityError
from gnomon.models import ModelRegistry, NeuralModel
from gnomon.models.export import export_onnx
from gnomon.models.neural.graph import WholeNet
from gnomon.testing.models import planted_samples

onnxruntime = pytest.importorskip("onnxruntime")
Net = Callable[..., NeuralModel]
SIZES: dict[str, dict[str, Any]] = {
    "lstm": {"hidden": 8},
    "patchtst": {"patch": 2, "dim": 8, "heads": 1, "width": 8},
    "state_space": {"dim": 8, "layers": 1, "states": 2},
    "state_space:s4d": {"core": "s4d", "dim": 8, "layers": 1, "states": 2},
}
MORE: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": 8},
    "gru": {"hidden": 8},
    "tcn": {"channels": 8},
    "transformer": {"dim": 8, "heads": 1, "layers": 1},
    "nhits": {"rates": (2, 1), "hidden": 8, "width": 8},
    "tft": {"dim": 4, "heads": 1},
    "omni_scale": {"width": 8},
    "mixture_of_experts": {"dim": 8, "heads": 1, "layers": 1, "experts": 2, "top": 1},
}
"""A second or more each, most of it the exporter's own: behind `make torture`."""


@pytest.fixture(scope="module")
def fitted(net: Net) -> NeuralModel:
    model = net("mlp", epochs=1)
    model.fit(planted_samples(300))
    return model


@pytest.mark.parametrize("name", [*SIZES, *(pytest.param(name, marks=pytest.mark.torture) for name in MORE)])
def test_the_graph_says_what_the_net_says(
    name: str, tmp_path: Path, recwarn: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    model = ModelRegistry.create(name.partition(":")[0], window=4, epochs=1, **{**SIZES, **MORE}[name])
    model.fit(planted_samples(300))
    assert export_onnx(model, tmp_path / "net.onnx") < 1e-6
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")
    samples = planted_samples(60, part="other")
    samples.x[::7, 1] = np.nan
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    ends = samples.windows(4).rows
    said = model.predict(samples).probability[ends]
    windows = samples.windows(4).batch(np.arange(len(ends)))
    np.testing.assert_allclose(session.run(None, {"x": windows})[0], said, atol=1e-6)
    np.testing.assert_allclose(session.run(None, {"x": windows[5:6]})[0], said[5:6], atol=1e-6)


def test_a_graph_that_says_something_else_is_not_written(
    fitted: NeuralModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what is exported is not what forecasts."""

    def forward(self: WholeNet, x: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_compiling() or torch.compiler.is_exporting():
            return self.head.probability(self.head(self.network(torch.nan_to_num(x))))  # type: ignore[union-attr]
        return torch.full((len(x), 3), 1 / 3)

    monkeypatch.setattr(WholeNet, "forward", forward)
    with pytest.raises(IntegrityError, match="the ONNX form of MLP differs by"):
        export_onnx(fitted, tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_a_net_that_onnx_has_no_words_for_is_named(
    fitted: NeuralModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> None:
        try:
            raise TypeError("\x1b[96mno words for it\x1b[0m\nand more")
        except TypeError as error:
            raise torch.onnx.OnnxExporterError("step 3 of 3") from error

    monkeypatch.setattr(torch.onnx, "export", refuses)
    with pytest.raises(
        ConfigError, match=r"MLP has no ONNX form: no words for it; serve it in its own format instead$"
    ):
        export_onnx(fitted, tmp_path / "net.onnx")
    with pytest.raises(ValueError, match="not fitted yet"):
        type(fitted)().onnx()
