"""Weights as bytes (safetensors), and what may be read back into a net."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gnomon.core.errors import DataError
from gnomon.models.bundle import TrainedModel

if TYPE_CHECKING:
    from gnomon.models.neural.base import NeuralModel


def whole_net(model: NeuralModel) -> nn.ModuleDict:
    """Network and head as one module, so that their tensors have names."""
    assert model.network is not None
    assert model.head is not None
    return nn.ModuleDict({"network": model.network, "head": model.head})


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of every weight and buffer on the CPU, by name."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in module.state_dict().items()}


def to_bytes(model: NeuralModel) -> bytes:
    """The weights of a fitted net: the same weights, the same bytes."""
    return save(tensors_of(whole_net(model)))


def load_bytes(model: NeuralModel, data: bytes) -> None:
    """Reads what `to_bytes` gave. ValueError for damaged bytes, or tensors that are not this net's."""
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(f"the weights are damaged: {error}") from None
    net = whole_net(model)
    check_shapes(net, tensors, "the weights")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"the weights hold values of {name} that are not finite")
    net.load_state_dict(tensors)


def check_shapes(net: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """ValueError that names the first tensor which is missing, strange, or of another shape or type."""
    own = net.state_dict()
    for name in sorted({*own, *tensors}):
        if name not in tensors:
            raise ValueError(f"{what} lack {name}; they are of another net")
        if name not in own:
            raise ValueError(f"{what} hold {name}, which this net does not have; they are of another net")
        found, wanted = tensors[name], own[name]
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise ValueError(
                f"{what} hold {name} as {_kind(found)}, this net has {_kind(wanted)}; they are of another net"
            )


def take_over(model: NeuralModel, source: NeuralModel | TrainedModel | Path) -> None:
    """Begins with the weights of another fitted net. DataError where its features or its shape differ."""
    if isinstance(source, Path):
        source = TrainedModel.load(source) if (source / "meta.json").is_file() else type(model).load(source)
    held = source.model if isinstance(source, TrainedModel) else source
    name = type(model).__name__
    if type(held) is not type(model):
        raise DataError(f"{name} cannot begin with the weights of a {type(held).__name__}; give a fitted {name}")
    if held.network is None:
        raise DataError("init_from must be a fitted net; fit it, or load a saved one")
    if held.feature_names != model.feature_names:
        raise DataError(
            f"init_from was fitted on the features {list(held.feature_names)}, the samples carry "
            f"{list(model.feature_names)}: give the same ones in the same order"
        )
    tensors = tensors_of(whole_net(held))
    try:
        check_shapes(whole_net(model), tensors, "the weights of init_from")
    except ValueError as error:
        raise DataError(f"{error}; give both the same config") from None
    whole_net(model).load_state_dict(tensors)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
