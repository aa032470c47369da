"""Split conformal sets: the classes that cannot be ruled out at a level, whatever the model's probabilities are worth.

The rows of a held-out set say how wrong the model tends to be; a new row's set holds the classes that would not be
stranger than that. On exchangeable rows the set holds the class that comes in 1 - alpha of cases at least (Vovk 2005);
given one held-out set of n rows that share follows Beta(k, n + 1 - k) with k = ceil((n + 1) (1 - alpha)). Market rows
are not exchangeable: their coverage is measured, not promised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.hashing import hash_bytes
from gnomon.core.types import Array, Bool, Float64, Int64
from gnomon.models.calibration.base import FittedOn, read_record, write_record

Method = Literal["lac", "aps"]


@dataclass(frozen=True)
class ConformalSets:
    """Fitted sets: a class is allowed while its strangeness is at most its threshold.

    `lac`: strangeness is 1 - probability, the smallest sets on average (Sadinle, Lei and Wasserman 2019); a set may be
    empty. `aps`: the probability of all likelier classes and a random part of its own (Romano, Sesia and Candès 2020),
    sets that widen where the model is unsure. `by_class`: a threshold a class, so that each class is covered, rare ones
    too (Mondrian). A class is always allowed where too few rows stand behind its threshold.
    """

    alpha: float
    method: Method
    by_class: bool
    thresholds: tuple[float, ...]
    """The largest allowed strangeness of (short, flat, long); 2 allows everything."""
    rows: tuple[int, ...]
    """The rows behind each threshold."""

    @classmethod
    def fit(
        cls,
        probability: Float64[Array, "m 3"],
        y: Int64[Array, " m"],
        chance: Float64[Array, " m"],
        *,
        alpha: float,
        method: Method = "lac",
        by_class: bool = False,
    ) -> Self:
        """The thresholds of these rows. `y` is the column that came, `chance` a uniform draw a row (`row_chance`).

        Raises DataError for fewer rows than it takes to rule out anything: (1 - alpha) / alpha.
        """
        if not 0.0 < alpha < 1.0:
            raise DataError(f"alpha must be between 0 and 1, was {alpha}")
        own = strangeness(probability, chance, method)[np.arange(len(y)), y]
        groups = [own[y == k] for k in range(3)] if by_class else [own]
        if rank(len(own), alpha) > len(own):
            raise DataError(
                f"{len(own)} rows cannot make conformal sets at alpha {alpha}, {math.ceil(1.0 / alpha - 1e-9) - 1} are "
                "needed; give the split more validation rows, or raise alpha"
            )
        thresholds = [threshold(group, alpha) for group in groups]
        return cls(
            alpha=alpha,
            method=method,
            by_class=by_class,
            thresholds=tuple(thresholds if by_class else thresholds * 3),
            rows=tuple(len(group) for group in groups) if by_class else (len(own),) * 3,
        )

    def allowed(self, probability: Float64[Array, "n 3"], chance: Float64[Array, " n"]) -> Bool[Array, "n 3"]:
        """Which classes each row's set holds; each row by itself."""
        return np.asarray(strangeness(probability, chance, self.method) <= np.array(self.thresholds))


@dataclass(frozen=True)
class Conformal:
    """Fitted sets, and which rows they were fitted on: what a trained model keeps as `conformal.json`."""

    sets: ConformalSets
    seen: FittedOn

    def allowed(
        self,
        probability: Float64[Array, "n 3"],
        known_at: Int64[Array, " n"],
        symbol: Int64[Array, " n"],
        symbols: tuple[str, ...],
    ) -> Bool[Array, "n 3"]:
        """Which classes each row's set holds."""
        return self.sets.allowed(probability, row_chance(known_at, symbol, symbols))

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        write_record(path, "split", self.sets, self.seen)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote, equal to the last bit."""
        return cls(*read_record(path, {"split": ConformalSets}))


def strangeness(
    probability: Float64[Array, "n 3"], chance: Float64[Array, " n"], method: Method
) -> Float64[Array, "n 3"]:
    """How strange each class would be in each row, from 0 to 1.

    >>> strangeness(np.array([[0.2, 0.5, 0.3]]), np.array([0.0]), "lac").tolist()
    [[0.8, 0.5, 0.7]]
    >>> strangeness(np.array([[0.2, 0.5, 0.3]]), np.array([1.0]), "aps").round(9).tolist()
    [[1.0, 0.5, 0.8]]
    """
    if method == "lac":
        return np.asarray(1.0 - probability)
    found = np.empty_like(probability, dtype=np.float64)
    for k in range(3):
        likelier = np.zeros(len(probability))
        for other in range(3):
            # Of equals the first is the likelier one, as in a forecast's class.
            before = probability[:, other] > probability[:, k]
            if other < k:
                before |= probability[:, other] == probability[:, k]
            likelier += np.where(before, probability[:, other], 0.0)
        found[:, k] = likelier + chance * probability[:, k]
    return found


def rank(rows: int, alpha: float) -> int:
    """Which of the ordered strangenesses is the threshold; above `rows` none is large enough.

    >>> rank(1000, 0.1), rank(9, 0.1), rank(8, 0.1)
    (901, 9, 9)
    """
    # 1001 x .9 is 900.9000000000001 in floats: what is a whole number but for rounding must not become the next one.
    return math.ceil((rows + 1) * (1.0 - alpha) - 1e-9)


def threshold(own: Float64[Array, " m"], alpha: float) -> float:
    """The threshold of these strangenesses; 2 where there are too few to rule anything out."""
    k = rank(len(own), alpha)
    return float(np.sort(own)[k - 1]) if k <= len(own) else 2.0


def row_chance(
    known_at: Int64[Array, " n"], symbol: Int64[Array, " n"], symbols: tuple[str, ...]
) -> Float64[Array, " n"]:
    """A number from [0, 1) for each row that its moment and symbol alone decide, as good as random.

    A row gets the same one in research, live and after a restart, whoever stands beside it (splitmix64).
    """
    keys = [int(hash_bytes(name.encode())[:16], 16) for name in symbols]
    names = np.array(keys, dtype=np.uint64)[symbol] if len(symbol) else np.empty(0, np.uint64)
    with np.errstate(over="ignore"):
        mixed = (known_at.astype(np.int64).view(np.uint64) ^ names) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53)
