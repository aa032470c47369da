"""A fitted net as an ONNX graph: windows in, probabilities out."""

from __future__ import annotations

import logging
import re
import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gnomon.core.errors import ConfigError
from gnomon.models.export import OnnxModel, trial_rows
from gnomon.models.neural.inference import steady
from gnomon.models.neural.stability import evaluating

if TYPE_CHECKING:
    from gnomon.models.neural.base import NeuralModel

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TRIED = 64
"""Windows that the graph is tried on."""


class WholeNet(nn.Module):
    """All that happens to a window: holes filled, large values cut, network, head."""

    def __init__(self, model: NeuralModel) -> None:
        super().__init__()
        self.network, self.head, self.clip = model.network, model.head, model.config.clip

    def forward(self, x: Tensor) -> Tensor:
        """Windows [n, length, features] of scaled features to probabilities [n, 3]."""
        assert self.network is not None
        assert self.head is not None
        x = torch.nan_to_num(x, nan=0.0)
        if self.clip is not None:
            x = x.clamp(-self.clip, self.clip)
        out: Tensor = self.head.probability(self.head(self.network(x)))
        return out


def _reason(error: BaseException) -> str:
    """The first line of what was wrong at the root, without colours."""
    while error.__cause__ is not None:
        error = error.__cause__
    return COLOUR.sub("", str(error)).strip().partition("\n")[0]


def onnx_of(model: NeuralModel) -> OnnxModel:
    """The graph with input `x`, float32 [n, window, features], missing features as NaN; what to try it on."""
    if model.network is None:
        raise ValueError(f"this {type(model).__name__} was not fitted yet; call fit, or load a saved one")
    length, features = model.config.window, len(model.feature_names)
    rows = trial_rows(features, rows=TRIED * length).reshape(TRIED, length, features)
    net, windows = WholeNet(model).cpu(), torch.from_numpy(rows)
    chatty = logging.getLogger("torch.onnx")
    level = chatty.level
    chatty.setLevel(logging.ERROR)
    try:
        with steady(model.config), evaluating(net), torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = net(windows).double().numpy()
            made = torch.onnx.export(
                net,
                (windows[:3],),
                dynamo=True,
                verbose=False,
                input_names=["x"],
                output_names=["probability"],
                dynamic_shapes={"x": {0: torch.export.Dim("n")}},
            )
    except torch.onnx.OnnxExporterError as error:
        raise ConfigError(
            f"{type(model).__name__} has no ONNX form: {_reason(error)}; serve it in its own format instead"
        ) from error
    finally:
        chatty.setLevel(level)
    assert made is not None
    return OnnxModel(graph=made.model_proto.SerializeToString(), inputs={"x": rows}, expected=expected)
