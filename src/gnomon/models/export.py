"""ONNX: a fitted model as a file that other runtimes read, written only where it says the same.

A family plugs in with one method, `onnx() -> OnnxModel`: the graph as bytes, inputs to try it on, and the model's own
probabilities for them. The graph's last output is the probabilities, float32[n, 3] of (short, flat, long); the first
dimension of inputs and outputs is free. Where the graph holds less than the model (a scaler outside of it, a return
model's spread), the method raises ConfigError that says so.

    def onnx(self) -> OnnxModel:
        rows = trial_rows(len(self.feature_names))
        return OnnxModel(graph=..., inputs={"x": rows}, expected=self._probability(rows))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from gnomon.core.errors import ConfigError, IntegrityError
from gnomon.core.extras import require
from gnomon.core.files import write_atomic
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float32, Float64

TOLERANCE = 1e-5
"""Float32 sums of a few hundred trees differ from float64 ones by about 1e-6."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OnnxModel:
    """A graph, what to try it on, and what the model itself says of that; `tolerance` is the largest difference."""

    graph: bytes
    inputs: Mapping[str, Array]
    expected: Float64[Array, "n 3"]
    tolerance: float = TOLERANCE


@runtime_checkable
class ExportsOnnx(Protocol):
    """A model that can say itself in ONNX."""

    def onnx(self) -> OnnxModel:
        """Itself as a graph. Raises ConfigError for settings that ONNX has no words for."""
        ...


def export_onnx(model: object, path: Path) -> float:
    """Writes a fitted model as ONNX and gives the largest difference between its probabilities and ours.

    `model` is a fitted model or a `TrainedModel`; the latter's file takes raw features, its scaler is inside. The file
    is run by ONNX Runtime first: IntegrityError, and nothing is written, where a probability differs by more than the
    tolerance. ConfigError for a model that ONNX cannot express, or where `gnomon[onnx]` is not installed.
    """
    require("the ONNX export", ("onnx", "onnxruntime"), extra="onnx")
    if not isinstance(model, ExportsOnnx):
        raise ConfigError(f"{type(model).__name__} has no ONNX form; save it in its own format instead")
    made = model.onnx()
    difference = largest_difference(made)
    if not difference <= made.tolerance:
        raise IntegrityError(
            f"the ONNX form of {type(model).__name__} differs by {difference:.3g} in a probability, more than "
            f"{made.tolerance:g}; it was not written"
        )
    write_atomic(path, made.graph)
    return difference


def largest_difference(made: OnnxModel) -> float:
    """Between the probabilities of the graph, run by ONNX Runtime, and the model's own; infinite for another shape."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(made.graph, options, providers=["CPUExecutionProvider"])
    said = np.asarray(session.run(None, dict(made.inputs))[-1], np.float64)
    if said.shape != made.expected.shape or not np.isfinite(said).all():
        return float("inf")
    return float(np.abs(said - made.expected).max(initial=0.0))


def trial_rows(features: int, *, rows: int = 512, missing: bool = True) -> Float32[Array, "n f"]:
    """Rows to try a graph on: standard normal and wide ones, with holes where the model takes missing values."""
    draw = generator(0, "onnx", str(features))
    x = draw.normal(size=(rows, features)).astype(np.float32)
    x[rows // 2 :] *= np.float32(10.0)
    if missing:
        x[draw.random(x.shape) < 0.1] = np.nan
    return x
