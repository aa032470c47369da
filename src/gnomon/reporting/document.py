"""A report as a value: sections of text, tables and figures, made once and then written as HTML, Markdown or PDF.

Nothing in here knows how it will look. So each form of the report says the same, and a rule that holds for the document
(no Sharpe ratio without its doubt) holds for all of them: a Sharpe ratio can only be shown by a column or a fact of the
form "sharpe", whose value is a `SharpeDoubt`, or in a figure whose marks carry an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gnomon.evaluation.base import SharpeDoubt
from gnomon.reporting.words import FORMS

Tone = Literal["edge", "none", "unsure", "note"]


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Callout:
    """What a reader may not miss. `tone`: edge, none (no edge), unsure (too short to tell), note."""

    tone: Tone
    heading: str
    text: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One figure that stands alone, with its name and a remark."""

    name: str
    value: Any
    form: str = "text"
    remark: str = ""

    def __post_init__(self) -> None:
        refuse_bare(self.name, self.form, [self.value])


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A few figures side by side."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table: the key of its values in a row, its heading and their form (see `words.FORMS`).

    `heat`: cells are shaded by their value, from the smallest to the largest around 0.
    """

    key: str
    title: str
    form: str = "text"
    heat: bool = False
    help: str = ""

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"column {self.key!r}: form {self.form!r} is not one of {', '.join(FORMS)}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under columns; a value that a row lacks is empty. `name` is the file of its CSV.

    `strong`: the rows that matter most. `folded`: shown on request, as reference. A column of the form "own" leaves the
    form of each cell to its row, which names it under the key `form`.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    note: str = ""
    strong: frozenset[int] = frozenset()
    folded: bool = False
    empty: str = "Nothing to show."

    def __post_init__(self) -> None:
        for column in self.columns:
            values = [row.get(column.key) for row in self.rows]
            refuse_bare(f"{self.name}.{column.key}", column.form, [value for value in values if value is not None])

    def form(self, row: Mapping[str, Any], column: Column) -> str:
        """The form of a cell: the column's, or the row's where the column leaves it to the rows (form "own")."""
        return str(row.get("form", "text")) if column.form == "own" else column.form


@dataclass(frozen=True, kw_only=True)
class Code:
    """Text that is shown as it is."""

    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something drawn in a panel: a line, an area under a line, bars, or points.

    `x`: moments, numbers or words; `y`: numbers, None where there is a gap. `role` names a colour (see `colours`).
    `error`: a standard error at each point. `spans`: the ends of an interval at each point of a flat panel, None where
    there is none. `hidden`: drawn when the reader asks for it. `widths`: of bars, in x.
    """

    kind: Literal["line", "area", "bars", "points"]
    name: str
    x: Sequence[Any]
    y: Sequence[float | None]
    role: str = "chosen"
    dashed: bool = False
    hidden: bool = False
    error: Sequence[float | None] = ()
    widths: Sequence[float] = ()
    roles: Sequence[str] = ()
    legend: bool = True
    spans: Sequence[tuple[float, float] | None] = ()
    joined: bool = True
    """Whether points are joined by a line, where x is a scale: not where several stand at what is one place."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A straight line across a panel at a value of `axis`, with a few words."""

    axis: Literal["x", "y"]
    value: Any
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One system of axes. `height`: its share of the figure.

    `form`: of the y values (percent, ratio, ...); marks in a panel of the form "sharpe" need their standard errors.
    """

    title: str
    marks: tuple[Mark, ...]
    form: str = "number"
    height: float = 1.0
    rules: tuple[Rule, ...] = ()
    diagonal: bool = False
    square: bool = False
    flat: bool = False
    """Bars and points lie: `y` are words from the top down, `x` are numbers."""

    def __post_init__(self) -> None:
        for mark in self.marks:
            if self.form == "sharpe" and len(mark.error) != len(mark.y):
                raise ValueError(f"panel {self.title!r}: the Sharpe ratios of {mark.name!r} need their standard errors")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Panels below or beside each other. `alt` says in words what is to be seen.

    `x_form`: of the x values: moment, day, percent, bps, number, text. `side_by_side`: panels stand in a row and have
    their own x. `log`: the first panel can be switched to a logarithmic scale. `span`: the reader can zoom to spans.
    """

    name: str
    title: str
    alt: str
    panels: tuple[Panel, ...]
    x_title: str = ""
    x_form: str = "number"
    height: int = 360
    side_by_side: bool = False
    log: bool = False
    span: bool = False
    caption: str = ""


Block = Text | Points | Callout | Facts | Table | Code | Figure


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the report. `lead` says in a sentence what it is for."""

    name: str
    title: str
    lead: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole report. `subtitle`: what was judged, in short lines; `verdict` stands above everything."""

    title: str
    subtitle: tuple[str, ...]
    verdict: Callout
    sections: tuple[Section, ...]

    @property
    def tables(self) -> dict[str, Table]:
        """Every table, by name."""
        return {block.name: block for block in self._blocks() if isinstance(block, Table)}

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure, by name."""
        return {block.name: block for block in self._blocks() if isinstance(block, Figure)}

    def _blocks(self) -> list[Block]:
        return [block for section in self.sections for block in section.blocks]


def refuse_bare(where: str, form: str, values: Sequence[Any]) -> None:
    """Raises TypeError where a Sharpe ratio would be shown that is not a `SharpeDoubt`."""
    bare = [value for value in values if (form == "sharpe") != isinstance(value, SharpeDoubt)]
    if form == "sharpe" and bare:
        raise TypeError(f"{where}: a Sharpe ratio is shown from its SharpeDoubt only, was {bare[0]!r}")
    if form != "sharpe" and any(isinstance(value, SharpeDoubt) for value in values):
        raise TypeError(f"{where}: a SharpeDoubt is shown by the form 'sharpe', was {form!r}")
