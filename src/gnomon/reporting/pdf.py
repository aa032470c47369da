"""The report as a PDF of A4 pages, set by matplotlib: no other program, the same bytes for the same content.

What is set here is what a printed report needs: tables that are folded in the page, and the configuration, stay there.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

from gnomon.reporting.base import ReportContent
from gnomon.reporting.colours import LIGHT
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Block, Callout, Code, Document, Facts, Figure, Points, Section, Table, Text
from gnomon.reporting.markdown import cell_text
from gnomon.reporting.static import FONT, draw, inches, styled
from gnomon.reporting.words import NUMERIC, format_value, known

PAGE = (8.27, 11.69)
MARGIN = 0.75
WIDTH = PAGE[0] - 2 * MARGIN
BOTTOM = PAGE[1] - 0.8
BODY, SMALL, TABLE = 9.0, 7.6, 7.4
LEADING = 1.42
WHOLE = 4.5
SHRINK = 0.8
"""Figures are so much smaller than on the page."""
METADATA = {"Creator": "Gnomon", "Producer": "Gnomon", "CreationDate": None, "ModDate": None}
TONES = {"edge": LIGHT["gain"], "none": LIGHT["loss"], "unsure": "#8a6d00", "note": LIGHT["faint"]}


def to_pdf(content: ReportContent | Document) -> bytes:
    """The report as the bytes of a PDF."""
    from matplotlib.backends.backend_pdf import PdfPages

    document = content if isinstance(content, Document) else to_document(content)
    buffer = io.BytesIO()
    with styled(), PdfPages(buffer, metadata={**METADATA, "Title": document.title}) as pages:
        setter = Setter(pages, footer=document.title)
        _cover(setter, document)
        for section in document.sections:
            _section(setter, section)
        setter.close()
    return buffer.getvalue()


class Setter:
    """Sets text, tables and figures down the pages, in inches from the top; a page is written when the next begins."""

    def __init__(self, pages: Any, *, footer: str) -> None:
        self.pages, self.footer, self.number = pages, footer, 0
        self.canvas: Any = None
        self.paper: Any = None
        self.turn()

    def turn(self) -> None:
        """Ends this page, if there is one, and begins the next."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas

        self.close()
        self.canvas = Canvas(figsize=PAGE, facecolor="white")
        FigureCanvasAgg(self.canvas)
        self.paper = self.canvas.add_axes((0.0, 0.0, 1.0, 1.0))
        self.paper.set(xlim=(0.0, PAGE[0]), ylim=(PAGE[1], 0.0))
        self.paper.axis("off")
        self.number += 1
        self.at = MARGIN
        low = PAGE[1] - 0.45
        self.put(shortened(self.footer, SMALL, WIDTH - 1.0), MARGIN, low, size=SMALL, colour="faint")
        self.put(str(self.number), PAGE[0] - MARGIN, low, size=SMALL, colour="faint", side="right")

    def close(self) -> None:
        """Writes the page that is being set."""
        if self.canvas is not None:
            self.pages.savefig(self.canvas)
            self.canvas = None

    def need(self, height: float) -> None:
        """Turns the page when less than so many inches are left on it."""
        if self.at + height > BOTTOM and self.at > MARGIN:
            self.turn()

    def put(
        self, text: str, x: float, y: float, *, size: float, colour: str = "ink", bold: bool = False, side: str = "left"
    ) -> None:
        """One line of text whose base is at y."""
        self.paper.text(
            x,
            y,
            text,
            fontsize=size,
            color=LIGHT.get(colour, colour),
            fontweight="bold" if bold else "normal",
            ha=side,
            va="baseline",
        )

    def words(
        self,
        text: str,
        *,
        size: float = BODY,
        colour: str = "ink",
        bold: bool = False,
        indent: float = 0.0,
        after: float = 0.08,
    ) -> None:
        """A paragraph."""
        step = size / 72.0 * LEADING
        for line in wrapped(text, size, WIDTH - indent, bold=bold):
            self.need(step)
            self.at += step
            self.put(line, MARGIN + indent, self.at - 0.25 * step, size=size, colour=colour, bold=bold)
        self.at += after

    def box(self, x: float, y: float, width: float, height: float, colour: str, *, alpha: float = 1.0) -> None:
        """A filled rectangle."""
        from matplotlib.patches import Rectangle

        self.paper.add_patch(Rectangle((x, y), width, height, facecolor=colour, alpha=alpha, linewidth=0, zorder=0))

    def line(self, y: float, *, weight: float = 0.5, colour: str = "grid") -> None:
        """A line across the page."""
        self.paper.plot((MARGIN, PAGE[0] - MARGIN), (y, y), color=LIGHT[colour], linewidth=weight, zorder=1)


@cache
def _font(*, bold: bool) -> Any:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    # A font of our own: matplotlib sets the size of the ones that it shares while it draws.
    font = FT2Font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    font.set_size(100.0, 72.0)
    return font


@cache
def _advance(character: str, *, bold: bool) -> float:
    """How wide a character is, as a share of the type size."""
    return float(_font(bold=bold).load_char(ord(character)).linearHoriAdvance) / 65536.0 / 100.0


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line is, in inches."""
    return sum(_advance(character, bold=bold) for character in text) * size / 72.0


def wrapped(text: str, size: float, width: float, *, bold: bool = False) -> list[str]:
    """The text in lines of at most so many inches; a word that is wider is cut."""
    lines, line = [], ""
    for word in text.split():
        while width_of(word, size, bold=bold) > width and len(word) > 1:
            room = next((n for n in range(len(word), 1, -1) if width_of(word[:n], size, bold=bold) <= width), 1)
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:room])
            word = word[room:]
        joined = f"{line} {word}".strip()
        if line and width_of(joined, size, bold=bold) > width:
            lines.append(line)
            line = word
        else:
            line = joined
    return [*lines, line] if line or not lines else lines


def shortened(text: str, size: float, width: float) -> str:
    """The first line of the text, with dots where there is more."""
    lines = wrapped(text, size, width)
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"


def _cover(setter: Setter, document: Document) -> None:
    setter.at = MARGIN + 0.1
    setter.words("GNOMON REPORT", size=SMALL, colour="faint", after=0.02)
    setter.words(document.title, size=24.0, bold=True, after=0.04)
    setter.words("  ·  ".join(document.subtitle), colour="faint", after=0.22)
    _callout(setter, document.verdict, size=20.0)


def _callout(setter: Setter, callout: Callout, *, size: float) -> None:
    colour = TONES[callout.tone]
    inner = WIDTH - 0.4
    lines = wrapped(callout.text, BODY + 1.5, inner)
    items = [wrapped(item, BODY, inner - 0.15) for item in callout.items]
    step, big = BODY / 72.0 * LEADING, (BODY + 1.5) / 72.0 * LEADING
    height = 0.35 + size / 72.0 * 1.3 + len(lines) * big + sum(len(item) * step + 0.04 for item in items) + 0.1
    setter.need(height)
    top = setter.at
    setter.box(MARGIN, top, WIDTH, height, colour, alpha=0.07)
    setter.box(MARGIN, top, 0.06, height, colour)
    at = top + 0.12 + size / 72.0
    setter.put(callout.heading, MARGIN + 0.22, at, size=size, colour=colour, bold=True)
    at += 0.1
    for line in lines:
        at += big
        setter.put(line, MARGIN + 0.22, at, size=BODY + 1.5)
    at += 0.1
    for item in items:
        setter.put("•", MARGIN + 0.22, at + step, size=BODY, colour=colour)
        for line in item:
            at += step
            setter.put(line, MARGIN + 0.37, at, size=BODY)
        at += 0.04
    setter.at = top + height + 0.2


def _section(setter: Setter, section: Section) -> None:
    blocks = [block for block in section.blocks if not _left_out(block)]
    if not blocks:
        return
    # A heading stays with the words that begin its section, and with the first table or figure after them.
    first = next((i for i, block in enumerate(blocks) if not isinstance(block, Text)), len(blocks) - 1)
    setter.need(0.9 + min(sum(_height(block) for block in blocks[: first + 1]), 7.0))
    setter.at += 0.12
    setter.words(section.title, size=15.0, bold=True, after=0.02)
    setter.words(section.lead, colour="faint", after=0.12)
    for block in blocks:
        _block(setter, block)


def _left_out(block: Block) -> bool:
    return isinstance(block, Code) or (isinstance(block, Table) and (block.folded or block.name == "versions"))


def _height(block: Block) -> float:
    """How much room a block needs at least, to stay with the heading over it."""
    match block:
        case Figure():
            return SHRINK * inches(block, WIDTH / SHRINK) + 0.5
        case Table():
            return 0.6 + 0.2 * min(len(block.rows), 8)
        case _:
            return 0.7


def _block(setter: Setter, block: Block) -> None:
    match block:
        case Text():
            setter.words(block.text, after=0.14)
        case Points():
            for item in block.items:
                setter.words(f"• {item}", after=0.05)
            setter.at += 0.1
        case Callout():
            _callout(setter, block, size=12.0)
        case Facts():
            _facts(setter, block)
        case Table():
            _table(setter, block)
        case Figure():
            _figure(setter, block)


def _facts(setter: Setter, facts: Facts) -> None:
    across = 4 if len(facts.facts) != 6 else 3
    each = WIDTH / across
    for first in range(0, len(facts.facts), across):
        row = facts.facts[first : first + across]
        setter.need(0.75)
        top = setter.at
        for place, fact in enumerate(row):
            x = MARGIN + place * each
            head, _, rest = format_value(fact.value, fact.form).partition(" (")
            remark = f"({rest}" if rest else fact.remark
            setter.put(fact.name, x, top + 0.14, size=SMALL, colour="faint")
            setter.put(head, x, top + 0.37, size=13.0, bold=True)
            for number, line in enumerate(wrapped(remark, 6.8, each - 0.12)[:2]):
                setter.put(line, x, top + 0.52 + 0.12 * number, size=6.8, colour="faint")
        setter.at = top + 0.78
    setter.at += 0.05


def _figure(setter: Setter, figure: Figure) -> None:
    height = SHRINK * inches(figure, WIDTH / SHRINK)
    note = wrapped(figure.caption, SMALL, WIDTH) if figure.caption else []
    setter.need(height + 0.4 + 0.15 * len(note))
    setter.at += 0.08
    setter.words(figure.title, bold=True, after=0.04)
    draw(figure, setter.canvas, left=MARGIN - 0.1, top=setter.at, width=WIDTH + 0.1, height=height)
    setter.at += height + 0.1
    for line in note:
        setter.words(line, size=SMALL, colour="faint", after=0.0)
    setter.at += 0.12


def _table(setter: Setter, table: Table) -> None:
    texts = [[cell_text(table, row, column.key) for column in table.columns] for row in table.rows]
    heads = [column.title for column in table.columns]
    size, widths = _columns(heads, texts, [column.form in NUMERIC for column in table.columns])
    whole = 0.8 + sum(_row_height(cells, widths, size) for cells in texts)
    # A short table is not torn apart.
    setter.need(whole if whole < WHOLE else 0.75)
    setter.at += 0.06
    setter.words(table.title, bold=True, after=0.03)
    if not table.rows:
        setter.words(table.empty, after=0.14)
        return
    if any(heads):
        _row(setter, table, heads, widths, size, head=True)
    else:
        setter.line(setter.at, weight=0.9, colour="faint")
    most = max((abs(known(row.get(c.key)) or 0.0) for row in table.rows for c in table.columns if c.heat), default=0.0)
    for number, (row, cells) in enumerate(zip(table.rows, texts, strict=True)):
        height = _row_height(cells, widths, size)
        if setter.at + height > BOTTOM:
            setter.turn()
            _row(setter, table, heads, widths, size, head=True)
        shades = [_shade(row.get(c.key), most) if c.heat else None for c in table.columns]
        _row(setter, table, cells, widths, size, strong=number in table.strong, shades=shades)
    setter.at += 0.06
    if table.note:
        setter.words(table.note, size=SMALL, colour="faint", after=0.0)
    setter.at += 0.14


def _shade(value: Any, most: float) -> tuple[str, float] | None:
    number = known(value)
    if not number or most == 0.0:
        return None
    return LIGHT["gain" if number > 0.0 else "loss"], 0.45 * (abs(number) / most) ** 0.6


PAD = 0.12


def _columns(
    heads: Sequence[str], texts: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> tuple[float, list[float]]:
    """A type size and widths at which the table fits: words are wrapped first, then everything gets smaller."""
    size = TABLE
    while True:
        natural = [
            max(
                max(width_of(word, size, bold=True) for word in head.split() or [""]),
                *(width_of(row[i], size, bold=True) for row in texts),
                0.2,
            )
            + PAD
            for i, head in enumerate(heads)
        ]
        fixed = sum(width for width, number in zip(natural, numeric, strict=True) if number)
        words = sum(natural) - fixed
        if fixed + words <= WIDTH:
            spare = (WIDTH - fixed - words) / len(heads)
            return size, [width + spare for width in natural]
        least = sum(min(width, 0.9) for width, number in zip(natural, numeric, strict=True) if not number)
        if fixed + least <= WIDTH or size <= 4.5:
            return size, _squeezed(natural, numeric, max(WIDTH - fixed, least))
        size -= 0.3


def _squeezed(natural: Sequence[float], numeric: Sequence[bool], room: float) -> list[float]:
    """Widths where columns of words share the room: short ones keep what they need, long ones are wrapped."""
    widths, left = list(natural), room
    open_ = sorted((i for i, number in enumerate(numeric) if not number), key=lambda i: natural[i])
    for place, i in enumerate(open_):
        widths[i] = min(natural[i], left / (len(open_) - place))
        left -= widths[i]
    return widths


def _row_height(cells: Sequence[str], widths: Sequence[float], size: float) -> float:
    lines = max(
        len(wrapped(cell, size, width - PAD * 0.8, bold=True)) for cell, width in zip(cells, widths, strict=True)
    )
    return lines * size / 72.0 * 1.3 + 0.075


def _row(
    setter: Setter,
    table: Table,
    cells: Sequence[str],
    widths: Sequence[float],
    size: float,
    *,
    head: bool = False,
    strong: bool = False,
    shades: Sequence[tuple[str, float] | None] = (),
) -> None:
    height, step, x = _row_height(cells, widths, size), size / 72.0 * 1.3, MARGIN
    top = setter.at
    if strong:
        setter.box(MARGIN, top, WIDTH, height, LIGHT["chosen"], alpha=0.07)
    for i, (cell, width, column) in enumerate(zip(cells, widths, table.columns, strict=True)):
        right = column.form in NUMERIC
        if shades and shades[i] is not None:
            colour, alpha = shades[i]  # type: ignore[misc]
            setter.box(x + 0.01, top + 0.01, width - 0.02, height - 0.02, colour, alpha=alpha)
        colour_of = "faint" if head else {"passed": "gain", "failed": "loss"}.get(cell, "ink")
        for number, line in enumerate(wrapped(cell, size, width - PAD * 0.8, bold=True)):
            at = x + width - PAD / 2 if right else x + PAD / 2
            setter.put(
                line,
                at,
                top + (number + 0.78) * step + 0.035,
                size=size,
                colour=colour_of,
                bold=head or strong,
                side="right" if right else "left",
            )
        x += width
    setter.at = top + height
    setter.line(setter.at, weight=0.9 if head else 0.4, colour="faint" if head else "grid")
