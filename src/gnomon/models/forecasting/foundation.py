"""The adapter for pretrained time-series models: local weights, a frozen backbone, a trained head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from gnomon.core.errors import ConfigError
from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class FoundationConfig(NetConfig):
    """Settings of `foundation`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(32, 64, 128)),
        "series": Integer(low=1, high=8),
        "width": Choice(values=(16, 32, 64)),
    }

    weights: Path | None = None
    """A safetensors file with a TimesFM decoder (version 1 or 2); a fit reads it, and the model keeps what it held."""
    sinusoidal: bool = False
    """Whether positions are added to its tokens: TimesFM 1 does, 2 does not."""
    frequency: int = Field(default=0, ge=0)
    """Its word for the data's frequency: 0 up to a day, 1 weeks and months, 2 longer."""
    series: int = Field(default=4, ge=1)
    """Series into which the features of a bar are mixed; the decoder reads each of them."""
    width: int = Field(default=32, ge=1)
    """Size of the vector that the head reads."""


@ModelRegistry.register(name="foundation", family="forecasting")
class Foundation(NeuralModel):
    """A pretrained decoder (TimesFM: Das et al. 2024) that stays as it is, between a learned mix and a learned head.

    Nothing is fetched: `weights` names a local file. A saved model holds the decoder and does not need the file.
    """

    Config = FoundationConfig
    config: FoundationConfig
    _saved: Mapping[str, int] | None = None
    """The decoder's sizes while a saved model is read, which holds its weights."""

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.forecasting.networks.foundation import FoundationNetwork
        from gnomon.models.forecasting.networks.timesfm import DecoderShape, PatchedDecoder, read_decoder

        config, weights = self.config, None
        if self._saved is not None:
            shape = DecoderShape(**self._saved)
        else:
            if config.weights is None:
                raise ConfigError(
                    "foundation needs pretrained weights and was given none: set `weights` to a local safetensors file "
                    "of a TimesFM decoder (nothing is fetched from the network), or take patchtst, which needs none"
                )
            shape, weights = read_decoder(config.weights)
        if config.frequency >= shape.frequencies:
            raise ConfigError(f"frequency = {config.frequency}, but the decoder knows {shape.frequencies} (from 0)")
        decoder = PatchedDecoder(shape, frequency=config.frequency, sinusoidal=config.sinusoidal)
        if weights is not None:
            decoder.load_state_dict(weights)
        return FoundationNetwork(features, length, decoder=decoder, series=config.series, width=config.width)

    def _save(self, folder: Path) -> Mapping[str, Any]:
        from gnomon.models.forecasting.networks.foundation import FoundationNetwork

        assert isinstance(self.network, FoundationNetwork)
        return {**super()._save(folder), "decoder": asdict(self.network.decoder.shape)}

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._saved = facts["decoder"]
        try:
            super()._restore(folder, facts)
        finally:
            self._saved = None
