"""Transformer encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class TransformerConfig(NetConfig):
    """Settings of `transformer`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(16, 32, 64)),
        "dim": Choice(values=(16, 32, 64)),
        "layers": Integer(low=1, high=4),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # log loss 0.877, by the default 0.883. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 128,
        "dim": 16,
        "dropout": 0.118,
        "layers": 2,
        "learning_rate": 0.0034,
        "weight_decay": 0.000328,
        "window": 32,
    }

    dim: int = Field(default=32, ge=2)
    """Size of a token's vector."""
    heads: int = Field(default=4, ge=1)
    """Attentions side by side, which share `dim`."""
    layers: int = Field(default=2, ge=1)
    """Encoder layers."""
    tokens: int = Field(default=256, ge=1)
    """Tokens, at most: in a longer window several bars are one token."""

    @model_validator(mode="after")
    def _heads_share_dim(self) -> Self:
        if self.dim % (2 * self.heads):
            raise ValueError(
                f"dim = {self.dim} cannot be shared by {self.heads} heads of an even size; take a multiple of "
                f"{2 * self.heads}"
            )
        return self


@ModelRegistry.register(name="transformer", family="neural")
class Transformer(NeuralModel):
    """Pre-norm encoder with rotary positions (Vaswani et al. 2017; Xiong et al. 2020; Su et al. 2021)."""

    Config = TransformerConfig
    config: TransformerConfig

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.neural.networks.transformer import TransformerNetwork

        config = self.config
        return TransformerNetwork(
            features,
            length,
            dim=config.dim,
            heads=config.heads,
            layers=config.layers,
            dropout=config.dropout,
            tokens=config.tokens,
        )
