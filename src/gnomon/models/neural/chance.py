"""PyTorch's chance, seeded by name and put back: nothing outside a block sees that it was there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gnomon.core.seeds import derived_seed

_ONE_AT_A_TIME = threading.RLock()
"""PyTorch has one generator a device for all threads: whoever draws from it by name has it for himself."""


@contextmanager
def seeded(seed: int, *names: str, device: torch.device | None = None) -> Iterator[None]:
    """Draws within the block depend on the seed and the names alone."""
    generators = [torch.default_generator]
    if device is not None and device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index or 0])
    with _ONE_AT_A_TIME:
        states = [generator.get_state() for generator in generators]
        for generator in generators:
            generator.manual_seed(derived_seed(seed, *names))
        try:
            yield
        finally:
            for generator, state in zip(generators, states, strict=True):
                generator.set_state(state)
