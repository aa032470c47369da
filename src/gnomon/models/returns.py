"""From an expected return to probabilities: the distribution of what a model misses.

A model of the forward return r says one number, the expectation m(x). What it misses, e = r - m(x), is collected on the
validation rows (on the training rows where there are fewer than 100 of them; there a model that remembers its rows
misses too little, and its forecasts are too sure). With F the weighted distribution of e, the same for every row:

    P(short) = F(lower - m)    P(long) = 1 - F(upper - m)    quantile q of the return = m + F^-1(q)

`lower` and `upper` are the returns that divide the training rows into as many short, flat and long ones as their labels
do: the label's own rule (barriers, say) cannot be read off a return. One row of the labels' frequencies is mixed in, so
that nothing is called impossible because the rows were few. F is kept as 513 points and straight lines between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from gnomon.core.types import Array, Float64, Int64
from gnomon.models.base import ModelConfig

POINTS = 513
LEAST_ROWS = 100


class TargetConfig(ModelConfig):
    """What a model learns: the classes, or the forward return."""

    target: Literal["class", "return"] = "class"
    """`class` learns short, flat and long; `return` learns the forward return and derives their probabilities."""
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = ()
    """Levels of the forward return that the forecast carries, such as 0.05, 0.5, 0.95."""

    @field_validator("quantiles")
    @classmethod
    def _rising(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        if list(levels) != sorted(set(levels)):
            raise ValueError(f"levels must rise, were {levels}")
        return levels

    @model_validator(mode="after")
    def _quantiles_have_a_source(self) -> Self:
        if self.quantiles and self.target != "return":
            raise ValueError("quantiles need `target: return`")
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class ReturnSpread:
    """What turns expected returns into forecasts. `points`: returns missed, at levels evenly spaced from 0 to 1."""

    lower: float
    upper: float
    points: Float64[Array, " p"]
    frequency: Float64[Array, " 3"]
    """Of the training labels."""
    rows: float
    """How many rows of equal weight the missed ones are worth."""

    @classmethod
    def fit(
        cls,
        *,
        returns: Float64[Array, " n"],
        y: Int64[Array, " n"],
        weight: Float64[Array, " n"],
        missed: Float64[Array, " m"],
        missed_weight: Float64[Array, " m"],
    ) -> Self:
        """From training returns with their labels, and the missed returns of the rows that judge."""
        frequency = np.bincount(y, weights=weight, minlength=3) / weight.sum()
        lower, upper = _divide(returns, weight, (float(frequency[0]), float(frequency[0] + frequency[1])))
        kept = missed_weight > 0
        missed, missed_weight = missed[kept], missed_weight[kept]
        order = np.argsort(missed, kind="stable")
        values, each = missed[order], missed_weight[order]
        levels = (np.cumsum(each) - 0.5 * each) / each.sum()
        points = np.interp(np.linspace(0.0, 1.0, POINTS), levels, values)
        return cls(
            lower=lower,
            upper=upper,
            points=points,
            frequency=frequency,
            rows=float(each.sum() ** 2 / (each**2).sum()),
        )

    def probability(self, expected: Float64[Array, " n"]) -> Float64[Array, "n 3"]:
        """Of short, flat and long, each row by itself."""
        levels = np.linspace(0.0, 1.0, len(self.points))
        short = np.interp(self.lower - expected, self.points, levels, left=0.0, right=1.0)
        not_long = np.interp(self.upper - expected, self.points, levels, left=0.0, right=1.0)
        out = np.empty((len(expected), 3))
        for k, share in enumerate((short, not_long - short, 1.0 - not_long)):
            out[:, k] = (self.rows * share + self.frequency[k]) / (self.rows + 1.0)
        return out

    def quantiles(self, expected: Float64[Array, " n"], levels: Sequence[float]) -> Float64[Array, "n q"]:
        """Of the forward return."""
        at = np.interp(np.array(levels), np.linspace(0.0, 1.0, len(self.points)), self.points)
        return np.asarray(expected[:, None] + at)

    def facts(self) -> dict[str, Any]:
        """As plain values; infinite bounds (a class that training lacks) as None."""
        return {
            "lower": self.lower if np.isfinite(self.lower) else None,
            "upper": self.upper if np.isfinite(self.upper) else None,
            "points": self.points.tolist(),
            "frequency": self.frequency.tolist(),
            "rows": self.rows,
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """What `facts` gave."""
        return cls(
            lower=-np.inf if facts["lower"] is None else float(facts["lower"]),
            upper=np.inf if facts["upper"] is None else float(facts["upper"]),
            points=np.array(facts["points"], np.float64),
            frequency=np.array(facts["frequency"], np.float64),
            rows=float(facts["rows"]),
        )


def _divide(
    returns: Float64[Array, " n"], weight: Float64[Array, " n"], shares: tuple[float, float]
) -> tuple[float, float]:
    """The returns below which these shares of the weight lie: half way between two rows, infinite for none and all."""
    order = np.argsort(returns, kind="stable")
    values, below = returns[order], np.cumsum(weight[order]) / weight.sum()
    bounds = []
    for share in shares:
        i = int(np.searchsorted(below, share - 1e-12)) + 1
        inside = 1e-12 < share < 1 - 1e-12 and i < len(values)
        bounds.append(float(0.5 * (values[i - 1] + values[i])) if inside else (-np.inf if share < 0.5 else np.inf))
    return bounds[0], bounds[1]
