"""What a net is: a config, and one method that makes its network. Fitting, forecasts, files are done here, for all.

An architecture `x` is two files. `neural/x.py` holds `class XConfig(NetConfig)` with its search space and

    @ModelRegistry.register(name="x", family="neural")
    class X(NeuralModel):
        Config = XConfig
        config: XConfig

        def _network(self, features: int, length: int) -> Network:
            from gnomon.models.neural.networks.x import XNetwork

            return XNetwork(features, length, ...)

and `neural/networks/x.py` holds the PyTorch module, a `Network`. So the registry, the configuration and `gnomon --help`
know every net without importing PyTorch; a fit or a loaded model imports it.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from gnomon.core.errors import DataError
from gnomon.core.files import write_atomic
from gnomon.core.types import Array, Bool, Float32, Float64, Int64
from gnomon.models.base import Callback, FitReport, ModelConfig, State
from gnomon.models.search_space import Choice, Real, SearchSpace
from gnomon.models.supervised import (
    Labels,
    SupervisedModel,
    Target,
    labels_of,
    refuse_constant,
    refuse_infinite,
    same_features,
)
from gnomon.samples.base import Forecast, Samples
from gnomon.samples.windows import WindowState, whole_windows

if TYPE_CHECKING:
    from gnomon.models.bundle import TrainedModel
    from gnomon.models.export import OnnxModel
    from gnomon.models.neural.data import Windows
    from gnomon.models.neural.heads import Head
    from gnomon.models.neural.networks.base import Network

WEIGHTS = "weights.safetensors"


class NetConfig(ModelConfig):
    """What all nets can be told. An epoch shows every window of the training rows once."""

    search_space: ClassVar[SearchSpace] = {
        "learning_rate": Real(low=1e-4, high=1e-2, log=True),
        "weight_decay": Real(low=1e-4, high=1.0, log=True),
        "dropout": Real(low=0.0, high=0.5),
        "batch_size": Choice(values=(64, 128, 256, 512)),
    }

    window: int = Field(default=32, ge=1)
    """Rows that a forecast reads: its own and those before it, of the same symbol, without a gap."""
    batch_size: int = Field(default=256, ge=1)
    """Windows a step, of all processes together."""
    epochs: int = Field(default=30, ge=1)
    """Epochs, at most."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """The highest step size of AdamW; it rises from 0 and falls back to 0 along a cosine."""
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of all steps over which the step size rises."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Pull of the weight matrices towards 0."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the hidden units that a step leaves out."""
    gradient_clip: float | None = Field(default=1.0, gt=0)
    """Longer gradients are cut to this norm; None cuts none."""
    gradient_limit: float = Field(default=1e6, gt=0)
    """A gradient of a greater norm, before it is cut, stops the fit as unstable."""
    patience: int = Field(default=5, ge=1)
    """Epochs without a better validation loss after which the fit stops; `early_stopping_rounds` may ask for fewer."""
    early_stopping_rounds: int | None = Field(default=50, ge=1)
    """As in the training section; None never stops early. The weights of the best epoch are kept in any case."""
    head: Literal["softmax", "evidential"] = "softmax"
    """What makes probabilities of the network's output."""
    quantile_levels: tuple[float, ...] = ()
    """Levels at which the forward return is forecast beside the classes; none by default."""
    clip: float | None = Field(default=10.0, gt=0)
    """Features, as the scaler gives them, are cut to this size on both sides; a missing one counts as 0."""
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    """Numbers of a training step; "auto" mixes in bf16 on a GPU that has it. Forecasts are always made in float32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it is fitted and forecasts; "auto" takes a GPU where there is one. Another device gives other last bits."""
    processes: int = Field(default=1, ge=1)
    """Processes (one a GPU, where there are GPUs) that share every batch."""
    launcher: Literal["spawn", "ray"] = "spawn"
    """Who starts them: this process on this machine, or Ray on the machines of a cluster."""
    address: str | None = None
    """The Ray cluster, such as ray://head:10001 or auto; None starts one on this machine."""
    threads: int = Field(default=1, ge=1)
    """Threads of one process on the CPU. Other numbers may give other last bits."""
    deterministic: bool = True
    """Whether only operations are used that give the same bits every time."""
    freeze_epochs: int = Field(default=0, ge=0)
    """In transfer, epochs for which the network that was taken over stays as it is, and only the head learns."""
    unfreeze: Literal["all", "layerwise"] = "all"
    """After `freeze_epochs` all of the network learns, or one more part an epoch, from the output to the input."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between checkpoints, where a fit is given a folder for them."""
    landscape_points: int = Field(default=0, ge=0, le=101)
    """Points on a side of the loss landscape in the fit's report; 0 leaves it out. It costs their square in passes."""

    @field_validator("quantile_levels")
    @classmethod
    def _rising(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0.0 < level < 1.0 for level in levels) or any(a >= b for a, b in itertools.pairwise(levels)):
            raise ValueError("levels must lie between 0 and 1 and rise, such as [0.05, 0.5, 0.95]")
        return levels

    @property
    def stop_after(self) -> int | None:
        """Epochs without a better validation loss after which the fit stops."""
        return None if self.early_stopping_rounds is None else min(self.patience, self.early_stopping_rounds)


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What training says without looking at a window: class frequencies, and quantiles of the forward return."""

    frequency: tuple[float, float, float]
    return_quantiles: tuple[float, ...] = ()
    """At `NetConfig.quantile_levels`."""
    rows: int = 0
    """Rows learned from, while a net is fitted."""


class NeuralModel(SupervisedModel):
    """A net on windows of the last rows. Architectures implement `_network`.

    A row that has no full window behind it (the first ones of a symbol, those after a gap) is forecast by the class
    frequencies of training with no class allowed: the net abstains. Every forecast is computed in batches of one fixed
    shape, so that a row's bits do not depend on what it is forecast with. Equal samples, config and seed give equal
    bytes on one kind of machine.
    """

    Config = NetConfig
    config: NetConfig
    needs = ("torch", "lightning", "safetensors")
    extra = "nets"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.prior: Prior | None = None
        self.gap = 0
        self.network: Network | None = None
        self.head: Head | None = None

    @abstractmethod
    def _network(self, features: int, length: int) -> Network:
        """The network, its weights drawn from PyTorch's generator, which is seeded here."""

    @property
    def context(self) -> int:
        """Rows before a row that its window reaches."""
        return self.config.window - 1

    def fit(
        self,
        train: Samples,
        valid: Samples | None = None,
        *,
        callbacks: Sequence[Callback] = (),
        init_from: NeuralModel | TrainedModel | Path | None = None,
        checkpoint: Path | None = None,
    ) -> FitReport:
        """Learns the labels of its horizon.

        `init_from`: a fitted net of the same shape, or the folder of one, whose weights it begins with (see
        `freeze_epochs`). `checkpoint`: a folder of this fit's own; a fit that was killed and is called again with it
        goes on from there and ends in the same bytes. Raises TrainingError when it becomes unstable, and keeps nothing.
        """
        from gnomon.models.neural.trainer import train_network
        from gnomon.models.neural.weights import take_over

        labels, checked = self._accept(train, valid)
        if self.uses_features:
            refuse_constant(train.x, type(self).__name__)
        self.prior = _prior_of(labels, self.config.quantile_levels)
        self.gap = _usual_gap(train)
        self.network, self.head = self._assemble()
        if init_from is not None:
            take_over(self, init_from)
        for callback in callbacks:
            callback.on_fit_start(self, train, valid)
        try:
            report = train_network(
                self,
                self._windows(train, labels),
                self._windows(valid, checked) if valid is not None and checked is not None else None,
                callbacks=callbacks,
                checkpoint=checkpoint,
                transferred=init_from is not None,
            )
        except BaseException:
            self.horizon = self.network = self.head = None
            raise
        for callback in callbacks:
            callback.on_fit_end(self, report)
        return report

    def predict(self, samples: Samples, *, state: State | None = None) -> Forecast:
        """A forecast, one row a sample.

        `state`, made by `initial_state`, carries the last rows of each symbol from call to call, so that rows fed one
        by one are forecast to the last bit like rows fed together.
        """
        horizon = self._fitted_horizon()
        same_features(samples, self.feature_names, type(self).__name__)
        refuse_infinite(samples)
        if state is None:
            x, ends = samples.x, np.arange(len(samples))
            whole = whole_windows(samples.segment, self.config.window)
        else:
            joined = state.join(samples)
            x, ends, whole = joined.x, joined.ends, joined.whole
        probability, quantiles = self._forecast(x, ends, whole)
        return Forecast(
            probability=probability,
            known_at=samples.known_at,
            symbol=samples.symbol,
            symbols=samples.symbols,
            horizon=horizon,
            quantiles=quantiles,
            quantile_levels=self.config.quantile_levels,
            allowed=np.repeat(whole[:, None], 3, axis=1) if self.config.window > 1 else None,
        ).checked()

    def initial_state(self) -> WindowState:
        """A state for `predict` that has seen nothing."""
        self._fitted_horizon()
        return WindowState(length=self.config.window, gap=self.gap)

    def onnx(self) -> OnnxModel:
        """Itself as a graph that takes windows of scaled features; see `gnomon.models.export.export_onnx`."""
        from gnomon.models.neural.graph import onnx_of

        return onnx_of(self)

    @property
    def parameter_count(self) -> int | None:
        """Numbers that the network and its head have learned."""
        if self.network is None or self.head is None:
            return None
        return sum(value.numel() for part in (self.network, self.head) for value in part.parameters())

    def _forecast(
        self, x: Float32[Array, "n f"], ends: Int64[Array, " m"], whole: Bool[Array, " m"]
    ) -> tuple[Float64[Array, "m 3"], Float64[Array, "m q"] | None]:
        from gnomon.models.neural.inference import forecast_windows

        assert self.prior is not None
        levels = len(self.config.quantile_levels)
        probability = np.tile(np.array(self.prior.frequency), (len(ends), 1))
        quantiles = np.tile(np.array(self.prior.return_quantiles), (len(ends), 1)) if levels else None
        rows = np.flatnonzero(whole)
        if rows.size:
            found, returns = forecast_windows(self, x, ends[rows])
            probability[rows] = found
            if quantiles is not None and returns is not None:
                quantiles[rows] = returns
        return probability, quantiles

    def _assemble(self) -> tuple[Network, Head]:
        """The network and its head, as the seed draws them."""
        from gnomon.models.neural.chance import seeded
        from gnomon.models.neural.heads import build_head

        assert self.prior is not None
        with seeded(self.config.seed, "weights"):
            network = self._network(len(self.feature_names), self.config.window)
            return network, build_head(self.config, network.width, self.prior)

    def _labels(self, samples: Samples, horizon: int) -> Labels:
        """The labels of rows with a full window behind them. Raises DataError where no run is as long as a window."""
        labels = labels_of(samples, horizon)
        whole = whole_windows(samples.segment, self.config.window)
        if len(labels) and not whole.any():
            longest = int(np.bincount(samples.segment - samples.segment.min()).max())
            raise DataError(
                f"{type(self).__name__} reads windows of {self.config.window} rows, but the longest run of rows of one "
                f"symbol without a gap has {longest}; set a shorter window, or bring a longer history"
            )
        return labels.only(whole[labels.rows])

    def _windows(self, samples: Samples, labels: Labels) -> Windows:
        from gnomon.models.neural.data import Windows

        return Windows.of(samples.x, labels, self.config.window, self.config.clip)

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        raise NotImplementedError("a net is fitted on windows; see `fit`")

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        raise NotImplementedError("a net forecasts windows; see `predict`")

    def _save(self, folder: Path) -> Mapping[str, Any]:
        from gnomon.models.neural.weights import to_bytes

        assert self.prior is not None
        write_atomic(folder / WEIGHTS, to_bytes(self))
        return {
            "weights": WEIGHTS,
            "gap": self.gap,
            "prior": {"frequency": self.prior.frequency, "return_quantiles": self.prior.return_quantiles},
        }

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:
        from gnomon.models.neural.weights import load_bytes

        self.gap = int(facts["gap"])
        short, flat, long = facts["prior"]["frequency"]
        self.prior = Prior(frequency=(short, flat, long), return_quantiles=tuple(facts["prior"]["return_quantiles"]))
        self.network, self.head = self._assemble()
        load_bytes(self, (folder / str(facts["weights"])).read_bytes())


def _prior_of(labels: Labels, levels: tuple[float, ...]) -> Prior:
    counts = np.bincount(labels.y, weights=labels.weight, minlength=3)
    short, flat, long = (counts / counts.sum()).tolist()
    returns = labels.future
    known = np.isfinite(returns)
    if levels and not known.any():
        raise DataError("quantile_levels need forward returns, and the samples carry none; leave the levels out")
    at = np.quantile(returns[known], levels, weights=labels.weight[known], method="inverted_cdf") if levels else []
    return Prior(frequency=(short, flat, long), return_quantiles=tuple(float(value) for value in at), rows=len(labels))


def _usual_gap(train: Samples) -> int:
    """The longest step that does not break a run, by the rule by which samples are assembled."""
    from gnomon.samples.assemble import GAP_STEPS

    steps = np.diff(train.known_at)[np.diff(train.segment) == 0]
    return int(GAP_STEPS * np.median(steps)) if steps.size else np.iinfo(np.int64).max
