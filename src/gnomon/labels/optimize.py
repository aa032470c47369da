"""Barriers found by a genetic algorithm, from training rows alone.

What is wanted of labels pulls in several directions, so the search returns a front: settings of which none is better
than another in every respect. Bars after the training end are cut off before anything is worked out; every try is
handed to the caller, who writes it into the trial ledger.

Reference: Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.seeds import derived_seed
from gnomon.core.types import Array, Bool, Float64, Int8, Int64
from gnomon.data.frames import Frame, as_bars
from gnomon.labels.table import sorted_bars
from gnomon.labels.triple_barrier import TripleBarrier

OBJECTIVES = ("balance", "separability", "payoff_bps")
"""What is looked for, more of each: see `score`."""

WORTH = (0.05, 0.01, 1.0)
"""Where the front spans less than this of an objective, its differences are noise and hardly sway the choice."""

BINS = 8
"""Into so many parts of equal size the training rows are cut by each feature."""

KEYS = ["symbol", "timestamp"]


@dataclass(frozen=True, kw_only=True)
class SearchSpace:
    """From and to for each setting that is looked for, both included."""

    upper: tuple[float, float] = (0.5, 3.0)
    lower: tuple[float, float] = (0.5, 3.0)
    volatility_span: tuple[int, int] = (20, 250)

    def __post_init__(self) -> None:
        for name, least in (("upper", 0.0), ("lower", 0.0), ("volatility_span", 1)):
            low, high = getattr(self, name)
            if not least < low <= high < np.inf:
                raise ValueError(
                    f"{name} must run from a number above {least:g} to one no smaller, was {low} to {high}"
                )


@dataclass(frozen=True, kw_only=True)
class BarrierTrial:
    """One try: its number from 0, the labeler tried, and its scores on the training rows by objective."""

    number: int
    labeler: TripleBarrier
    scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class BarrierFront:
    """What a search found.

    `trials`: a row a try, in order: trial, upper, lower, volatility_span, the objectives, and `front`, whether no other
    is at least as good in all objectives and better in one (of equal tries the first). `chosen`: the number of the try
    on the front that lies nearest to the best of all objectives at once, each scaled to the span of the front (or to
    `WORTH`, where that is more); `labeler`: its.
    """

    trials: pl.DataFrame
    chosen: int
    labeler: TripleBarrier

    @property
    def front(self) -> pl.DataFrame:
        """The tries on the front."""
        return self.trials.filter("front").drop("front")


def optimize_barriers(
    bars: Frame,
    *,
    train_end: datetime,
    labeler: TripleBarrier = TripleBarrier(),  # noqa: B008  frozen
    features: Frame | None = None,
    space: SearchSpace = SearchSpace(),
    trials: int = 100,
    population: int = 20,
    seed: int = 0,
    record: Callable[[BarrierTrial], None] | None = None,
) -> BarrierFront:
    """Looks for the distances of the barriers and the span of their volatility, by NSGA-II.

    `bars` and `features` are in polars or pandas. Only bars up to and including `train_end` are seen, and of `features`
    (timestamp, symbol, columns known at the close; default: a few returns, see `simple_features`) only the rows up to
    it; so a label counts only where it is decided by then. All other settings are those of `labeler`. `record` is
    called with every try as soon as it is scored. The same arguments give the same front, to the last bit.

    Raises ConfigError for a search that cannot be made, and DataError where nothing is decided by `train_end`.
    """
    if trials < 1 or population < 2:
        raise ConfigError(f"a search needs 1 trial and a population of 2 at least, had {trials} and {population}")
    if train_end.tzinfo is None:
        raise ConfigError(f"train_end {train_end} has no time zone; give the moment in UTC")
    known = _training(sorted_bars(as_bars(bars)), train_end)
    if not known.height:
        raise DataError(f"no bar stands at or before the training end {train_end}; bring a longer history")
    told = simple_features(known) if features is None else _training(as_bars(features), train_end)
    ground = Ground.of(known, told)
    if not labeler.label(known)["label"].count():
        raise DataError(
            f"no label is decided by the training end {train_end}, within {known.height} bars; shorten labels.horizons "
            "or labels.volatility_warmup, or bring a longer history"
        )
    found = _search(known, ground, labeler, space, trials, population, seed, record)
    table = pl.DataFrame(
        [
            {
                "trial": one.number,
                **{name: getattr(one.labeler, name) for name in ("upper", "lower", "volatility_span")},
                **one.scores,
            }
            for one in found
        ]
    )
    scores = table.select(OBJECTIVES).to_numpy()
    front = non_dominated(scores)
    chosen = _nearest_to_best(scores, front)
    return BarrierFront(trials=table.with_columns(front=pl.Series(front)), chosen=chosen, labeler=found[chosen].labeler)


def _training(frame: pl.DataFrame, train_end: datetime) -> pl.DataFrame:
    return frame.filter(pl.col("timestamp") <= train_end)


def _search(
    bars: pl.DataFrame,
    ground: Ground,
    labeler: TripleBarrier,
    space: SearchSpace,
    trials: int,
    population: int,
    seed: int,
    record: Callable[[BarrierTrial], None] | None,
) -> list[BarrierTrial]:
    import optuna

    sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=derived_seed(seed, "labels", "optimize"))
    spoken = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study(directions=["maximize"] * len(OBJECTIVES), sampler=sampler)
        found = []
        for number in range(trials):
            asked = study.ask()
            tried = replace(
                labeler,
                upper=asked.suggest_float("upper", *space.upper),
                lower=asked.suggest_float("lower", *space.lower),
                volatility_span=asked.suggest_int("volatility_span", *space.volatility_span, log=True),
            )
            one = BarrierTrial(number=number, labeler=tried, scores=score(bars, ground, tried))
            if record is not None:
                record(one)
            study.tell(asked, [one.scores[name] for name in OBJECTIVES])
            found.append(one)
        return found
    finally:
        optuna.logging.set_verbosity(spoken)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """What all tries are scored on: for each bar (by symbol and time) and feature its part, BINS where it has none."""

    parts: Int64[Array, "bars f"]
    names: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, bars: pl.DataFrame, features: pl.DataFrame) -> Ground:
        """Cuts each feature at its quantiles over these bars. DataError for features that fit no bar."""
        names = tuple(name for name in features.columns if name not in KEYS)
        missing = [name for name in KEYS if name not in features.columns]
        if missing or not names:
            raise DataError(f"features need timestamp, symbol and a column or more; they have {features.columns}")
        if features.select(KEYS).is_duplicated().any():
            raise DataError("the features repeat a symbol and moment; give one row each")
        joined = bars.select(KEYS).join(features, on=KEYS, how="left", maintain_order="left")
        values = joined.select(pl.col(names).cast(pl.Float64)).to_numpy()
        parts = np.full(values.shape, BINS)
        for f in range(len(names)):
            there = np.isfinite(values[:, f])
            if there.any():
                edges = np.quantile(values[there, f], np.arange(1, BINS) / BINS)
                parts[there, f] = np.searchsorted(edges, values[there, f], side="right")
        return cls(parts=parts, names=names)


def simple_features(bars: pl.DataFrame) -> pl.DataFrame:
    """A few plain features of bars: returns over 1, 5 and 20 bars in units of their own size, and the bar's range."""
    close = pl.col("close")
    size = close.pct_change().abs().rolling_mean(20, min_samples=5).over("symbol")
    return bars.sort(KEYS).select(
        "timestamp",
        "symbol",
        *((close.pct_change(n).over("symbol") / size).alias(f"return_{n}") for n in (1, 5, 20)),
        ((pl.col("high") - pl.col("low")) / close / size).alias("range"),
    )


def score(bars: pl.DataFrame, ground: Ground, labeler: TripleBarrier) -> dict[str, float]:
    """How good the labels are, as means over the horizons; each row counts by its uniqueness.

    `balance`: entropy of the classes, 1 where all that can occur are equally frequent. `separability`: the share of
    that entropy that a feature's part tells beyond what chance would (mutual information less its bias, at least 0),
    mean over the features.
    `payoff_bps`: what a right call of a rise or a fall earns, after the labeler's cost. It grows with the distance of
    the barriers while balance falls. All 0 where no label is decided.
    """
    labels = replace(labeler, weighting="uniqueness").label(bars)
    horizons = len(labeler.horizons)
    shape = bars.height, horizons
    label = labels["label"].fill_null(0).to_numpy().reshape(shape)
    gain = labels["forward_return"].fill_null(0.0).to_numpy().reshape(shape)
    weight = labels["weight"].to_numpy().reshape(shape)
    # With the sign at the horizon flat labels are exceptions, and no third class to be balanced.
    classes = 3 if labeler.at_horizon == "flat" else 2
    totals = dict.fromkeys(OBJECTIVES, 0.0)
    for h in range(horizons):
        rows = np.flatnonzero(weight[:, h])
        if not rows.size:
            continue
        of_rows, counts = label[rows, h], weight[rows, h]
        shares = np.bincount(of_rows + 1, counts, minlength=3) / counts.sum()
        totals["balance"] += min(_entropy(shares) / float(np.log(classes)), 1.0)
        totals["separability"] += _separability(ground.parts[rows], of_rows, counts)
        calls = np.flatnonzero(of_rows)
        if calls.size:
            earned = of_rows[calls] * gain[rows[calls], h] * 1e4 - labeler.cost_bps
            totals["payoff_bps"] += float(np.average(earned, weights=counts[calls]))
    return {name: total / horizons for name, total in totals.items()}


def _separability(parts: Int64[Array, "n f"], label: Int8[Array, " n"], weight: Float64[Array, " n"]) -> float:
    told = []
    for f in range(parts.shape[1]):
        cells = np.bincount(parts[:, f] * 3 + label + 1, weight, minlength=(BINS + 1) * 3).reshape(BINS + 1, 3)[:BINS]
        # Weights are shares of a label, so their sum counts the labels that are independent of each other.
        count = float(cells.sum())
        if count == 0.0:
            told.append(0.0)
            continue
        joint = cells / count
        part, of_class = joint.sum(axis=1), joint.sum(axis=0)
        entropy = _entropy(of_class)
        information = _entropy(part) + entropy - _entropy(joint.ravel())
        # Miller 1955: by chance alone, cells seem to tell this much.
        bias = (np.count_nonzero(part) - 1) * (np.count_nonzero(of_class) - 1) / (2.0 * count)
        told.append(max(information - bias, 0.0) / entropy if entropy > 0.0 else 0.0)
    return float(np.mean(told))


def _entropy(shares: Float64[Array, " k"]) -> float:
    held = shares[shares > 0]
    return float(-(held * np.log(held)).sum())


def non_dominated(scores: Float64[Array, "n k"]) -> Bool[Array, " n"]:
    """Which rows no other beats: at least as good in every column and better in one; of equal rows the first.

    >>> non_dominated(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5], [1.0, 0.0]])).tolist()
    [True, True, False, False]
    """
    kept = np.empty(len(scores), bool)
    for row, own in enumerate(scores):
        better = (scores >= own).all(axis=1) & (scores > own).any(axis=1)
        kept[row] = not better.any() and not (scores[:row] == own).all(axis=1).any()
    return kept


def _nearest_to_best(scores: Float64[Array, "n k"], front: Bool[Array, " n"]) -> int:
    of_front = scores[front]
    best, reach = of_front.max(axis=0), np.maximum(np.ptp(of_front, axis=0), WORTH)
    away = (best - of_front) / reach
    return int(np.flatnonzero(front)[np.argmin((away**2).sum(axis=1))])
