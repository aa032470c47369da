"""Whether every net finds a signal that is there: the share of the oracle's Sharpe ratio.

The markets are those of `benchmarks.models_find`: the next move is known by the last row's features alone, so whatever
a net makes of the rows before it is noise, and a long window is a burden that it has to bear. Each net is as it comes,
with its defaults. `foundation` is left out: it learns a mix and a head around pretrained weights that a user brings,
and around weights that were drawn its share would say nothing of it.
"""

from __future__ import annotations

import importlib.util

from benchmarks.models_find import figures_of
from gnomon.models import ModelRegistry
from gnomon.models.neural.base import NeuralModel

GIVEN_WEIGHTS = ("foundation",)
"""What only adapts pretrained weights, and needs a file of them."""


def learners() -> list[str]:
    """Every registered net that learns all of itself, if its libraries are installed."""
    return [
        entry.name
        for entry in ModelRegistry.models
        if issubclass(kind := ModelRegistry.models.get(entry.name), NeuralModel)
        and entry.name not in GIVEN_WEIGHTS
        and all(importlib.util.find_spec(module) is not None for module in kind.needs)
    ]


def run() -> dict[str, dict[str, object]]:
    """The mean share a net."""
    return figures_of(learners())


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
