"""Whether forecasts keep their word, with its doubt: before and after calibration, by bin, and from quarter to quarter.

Every figure is worked out from sums over blocks of time (all rows of a moment together), so that a block bootstrap is a
matrix product: blocks are drawn with replacement, and the spread of the figure over the draws is its standard error
(Carlstein 1986). Labels that overlap, and symbols that move together, therefore widen the error as they should.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64, Int64
from gnomon.data.base import TIMESTAMP
from gnomon.metrics.calibration import Binning, bin_edges, bin_of, distance
from gnomon.metrics.forecasts import ranks
from gnomon.metrics.intervals import outer_interval, pinball_losses

BINS = 10
DRAWS = 200
"""Bootstrap draws: enough for a standard error within 5%."""
SMALLEST = np.finfo(np.float64).eps

SCORE_SCHEMA: Mapping[str, Any] = {"figure": pl.String, "stage": pl.String, "value": pl.Float64, "error": pl.Float64}
RELIABILITY_SCHEMA: Mapping[str, Any] = {
    "stage": pl.String,
    "binning": pl.String,
    "low": pl.Float64,
    "high": pl.Float64,
    "count": pl.Int64,
    "forecast": pl.Float64,
    "observed": pl.Float64,
    "error": pl.Float64,
}
DRIFT_SCHEMA: Mapping[str, Any] = {
    "start": TIMESTAMP,
    "rows": pl.Int64,
    "stage": pl.String,
    "calibration_error": pl.Float64,
    "error": pl.Float64,
    "debiased": pl.Float64,
}
BINNINGS: tuple[Binning, ...] = ("width", "mass")
SUMMED = ("count", "said", "came")
Sums = Mapping[str, Array]
"""Sums over rows by name; the last axis is of columns, the first, where there is one, of blocks or draws."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """The rows that forecasts are judged on: what was said, and what came (columns 0 short, 1 flat, 2 long)."""

    came: Int64[Array, " n"]
    known_at: Int64[Array, " n"]
    horizon: int
    probability: Mapping[str, Float64[Array, "n 3"]]
    """By stage: "forecast", and "uncalibrated" where the forecast was calibrated."""
    allowed: Array | None = None
    quantiles: Array | None = None
    quantile_levels: tuple[float, ...] = ()
    forward_return: Float64[Array, " n"] | None = None


class Blocks:
    """Rows in blocks of time, and the draws of their bootstrap."""

    def __init__(self, known_at: Int64[Array, " n"], horizon: int, rng: np.random.Generator) -> None:
        self.place = blocks_of(known_at, horizon)
        self.count = int(self.place.max()) + 1
        # How often each block is drawn; a single one has no spread.
        draws = DRAWS if self.count > 1 else 0
        self.picks = rng.multinomial(self.count, np.full(self.count, 1.0 / self.count), size=draws).astype(np.float64)

    def columns(self, *values: Array) -> Float64[Array, "blocks k"]:
        """Sums of the values in each block."""
        return np.stack([np.bincount(self.place, weights=v, minlength=self.count) for v in values], axis=1)

    def bins(
        self, values: Float64[Array, " n"], happened: Array, edges: Float64[Array, " e"]
    ) -> dict[str, Float64[Array, "blocks k"]]:
        """Rows, what was said and how often it came in each block and bin."""
        place = self.place * BINS + bin_of(values, edges)
        weights = (None, values, happened.astype(np.float64))
        return {
            name: np.bincount(place, weights=weight, minlength=self.count * BINS).reshape(self.count, BINS)
            for name, weight in zip(SUMMED, weights, strict=True)
        }

    def drawn(self, sums: Sums) -> dict[str, Array]:
        """The sums over each draw's blocks."""
        return {name: self.picks @ array for name, array in sums.items()}


def score_table(rows: Judged, *, rng: np.random.Generator) -> pl.DataFrame:
    """Every figure with its standard error: figure, stage, value, error (NaN where a single block holds all rows).

    log_loss, brier_score and its parts brier_reliability, brier_resolution, brier_uncertainty; calibration_error (all
    classes, bins of equal width), calibration_error_mass (equal mass), calibration_error_top (likeliest class, equal
    mass), calibration_error_debiased (all classes, equal mass); macro_f1 (of the likeliest class). With returns that
    came: information_coefficient, whose error takes the ranks as they are. With sets: set_coverage, set_size,
    singleton_share, empty_share, singleton_accuracy. With quantiles: pinball_loss, interval_coverage, interval_width,
    interval_level.
    """
    if not len(rows.came):
        return pl.DataFrame(schema=SCORE_SCHEMA)
    blocks = Blocks(rows.known_at, rows.horizon, rng)
    parts: list[tuple[str, Sums, Callable[[Sums], dict[str, Array]]]] = [
        (stage, _probability_sums(rows.came, chance, blocks), _probability_figures)
        for stage, chance in rows.probability.items()
    ]
    parts += [(stage, _named_sums(rows.came, chance, blocks), _f1) for stage, chance in rows.probability.items()]
    if rows.forward_return is not None:
        parts += [
            (stage, _rank_sums(chance[:, 2] - chance[:, 0], rows.forward_return, blocks), _correlation)
            for stage, chance in rows.probability.items()
        ]
    if rows.allowed is not None:
        parts.append(("forecast", _set_sums(rows.came, rows.allowed, blocks), _set_figures))
    if rows.quantiles is not None and rows.forward_return is not None:
        parts.append(("forecast", _quantile_sums(rows, rows.quantiles, rows.forward_return, blocks), _quantile_figures))
    table: list[tuple[str, str, float, float]] = []
    for stage, sums, figures in parts:
        whole, drawn = figures(_total(sums)), figures(blocks.drawn(sums))
        table += [(name, stage, float(value), _deviation(drawn[name])) for name, value in whole.items()]
        if figures is _quantile_figures and (pair := outer_interval(rows.quantile_levels)) is not None:
            level = rows.quantile_levels[pair[1]] - rows.quantile_levels[pair[0]]
            table.append(("interval_level", stage, level, 0.0))
    return pl.DataFrame(table, schema=SCORE_SCHEMA, orient="row")


def reliability_table(rows: Judged, *, rng: np.random.Generator) -> pl.DataFrame:
    """The likeliest class: its probability against how often it came, by stage, and by bins of equal width and mass.

    `error` is the standard error of `observed`.
    """
    tables = [pl.DataFrame(schema=RELIABILITY_SCHEMA)]
    if not len(rows.came):
        return tables[0]
    blocks = Blocks(rows.known_at, rows.horizon, rng)
    for stage, chance in rows.probability.items():
        confidence, hit = _top(rows.came, chance)
        for binning in BINNINGS:
            edges = bin_edges(confidence, BINS, binning)
            sums = blocks.bins(confidence, hit, edges)
            whole, drawn = _total(sums), blocks.drawn(sums)
            held = np.flatnonzero(whole["count"])
            unknown = np.full_like(drawn["came"], np.nan)
            share = np.divide(drawn["came"], drawn["count"], out=unknown, where=drawn["count"] > 0)
            columns = {
                "stage": [stage] * len(held),
                "binning": [binning] * len(held),
                "low": edges[held],
                "high": edges[held + 1],
                "count": whole["count"][held].astype(np.int64),
                "forecast": whole["said"][held] / whole["count"][held],
                "observed": whole["came"][held] / whole["count"][held],
                "error": [_deviation(share[:, k]) for k in held],
            }
            tables.append(pl.DataFrame(columns, schema=RELIABILITY_SCHEMA))
    return pl.concat(tables)


def drift_table(rows: Judged, *, rng: np.random.Generator) -> pl.DataFrame:
    """The calibration error (all classes, equal mass) from quarter to quarter; from month to month below a year.

    Each span has bins of its own, so `debiased` is the figure to compare where spans hold few rows.
    """
    if not len(rows.came):
        return pl.DataFrame(schema=DRIFT_SCHEMA)
    stamps = pl.Series(rows.known_at).cast(TIMESTAMP)
    quarters = stamps.dt.truncate("1q")
    starts = quarters if quarters.n_unique() >= 4 else stamps.dt.truncate("1mo")
    table = []
    for start in starts.unique().sort():
        own = np.flatnonzero((starts == start).to_numpy())
        blocks = Blocks(rows.known_at[own], rows.horizon, rng)
        for stage, chance in rows.probability.items():
            sums = _class_sums(rows.came[own], chance[own], "mass", blocks)
            whole = _total(sums)
            error = _deviation(_distances(blocks.drawn(sums)))
            debiased = distance(*(whole[name] for name in SUMMED), debiased=True)
            table.append((start, len(own), stage, float(_distances(whole)), error, debiased))
    return pl.DataFrame(table, schema=DRIFT_SCHEMA, orient="row").sort("stage", "start")


def blocks_of(known_at: Int64[Array, " n"], horizon: int) -> Int64[Array, " n"]:
    """The number of each row's block of time: as many moments as the horizon, and at least their cube root.

    >>> blocks_of(np.array([1, 2, 2, 3, 4, 5]), 2).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    moments, place = np.unique(known_at, return_inverse=True)
    length = max(horizon, math.ceil(len(moments) ** (1.0 / 3.0) - 1e-9))
    # The last block takes what is left, so that none is shorter than the others.
    return np.asarray(np.minimum(place // length, max(len(moments) // length - 1, 0)), np.int64)


def _total(sums: Sums) -> dict[str, Array]:
    return {name: array.sum(axis=0, dtype=np.float64) for name, array in sums.items()}


def _deviation(draws: Array) -> float:
    """The standard deviation over the draws that know the figure."""
    known = draws[~np.isnan(draws)]
    return float(known.std(ddof=1)) if known.size > 1 else math.nan


def _probability_sums(came: Int64[Array, " n"], chance: Float64[Array, "n 3"], blocks: Blocks) -> dict[str, Array]:
    happened = (came[:, None] == np.arange(3)).astype(np.float64)
    given = chance[np.arange(len(came)), came] / chance.sum(axis=1)
    loss = -np.log(np.clip(given, SMALLEST, 1.0))
    top, hit = _top(came, chance)
    return {
        "plain": blocks.columns(np.ones(len(came)), loss, np.sum((chance - happened) ** 2, axis=1)),
        "happened": blocks.columns(*happened.T),
        **{f"width_{name}": value for name, value in _class_sums(came, chance, "width", blocks).items()},
        **{f"mass_{name}": value for name, value in _class_sums(came, chance, "mass", blocks).items()},
        **{f"top_{name}": value for name, value in blocks.bins(top, hit, bin_edges(top, BINS, "mass")).items()},
    }


def _probability_figures(sums: Sums) -> dict[str, Array]:
    rows, loss, brier = np.moveaxis(sums["plain"], -1, 0)
    base = sums["happened"] / rows[..., None]
    count, said, came = (sums[f"width_{name}"] for name in SUMMED)
    held = np.maximum(count, 1.0)
    # Bins of the three classes stand after each other; each is held against its own class's base rate.
    away = np.where(count > 0, came / held - np.repeat(base, BINS, axis=-1), 0.0)
    weight = count / rows[..., None]
    by_mass = {name: sums[f"mass_{name}"] for name in SUMMED}
    return {
        "log_loss": loss / rows,
        "brier_score": brier / rows,
        "brier_reliability": (weight * ((said - came) / held) ** 2).sum(axis=-1),
        "brier_resolution": (weight * away**2).sum(axis=-1),
        "brier_uncertainty": (base * (1.0 - base)).sum(axis=-1),
        "calibration_error": _distances({name: sums[f"width_{name}"] for name in SUMMED}),
        "calibration_error_mass": _distances(by_mass),
        "calibration_error_top": _distances({name: sums[f"top_{name}"] for name in SUMMED}),
        "calibration_error_debiased": _debiased(by_mass),
    }


def _named_sums(came: Int64[Array, " n"], chance: Float64[Array, "n 3"], blocks: Blocks) -> dict[str, Array]:
    """Of each class: rows that it was named for and came, was named for, came."""
    named, happened = (which[:, None] == np.arange(3) for which in (chance.argmax(axis=1), came))
    return {
        name: blocks.columns(*held.astype(np.float64).T)
        for name, held in (("right", named & happened), ("named", named), ("happened", happened))
    }


def _f1(sums: Sums) -> dict[str, Array]:
    size = sums["named"] + sums["happened"]
    each = np.divide(2.0 * sums["right"], size, out=np.full_like(size, np.nan), where=size > 0)
    return {"macro_f1": np.asarray(np.nanmean(each, axis=-1))}


def _rank_sums(said: Float64[Array, " n"], came: Float64[Array, " n"], blocks: Blocks) -> dict[str, Array]:
    known = ~(np.isnan(said) | np.isnan(came))
    pair = []
    for values in (said, came):
        place = np.zeros(len(values))
        own = ranks(values[known])
        # Around their middle and of size 1, so that sums of squares keep their digits.
        place[known] = (own - own.mean()) / len(own) if len(own) else own
        pair.append(place)
    first, second = pair
    held = known.astype(np.float64)
    return {"ranks": blocks.columns(held, first, second, first**2, second**2, first * second)}


def _correlation(sums: Sums) -> dict[str, Array]:
    rows, first, second, one, two, both = np.moveaxis(sums["ranks"], -1, 0)
    rows = np.where(rows > 0, rows, np.nan)
    spread = np.sqrt(np.maximum(one - first**2 / rows, 0.0) * np.maximum(two - second**2 / rows, 0.0))
    moving = spread > 1e-12
    joint = both - first * second / rows
    return {"information_coefficient": np.divide(joint, spread, out=np.full_like(joint, np.nan), where=moving)}


def _class_sums(
    came: Int64[Array, " n"], chance: Float64[Array, "n 3"], binning: Binning, blocks: Blocks
) -> dict[str, Array]:
    """Bins of the three classes after each other."""
    parts = [blocks.bins(chance[:, k], came == k, bin_edges(chance[:, k], BINS, binning)) for k in range(3)]
    return {name: np.concatenate([part[name] for part in parts], axis=1) for name in SUMMED}


def _distances(sums: Sums) -> Array:
    return np.asarray(np.abs(sums["said"] - sums["came"]).sum(axis=-1) / sums["count"].sum(axis=-1))


def _debiased(sums: Sums) -> Array:
    arrays = [np.atleast_2d(sums[name]) for name in SUMMED]
    found = np.array([distance(*rows, debiased=True) for rows in zip(*arrays, strict=True)])
    return np.asarray(found if sums["count"].ndim > 1 else found[0])


def _set_sums(came: Int64[Array, " n"], allowed: Array, blocks: Blocks) -> dict[str, Array]:
    size = allowed.sum(axis=1)
    held = allowed[np.arange(len(came)), came]
    return {"sets": blocks.columns(np.ones(len(came)), held, size, size == 1, size == 0, held & (size == 1))}


def _set_figures(sums: Sums) -> dict[str, Array]:
    rows, held, size, single, empty, right = np.moveaxis(sums["sets"], -1, 0)
    return {
        "set_coverage": held / rows,
        "set_size": size / rows,
        "singleton_share": single / rows,
        "empty_share": empty / rows,
        "singleton_accuracy": np.divide(right, single, out=np.full_like(right, np.nan), where=single > 0),
    }


def _quantile_sums(
    rows: Judged, said: Float64[Array, "n q"], came: Float64[Array, " n"], blocks: Blocks
) -> dict[str, Array]:
    known = ~np.isnan(came)
    columns = [known, np.where(known, pinball_losses(came, said, rows.quantile_levels).mean(axis=1), 0.0)]
    if (pair := outer_interval(rows.quantile_levels)) is not None:
        low, high = said[:, pair[0]], said[:, pair[1]]
        columns += [known & (came >= low) & (came <= high), np.where(known, high - low, 0.0)]
    return {"quantiles": blocks.columns(*columns)}


def _quantile_figures(sums: Sums) -> dict[str, Array]:
    rows, loss, *interval = np.moveaxis(sums["quantiles"], -1, 0)
    figures = {"pinball_loss": loss / rows}
    if interval:
        figures |= {"interval_coverage": interval[0] / rows, "interval_width": interval[1] / rows}
    return figures


def _top(came: Int64[Array, " n"], chance: Float64[Array, "n 3"]) -> tuple[Float64[Array, " n"], Array]:
    likeliest = chance.argmax(axis=1)
    return np.asarray(chance[np.arange(len(came)), likeliest]), likeliest == came
