"""Writes the reference page of all features from their registry: formula, units, warm-up, reference and a small plot.

The documentation's build calls `write`; nothing it makes is committed, so none of it can be stale.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import FEATURES
from gnomon.features.sets import FeatureSet
from gnomon.testing.features import MANY, synthetic_bars

BARS = 700
SHOWN = 260
WIDTH, HEIGHT, MARGIN = 640, 96, 6
COLOURS = ("#3366aa", "#cc7722", "#338855", "#993366")


def write(folder: Path) -> None:
    """Writes `features.md` and a plot for each feature into `folder`."""
    plots = folder / "features"
    plots.mkdir(parents=True, exist_ok=True)
    specs = sorted(FEATURES.values(), key=lambda spec: (spec.theme, spec.name))
    features = FeatureSet(specs)
    bars = synthetic_bars(features.inputs, symbols=MANY, bars=BARS, seed=1)
    values = features.compute(bars).filter(symbol=MANY[0]).tail(SHOWN)
    for spec in specs:
        (plots / f"{spec.name}.svg").write_text(drawing(spec, values), encoding="utf-8")
    (folder / "features.md").write_text("\n".join(page(specs)) + "\n", encoding="utf-8")


def page(specs: Sequence[FeatureSpec]) -> Iterator[str]:
    """The page's lines: a table of the themes, then each feature under its theme."""
    default = set(FEATURES.default_names())
    themes = [(theme, list(members)) for theme, members in groupby(specs, key=lambda spec: spec.theme)]
    yield from ("| theme | features | outputs |", "|---|---|---|")
    for theme, members in themes:
        yield f"| [{theme}](#{theme}) | {len(members)} | {sum(len(spec.outputs) for spec in members)} |"
    yield f"| together | {len(specs)} | {sum(len(spec.outputs) for spec in specs)} |"
    yield ""
    for theme, members in themes:
        yield from (f"## {theme.capitalize()}", "")
        for spec in members:
            yield from entry(spec, default=spec.name in default)


def entry(spec: FeatureSpec, *, default: bool) -> Iterator[str]:
    """What is to be known of one feature with its default parameters."""
    factory = FEATURES.entry(spec.name).component
    parameters = inspect.signature(factory).parameters.values()
    keys = ", ".join(f"`{each.name}: {json.dumps(each.default)}`" for each in parameters)
    facts = {
        "outputs": ", ".join(f"`{output}`" for output in spec.outputs),
        "units": spec.units,
        "reads": ", ".join(f"`{column}`" for column in spec.inputs),
        "parameters": keys or "none",
        "warm-up": f"{spec.warmup} bars",
        "sees": "all symbols of a moment" if spec.cross_sectional else "one symbol",
        "formula": _formula(spec.kernel.description),
        "reference": spec.reference,
        "sets": "`cross_section: true`" if spec.cross_sectional else "`default`, `full`" if default else "`full`",
    }
    yield from (f"### `{spec.name}`", "", _one_line(inspect.getdoc(factory) or ""), "")
    yield from (f"![{spec.name}](generated/features/{spec.name}.svg)", "", "| | |", "|---|---|")
    yield from (f"| {name} | {_one_line(fact)} |" for name, fact in facts.items())
    yield ""


def drawing(spec: FeatureSpec, values: pl.DataFrame) -> str:
    """The outputs over a made-up market as lines, each between its own lowest and highest value."""
    lines = []
    for number, output in enumerate(spec.outputs):
        series = values[output].to_numpy().astype(float)
        low, high = np.nanmin(series), np.nanmax(series)
        place = (series - low) / (high - low) if high > low else np.full(series.size, 0.5)
        across = np.linspace(MARGIN, WIDTH - MARGIN, series.size)
        down = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * place
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        colour = COLOURS[number % len(COLOURS)]
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.2" points="{points}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{', '.join(spec.outputs)}</title>{''.join(lines)}</svg>\n"
    )


def _formula(description: str) -> str:
    """A kernel's description without what the table tells anyway: its columns and params, by position."""
    return _one_line(description).replace("Params: none. ", "")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
