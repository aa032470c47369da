"""The look-ahead probe over feature sets: 3,000 bars, 64 cuts, five tests each, and every bar of them."""

from __future__ import annotations

import time

from gnomon.data.probe import ProbeReport, probe_lookahead
from gnomon.features.registry import FEATURES
from gnomon.features.sets import FeatureSet
from gnomon.testing.features import synthetic_bars

BARS = 3_000
OUTPUTS = 130


def wide() -> FeatureSet:
    """Features over many windows, as many outputs as a large default set has."""
    specs = []
    outputs: set[str] = set()
    for window in (5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 150, 200):
        for name in FEATURES.basic_names():
            spec = FEATURES.create(name)
            if spec.tables or "window" not in spec.params or len(outputs) >= OUTPUTS:
                continue
            spec = FEATURES.create(name, window=window)
            if not outputs & set(spec.outputs):
                specs.append(spec)
                outputs |= set(spec.outputs)
    return FeatureSet(specs)


def timed(features: FeatureSet, cuts: int | str) -> tuple[float, ProbeReport]:
    """Seconds on the clock and the report."""
    bars = synthetic_bars(features.inputs, symbols=("A",), bars=BARS)
    features.compute(bars)
    begin = time.perf_counter()
    report = probe_lookahead(features.compute, bars, cuts)  # type: ignore[arg-type]
    seconds = time.perf_counter() - begin
    report.raise_leaks()
    return seconds, report


def run() -> dict[str, dict[str, object]]:
    """Seconds of the probe over the default set and over as many outputs as the wide one has."""
    figures: dict[str, dict[str, object]] = {}
    for name, features, cuts, target in (
        ("default_set_64_cuts", FeatureSet.default(), 64, 10.0),
        ("wide_set_64_cuts", wide(), 64, 10.0),
        ("default_set_every_bar", FeatureSet.default(), "all", None),
    ):
        seconds, report = timed(features, cuts)
        figures[f"{name}_seconds"] = {
            "value": seconds,
            "target": target,
            "better": "lower",
            "unit": "s",
            "outputs": len(report.columns),
            "cuts": len(report.cuts),
            "runs": report.runs,
        }
    return figures


if __name__ == "__main__":
    for figure, value in run().items():
        print(figure, value)
