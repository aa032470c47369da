"""Draws the two diagrams of the architecture pages as SVG: the path of the data, and the floors.

The floors and the wall are read from the import linter's contracts in `pyproject.toml`, the rooms and what each is for
from `src/gnomon`; so the pictures cannot say what the linter does not hold. `--check` fails when the committed
pictures are not the ones that would be drawn now.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "architecture"

INK, SOFT, LINE, PAPER, CARD = "#1f2733", "#5b6675", "#9aa5b4", "#fbfaf7", "#ffffff"
LIVE, LIVE_FILL = "#0f766e", "#e3f4f1"
AHEAD, AHEAD_FILL = "#b45309", "#fdf0dc"
PLAIN, PLAIN_FILL = "#475569", "#eef1f5"
STYLE = f"""\
  text {{ font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: {INK}; }}
  .title {{ font-size: 22px; font-weight: 650; }}
  .lead {{ font-size: 13.5px; fill: {SOFT}; }}
  .name {{ font-size: 15px; font-weight: 620; }}
  .later {{ opacity: .62; }}
  .note {{ font-size: 12px; fill: {SOFT}; }}
  .band {{ font-size: 11.5px; fill: {SOFT}; letter-spacing: .08em; }}
  .arrow {{ fill: none; stroke: {LINE}; stroke-width: 1.8; }}
  .again {{ fill: none; stroke: {LINE}; stroke-width: 1.8; stroke-dasharray: 5 5; }}"""


@dataclass(frozen=True)
class Look:
    """How a room or a value is drawn, by what it may do."""

    edge: str
    fill: str
    word: str


LOOKS = {
    "live": Look(LIVE, LIVE_FILL, "runs live: cannot see ahead"),
    "ahead": Look(AHEAD, AHEAD_FILL, "looks ahead on purpose, behind the wall"),
    "plain": Look(PLAIN, PLAIN_FILL, "neither"),
}
PLANNED = {
    "ui": "A local web dashboard",
    "honesty": "Null markets, planted signals and leaks: whole pipelines put on trial",
    "deployment": "Promote, deploy, roll back",
    "live": "The session loop, feeds, journal, brokers",
    "serving": "The HTTP service",
    "packaging": "Manifest, signature, archive",
    "monitoring": "Metrics, drift, alerts",
}
"""What rooms are for that are not built yet; the others say it themselves."""


@dataclass(frozen=True)
class Contracts:
    """What the import linter holds: floors from the top, and the two sides of the wall."""

    floors: tuple[tuple[str, ...], ...]
    live: frozenset[str]
    ahead: frozenset[str]

    def side(self, room: str) -> str:
        """On which side of the wall a room stands."""
        return "live" if room in self.live else "ahead" if room in self.ahead else "plain"


def read_contracts(pyproject: Path) -> Contracts:
    """The contracts "floors" and "wall" of pyproject.toml."""
    tool = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"]
    contracts = {contract["id"]: contract for contract in tool["contracts"]}
    floors = tuple(tuple(re.findall(r"\w+", floor)) for floor in contracts["floors"]["layers"])
    wall = contracts["wall"]
    return Contracts(
        floors,
        frozenset(name.removeprefix("gnomon.") for name in wall["source_modules"]),
        frozenset(name.removeprefix("gnomon.") for name in wall["forbidden_modules"]),
    )


def purpose(room: str) -> str | None:
    """What a room is for: the first sentence of its package, None where it is not built yet."""
    init = ROOT / "src" / "gnomon" / room / "__init__.py"
    if not init.is_file():
        return None
    text = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
    # A sentence ends at a full stop that a blank or the end follows.
    return re.split(r"\.(?:\s|$)", " ".join(text.split()), maxsplit=1)[0]


class Canvas:
    """Collects SVG elements."""

    def __init__(self, width: int, height: int, title: str, lead: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []
        self.text(36, 46, title, "title")
        self.text(36, 70, lead, "lead")

    def text(self, x: float, y: float, text: str, style: str, *, anchor: str = "start") -> None:
        """One line of text; `y` is its base line."""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>')

    def box(self, x: float, y: float, width: float, height: float, look: Look, *, built: bool = True) -> None:
        """A rounded box; dashed and empty for what is not built yet."""
        rest = f'fill="{look.fill}"' if built else f'fill="{CARD}" stroke-dasharray="4 4" stroke-opacity=".55"'
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9" '
            f'stroke="{look.edge}" stroke-width="1.3" {rest}/>'
        )

    def path(self, steps: str, style: str = "arrow", *, head: bool = True) -> None:
        """A line along SVG path steps, with an arrow head at its end."""
        marker = ' marker-end="url(#head)"' if head else ""
        self.parts.append(f'<path d="{steps}" class="{style}"{marker}/>')

    def legend(self, x: float, y: float, looks: Sequence[Look]) -> None:
        """What the colours mean, in one row."""
        for look in looks:
            self.parts.append(
                f'<rect x="{x:g}" y="{y - 11:g}" width="15" height="15" rx="4" '
                f'fill="{look.fill}" stroke="{look.edge}"/>'
            )
            self.text(x + 22, y + 1, look.word, "note")
            x += 44 + 6.1 * len(look.word)

    def svg(self) -> str:
        """The whole picture."""
        body = "\n".join(f"  {part}" for part in self.parts)
        return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" \
height="{self.height}" role="img" aria-label="{escape(self.title)}">
  <style>
{STYLE}
  </style>
  <defs>
    <marker id="head" viewBox="0 0 10 10" refX="8.6" refY="5" markerWidth="8" markerHeight="8" orient="auto">
      <path d="M 0.5 1 L 9 5 L 0.5 9 z" fill="{LINE}"/>
    </marker>
  </defs>
  <rect width="{self.width}" height="{self.height}" rx="16" fill="{PAPER}"/>
{body}
</svg>
"""


def draw_floors(contracts: Contracts) -> str:
    """The house: each floor stands on those below it and may import only them."""
    left, top, width, floor_height, gap = 36, 96, 860, 62, 7
    height = top + len(contracts.floors) * (floor_height + gap) + 52
    canvas = Canvas(
        984,
        height,
        "The floors",
        "Each floor imports only the floors below it; rooms on one floor do not import each other.",
    )
    y = top
    for rooms in contracts.floors:
        room_width = (width - gap * (len(rooms) - 1)) / len(rooms)
        for index, room in enumerate(rooms):
            draw_room(
                canvas, room, contracts.side(room), left + index * (room_width + gap), y, room_width, floor_height
            )
        y += floor_height + gap
    arrow_x = left + width + 34
    canvas.path(f"M {arrow_x} {top + 6} V {y - gap - 4}")
    middle = (top + y) / 2
    canvas.parts.append(
        f'<text transform="translate({arrow_x + 22} {middle:g}) rotate(90)" class="band" '
        'text-anchor="middle">IMPORTS GO DOWN</text>'
    )
    canvas.legend(left, y + 22, [LOOKS["live"], LOOKS["ahead"]])
    canvas.text(left + 520, y + 23, "A dashed room is planned and not built yet.", "note")
    return canvas.svg()


def draw_room(canvas: Canvas, room: str, side: str, x: float, y: float, width: float, height: float) -> None:
    """One room: its name, and what it is for in at most two lines."""
    about = purpose(room)
    later = "" if about is not None else " later"
    canvas.box(x, y, width, height, LOOKS[side], built=about is not None)
    wide = width > 600
    lines = textwrap.wrap(about or PLANNED.get(room, ""), int((width - (150 if wide else 26)) / 6.0))
    if len(lines) > 2:
        lines = [lines[0], lines[1].rsplit(" ", 1)[0].rstrip(" ,;:") + " ..."]
    if wide:
        canvas.text(x + 16, y + height / 2 + 5, room, "name" + later)
        start = y + height / 2 + 4.5 - 7.5 * (len(lines) - 1)
        for number, line in enumerate(lines):
            canvas.text(x + 132, start + 15 * number, line, "note" + later)
    else:
        first = y + (height - 17 - 14 * len(lines)) / 2 + 15
        canvas.text(x + 14, first, room, "name" + later)
        for number, line in enumerate(lines):
            canvas.text(x + 14, first + 16 + 14 * number, line, "note" + later)


@dataclass(frozen=True)
class Stop:
    """One stop on the path: a value, what it holds, and the room that makes it."""

    name: str
    note: tuple[str, ...]
    room: str
    column: float
    row: float


STOPS = (
    Stop("source", ("file, database,", "API, synthetic"), "data", 0, 0),
    Stop("bars", ("stamped when they", "became knowable"), "data", 1, 0),
    Stop("checked bars", ("refused, or repaired", "as configured"), "data", 2, 0),
    Stop("features", ("one column each,", "NaN until warm"), "features", 3, -0.5),
    Stop("labels", ("-1, 0, 1, and when", "each became known"), "labels", 3, 0.5),
    Stop("samples", ("arrays x, y,", "label ends, weights"), "samples", 4, 0),
    Stop("folds", ("purged by label end,", "then embargo"), "splits", 5, 0),
    Stop("model", ("any family,", "one contract"), "models", 6, 0),
    Stop("forecast", ("probability of short,", "flat, long"), "samples", 6, 1.75),
    Stop("targets", ("signed fraction", "of equity"), "execution", 5, 1.75),
    Stop("guardrails", ("limits that may", "replace targets"), "execution", 4, 1.75),
    Stop("ledger", ("fills at the next open,", "fees, spread, slippage"), "execution", 3, 1.75),
    Stop("equity", ("cash and positions", "marked at each close"), "simulation", 2, 1.75),
    Stop("evaluation", ("benchmarks, doubt,", "every trial counted"), "evaluation", 1, 1.75),
    Stop("report", ("figures, tables,", "what was run"), "reporting", 0, 1.75),
    Stop("gate", ("thresholds,", "significance"), "evaluation", 0, 3.25),
    Stop("package", ("signed,", "verified on load"), "packaging", 1, 3.25),
    Stop("deployment", ("direct, canary,", "shadow, rollback"), "deployment", 2, 3.25),
    Stop("live session", ("the same features", "and the same ledger"), "live", 3, 3.25),
    Stop("journal", ("every order, fill", "and reason"), "live", 4, 3.25),
    Stop("monitoring", ("drift, alerts,", "metrics"), "monitoring", 5, 3.25),
    Stop("a reason", ("to start", "a new run"), "pipeline", 6, 3.25),
)
STEP, WIDE, TALL, LEFT, TOP = 168, 142, 72, 36, 148


def draw_path(contracts: Contracts) -> str:
    """The path of the data: one way, and a new run where something was learnt."""
    known = {room for floor in contracts.floors for room in floor}
    if strangers := {stop.room for stop in STOPS} - known:
        raise SystemExit(f"rooms on the path that no floor has: {', '.join(sorted(strangers))}")
    height = TOP + int(3.25 * 104) + TALL + 96
    canvas = Canvas(
        1222,
        height,
        "The path of the data",
        "One way. The only loop is that a finding gives a reason to start a new run.",
    )
    for row, word in ((0, "RESEARCH"), (1.75, "TRADE ON PAST BARS"), (3.25, "TRADE ON COMING BARS")):
        # The last band's first stop is entered from above, so its word stands beside the arrow.
        canvas.text(LEFT + (WIDE / 2 + 14 if row == 3.25 else 0), _y(row) - (50 if row == 0 else 14), word, "band")
    for stop in STOPS:
        draw_stop(canvas, stop, contracts.side(stop.room))
    at = {stop.name: stop for stop in STOPS}
    for first, second in (
        ("source", "bars"), ("bars", "checked bars"), ("samples", "folds"), ("folds", "model"),
        ("gate", "package"), ("package", "deployment"), ("deployment", "live session"), ("live session", "journal"),
        ("journal", "monitoring"), ("monitoring", "a reason"),
    ):  # fmt: skip
        canvas.path(f"M {_x(at[first].column) + WIDE + 3} {_middle(at[first].row)} H {_x(at[second].column) - 3}")
    for first, second in (
        ("forecast", "targets"), ("targets", "guardrails"), ("guardrails", "ledger"), ("ledger", "equity"),
        ("equity", "evaluation"), ("evaluation", "report"),
    ):  # fmt: skip
        canvas.path(f"M {_x(at[first].column) - 3} {_middle(at[first].row)} H {_x(at[second].column) + WIDE + 3}")
    fork, join = _x(2) + WIDE, _x(4)
    for branch in ("features", "labels"):
        y = _middle(at[branch].row)
        canvas.path(f"M {fork + 3} {_middle(0)} C {fork + 16} {_middle(0)} {fork + 6} {y} {_x(3) - 3} {y}")
        canvas.path(f"M {_x(3) + WIDE + 3} {y} C {join - 6} {y} {join - 16} {_middle(0)} {join - 3} {_middle(0)}")
    canvas.path(f"M {_x(6) + WIDE / 2} {_y(0) + TALL + 3} V {_y(1.75) - 3}")
    canvas.path(f"M {_x(0) + WIDE / 2} {_y(1.75) + TALL + 3} V {_y(3.25) - 3}")
    # The new run goes round outside, so that no arrow seems to point back.
    right, bottom = _x(6) + WIDE, _y(3.25) + TALL + 24
    canvas.path(
        f"M {right - WIDE / 2} {_y(3.25) + TALL + 3} V {bottom - 10} q 0 10 -10 10 H 28 q -10 0 -10 -10 "
        f"V {_middle(0) + 10} q 0 -10 10 -10 H {_x(0) - 3}",
        "again",
    )
    canvas.legend(LEFT, height - 24, [LOOKS["live"], LOOKS["ahead"]])
    canvas.text(LEFT + 520, height - 23, "A dashed stop is planned and not built yet.", "note")
    return canvas.svg()


def draw_stop(canvas: Canvas, stop: Stop, side: str) -> None:
    """One stop: name, two lines of what it holds."""
    x, y = _x(stop.column), _y(stop.row)
    canvas.box(x, y, WIDE, TALL, LOOKS[side], built=purpose(stop.room) is not None)
    canvas.text(x + WIDE / 2, y + 24, stop.name, "name", anchor="middle")
    for number, line in enumerate(stop.note):
        canvas.text(x + WIDE / 2, y + 43 + 15 * number, line, "note", anchor="middle")


def _x(column: float) -> float:
    return LEFT + column * STEP


def _y(row: float) -> float:
    return TOP + row * 104


def _middle(row: float) -> float:
    return _y(row) + TALL / 2


def drawings() -> dict[Path, str]:
    """Both pictures by their file."""
    contracts = read_contracts(ROOT / "pyproject.toml")
    return {OUT / "path.svg": draw_path(contracts), OUT / "floors.svg": draw_floors(contracts)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draws, or with `--check` tells which committed picture is stale; 1 when one is."""
    parser = argparse.ArgumentParser(description="Draws docs/architecture/*.svg.")
    parser.add_argument("--check", action="store_true", help="fail when a committed picture is stale")
    check = parser.parse_args(arguments).check
    stale = []
    for path, svg in drawings().items():
        if path.is_file() and path.read_text(encoding="utf-8") == svg:
            continue
        if check:
            stale.append(path.relative_to(ROOT))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(svg, encoding="utf-8")
    for path in stale:
        print(f"{path} is stale; run python tools/diagrams.py and commit it")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
