"""Figures and tables as files of their own: PNG, SVG, CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from gnomon.evaluation.base import SharpeDoubt
from gnomon.reporting.document import Document, Figure, Table
from gnomon.reporting.words import plain

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


def exported(document: Document, forms: Sequence[str]) -> dict[str, bytes]:
    """The bytes by relative name: `figures/<name>.png`, `figures/<name>.svg`, `tables/<name>.csv`.

    The values behind a figure are in `tables/figure_<name>.csv`.
    """
    files: dict[str, bytes] = {}
    for form in ("png", "svg"):
        if form in forms:
            from gnomon.reporting.static import to_picture

            for name, figure in document.figures.items():
                files[f"figures/{name}.{form}"] = to_picture(figure, form)
    if "csv" in forms:
        files |= {f"tables/{name}.csv": table_csv(table) for name, table in document.tables.items()}
        files |= {f"tables/figure_{name}.csv": figure_csv(figure) for name, figure in document.figures.items()}
    return files


def table_csv(table: Table) -> bytes:
    """The table's values, unrounded; a Sharpe ratio with every column of its doubt."""
    rows: list[dict[str, Any]] = []
    for row in table.rows:
        flat: dict[str, Any] = {}
        for column in table.columns:
            value = row.get(column.key)
            if isinstance(value, SharpeDoubt):
                flat |= {name: inner for name, inner in value.row().items() if name not in flat}
            else:
                flat[column.key] = value
        rows.append(flat)
    keys = list(dict.fromkeys(key for row in rows for key in row)) or [column.key for column in table.columns]
    return _csv(keys, [[row.get(key) for key in keys] for row in rows])


def figure_csv(figure: Figure) -> bytes:
    """Every point of the figure: panel, series, x, y, and its standard error where it has one."""
    rows: list[list[Any]] = []
    for panel in figure.panels:
        for mark in panel.marks:
            errors = list(mark.error) or [None] * len(mark.x)
            rows += [[panel.title, mark.name, *point] for point in zip(mark.x, mark.y, errors, strict=True)]
    return _csv(["panel", "series", "x", "y", "standard_error"], rows)


def _csv(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    value = plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        # A name out of the data must not become a formula when the file is opened.
        return f"'{value}"
    return value
