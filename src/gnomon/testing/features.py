"""The battery for one feature: its kernel keeps the law, and research and live agree to the last bit.

For plug-in authors. In a test of your own:

    from gnomon.testing.features import check_feature

    def test_my_feature():
        check_feature(FEATURES.create("my_feature"), forgets=True)
"""

from __future__ import annotations

import numpy as np
import polars as pl

from gnomon.features.base import FeatureSpec
from gnomon.features.sets import FeatureSet
from gnomon.testing.kernels import LawError, check_kernel, synthetic_columns

MINUTE = 60_000_000


def check_feature(spec: FeatureSpec, *, forgets: bool = False, bars: int = 600, seed: int = 0) -> None:
    """The law's battery on the kernel, then the spec: whole and streamed bit-equal, warm-up as declared.

    `forgets` says that the feature has a window: bad input must have left it once the warm-up has passed again. Raises
    LawError.
    """
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
    """A frame of made-up bars a minute apart with the columns that a feature reads, side tables joined."""
    frames = []
    for number, symbol in enumerate(symbols):
        names = tuple(name for name in inputs if name != "timestamp")
        columns = synthetic_columns(names, bars=bars, seed=seed + number) if names else ()
        stamps = pl.Series("timestamp", MINUTE * np.arange(1, bars + 1)).cast(pl.Datetime("us", "UTC"))
        frame = pl.DataFrame([stamps, *(pl.Series(name, row) for name, row in zip(names, columns, strict=True))])
        frames.append(frame.with_columns(symbol=pl.lit(symbol)))
    return pl.concat(frames)


def check_stream(features: FeatureSet, *, bars: int = 600, seed: int = 0) -> None:
    """One bar at a time gives the bits that the whole gives, for each of two symbols whose bars come by turns."""
    frame = synthetic_bars(features.inputs, bars=bars, seed=seed)
    whole = features.compute(frame)
    stream = features.stream(["A", "B"])
    rows = {symbol: part.iter_rows(named=True) for (symbol,), part in frame.group_by("symbol", maintain_order=True)}
    found = {str(symbol): np.empty((bars, len(features.outputs)), np.float32) for symbol in rows}
    for bar in range(bars):
        for symbol, source in rows.items():
            found[str(symbol)][bar] = stream.update(str(symbol), next(source))
    for symbol, values in found.items():
        expected = whole.filter(pl.col("symbol") == symbol).select(features.outputs).to_numpy()
        different = np.argwhere(~((expected == values) | (np.isnan(expected) & np.isnan(values))))
        if len(different):
            bar, output = different[0].tolist()
            raise LawError(
                f"{features.outputs[output]} of {symbol} streams {float(values[bar, output])!r} at bar {bar}, "
                f"the whole gives {float(expected[bar, output])!r}"
            )


def check_warmup(spec: FeatureSpec, *, bars: int = 600, seed: int = 0) -> None:
    """On clean data row `warmup` is the first in which all outputs are known, and none is unknown afterwards."""
    frame = synthetic_bars(spec.inputs, symbols=("A",), bars=bars, seed=seed)
    known = np.isfinite(FeatureSet([spec]).compute(frame).select(spec.outputs).to_numpy()).all(axis=1)
    first = int(known.argmax()) if known.any() else bars
    if first != spec.warmup:
        raise LawError(
            f"{spec.name} declares a warm-up of {spec.warmup} bars, all its outputs are known from {first} on"
        )
    if not known[first:].all():
        gap = first + int((~known[first:]).argmax())
        raise LawError(f"{spec.name} has no value at bar {gap} of clean data, after its warm-up")
