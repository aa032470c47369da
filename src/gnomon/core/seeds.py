"""Chance is handed in: one seed, and a generator for each name."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and the names alone, not on what was drawn before.

    >>> bool(generator(7, "model", "a").random() == generator(7, "model", "a").random())
    True
    >>> bool(generator(7, "model", "a").random() == generator(7, "model", "b").random())
    False
    """
    return np.random.default_rng([seed, derived_seed(seed, *names)])


def derived_seed(seed: int, *names: str) -> int:
    """A 31-bit seed for libraries that take an integer; the same rule as `generator`."""
    digest = hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
