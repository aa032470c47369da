"""Figures for plotly, as plain JSON: data and layout only, drawn in the browser by the page's own short script.

Colours stand as `role:<name>` and are resolved there, so that one figure serves light, dark and print. Long lists of
moments that several lines share are kept once, as `{"shared": number}`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gnomon.reporting.document import Figure, Mark, Panel, Rule

DIGITS = 6
GAP = 0.09
TICKS = {
    "percent": {"tickformat": ",.2~%"},
    "ratio": {"tickformat": ",.2~f"},
    "sharpe": {"tickformat": ",.2~f"},
    "price": {"tickformat": ",.4~g"},
    "number": {"tickformat": ",.4~g"},
    "integer": {"tickformat": ",d"},
    "times": {"tickformat": ",.2~f", "ticksuffix": "x"},
    "bps": {"tickformat": ",.1~f"},
}
WHOLE = 12
"""An axis of whole numbers that is no longer has a tick at each."""
HOVER = {
    "percent": ",.2%",
    "ratio": ",.2f",
    "sharpe": ",.2f",
    "price": ",.2f",
    "number": ",.5~g",
    "integer": ",d",
    "times": ",.2f",
    "bps": ",.1f",
}


@dataclass
class Shared:
    """The lists that figures of one page have in common."""

    lists: list[list[Any]] = field(default_factory=list)
    _known: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def keep(self, values: list[Any]) -> Any:
        """A short reference to the list, or the list itself where it is short."""
        if len(values) < 50:
            return values
        key = tuple(values)
        if key not in self._known:
            self._known[key] = len(self.lists)
            self.lists.append(values)
        return {"shared": self._known[key]}


def to_plotly(figure: Figure, shared: Shared | None = None) -> list[dict[str, Any]]:
    """The figure as plotly figures: one, or one a panel where panels stand side by side."""
    shared = Shared() if shared is None else shared
    if figure.side_by_side:
        return [_one(figure, (panel,), shared, title=panel.title) for panel in figure.panels]
    return [_one(figure, figure.panels, shared)]


def _one(figure: Figure, panels: Sequence[Panel], shared: Shared, *, title: str = "") -> dict[str, Any]:
    data: list[dict[str, Any]] = []
    legend = any(mark.legend for panel in panels for mark in panel.marks)
    layout: dict[str, Any] = {
        "height": figure.height,
        "showlegend": legend,
        "hovermode": "x unified" if figure.x_form == "moment" else "closest",
        "barmode": "group",
        "shapes": [],
        "annotations": [],
    }
    bottom = len(panels)
    for number, (panel, (low, high)) in enumerate(zip(panels, _domains(panels), strict=True), 1):
        suffix = "" if number == 1 else str(number)
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        data += [{**_trace(mark, panel, figure, shared), **axes} for mark in panel.marks]
        last = number == bottom
        layout[f"xaxis{suffix}"] = _x_axis(figure, panel, suffix, last=last)
        layout[f"yaxis{suffix}"] = _y_axis(panel, suffix, (low, high), named=not title)
        for rule in panel.rules:
            _draw_rule(layout, rule, suffix)
        if panel.diagonal:
            layout["shapes"].append(_line(suffix, (0.0, 1.0), (0.0, 1.0)))
    if title:
        layout["title"] = {"text": _words(title)}
    return {"data": data, "layout": layout}


def _domains(panels: Sequence[Panel]) -> list[tuple[float, float]]:
    """From the bottom and to the top of each panel, the first on top."""
    free = 1.0 - GAP * (len(panels) - 1)
    total = sum(panel.height for panel in panels)
    found, top = [], 1.0
    for panel in panels:
        low = top - free * panel.height / total
        found.append((round(max(low, 0.0), 4), round(top, 4)))
        top = low - GAP
    return found


def _x_axis(figure: Figure, panel: Panel, suffix: str, *, last: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"anchor": f"y{suffix}", "showgrid": panel.flat or figure.x_form not in ("moment", "text")}
    form = figure.x_form
    if panel.flat:
        axis |= {**TICKS.get(form, {}), "zeroline": True}
    elif form == "moment":
        axis |= {"type": "date", "hoverformat": "%-d %b %Y" if _daily(panel) else "%-d %b %Y %H:%M"}
        if suffix:
            axis["matches"] = "x"
        if not last:
            axis["showticklabels"] = False
    elif form == "text":
        axis |= {"type": "category"}
    else:
        axis |= TICKS.get(form, {})
        places = [x for mark in panel.marks for x in mark.x if x is not None]
        if form == "integer" and places and max(places) - min(places) < WHOLE:
            # Left to itself the axis has ticks between whole numbers, and calls them by the next one.
            axis["dtick"] = 1
    if panel.square:
        axis |= {"range": [0, 1], "constrain": "domain"}
    if last and figure.x_title:
        axis["title"] = {"text": _words(figure.x_title)}
    return axis


def _y_axis(panel: Panel, suffix: str, domain: tuple[float, float], *, named: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"anchor": f"x{suffix}", "domain": list(domain)}
    if panel.flat:
        return {**axis, "type": "category", "autorange": "reversed", "showgrid": False, "automargin": True}
    axis |= TICKS.get(panel.form, {})
    if panel.square:
        axis |= {"range": [0, 1], "constrain": "domain", "scaleanchor": f"x{suffix}"}
    if named:
        axis["title"] = {"text": _words(panel.title)}
    return axis


def _trace(mark: Mark, panel: Panel, figure: Figure, shared: Shared) -> dict[str, Any]:
    colour = f"role:{mark.role}"
    x = [_value(value) for value in mark.x]
    if figure.x_form == "moment":
        x = shared.keep(_moments(mark.x))
    trace: dict[str, Any] = {
        "name": _words(mark.name),
        "x": x,
        "y": [_value(value) for value in mark.y],
        "showlegend": mark.legend,
    }
    if mark.hidden:
        trace["visible"] = "legendonly"
    hover, name = HOVER.get(panel.form, ""), _words(mark.name)
    trace["hovertemplate"] = f"%{{y:{hover}}}" if hover else "%{y}"
    if mark.kind == "bars":
        trace |= {"type": "bar", "marker": {"color": [f"role:{role}" for role in mark.roles] or colour}}
        if mark.widths:
            trace["width"] = [_value(width) for width in mark.widths]
        if panel.flat:
            trace["orientation"] = "h"
            trace["hovertemplate"] = f"%{{y}}: %{{x:{HOVER.get(figure.x_form, '')}}}<extra></extra>"
    elif mark.kind == "points":
        sizes = [_value(width) for width in mark.widths] or 9
        colours = [f"role:{role}" for role in mark.roles] or colour
        trace |= {"type": "scatter", "mode": "markers", "marker": {"color": colours, "size": sizes}}
        if panel.flat:
            trace |= _lying(mark, HOVER.get(figure.x_form, ""))
        elif figure.x_form != "text" and mark.joined:
            trace["mode"] = "lines+markers"
            trace["line"] = {"color": colour, "width": 1.2}
    else:
        trace |= {
            "type": "scatter",
            "mode": "lines",
            "line": {"color": colour, "width": 2 if mark.role == "chosen" else 1.4},
        }
        if mark.dashed:
            trace["line"]["dash"] = "dot"
        if mark.kind == "area":
            trace |= {"fill": "tozeroy", "fillcolor": f"role:{mark.role}:soft", "line": {"color": colour, "width": 1.2}}
        if len(mark.x) < 12:
            trace["mode"] = "lines+markers"
    if mark.error:
        trace["error_y"] = {
            "type": "data",
            "array": [_value(value) for value in mark.error],
            "color": colour,
            "thickness": 1.2,
            "width": 4,
        }
        trace["hovertemplate"] = f"%{{y:{hover}}} ± %{{error_y.array:{hover}}}"
    if figure.x_form != "moment" and not panel.flat:
        at = HOVER.get(figure.x_form)
        trace["hovertemplate"] = (
            (f"%{{x:{at}}}: " if at else "%{x}: ") + trace["hovertemplate"] + f"<extra>{name}</extra>"
        )
    return trace


def _lying(mark: Mark, form: str) -> dict[str, Any]:
    """Points beside words, with the interval of each along its value."""
    spans = mark.spans or [None] * len(mark.x)
    said = [f" ({span[0]:.4g} to {span[1]:.4g})" if span else "" for span in spans]
    return {
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_value(span[1] - x) if span else 0 for x, span in zip(mark.x, spans, strict=True)],
            "arrayminus": [_value(x - span[0]) if span else 0 for x, span in zip(mark.x, spans, strict=True)],
            "color": "role:faint",
            "thickness": 1.2,
            "width": 3,
        },
        "customdata": said,
        "hovertemplate": f"%{{y}}: %{{x:{form}}}%{{customdata}}<extra></extra>",
    }


def _draw_rule(layout: dict[str, Any], rule: Rule, suffix: str) -> None:
    value = _value(rule.value)
    if rule.axis == "y":
        layout["shapes"].append(_line(suffix, (0, 1), (value, value), x_domain=True, solid=True))
        return
    layout["shapes"].append(_line(suffix, (value, value), (0, 1), y_domain=True))
    if rule.label:
        layout["annotations"].append(
            {
                "xref": f"x{suffix}",
                "yref": f"y{suffix} domain",
                "x": value,
                "y": 1,
                "yanchor": "bottom",
                "showarrow": False,
                "text": _words(rule.label),
                "font": {"size": 12, "color": "role:faint"},
            }
        )


def _line(
    suffix: str,
    x: tuple[Any, Any],
    y: tuple[Any, Any],
    *,
    x_domain: bool = False,
    y_domain: bool = False,
    solid: bool = False,
) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": f"x{suffix} domain" if x_domain else f"x{suffix}",
        "yref": f"y{suffix} domain" if y_domain else f"y{suffix}",
        "x0": x[0],
        "x1": x[1],
        "y0": y[0],
        "y1": y[1],
        "layer": "below",
        "line": {"color": "role:faint", "width": 1, "dash": "solid" if solid else "dash"},
    }


def _daily(panel: Panel) -> bool:
    """Whether no two points of a panel share a day."""
    stamps = max((mark.x for mark in panel.marks), key=len, default=[])
    days = {stamp.date() if isinstance(stamp, datetime) else stamp for stamp in stamps}
    return len(days) == len(stamps)


def _moments(stamps: Sequence[Any]) -> list[str]:
    daily = len({stamp.date() if isinstance(stamp, datetime) else stamp for stamp in stamps}) == len(stamps)
    return [
        f"{stamp:%Y-%m-%d}" if daily or not isinstance(stamp, datetime) else f"{stamp:%Y-%m-%d %H:%M}"
        for stamp in stamps
    ]


def _value(value: Any) -> Any:
    """A number with as many digits as can be seen, None where there is none, text that is no markup."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    return _words(str(value))


def _words(text: str) -> str:
    """Text in which plotly finds neither its own markup nor, between dollar signs, a formula."""
    return html.escape(text).replace("$", "&#36;")
