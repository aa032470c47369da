"""The probe of walk-forward refits: no forecast up to a moment may depend on rows or labels that came after it.

Rows are changed by when they were knowable: features at their own moment, a label when it was decided. So a fit that
learned from a label which was still open when its model took over is seen, whatever the fold says of itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Bool
from gnomon.data.base import TIMESTAMP
from gnomon.data.probe import ProbeReport, choose_cuts, probe_changes
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples
from gnomon.training.refits import Refits

HOLES = 0.5
"""Share of the rows that the test `nan` makes NaN."""


def probe_refits(
    procedure: Callable[[Samples], Forecast],
    samples: Samples,
    cuts: int | Literal["all"] = 64,
    *,
    edges: Sequence[datetime] | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> ProbeReport:
    """Whether a procedure that refits its model as time goes on used anything that was not known yet.

    `procedure` takes all samples and gives forecasts of some: `gnomon.training.Refits`, or one's own. It must say the
    same twice. Then for each cut t the features of rows after t, and the labels that were decided after t, are
    multiplied by ten (classes turned round), made NaN in half of the rows (labels undecided), shuffled, turned in sign,
    and left out; every forecast up to t must hold its bits. Cuts are made from the first forecast on, at `edges` first:
    the moments at which a new model takes over (those of the `Refits` where none are given).

    `tolerance` (relative) is for nets: 1e-12 and no more. DataError where nothing is forecast, ConfigError for cuts
    that are no number.
    """
    if cuts != "all" and cuts < 1:
        raise ConfigError(f"cuts must be a number of 1 or more, or 'all', was {cuts!r}")
    if edges is None:
        edges = procedure.edges(samples) if isinstance(procedure, Refits) else ()

    def run(given: Samples) -> pl.DataFrame:
        return procedure(given).to_frame().drop("horizon")

    begun = run(samples)["timestamp"].min()
    if begun is None:
        raise DataError(
            f"nothing is forecast of {len(samples)} rows, so nothing can be probed: train on fewer bars, or bring more"
        )
    rows = _rows(samples).filter(pl.col("timestamp") >= begun)
    chosen = choose_cuts(rows, rows.height if cuts == "all" else cuts, edges=edges, seed=seed)
    changed = ChangedSamples(samples, seed)
    return probe_changes(
        run,
        whole=samples,
        after=changed.after,
        cuts=chosen,
        last=int(samples.known_at.max()),
        tolerance=tolerance,
        level="refits",
        progress=progress,
    )


def _rows(samples: Samples) -> pl.DataFrame:
    """The samples' moments and symbols with one price, as `choose_cuts` wants bars."""
    prices = samples.prices[:, -1] if samples.prices.shape[1] else np.zeros(len(samples))
    return pl.DataFrame(
        {
            "timestamp": pl.Series(samples.known_at).cast(TIMESTAMP),
            "symbol": pl.Series(samples.symbols, dtype=pl.String).gather(samples.symbol),
            "close": prices,
        }
    )


class ChangedSamples:
    """Samples as they would be with another future, by what was known when."""

    def __init__(self, samples: Samples, seed: int = 0) -> None:
        self.samples = samples
        self.seed = seed

    def after(self, cut: int, test: str) -> Samples:
        """The samples with everything that became known after `cut` treated as the test says."""
        samples = self.samples
        if test == "truncated":
            return _undecided(samples, samples.label_end > cut).take(np.flatnonzero(samples.known_at <= cut))
        future = samples.known_at > cut
        order = np.arange(len(samples))
        order[future] = generator(self.seed, "probe", "refits", str(cut)).permutation(np.flatnonzero(future))
        open_ = samples.label_end > cut
        if test == "nan":
            # Every second row: with none that is whole, a later refit would raise, and earlier ones would not be seen.
            half = generator(self.seed, "probe", "holes", str(cut)).random(len(samples)) < HOLES
            future, open_ = future & half, open_ & half[:, None]
        x, prices = (_changed(values, future, order, test) for values in (samples.x, samples.prices))
        return _labels(replace(samples, x=x, prices=prices), open_, cut, test, self.seed)


def _changed(values: Array, future: Bool[Array, " n"], order: Array, test: str) -> Array:
    if test == "shuffled":
        return np.asarray(values[order])
    made = values.copy()
    made[future] = {"x10": values[future] * 10, "nan": np.nan, "sign": -values[future]}[test]
    return made


def _labels(samples: Samples, open_: Bool[Array, "n h"], cut: int, test: str, seed: int) -> Samples:
    """The samples with other labels where `open_`: decided later than the cut still, with other classes and returns."""
    if test == "nan":
        return _undecided(samples, open_)
    made: dict[str, Any] = {
        name: getattr(samples, name).copy() for name in ("y", "label_end", "forward_return", "weight")
    }
    decided = open_ & (samples.label_end != UNKNOWN_END)
    for h in range(samples.label_end.shape[1]):
        rows = np.flatnonzero(decided[:, h])
        y, gain, weight = (getattr(samples, name)[rows, h] for name in ("y", "forward_return", "weight"))
        life = samples.label_end[rows, h] - samples.known_at[rows]
        if test == "x10":
            # Classes know no factor: short becomes flat, flat long, long short.
            y, gain = (y + 2) % 3 - 1, gain * 10.0
        elif test == "sign":
            y, gain = -y, -gain
        else:
            mixed = generator(seed, "probe", "labels", f"{cut}.{h}").permutation(rows.size)
            y, gain, weight, life = y[mixed], gain[mixed], weight[mixed], life[mixed]
        made["y"][rows, h], made["forward_return"][rows, h], made["weight"][rows, h] = y, gain, weight
        made["label_end"][rows, h] = np.maximum(samples.known_at[rows] + life, cut + 1)
    return replace(samples, **made)


def _undecided(samples: Samples, open_: Bool[Array, "n h"]) -> Samples:
    return replace(
        samples,
        y=np.where(open_, np.int8(0), samples.y),
        label_end=np.where(open_, UNKNOWN_END, samples.label_end),
        forward_return=np.where(open_, np.nan, samples.forward_return),
        weight=np.where(open_, np.float32(0.0), samples.weight),
    )
