"""The decoder: against the reference implementation, its files in both layouts, files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from gnomon.core.errors import ConfigError
from gnomon.models.forecasting.networks.timesfm import DecoderShape, PatchedDecoder, read_decoder

SHAPE = DecoderShape(patch=4, dim=6, inner=5, heads=2, head_dim=2, layers=2, frequencies=3)


def weights() -> dict[str, Tensor]:
    """A small decoder's weights by a rule that any library can follow: 0.4 sin(0.7 i + j) for number i of tensor j."""
    names = sorted(PatchedDecoder(SHAPE, frequency=0, sinusoidal=False).state_dict().items())
    return {
        f"decoder.{name}": (0.4 * torch.sin(0.7 * torch.arange(tensor.numel()) + j)).view(tensor.shape)
        for j, (name, tensor) in enumerate(names)
    }


@pytest.fixture
def written(tmp_path: Path) -> Path:
    save_file(weights(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def loaded(path: Path, *, sinusoidal: bool = False) -> PatchedDecoder:
    shape, held = read_decoder(path)
    decoder = PatchedDecoder(shape, frequency=1, sinusoidal=sinusoidal)
    decoder.load_state_dict(held)
    return decoder.eval()


# The last hidden state that TimesFmModel of `transformers` 5.23 gives for `weights()` and 12 values 2 sin(t^2) + 0.3 t.
REFERENCE = {
    (12, False): [-0.141468, 0.343656, -0.994156, -2.978166, 0.126315, -2.761424],
    (12, True): [0.777986, 0.349484, -0.977351, -3.41144, 1.141743, -1.773659],
    (11, False): [-0.195755, 0.172992, -0.825787, -2.50239, 0.234846, -2.249244],
    (10, False): [0.646132, 1.748033, -1.937977, -7.158637, -0.62223, -7.405072],
}


@pytest.mark.parametrize(("length", "sinusoidal"), REFERENCE)
def test_it_is_the_reference_implementation(written: Path, length: int, sinusoidal: bool) -> None:
    t = torch.arange(12.0)[-length:]
    vector = loaded(written, sinusoidal=sinusoidal)((2 * torch.sin(t * t) + 0.3 * t)[None])
    expected = torch.tensor(REFERENCE[length, sinusoidal])
    torch.testing.assert_close(vector[0], expected, rtol=1e-5, atol=1e-5)


def test_all_sizes_are_read_off_the_file(written: Path) -> None:
    assert read_decoder(written)[0] == SHAPE


def test_the_authors_own_layout_gives_the_same_decoder(written: Path, tmp_path: Path) -> None:
    theirs: dict[str, Tensor] = {"horizon_ff_layer.output_layer.weight": torch.zeros(2)}
    for name, tensor in weights().items():
        own = name.removeprefix("decoder.").replace("input_layer.", "hidden_layer.0.")
        theirs[f"stacked_transformer.{own}" if own.startswith("layers.") else own] = tensor
    for layer in range(2):
        for kind in ("weight", "bias"):
            prefix = f"stacked_transformer.layers.{layer}.self_attn"
            parts = [theirs.pop(f"{prefix}.{letter}_proj.{kind}") for letter in "qkv"]
            theirs[f"{prefix}.qkv_proj.{kind}"] = torch.cat(parts)
    save_file(theirs, tmp_path / "theirs.safetensors")
    x = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(tmp_path / "theirs.safetensors")(x), loaded(written)(x))


def test_parameters_and_shapes(shape_table: Any) -> None:
    decoder = PatchedDecoder(SHAPE, frequency=0, sinusoidal=False)
    entry = (8 * 5 + 5) + (5 * 6 + 6) + (8 * 6 + 6)
    layer = 6 + 3 * (6 * 4 + 4) + (4 * 6 + 6) + 2 + 2 * 6 + (6 * 5 + 5) + (5 * 6 + 6)
    assert sum(p.numel() for p in decoder.parameters()) == entry + 3 * 6 + 2 * layer == 563
    assert shape_table(decoder, torch.zeros(7, 10), "input_ff_layer", "layers.0", "layers.1") == {
        **dict.fromkeys(("input_ff_layer", "layers.0", "layers.1"), (7, 3, 6)),
        "": (7, 6),
    }


def test_files_that_hold_no_decoder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone.safetensors cannot be read as safetensors"):
        read_decoder(tmp_path / "gone.safetensors")
    (tmp_path / "text.safetensors").write_bytes(b"these are no weights, whatever the name says")
    with pytest.raises(ConfigError, match=r"text.safetensors cannot be read as safetensors"):
        read_decoder(tmp_path / "text.safetensors")
    save_file({"encoder.block.0.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ConfigError, match=r"holds no TimesFM decoder: input_ff_layer.input_layer.weight is missing"):
        read_decoder(tmp_path / "other.safetensors")
    bent = weights()
    bent["decoder.layers.1.mlp.gate_proj.bias"] = torch.zeros(9)
    bent["decoder.layers.1.self_attn.rotary"] = torch.zeros(9)
    del bent["decoder.layers.0.mlp.gate_proj.bias"], bent["decoder.layers.0.mlp.layer_norm.bias"]
    save_file(bent, tmp_path / "bent.safetensors")
    with pytest.raises(ConfigError, match=r"layer_norm.bias is missing; .*gate_proj.bias is missing; .* and 1 more"):
        read_decoder(tmp_path / "bent.safetensors")
