"""A picture of a search's front: every two objectives against each other, the front and the chosen try marked."""

from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.core.files import write_atomic
from gnomon.labels.optimize import OBJECTIVES, BarrierFront

FORMS = (".html", ".png")
TITLES = {
    "balance": "balance of the classes",
    "separability": "share told by a feature",
    "payoff_bps": "payoff of a right call, bps",
}
PAIRS = tuple(combinations(OBJECTIVES, 2))
STYLES = {"tried": ("#9aa4ae", 5.0), "front": ("#0b5cad", 8.0), "chosen": ("#b5520c", 13.0)}
"""Colour and size of each kind of point; told apart by size as well."""


def check_form(path: Path) -> None:
    """ConfigError for a file that no picture can be written to."""
    if path.suffix.lower() not in FORMS:
        raise ConfigError(f"{path} should end in {' or '.join(FORMS)}: the plot of the front is a page or a picture")


def draw_front(found: BarrierFront, path: Path) -> None:
    """Writes the plot as a page that stands alone (.html) or as a picture (.png); the same front, the same bytes."""
    check_form(path)
    write_atomic(path, _page(found) if path.suffix.lower() == ".html" else _picture(found))


def _points(found: BarrierFront) -> dict[str, pl.DataFrame]:
    chosen = pl.col("trial") == found.chosen
    return {
        "tried": found.trials.filter(~pl.col("front")),
        "front": found.trials.filter(pl.col("front") & ~chosen),
        "chosen": found.trials.filter(chosen),
    }


def _page(found: BarrierFront) -> bytes:
    from plotly.graph_objects import Figure, Scatter
    from plotly.subplots import make_subplots

    figure: Figure = make_subplots(rows=1, cols=len(PAIRS))
    for column, (x, y) in enumerate(PAIRS, start=1):
        for name, rows in _points(found).items():
            colour, size = STYLES[name]
            told = [
                f"trial {row['trial']}<br>upper {row['upper']:.3g}, lower {row['lower']:.3g}, "
                f"span {row['volatility_span']}"
                for row in rows.iter_rows(named=True)
            ]
            marker = {"color": colour, "size": size}
            figure.add_trace(
                Scatter(
                    x=rows[x].to_list(),
                    y=rows[y].to_list(),
                    mode="markers",
                    name=name,
                    text=told,
                    marker=marker,
                    legendgroup=name,
                    showlegend=column == 1,
                ),
                row=1,
                col=column,
            )
        figure.update_xaxes(title_text=TITLES[x], row=1, col=column)
        figure.update_yaxes(title_text=TITLES[y], row=1, col=column)
    figure.update_layout(title_text="Barriers: what was tried, and the front", template="plotly_white", height=480)
    page: str = figure.to_html(include_plotlyjs=True, div_id="front")
    return page.encode()


def _picture(found: BarrierFront) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    canvas: Any = Figure(figsize=(12.0, 4.0), dpi=120, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(1, len(PAIRS))
    for axis, (x, y) in zip(axes, PAIRS, strict=True):
        for name, rows in _points(found).items():
            colour, size = STYLES[name]
            axis.scatter(rows[x].to_numpy(), rows[y].to_numpy(), s=3.0 * size, color=colour, label=name, linewidths=0)
        axis.set_xlabel(TITLES[x])
        axis.set_ylabel(TITLES[y])
        axis.grid(color="#e4e8ec")
        axis.set_axisbelow(True)
    axes[0].legend(frameon=False)
    canvas.suptitle("Barriers: what was tried, and the front")
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
