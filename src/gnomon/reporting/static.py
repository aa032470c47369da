"""Static twins of the figures, by matplotlib: for PNG, SVG and PDF. The same figure gives the same bytes."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Literal

from gnomon.reporting.colours import LIGHT
from gnomon.reporting.document import Figure, Mark, Panel, Rule

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that the same words are as wide everywhere."""
WIDTH = 9.0
DPI = 144
PIXELS = 96.0
"""Heights of figures are given in CSS pixels, of which an inch has so many."""
SMALL = 7.5
LEGEND_LINE = 0.2
CROWDED = 80
STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": SMALL,
    # A symbol may hold a dollar sign: it is a dollar sign.
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "axes.edgecolor": LIGHT["grid"],
    "axes.labelcolor": LIGHT["faint"],
    "axes.titlesize": 8.5,
    "axes.linewidth": 0.8,
    "xtick.color": LIGHT["faint"],
    "ytick.color": LIGHT["faint"],
    "text.color": LIGHT["ink"],
    "grid.color": LIGHT["grid"],
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.hashsalt": "gnomon",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "path.simplify": True,
}
METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": "Gnomon"}}


@contextmanager
def styled() -> Iterator[None]:
    """The style of the figures, for as long as something is drawn or saved."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def to_picture(figure: Figure, form: Literal["png", "svg"]) -> bytes:
    """The figure as the bytes of a PNG or an SVG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with styled():
        height = inches(figure, WIDTH - 0.2) + 0.45
        canvas = Canvas(figsize=(WIDTH, height), dpi=DPI, facecolor=LIGHT["paper"])
        FigureCanvasAgg(canvas)
        canvas.text(0.14 / WIDTH, 1.0 - 0.16 / height, figure.title, fontsize=10.5, fontweight="bold", va="top")
        draw(figure, canvas, left=0.1, top=0.4, width=WIDTH - 0.2, height=height - 0.45)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=form, metadata=METADATA[form])
    return buffer.getvalue()


def inches(figure: Figure, width: float) -> float:
    """How high the figure is when it is so wide, in inches: square panels are no higher than they are wide."""
    height = figure.height / PIXELS
    if figure.side_by_side and all(panel.square for panel in figure.panels):
        return min(height, width / len(figure.panels) - 0.7 + 0.28 + _below(figure) + 0.1)
    return height


def draw(figure: Figure, canvas: Any, *, left: float, top: float, width: float, height: float) -> None:
    """Draws the panels into a rectangle of the canvas: inches from its left and from its top."""
    whole_width, whole_height = canvas.get_size_inches()
    lines = max((_legend_lines(panel, width)[1] for panel in figure.panels), default=0)
    legend = 0.05 if figure.side_by_side else 0.05 + LEGEND_LINE * lines
    for panel, box in zip(figure.panels, _boxes(figure, width, height - legend), strict=True):
        x, y, w, h = box
        axes = canvas.add_axes(
            (
                (left + x) / whole_width,
                1.0 - (top + legend + y + h) / whole_height,
                w / whole_width,
                h / whole_height,
            )
        )
        _panel(axes, figure, panel, width=w, last=figure.side_by_side or panel is figure.panels[-1])


def _below(figure: Figure) -> float:
    turned = figure.x_form == "text" and any(_crowded(mark.x) for panel in figure.panels for mark in panel.marks)
    return 0.85 if turned else 0.5 if figure.x_title else 0.3


def _crowded(words: Sequence[Any]) -> bool:
    """Whether words under an axis have to be turned to stand beside each other."""
    return sum(len(str(word)) for word in words) > CROWDED


def _boxes(figure: Figure, width: float, height: float) -> list[tuple[float, float, float, float]]:
    """Of each panel: left, top, width and height in inches, without its labels."""
    panels = figure.panels
    words = max((len(str(y)) for p in panels if p.flat for m in p.marks for y in m.y), default=0)
    before = min(0.35 + 0.062 * words, 0.45 * width) if words else 0.72
    below = _below(figure)
    if figure.side_by_side:
        each = width / len(panels)
        above = 0.28
        boxes = [(i * each + 0.55, above, each - 0.7, height - above - below) for i in range(len(panels))]
        if not any(panel.square for panel in panels):
            return boxes
        sides = [min(w, h) for _, _, w, h in boxes]
        return [(x, y, side, side) for (x, y, _, _), side in zip(boxes, sides, strict=True)]
    gap = 0.22
    free = height - below - gap * (len(panels) - 1) - 0.05
    total = sum(panel.height for panel in panels)
    boxes, top = [], 0.05
    for panel in panels:
        share = free * panel.height / total
        boxes.append((before, top, width - before - 0.15, share))
        top += share + gap
    return boxes


def _legend_lines(panel: Panel, width: float) -> tuple[int, int]:
    """How many names stand beside each other in the legend, and on how many lines."""
    names = [len(mark.name) for mark in panel.marks if mark.legend]
    if not names:
        return 1, 0
    beside = max(1, min(len(names), int((width - 0.8) / (0.45 + 0.066 * max(names)))))
    return beside, -(-len(names) // beside)


def _panel(axes: Any, figure: Figure, panel: Panel, *, width: float, last: bool) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=4)
    axes.grid(axis="x" if panel.flat else "both" if _measured(figure) else "y")
    bars = [mark for mark in panel.marks if mark.kind == "bars"]
    for mark in panel.marks:
        if panel.flat:
            _lying(axes, mark)
        elif mark.kind == "bars":
            _standing(axes, mark, figure, place=bars.index(mark), count=len(bars))
        else:
            _points(axes, mark, figure)
    for rule in panel.rules:
        _rule(axes, rule, figure)
    if panel.diagonal:
        axes.plot((0.0, 1.0), (0.0, 1.0), color=LIGHT["faint"], linewidth=0.8, linestyle="--", zorder=1)
    _scales(axes, figure, panel, last=last)
    shown = [mark for mark in panel.marks if mark.legend]
    if shown and figure.side_by_side:
        axes.legend(loc="best", fontsize=SMALL - 0.5)
    elif shown:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=_legend_lines(panel, width + 0.8)[0],
            fontsize=SMALL,
            borderaxespad=0.2,
            handlelength=1.6,
            columnspacing=1.4,
        )


def _measured(figure: Figure) -> bool:
    return figure.x_form not in ("moment", "text")


def _scales(axes: Any, figure: Figure, panel: Panel, *, last: bool) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    across = FuncFormatter(lambda value, _: tick(value, figure.x_form))
    if figure.x_form == "moment":
        locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.margins(x=0.01)
    elif _measured(figure):
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.xaxis.set_major_formatter(across)
    if not panel.flat:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value, panel.form)))
    if panel.square:
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.0)
        axes.set_aspect("equal")
    if figure.side_by_side:
        axes.set_title(panel.title, loc="left", pad=8)
    elif not panel.flat:
        axes.set_ylabel(panel.title)
    if last and figure.x_title:
        axes.set_xlabel(figure.x_title)
    if not last:
        axes.tick_params(labelbottom=False)


def tick(value: float, form: str) -> str:
    """A number beside an axis: as few digits as say it.

    >>> tick(0.025, "percent")
    '2.5%'
    """
    scaled = value * 100.0 if form == "percent" else value
    digits = 0 if abs(scaled) >= 1000.0 else 2 if abs(scaled) >= 0.1 or scaled == 0.0 else 5
    text = f"{scaled:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    text = "0" if text in ("-0", "") else text
    return text.replace("-", "−") + {"percent": "%", "times": "x"}.get(form, "")


def _points(axes: Any, mark: Mark, figure: Figure) -> None:
    colour = LIGHT[mark.role]
    x = _places(mark.x, figure)
    y = [math.nan if value is None else value for value in mark.y]
    if mark.hidden:
        # A picture has no switch: what a reader of the page would have to ask for is drawn thin.
        axes.plot(x, y, color=colour, linewidth=0.7, alpha=0.55, linestyle=":", label=mark.name, zorder=2)
        return
    if mark.kind == "area":
        axes.fill_between(x, y, 0.0, color=colour, alpha=0.16, linewidth=0.0)
        axes.plot(x, y, color=colour, linewidth=0.8, label=mark.name)
    elif mark.kind == "line":
        width = 1.5 if mark.role == "chosen" else 1.0
        point = "o" if len(mark.x) < 12 else None
        style = ":" if mark.dashed else "-"
        order = 4 if mark.role == "chosen" else 3
        axes.plot(
            x,
            y,
            color=colour,
            linewidth=width,
            linestyle=style,
            marker=point,
            markersize=3,
            label=mark.name,
            zorder=order,
        )
    else:
        if mark.error:
            spread = [math.nan if value is None else value for value in mark.error]
            axes.errorbar(x, y, yerr=spread, fmt="none", ecolor=colour, elinewidth=0.9, capsize=2.5)
        if _measured(figure) and mark.joined:
            axes.plot(x, y, color=colour, linewidth=0.9)
        sizes = [width * width / 2.0 for width in mark.widths] or 22.0
        axes.scatter(x, y, s=sizes, color=colour, linewidths=0.0, label=mark.name, zorder=3, clip_on=False)
        if figure.x_form == "text":
            _words(axes, mark.x)


def _standing(axes: Any, mark: Mark, figure: Figure, *, place: int, count: int) -> None:
    colours = [LIGHT[role] for role in mark.roles] or LIGHT[mark.role]
    y = [math.nan if value is None else value for value in mark.y]
    x = _places(mark.x, figure)
    if figure.x_form == "text":
        each = 0.7 / count
        axes.bar([at + (place - (count - 1) / 2.0) * each for at in x], y, width=each, color=colours, label=mark.name)
        axes.axhline(0.0, color=LIGHT["faint"], linewidth=0.7)
        _words(axes, mark.x)
        return
    gaps = sorted(b - a for a, b in itertools.pairwise(x))
    widths = list(mark.widths) or (0.75 * gaps[len(gaps) // 2] if gaps else 1.0)
    edge = {"edgecolor": LIGHT["paper"], "linewidth": 0.4} if mark.widths else {}
    axes.bar(x, y, width=widths, color=colours, label=mark.name, **edge)


def _words(axes: Any, words: Sequence[Any]) -> None:
    axes.set_xticks(range(len(words)), [str(word) for word in words])
    if _crowded(words):
        for text in axes.get_xticklabels():
            text.set(rotation=35, ha="right", rotation_mode="anchor")


def _lying(axes: Any, mark: Mark) -> None:
    colours = [LIGHT[role] for role in mark.roles] or LIGHT[mark.role]
    places = range(len(mark.y))
    if mark.kind == "points":
        if mark.legend:
            # It stands for others in the legend and has no place of its own.
            axes.plot([], [], "o", color=LIGHT[mark.role], markersize=4, label=mark.name)
            return
        for place, span in zip(places, mark.spans, strict=False):
            if span is not None:
                axes.plot(span, (place, place), color=LIGHT["faint"], linewidth=0.9, zorder=2)
        axes.scatter(list(mark.x), list(places), c=colours, s=18.0, zorder=3)
        axes.set_yticks(places, [str(word) for word in mark.y], fontsize=SMALL - 0.5)
        axes.set_ylim(len(mark.y) - 0.4, -0.6)
        return
    axes.barh(places, list(mark.x), height=0.7, color=colours)
    axes.set_yticks(places, [str(word) for word in mark.y], fontsize=SMALL - 0.5)
    axes.set_ylim(len(mark.y) - 0.4, -0.6)
    axes.axvline(0.0, color=LIGHT["faint"], linewidth=0.7)


def _rule(axes: Any, rule: Rule, figure: Figure) -> None:
    if rule.axis == "y":
        axes.axhline(rule.value, color=LIGHT["faint"], linewidth=0.7, zorder=1)
        return
    (at,) = _places([rule.value], figure)
    axes.axvline(at, color=LIGHT["faint"], linewidth=0.9, linestyle="--", zorder=1)
    if rule.label:
        axes.annotate(
            rule.label,
            (at, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL - 0.5,
            color=LIGHT["faint"],
        )


def _places(values: Sequence[Any], figure: Figure) -> list[float]:
    """Where values stand on the x axis."""
    if figure.x_form == "text":
        return [float(place) for place in range(len(values))]
    if figure.x_form != "moment":
        return [float(value) for value in values]
    return [_days(value) for value in values]


def _days(value: datetime | date) -> float:
    """Days since 1970, which is how matplotlib counts."""
    if not isinstance(value, datetime):
        return float((value - date(1970, 1, 1)).days)
    moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return moment.timestamp() / 86400.0
