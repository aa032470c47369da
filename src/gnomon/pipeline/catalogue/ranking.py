"""Who did better than whom, over data sets and horizons, and how much of that may be luck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, unknown
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64

BETTER = {
    "sharpe": "higher",
    "total_return": "higher",
    "max_drawdown": "lower",
    "f1": "higher",
    "ic": "higher",
    "log_loss": "lower",
    "brier": "lower",
    "ece": "lower",
}
"""What models can be ranked by, and which way is better."""
DRAWS = 2000
LOW, HIGH = 5.0, 95.0
"""The interval of a mean rank, in percent of the draws."""
BLOCK = ["data_set", "horizon"]
ERRORS = {"sharpe": "standard_error", "f1": "f1_error", "log_loss": "log_loss_error", "ece": "ece_error"}
"""The column that holds the standard error of a figure."""


def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """What counts now: of each data set its latest version, of each model and its params the latest row there.

    A column `label` tells a model's rows apart: by depth where there are several, and by a number where that is the
    same too.
    """
    newest = rows.sort("time").group_by("data_set").agg(pl.col("data_version").last())
    kept = rows.join(newest, on=["data_set", "data_version"], how="semi").sort("time")
    kept = kept.unique([*BLOCK, "model", "params"], keep="last", maintain_order=True)
    labels = {}
    for (model,), own in kept.group_by("model", maintain_order=True):
        variants = own.select("params", "depth").unique().sort("depth", "params")
        depths = variants["depth"].to_list()
        for number, (params, depth) in enumerate(variants.iter_rows(), start=1):
            name = str(model)
            if len(depths) > 1:
                name += f" {depth} deep" if depth is not None else ""
                name += f" #{number}" if depths.count(depth) > 1 else ""
            labels[model, params] = name
    names = [labels[pair] for pair in kept.select("model", "params").iter_rows()]
    kept = kept.with_columns(pl.Series("label", names, dtype=pl.String))
    return kept.sort("data_set", "horizon", "family", "label")


def rank(rows: pl.DataFrame, *, by: str = "sharpe", seed: int = 7) -> pl.DataFrame:
    """Mean rank (1: the best) over data sets and horizons, best first, with a 90% bootstrap interval.

    Columns: label, family, baseline, blocks (data sets x horizons that it was scored on), mean_rank, low, high,
    mean_total_return, mean_skill (share of the class frequencies' log loss that it takes away), fit_seconds and
    row_microseconds (medians), parameters. A draw takes data sets at random, with all their horizons, and moves each
    figure that has a standard error by it: independently, so that the interval is rather too wide, because models err
    together. With one data set a figure without an error has no interval. Who never traded has a Sharpe ratio of 0
    without error; who failed on a block is last there.
    """
    if by not in BETTER:
        raise ConfigError(unknown("figure to rank by", by, BETTER))
    done = latest(rows).filter(pl.col("status") == "scored")
    if done.is_empty():
        return pl.DataFrame(schema=RANKED)
    labels = sorted(set(done["label"]))
    blocks = sorted(set(done.select(BLOCK).iter_rows()))
    values, errors = _matrices(done, by, labels, blocks)
    sets = [name for name, _ in blocks]
    low, high = _interval(values, errors, sets, by=by, seed=seed)
    ranks = _ranks(values, by).mean(axis=1)
    facts = done.group_by("label").agg(
        pl.col("family").first(),
        pl.col("baseline").first(),
        blocks=pl.len().cast(pl.Int64),
        mean_total_return=pl.col("total_return").mean(),
        mean_skill=(1.0 - pl.col("log_loss") / pl.col("prior_log_loss")).mean(),
        fit_seconds=pl.col("fit_seconds").median(),
        row_microseconds=pl.col("row_microseconds").median(),
        parameters=pl.col("parameters").median(),
    )
    ranked = pl.DataFrame({"label": labels, "mean_rank": ranks, "low": low, "high": high}).join(facts, on="label")
    return ranked.select(pl.col(name).cast(kind) for name, kind in RANKED.items()).sort("mean_rank", "label")


def luck(rows: pl.DataFrame) -> pl.DataFrame:
    """What luck explains, a row a data set: whether the best of all that was tried there beats cash and the market.

    The row of the highest Sharpe ratio a year, with `rows` (how many were scored), trials, pbo and spa_pvalue (of the
    maximum over all tries) as they are by now, and `adjusted`: that p-value for looking at so many data sets (Holm
    1979, "A simple sequentially rejective multiple test procedure"). Sorted by asset class and name.
    """
    done = latest(rows).filter(pl.col("status") == "scored")
    found = []
    for (_,), own in done.group_by("data_set", maintain_order=True):
        best = own.sort(pl.col("annual_sharpe").fill_nan(None), descending=True, nulls_last=True).row(0, named=True)
        newest = own.sort("trials").row(-1, named=True)
        found.append({**best, "rows": own.height, **{name: newest[name] for name in ("trials", "pbo", "spa_pvalue")}})
    adjusted = holm([one["spa_pvalue"] for one in found])
    made = [{**one, "adjusted": value} for one, value in zip(found, adjusted, strict=True)]
    schema: dict[str, Any] = {**done.schema, "rows": pl.Int64, "adjusted": pl.Float64}
    return pl.DataFrame(made, schema=schema, orient="row").sort("asset_class", "data_set")


def holm(pvalues: Sequence[float | None]) -> list[float]:
    """Each p-value as it counts among all: the smallest times their number, the next times one fewer, never falling.

    >>> holm([0.04, 0.01, 0.5])
    [0.08, 0.03, 0.5]
    """
    known = {i: p for i, p in enumerate(pvalues) if p is not None and not math.isnan(p)}
    adjusted, highest = [math.nan] * len(pvalues), 0.0
    for done, (i, p) in enumerate(sorted(known.items(), key=lambda one: one[1])):
        highest = max(highest, min(1.0, p * (len(known) - done)))
        adjusted[i] = highest
    return adjusted


RANKED: dict[str, Any] = {
    "label": pl.String,
    "family": pl.String,
    "baseline": pl.Boolean,
    "blocks": pl.Int64,
    "mean_rank": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "mean_total_return": pl.Float64,
    "mean_skill": pl.Float64,
    "fit_seconds": pl.Float64,
    "row_microseconds": pl.Float64,
    "parameters": pl.Float64,
}


def in_errors(doubt: dict[str, Any]) -> float:
    """A Sharpe ratio in standard errors; 0 for who never traded."""
    sharpe, error = doubt["sharpe"], doubt["standard_error"]
    if sharpe is None or math.isnan(sharpe):
        return 0.0
    return float(sharpe / error) if error else math.nan


def _matrices(
    done: pl.DataFrame, by: str, labels: list[str], blocks: list[Any]
) -> tuple[Float64[Array, "m b"], Float64[Array, "m b"]]:
    """values[m, b] and their errors; NaN for what was not scored, or cannot be known."""
    values, errors = np.full((len(labels), len(blocks)), np.nan), np.zeros((len(labels), len(blocks)))
    place, where = {name: i for i, name in enumerate(labels)}, {block: i for i, block in enumerate(blocks)}
    for row in done.iter_rows(named=True):
        at = place[row["label"]], where[row["data_set"], row["horizon"]]
        value, error = row[by], row[ERRORS[by]] if by in ERRORS else None
        idle = value is None or math.isnan(value)
        if by == "sharpe" and idle:
            values[at] = 0.0
        elif not idle:
            values[at], errors[at] = value, 0.0 if error is None or math.isnan(error) else error
    return values, errors


def _ranks(values: Float64[Array, "m b"], by: str) -> Float64[Array, "m b"]:
    """1 for the best of a block, the mean of their places for equals, the last places for what is not known."""
    from scipy.stats import rankdata

    signed = -values if BETTER[by] == "higher" else values
    return np.asarray(rankdata(np.where(np.isnan(signed), np.inf, signed), axis=0))


def _interval(
    values: Float64[Array, "m b"], errors: Float64[Array, "m b"], sets: list[str], *, by: str, seed: int
) -> tuple[Float64[Array, " m"], Float64[Array, " m"]]:
    names = sorted(set(sets))
    if len(names) < 2 and not errors.any():
        unknown_ = np.full(len(values), np.nan)
        return unknown_, unknown_
    chance = generator(seed, "catalogue", "rank", by)
    columns = {name: np.flatnonzero([own == name for own in sets]) for name in names}
    means = np.empty((DRAWS, len(values)))
    for draw in range(DRAWS):
        drawn = np.concatenate([columns[names[i]] for i in chance.integers(0, len(names), len(names))])
        moved = values[:, drawn] + errors[:, drawn] * chance.standard_normal((len(values), len(drawn)))
        means[draw] = _ranks(moved, by).mean(axis=1)
    low, high = np.percentile(means, [LOW, HIGH], axis=0)
    return low, high
