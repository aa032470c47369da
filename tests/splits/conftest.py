"""Labelled rows of several symbols in any order, and the slow twin of purging: every pair, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from gnomon.samples.base import UNKNOWN_END


class Rows(NamedTuple):
    known_at: np.ndarray
    label_end: np.ndarray


def random_rows(seed: int, *, moments: int = 40, symbols: int = 3, longest: int = 6, undecided: float = 0.05) -> Rows:
    """Rows with gaps, ties, uneven steps and lives, some without a label, shuffled."""
    chance = np.random.default_rng(seed)
    grid = np.cumsum(chance.integers(1, 4, moments))
    known_at = np.concatenate([grid[chance.random(moments) < 0.8] for _ in range(symbols)] + [grid])
    label_end = known_at + chance.integers(0, longest + 1, known_at.size)
    label_end[chance.random(known_at.size) < undecided] = UNKNOWN_END
    order = chance.permutation(known_at.size)
    return Rows(known_at[order], label_end[order])


def trainable(rows: Rows, test: np.ndarray, *, embargo_bars: int) -> list[int]:
    """Rows that may be trained on beside the tested ones: no pair of lives meets, none is under the embargo.

    The embargo: after the moment at which a tested label ends, the next distinct timestamps.
    """
    known_at, label_end = (times.tolist() for times in rows)
    lives = [end - known for known, end in zip(known_at, label_end, strict=True) if end != UNKNOWN_END]
    until = {j: label_end[j] if label_end[j] != UNKNOWN_END else known_at[j] + max(lives, default=0) for j in test}
    moments = sorted(set(known_at))
    kept = []
    for i, (start, end) in enumerate(zip(known_at, label_end, strict=True)):
        if end == UNKNOWN_END or any(start <= until[j] and known_at[j] <= end for j in test):
            continue
        before = [sum(until[j] < moment <= start for moment in moments) for j in test if until[j] < start]
        if all(bars > embargo_bars for bars in before):
            kept.append(i)
    return kept


@pytest.fixture
def make_rows() -> Callable[..., Rows]:
    return random_rows


@pytest.fixture
def slow_twin() -> Callable[..., list[int]]:
    return trainable
