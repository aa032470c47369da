"""What the tests of networks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def small_decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A safetensors file with a small TimesFM decoder of drawn weights."""
    import torch
    from safetensors.torch import save_file

    from gnomon.models.forecasting.networks.timesfm import DecoderShape, PatchedDecoder

    shape = DecoderShape(patch=2, dim=8, inner=8, heads=2, head_dim=4, layers=1, frequencies=3)
    tensors = PatchedDecoder(shape, frequency=0, sinusoidal=False).state_dict()
    chance = torch.Generator().manual_seed(0)
    path = tmp_path_factory.mktemp("decoder") / "small.safetensors"
    save_file({name: 0.3 * torch.randn(t.shape, generator=chance) for name, t in tensors.items()}, path)
    return path


@pytest.fixture
def shape_table() -> Callable[..., dict[str, tuple[int, ...]]]:
    """A function of a network, its input and names of its parts: the shape of each part's output."""

    def table(network: Any, x: Any, *parts: str) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}

        def note(name: str) -> Any:
            def hook(module: Any, inputs: Any, output: Any) -> None:
                shapes[name] = tuple((output[0] if isinstance(output, tuple) else output).shape)

            return hook

        hooks = [network.get_submodule(part).register_forward_hook(note(part)) for part in parts]
        shapes[""] = tuple(network(x).shape)
        for hook in hooks:
            hook.remove()
        return shapes

    return table
