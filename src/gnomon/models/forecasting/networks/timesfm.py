"""A patched decoder for time series in the manner of TimesFM (Das et al. 2024), and its weights from a file.

Two layouts of safetensors are read: that of the `transformers` library (`decoder.layers.0.self_attn.q_proj.weight`,
with or without the leading `decoder.`) and that of the authors' own PyTorch checkpoint (`stacked_transformer.layers.0`,
queries, keys and values in one matrix) once it is stored as safetensors. All sizes are read off the tensors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu, scaled_dot_product_attention, silu, softplus

from gnomon.core.errors import ConfigError

ENOUGH = 3
"""Values that the first patch needs for its mean and spread to scale the series."""
SMALLEST_SPREAD = 1e-6
LAYOUT = (
    (r"^decoder\.", ""),
    (r"^stacked_transformer\.", ""),
    (r"^input_ff_layer\.hidden_layer\.0\.", "input_ff_layer.input_layer."),
)
"""From the names in a file to the names here."""
UNUSED = ("horizon_ff_layer.", "position_emb.")
"""What forecasts are made of there, and a table that is worked out here."""


@dataclass(frozen=True, kw_only=True)
class DecoderShape:
    """The sizes of a decoder."""

    patch: int
    dim: int
    inner: int
    heads: int
    head_dim: int
    layers: int
    frequencies: int


class PatchedDecoder(nn.Module):
    """A series in patches, each attending to itself and those before; the vector of the last patch is given."""

    def __init__(self, shape: DecoderShape, *, frequency: int, sinusoidal: bool) -> None:
        super().__init__()
        self.shape, self.frequency, self.sinusoidal = shape, frequency, sinusoidal
        self.input_ff_layer = InputBlock(2 * shape.patch, shape.inner, shape.dim)
        self.freq_emb = nn.Embedding(shape.frequencies, shape.dim)
        self.layers = nn.ModuleList(DecoderLayer(shape) for _ in range(shape.layers))

    def hidden(self, series: Tensor) -> Tensor:
        """[b, length] to [b, patches, dim]; the first patch is filled up before the first bar."""
        missing = -series.shape[1] % self.shape.patch
        filled = pad(torch.zeros_like(series), (missing, 0), value=1.0)
        patches = torch.unflatten(pad(series, (missing, 0)), 1, (-1, self.shape.patch))
        empty = torch.unflatten(filled, 1, (-1, self.shape.patch))
        # Scaled by the first patch that says enough: what comes later must not change what stands before it.
        first = 0 if self.shape.patch - missing >= ENOUGH or patches.shape[1] == 1 else 1
        seen = 1.0 - empty[:, first]
        count = seen.sum(dim=1, keepdim=True).clamp_min(1.0)
        mean = (patches[:, first] * seen).sum(dim=1, keepdim=True) / count
        variance = ((patches[:, first] - mean) * seen).square().sum(dim=1, keepdim=True) / count
        # Cut before the root: its slope at 0 is infinite.
        spread = variance.clamp_min(SMALLEST_SPREAD**2).sqrt()
        scaled = (patches - mean[:, None]) / spread[:, None] * (1.0 - empty)
        tokens = self.input_ff_layer(torch.cat([scaled, empty], dim=-1)) + self.freq_emb.weight[self.frequency]
        if self.sinusoidal:
            tokens = tokens + positions(tokens.shape[1], self.shape.dim).to(tokens)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens  # type: ignore[no-any-return]

    def forward(self, series: Tensor) -> Tensor:
        """[b, length] to [b, dim]."""
        return self.hidden(series)[:, -1]


class InputBlock(nn.Module):
    """Linear, SiLU, linear, beside a linear residual."""

    def __init__(self, inputs: int, inner: int, outputs: int) -> None:
        super().__init__()
        self.input_layer = nn.Linear(inputs, inner)
        self.output_layer = nn.Linear(inner, outputs)
        self.residual_layer = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] to [..., outputs]."""
        return self.output_layer(silu(self.input_layer(x))) + self.residual_layer(x)  # type: ignore[no-any-return]


class DecoderLayer(nn.Module):
    """Causal attention and a feed-forward, each pre-normed beside a residual."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(shape.dim, eps=1e-6)
        self.self_attn = ScaledAttention(shape)
        self.mlp = FeedForward(shape)

    def forward(self, x: Tensor) -> Tensor:
        """[b, tokens, dim] to the same."""
        return self.mlp(x + self.self_attn(self.input_layernorm(x)))  # type: ignore[no-any-return]


class ScaledAttention(nn.Module):
    """Causal attention whose queries are scaled by a learned positive number for each of a head's dimensions."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.heads, self.head_dim = shape.heads, shape.head_dim
        whole = shape.heads * shape.head_dim
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(shape.dim, whole) for _ in range(3))
        self.o_proj = nn.Linear(whole, shape.dim)
        self.scaling = nn.Parameter(torch.ones(shape.head_dim))

    def forward(self, x: Tensor) -> Tensor:
        """[b, tokens, dim] to the same."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, self.head_dim)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        # softplus(0) is log 2: a learned number of 0 leaves the usual 1 / sqrt(head_dim).
        query = query * softplus(self.scaling) / (math.log(2.0) * math.sqrt(self.head_dim))
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True, scale=1.0)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    """Layer norm, linear, ReLU, linear, beside a residual."""

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(shape.dim, eps=1e-6)
        self.gate_proj = nn.Linear(shape.dim, shape.inner)
        self.down_proj = nn.Linear(shape.inner, shape.dim)

    def forward(self, x: Tensor) -> Tensor:
        """[b, tokens, dim] to the same."""
        return x + self.down_proj(relu(self.gate_proj(self.layer_norm(x))))  # type: ignore[no-any-return]


def positions(tokens: int, dim: int, slowest: float = 10_000.0) -> Tensor:
    """Sines and cosines [tokens, dim] of the token's number, from one radian a token down to 1 / `slowest`."""
    speeds = torch.exp(torch.arange(dim // 2) * (-math.log(slowest) / max(dim // 2 - 1, 1)))
    angle = torch.arange(tokens)[:, None] * speeds
    return pad(torch.cat([angle.sin(), angle.cos()], dim=1), (0, dim % 2))


def read_decoder(path: Path) -> tuple[DecoderShape, dict[str, Tensor]]:
    """The shape and the weights in a file, under the names here. ConfigError for a file that holds no decoder."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"{path} cannot be read as safetensors: {error}") from None
    weights = {name: tensor.float() for name, tensor in _renamed(tensors).items()}
    try:
        shape = _shape_of(weights)
        needed = PatchedDecoder(shape, frequency=0, sinusoidal=False).state_dict()
        wrong = [f"{name} is missing" for name in needed if name not in weights]
        wrong += [f"{name} is not known" for name in weights if name not in needed]
        wrong += [
            f"{name} is {list(weights[name].shape)}, not {list(tensor.shape)}"
            for name, tensor in needed.items()
            if name in weights and weights[name].shape != tensor.shape
        ]
    except KeyError as error:
        raise ConfigError(f"{path} holds no TimesFM decoder: {error.args[0]} is missing") from None
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ConfigError(f"{path} holds no TimesFM decoder: {'; '.join(wrong[:3])}{more}")
    return shape, weights


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in tensors.items():
        for pattern, here in LAYOUT:
            name = re.sub(pattern, here, name)
        if name.startswith(UNUSED):
            continue
        if ".qkv_proj." in name:
            for letter, part in zip("qkv", tensor.chunk(3), strict=True):
                renamed[name.replace("qkv_proj", f"{letter}_proj")] = part
        else:
            renamed[name] = tensor
    return renamed


def _shape_of(weights: Mapping[str, Tensor]) -> DecoderShape:
    inner, inputs = weights["input_ff_layer.input_layer.weight"].shape
    head_dim = len(weights["layers.0.self_attn.scaling"])
    layers = [int(found[1]) for name in weights if (found := re.match(r"layers\.(\d+)\.", name))]
    return DecoderShape(
        patch=inputs // 2,
        dim=len(weights["input_ff_layer.output_layer.weight"]),
        inner=inner,
        heads=len(weights["layers.0.self_attn.q_proj.weight"]) // head_dim,
        head_dim=head_dim,
        layers=max(layers) + 1,
        frequencies=len(weights["freq_emb.weight"]),
    )
