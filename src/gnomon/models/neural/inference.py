"""Forecasts of a fitted net, always in batches of one fixed shape."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from gnomon.core.errors import ConfigError
from gnomon.core.types import Array, Float32, Float64, Int64
from gnomon.models.neural.data import tidy
from gnomon.samples.windows import gather_windows

if TYPE_CHECKING:
    from gnomon.models.neural.base import NetConfig, NeuralModel

BATCH = 32
"""Windows that go through the net together, whatever is asked for: another batch shape gives other last bits."""
TILE = 4
"""Small matrix products take rows in tiles, and a row's last bits depend on its place there: a window begins a tile."""


def device_of(config: NetConfig) -> torch.device:
    """The device that a config asks for. ConfigError where it is not there."""
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise ConfigError("device = cuda, but PyTorch finds no GPU here; set device to auto or cpu")
    return torch.device("cuda", 0) if there and config.device != "cpu" else torch.device("cpu")


class _Steady:
    """PyTorch's threads and determinism, which all threads of a process share, held by those who want the same."""

    def __init__(self) -> None:
        self.change = threading.Condition(threading.RLock())
        self.holders: dict[int, int] = {}
        self.wanted = self.before = (1, False, False)

    def enter(self, threads: int, deterministic: bool) -> None:
        """Waits until nobody in another thread holds other settings."""
        me, wanted = threading.get_ident(), (threads, deterministic, False)
        with self.change:
            self.change.wait_for(lambda: me in self.holders or not self.holders or self.wanted == wanted)
            if not self.holders:
                strict = torch.are_deterministic_algorithms_enabled()
                warns = torch.is_deterministic_algorithms_warn_only_enabled()
                self.before, self.wanted = (torch.get_num_threads(), strict, warns), wanted
            if me not in self.holders:
                # The number of threads is partly each thread's own.
                self._set(self.wanted)
            self.holders[me] = self.holders.get(me, 0) + 1

    def leave(self) -> None:
        """The last one puts things back."""
        me = threading.get_ident()
        with self.change:
            self.holders[me] -= 1
            if not self.holders[me]:
                del self.holders[me]
            if not self.holders:
                self._set(self.before)
                self.change.notify_all()

    @staticmethod
    def _set(settings: tuple[int, bool, bool]) -> None:
        threads, strict, warns = settings
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=warns)


_STEADY = _Steady()


@contextmanager
def steady(config: NetConfig) -> Iterator[None]:
    """PyTorch with the config's threads and determinism; it is put back as it was.

    Fits and forecasts may run in several threads of a process: those that want other settings wait for each other.
    """
    _STEADY.enter(config.threads, config.deterministic)
    try:
        yield
    finally:
        _STEADY.leave()


def forecast_windows(
    model: NeuralModel, x: Float32[Array, "n f"], ends: Int64[Array, " m"]
) -> tuple[Float64[Array, "m 3"], Float64[Array, "m q"] | None]:
    """Probabilities, and quantiles where the head has them, for the windows that end at the given rows."""
    assert model.network is not None
    assert model.head is not None
    config, device = model.config, device_of(model.config)
    network, head = model.network.to(device).eval(), model.head.to(device).eval()
    probability = np.empty((len(ends), 3))
    levels = len(config.quantile_levels)
    quantiles = np.empty((len(ends), levels)) if levels else None
    # Windows of odd lengths are set apart by empty ones, so that all rows of all windows lie alike in their tiles.
    apart = TILE // math.gcd(TILE, config.window)
    batch = torch.zeros((BATCH * apart, config.window, x.shape[1]))
    with steady(config), torch.inference_mode():
        for start in range(0, len(ends), BATCH):
            at = ends[start : start + BATCH]
            batch[: len(at) * apart : apart] = tidy(gather_windows(x, at, config.window), config.clip)
            out = head(network(batch.to(device)))
            probability[start : start + len(at)] = head.probability(out)[: len(at) * apart : apart].cpu().numpy()
            returns = head.quantiles(out)
            if quantiles is not None and returns is not None:
                quantiles[start : start + len(at)] = returns[: len(at) * apart : apart].cpu().numpy()
    # Sums in float32 are 1 within 1e-7 only.
    probability /= probability.sum(axis=1, keepdims=True)
    return probability, quantiles
