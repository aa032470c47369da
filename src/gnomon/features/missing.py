"""What bad input did to features: how many rows have no value, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from gnomon.core.types import Array, Int64
from gnomon.features.sets import FeatureSet


@dataclass(kw_only=True)
class Missing:
    """Counts over all rows so far.

    A row counts as affected where an output has no value although its symbol has had the feature's warm-up.
    """

    rows: int = 0
    affected: int = 0
    inputs: dict[str, int] = field(default_factory=dict)
    """Values of an input column that are missing, NaN or infinite; columns without such are left out."""
    outputs: dict[str, int] = field(default_factory=dict)
    """Rows without a value after the warm-up, by output; outputs without such are left out."""

    def add(
        self, features: FeatureSet, bars: pl.DataFrame, computed: pl.DataFrame, seen: Mapping[str, int] | None = None
    ) -> None:
        """Counts what was computed of a chunk; `seen` are the bars that each symbol had had before it."""
        for name in features.inputs:
            if name in bars.columns and bars.schema[name].is_numeric():
                bad = bars.height - int(bars[name].is_finite().sum())
                if bad:
                    self.inputs[name] = self.inputs.get(name, 0) + bad
        age = _age(computed, seen or {})
        affected = np.zeros(computed.height, bool)
        for spec in features.specs:
            for output in spec.outputs:
                rows = np.flatnonzero(np.isnan(computed[output].to_numpy()))
                rows = rows[age[rows] >= spec.warmup]
                if rows.size:
                    affected[rows] = True
                    self.outputs[output] = self.outputs.get(output, 0) + rows.size
        self.rows += computed.height
        self.affected += int(affected.sum())


def _age(computed: pl.DataFrame, seen: Mapping[str, int]) -> Int64[Array, " rows"]:
    """How many bars of its symbol came before each row."""
    symbols = computed["symbol"].cast(pl.String)
    starts = np.flatnonzero((symbols != symbols.shift()).fill_null(value=True).to_numpy())
    age = np.arange(computed.height)
    for start, stop in zip(starts, [*starts[1:], computed.height], strict=True):
        age[start:stop] += seen.get(symbols[int(start)], 0) - start
    return age
