"""ONNX graphs of linear models and of trees, node by node; `gnomon.models.export` writes them.

Thresholds are rounded down to float32, which changes no comparison with a float32 feature; sums are float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gnomon.core.types import Array, Float64

OPSET, ML_OPSET, IR = 17, 3, 10
LEAST = -1e30
"""A score that a softmax makes 0 of."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TreeArrays:
    """One tree, node 0 its root: a leaf has `left` -1 and its `value` (one for each target).

    `mode` is the comparison of a feature with the threshold that leads left; `missing_left` where a missing one goes.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    value: Array


def ensemble_graph(
    trees: Sequence[TreeArrays],
    *,
    features: int,
    targets: int,
    mode: Literal["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT"],
    average: bool = False,
    base: Sequence[float] = (),
    classes: Sequence[int] | None = None,
) -> bytes:
    """Trees summed (or averaged) by target; with `classes`, a softmax, and its columns put where these classes are."""
    from onnx import helper

    attributes: dict[str, Any] = {"n_targets": targets, "post_transform": "NONE", **_nodes(trees, mode)}
    attributes["aggregate_function"] = "AVERAGE" if average else "SUM"
    if len(base):
        attributes["base_values"] = [float(value) for value in base]
    if classes is None:
        nodes = [helper.make_node("TreeEnsembleRegressor", ["x"], ["probability"], domain="ai.onnx.ml", **attributes)]
        return _model(nodes, {}, features)
    place = np.zeros((targets, 3), np.float32)
    place[np.arange(targets), list(classes)] = 1.0
    nodes = [
        helper.make_node("TreeEnsembleRegressor", ["x"], ["scores"], domain="ai.onnx.ml", **attributes),
        helper.make_node("Softmax", ["scores"], ["held"], axis=1),
        helper.make_node("MatMul", ["held", "place"], ["probability"]),
    ]
    return _model(nodes, {"place": place}, features)


def linear_graph(weights: Float64[Array, "3 f"], bias: Float64[Array, " 3"], fill: Float64[Array, " f"]) -> bytes:
    """A softmax of linear scores; a missing feature counts as `fill`."""
    from onnx import helper

    nodes = [
        helper.make_node("IsNaN", ["x"], ["missing"]),
        helper.make_node("Where", ["missing", "fill", "x"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probability"], axis=1),
    ]
    constants = {
        "fill": fill.astype(np.float32),
        "weights": np.ascontiguousarray(weights.T, np.float32),
        "bias": np.maximum(bias, LEAST).astype(np.float32),
    }
    return _model(nodes, constants, len(fill))


def scaled_graph(graph: bytes, center: Float64[Array, " f"], scale: Float64[Array, " f"]) -> bytes:
    """The graph on raw features: (features - center) / scale in float64 comes before it."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_from_string(graph)
    before = [
        helper.make_node("Cast", ["features"], ["features_wide"], to=TensorProto.DOUBLE),
        helper.make_node("Sub", ["features_wide", "center"], ["centered"]),
        helper.make_node("Div", ["centered", "scale"], ["scaled_wide"]),
        helper.make_node("Cast", ["scaled_wide"], [model.graph.input[0].name], to=TensorProto.FLOAT),
    ]
    after = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*before, *after])
    model.graph.input[0].name = "features"
    for name, values in (("center", center), ("scale", scale)):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.float64), name))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def named_graph(graph: bytes) -> bytes:
    """The graph with its input called "features", for a model whose features are not scaled."""
    import onnx

    model = onnx.load_from_string(graph)
    old = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["features" if name == old else name for name in node.input]
    model.graph.input[0].name = "features"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _nodes(trees: Sequence[TreeArrays], mode: str) -> dict[str, Any]:
    held: dict[str, list[Any]] = {
        key: []
        for key in (
            "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_truenodeids",
            "nodes_falsenodeids", "nodes_missing_value_tracks_true", "target_treeids", "target_nodeids", "target_ids",
            "target_weights",
        )
    }  # fmt: skip
    for t, tree in enumerate(trees):
        leaf = tree.left < 0
        rows = {
            "nodes_treeids": np.full(len(leaf), t),
            "nodes_nodeids": np.arange(len(leaf)),
            "nodes_featureids": np.where(leaf, 0, tree.feature),
            "nodes_modes": np.where(leaf, "LEAF", mode),
            "nodes_values": np.where(leaf, 0.0, round_down(tree.threshold)),
            "nodes_truenodeids": np.where(leaf, 0, tree.left),
            "nodes_falsenodeids": np.where(leaf, 0, tree.right),
            "nodes_missing_value_tracks_true": np.where(leaf, 0, tree.missing_left).astype(np.int64),
        }
        at, target = np.nonzero(leaf[:, None] & (tree.value != 0.0) if leaf.any() else leaf[:, None])
        bare = np.setdiff1d(np.flatnonzero(leaf), at)  # a leaf of value 0 is named too, for target 0
        at, target = np.concatenate([at, bare]), np.concatenate([target, np.zeros(len(bare), np.int64)])
        rows |= {
            "target_treeids": np.full(len(at), t),
            "target_nodeids": at,
            "target_ids": target,
            "target_weights": tree.value[at, target],
        }
        for key, values in rows.items():
            held[key].extend(values.tolist())
    return held


def round_down(threshold: Float64[Array, " n"]) -> Float64[Array, " n"]:
    """The largest float32 that is not above each value."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float64)


def _model(nodes: list[Any], constants: dict[str, Array], features: int) -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        nodes,
        "gnomon",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", features])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["rows", 3])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="gnomon", ir_version=IR)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
