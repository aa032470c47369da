"""Whether probabilities keep their word: what is said at 60% should happen in 60%.

`actual[n]` in {-1, 0, 1}; `probability[n, 3]` in the order short, flat, long. Two questions are asked: of each class
against the rest ("classes"), or of the likeliest class alone ("top"). Two ways of binning: bins of equal width, as most
papers draw them, or of equal mass, where every bin holds about as many rows and none is noise. Every figure is NaN
without a row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import ndtr

from gnomon.core.types import Array, Bool, Float64, Int64
from gnomon.metrics.forecasts import NAMES, rows_of

Binning = Literal["width", "mass"]
Asked = Literal["classes", "top"]

CURVE_SCHEMA = {
    "low": pl.Float64,
    "high": pl.Float64,
    "count": pl.Int64,
    "forecast": pl.Float64,
    "observed": pl.Float64,
}


@dataclass(frozen=True, kw_only=True)
class BrierParts:
    """Murphy's (1973) parts of a Brier score: score = reliability - resolution + uncertainty + within.

    reliability: how far what is said lies from what comes (lower is better; 0 is calibrated). resolution: how far what
    comes, given what is said, lies from the base rate (higher is better). uncertainty: the score of always saying the
    base rate. within: what binning hides (Stephenson 2008); 0 where a bin's forecasts are all the same.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def calibration_table(
    actual: Array, probability: Float64[Array, "n 3"], *, bins: int = 10, binning: Binning = "width"
) -> pl.DataFrame:
    """Whether what was said at 60% happens in 60%: for each class and bin of probability that holds a row.

    Columns: class, low, high, count, forecast (mean probability in the bin), observed (share that happened).
    """
    own, chance = rows_of(actual, probability)
    curves = [
        _curve(chance[:, k], own == k, bins, binning).select(pl.lit(name).alias("class"), *CURVE_SCHEMA)
        for k, name in enumerate(NAMES)
    ]
    return pl.concat(curves)


def reliability_curve(
    actual: Array, probability: Float64[Array, "n 3"], *, bins: int = 10, binning: Binning = "width"
) -> pl.DataFrame:
    """The likeliest class's probability against how often that class came, for each bin that holds a row.

    Columns: low, high, count, forecast (mean confidence), observed (accuracy).
    """
    confidence, hit = top_label(actual, probability)
    return _curve(confidence, hit, bins, binning)


def expected_calibration_error(
    actual: Array,
    probability: Float64[Array, "n 3"],
    *,
    bins: int = 10,
    binning: Binning = "width",
    of: Asked = "classes",
    debiased: bool = False,
) -> float:
    """Mean distance between said and observed over all rows (Naeini 2015), and over the classes where all are asked.

    A perfect forecast scores above 0, by luck alone, the more so the fewer rows a bin holds. `debiased` takes away
    what luck would add were the gaps found the true ones (Kumar, Liang and Ma 2019, with the normal law of a bin's
    share): most of it where a gap is real, about a third where none is.

    >>> expected_calibration_error(np.array([1, 1]), np.array([[0.0, 0.4, 0.6], [0.0, 0.0, 1.0]]), of="top")
    0.2
    """
    if of == "top":
        table = reliability_curve(actual, probability, bins=bins, binning=binning)
    else:
        table = calibration_table(actual, probability, bins=bins, binning=binning)
    count, said, came = (table[name].to_numpy() for name in ("count", "forecast", "observed"))
    return distance(count, said * count, came * count, debiased=debiased)


def distance(
    count: Float64[Array, " bins"],
    said: Float64[Array, " bins"],
    came: Float64[Array, " bins"],
    *,
    debiased: bool = False,
) -> float:
    """The calibration error of bins: rows, sum of what was said, and how often it came, in each."""
    held = count > 0
    rows = count[held].astype(np.float64)
    if not rows.size:
        return math.nan
    share, gap = said[held] / rows, np.abs(said[held] - came[held]) / rows
    if debiased:
        # What the gap would be by luck, were it the true one: the mean of a folded normal.
        spread = np.sqrt(np.maximum(share * (1.0 - share), 0.0) / rows)
        ratio = np.divide(gap, spread, out=np.full_like(gap, np.inf), where=spread > 0.0)
        folded = spread * math.sqrt(2.0 / math.pi) * np.exp(-0.5 * ratio**2) + gap * (2.0 * ndtr(ratio) - 1.0)
        return max(0.0, float(np.average(2.0 * gap - folded, weights=rows)))
    return float(np.average(gap, weights=rows))


def brier_decomposition(
    actual: Array, probability: Float64[Array, "n 3"], *, bins: int = 10, binning: Binning = "width"
) -> BrierParts:
    """The Brier score (summed over the classes) in parts; they add up to `brier_score` exactly.

    >>> parts = brier_decomposition(np.array([1, -1]), np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    >>> parts.reliability, parts.resolution, parts.uncertainty
    (0.0, 0.5, 0.5)
    """
    own, chance = rows_of(actual, probability)
    if not own.size:
        return BrierParts(reliability=math.nan, resolution=math.nan, uncertainty=math.nan, within=math.nan)
    happened = own[:, None] == np.arange(3)
    score = float(np.mean(np.sum((chance - happened) ** 2, axis=1)))
    table = calibration_table(actual, probability, bins=bins, binning=binning)
    base = happened.mean(axis=0)
    class_base = table["class"].replace_strict(dict(zip(NAMES, base.tolist(), strict=True))).to_numpy()
    weight = table["count"].to_numpy() / own.size
    said, came = table["forecast"].to_numpy(), table["observed"].to_numpy()
    reliability = float(weight @ (said - came) ** 2)
    resolution = float(weight @ (came - class_base) ** 2)
    uncertainty = float((base * (1.0 - base)).sum())
    return BrierParts(
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        within=score - (reliability - resolution + uncertainty),
    )


def top_label(actual: Array, probability: Float64[Array, "n 3"]) -> tuple[Float64[Array, " n"], Bool[Array, " n"]]:
    """The likeliest class's probability in each row, and whether that class came."""
    own, chance = rows_of(actual, probability)
    likeliest = np.argmax(chance, axis=1) if own.size else own
    return np.asarray(chance[np.arange(own.size), likeliest]), np.asarray(likeliest == own)


def bin_edges(values: Float64[Array, " n"], bins: int, binning: Binning) -> Float64[Array, " edges"]:
    """The edges of bins over [0, 1]: of equal width, or such that each holds as many values (equal ones fall together).

    >>> bin_edges(np.array([0.1, 0.1, 0.1, 0.5]), 2, "mass").tolist()
    [0.0, 0.1, 1.0]
    """
    if bins < 1:
        raise ValueError(f"bins must be 1 or more, was {bins}")
    if binning not in ("width", "mass"):
        raise ValueError(f"binning must be 'width' or 'mass', was {binning!r}")
    edges = np.linspace(0.0, 1.0, bins + 1)
    if binning == "mass" and len(values):
        edges[1:-1] = np.quantile(values, edges[1:-1])
    return np.unique(edges)


def bin_of(values: Float64[Array, " n"], edges: Float64[Array, " edges"]) -> Int64[Array, " n"]:
    """Each value's bin; a value on an edge belongs above it, 1 to the last."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _curve(values: Float64[Array, " n"], happened: Bool[Array, " n"], bins: int, binning: Binning) -> pl.DataFrame:
    edges = bin_edges(values, bins, binning)
    place, size = bin_of(values, edges), len(edges) - 1
    count = np.bincount(place, minlength=size)
    said = np.bincount(place, weights=values, minlength=size)
    came = np.bincount(place, weights=happened.astype(np.float64), minlength=size)
    held = np.flatnonzero(count)
    return pl.DataFrame(
        {
            "low": edges[held],
            "high": edges[held + 1],
            "count": count[held],
            "forecast": said[held] / count[held],
            "observed": came[held] / count[held],
        },
        schema=CURVE_SCHEMA,
    )
