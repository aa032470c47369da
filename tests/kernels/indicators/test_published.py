"""Values that another project publishes for its own tests: a second oracle, with other hands on it than TA-Lib's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.kernels.base import Kernel
from gnomon.kernels.indicators import (
    averages,
    channels,
    extremes,
    oscillators,
    regression,
    statistics,
    swings,
    trend,
    volatility,
    volume,
)

HLC = ("high", "low", "close")

# kernel, params, columns, file, the field of each output; what they publish in percent is scaled
CASES: list[tuple[Kernel, tuple[float, ...], tuple[str, ...], str, tuple[tuple[str, float] | None, ...]]] = [
    (trend.sma, (20, 0), ("close",), "sma", (("sma", 1),)),
    (trend.wma, (14, 0), ("close",), "wma", (("wma", 1),)),
    (trend.macd, (12, 26, 9, 0), ("close",), "macd", (("macd", 1), ("signal", 1))),
    (oscillators.rsi, (14,), ("close",), "rsi", (("rsi", 1),)),
    (oscillators.stochastic, (14, 3, 3), HLC, "stoch", (("k", 1), ("d", 1))),
    (channels.bollinger, (20, 2), ("close",), "bb", (("percentB", 1), ("width", 1))),
    (volatility.atr, (14, 0), HLC, "atr", (("atr", 1),)),
    (volatility.atr, (14, 1), HLC, "atr", (("atrp", 0.01),)),
    (statistics.rolling_std, (14, 0), ("close",), "stdev", (("stdDev", 1),)),
    (extremes.true_range, (14,), HLC, "chop", (("chop", 1), None)),
    (extremes.vortex, (14,), HLC, "vortex", (("pvi", 1), ("nvi", 1))),
    (swings.balance_of_power, (14,), ("open", *HLC), "bop", (("bop", 1),)),
    (averages.ema_chain, (14,), ("close",), "trix", (None, None, ("trix", 1))),
    (regression.efficiency, (10,), ("close",), "kama", (("er", 1),)),
]


@pytest.mark.parametrize(
    ("kernel", "params", "columns", "name", "fields"), CASES, ids=lambda v: getattr(v, "name", None)
)
def test_published_values_come_out(kernel, params, columns, name, fields, real_data: Path) -> None:
    folder = real_data / "oracle" / "skender"
    bars = pl.read_csv(folder / "quotes_default.csv")
    published = json.loads((folder / f"{name}.standard.json").read_text())
    out = kernel.over(*(bars[column].cast(pl.Float64).to_numpy() for column in columns), params=params)
    for row, told in enumerate(fields):
        if told is None:
            continue
        field, scale = told
        theirs = np.array([np.nan if rec[field] is None else rec[field] * scale for rec in published])
        known = np.isfinite(theirs)
        if kernel in (trend.macd, averages.ema_chain):
            # They start the fast average before the slow one, a chain's all at once; after 250 bars that is forgotten.
            known[:250] = False
        assert known.sum() > 250
        np.testing.assert_allclose(out[row][known], theirs[known], rtol=1e-9, atol=1e-9)


def test_published_obv_comes_out_but_for_where_it_starts(real_data: Path) -> None:
    """They start at nothing, TA-Lib and we at the first bar's volume."""
    folder = real_data / "oracle" / "skender"
    bars = pl.read_csv(folder / "quotes_default.csv")
    published = json.loads((folder / "obv.standard.json").read_text())
    out = volume.obv.over(bars["close"].to_numpy(), bars["volume"].cast(pl.Float64).to_numpy())[0]
    assert (out - bars["volume"][0] == [record["obv"] for record in published]).all()
