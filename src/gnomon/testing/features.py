"""The battery for one feature: its kernel keeps the law, and research and live agree to the last bit.

For plug-in authors. In a test of your own:

    from gnomon.testing.features import check_feature

    def test_my_feature():
        check_feature(FEATURES.create("my_feature"), forgets=True)
"""

from __future__ import annotations

import numpy as np
import polars as pl

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float32
from gnomon.features.base import FeatureSpec
from gnomon.features.sets import FeatureSet
from gnomon.kernels.panel import PanelKernel
from gnomon.testing.kernels import LawError, check_kernel, synthetic_columns
from gnomon.testing.panels import SECTORS, check_panel_kernel

MINUTE = 60_000_000

MANY = tuple("ABCDEFGHIJKL")
"""Symbols enough for the cross-sections of a market and of two sectors."""


def check_feature(spec: FeatureSpec, *, forgets: bool = False, bars: int = 600, seed: int = 0) -> None:
    """The law's battery on the kernel, then the spec: whole and streamed bit-equal, warm-up as declared.

    `forgets` says that the feature has a window: bad input must have left it once the warm-up has passed again. Raises
    LawError. A cross-sectional feature meets the battery for panel kernels, with holes, late and permuted symbols.
    """
    if isinstance(spec.kernel, PanelKernel):
        check_panel_kernel(
            spec.kernel,
            params=spec.flat_params(),
            inputs=spec.inputs,
            symbols=len(MANY),
            bars=bars,
            seed=seed,
            recovery=spec.warmup + 2,
            forgets=forgets,
        )
    else:
        check_kernel(
            spec.kernel,
            params=spec.flat_params(),
            inputs=spec.inputs,
            bars=bars,
            seed=seed,
            recovery=spec.warmup + 1,
            forgets=forgets,
        )
    check_stream(FeatureSet([spec]), bars=bars, seed=seed)
    check_warmup(spec, bars=bars, seed=seed)


def synthetic_bars(
    inputs: tuple[str, ...], *, symbols: tuple[str, ...] = ("A", "B"), bars: int = 600, seed: int = 0
) -> pl.DataFrame:
    """A frame of made-up bars a minute apart with the columns that a feature reads, side tables joined.

    A column `sector` (`table.sector`) holds a number for each symbol.
    """
    frames = []
    for number, symbol in enumerate(symbols):
        sectors = {name: float(number % SECTORS) for name in inputs if name.rpartition(".")[2] == "sector"}
        names = tuple(name for name in inputs if name != "timestamp" and name not in sectors)
        columns = synthetic_columns(names, bars=bars, seed=seed + number) if names else ()
        stamps = pl.Series("timestamp", MINUTE * np.arange(1, bars + 1)).cast(pl.Datetime("us", "UTC"))
        frame = pl.DataFrame([stamps, *(pl.Series(name, row) for name, row in zip(names, columns, strict=True))])
        frames.append(frame.with_columns(symbol=pl.lit(symbol), **{k: pl.lit(v) for k, v in sectors.items()}))
    return pl.concat(frames)


def with_holes(bars: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """The bars without some: a symbol comes late, another is delisted, single ones are missing, each in its own way."""
    symbols = bars["symbol"].unique(maintain_order=True)
    row, count = pl.int_range(pl.len()).over("symbol"), pl.len().over("symbol")
    kept = pl.Series(generator(seed, "testing.features", "holes").random(bars.height) >= 0.05)
    late = (pl.col("symbol") == symbols[0]) & (row < count // 4)
    gone = (pl.col("symbol") == symbols[-1]) & (row >= count - count // 4)
    return bars.filter(kept & ~late & ~gone)


def check_stream(features: FeatureSet, *, bars: int = 600, seed: int = 0) -> None:
    """One bar at a time gives the bits that the whole gives, for each of two symbols whose bars come by turns.

    Where features see all symbols of a moment, one moment at a time, of many symbols that miss bars.
    """
    if features.panel is not None:
        _check_moments(features, bars=bars, seed=seed)
        return
    frame = synthetic_bars(features.inputs, bars=bars, seed=seed)
    whole = features.compute(frame)
    stream = features.stream(["A", "B"])
    rows = {symbol: part.iter_rows(named=True) for (symbol,), part in frame.group_by("symbol", maintain_order=True)}
    found = {str(symbol): np.empty((bars, len(features.outputs)), np.float32) for symbol in rows}
    for bar in range(bars):
        for symbol, source in rows.items():
            found[str(symbol)][bar] = stream.update(str(symbol), next(source))
    for symbol, values in found.items():
        _same_bits(features, symbol, whole.filter(pl.col("symbol") == symbol), values)


def _check_moments(features: FeatureSet, *, bars: int, seed: int) -> None:
    frame = with_holes(synthetic_bars(features.inputs, symbols=MANY, bars=bars, seed=seed), seed=seed)
    whole = features.compute(frame)
    # The order in which a stream is given its symbols says nothing.
    stream = features.stream(MANY[::-1])
    found: dict[str, list[Float32[Array, " outputs"]]] = {symbol: [] for symbol in MANY}
    for moment in frame.sort("timestamp", maintain_order=True).partition_by("timestamp", maintain_order=True):
        values = stream.update_all({row["symbol"]: row for row in moment.iter_rows(named=True)})
        for symbol, value in values.items():
            found[symbol].append(value)
    for symbol, rows in found.items():
        _same_bits(features, symbol, whole.filter(pl.col("symbol") == symbol), np.stack(rows))


def _same_bits(features: FeatureSet, symbol: str, whole: pl.DataFrame, values: Float32[Array, "bars outputs"]) -> None:
    expected = whole.select(features.outputs).to_numpy()
    different = np.argwhere(~((expected == values) | (np.isnan(expected) & np.isnan(values))))
    if len(different):
        bar, output = different[0].tolist()
        raise LawError(
            f"{features.outputs[output]} of {symbol} streams {float(values[bar, output])!r} at bar {bar}, "
            f"the whole gives {float(expected[bar, output])!r}"
        )


def check_warmup(spec: FeatureSpec, *, bars: int = 600, seed: int = 0) -> None:
    """On clean data row `warmup` is the first in which all outputs are known, and none is unknown afterwards."""
    symbols = MANY if spec.cross_sectional else MANY[:1]
    frame = synthetic_bars(spec.inputs, symbols=symbols, bars=bars, seed=seed)
    computed = FeatureSet([spec]).compute(frame).filter(symbol=MANY[0])
    known = np.isfinite(computed.select(spec.outputs).to_numpy()).all(axis=1)
    first = int(known.argmax()) if known.any() else bars
    if first != spec.warmup:
        raise LawError(
            f"{spec.name} declares a warm-up of {spec.warmup} bars, all its outputs are known from {first} on"
        )
    if not known[first:].all():
        gap = first + int((~known[first:]).argmax())
        raise LawError(f"{spec.name} has no value at bar {gap} of clean data, after its warm-up")
