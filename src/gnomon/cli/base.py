"""What every command has: a workspace, `--json`, one way to show results and one way to fail.

A command is a function whose first parameter is a `Session`; `@command(app)` adds `--workspace` and `--json` and hands
the session in. It raises a `GnomonError` to fail; `gnomon.cli.main` prints it and sets the exit code.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from gnomon.core.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.core.errors import GnomonError

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="The workspace folder.", envvar="GNOMON_WORKSPACE", show_default=False)
]
WIDEST = 10_000
"""Columns of the widest table."""
LINE_SECONDS = 15.0
"""Between the lines of progress where no terminal shows a bar."""
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]


@dataclass(frozen=True)
class Session:
    """One invocation: where it works and how it shows what it found."""

    workspace: Path
    json: bool = False

    def emit(
        self,
        data: Mapping[str, Any],
        human: Callable[[Console], None] | None = None,
        *,
        failure: GnomonError | None = None,
    ) -> None:
        """Shows a result: `data` as one JSON object under `--json`, else `human` on a console (or key: value lines).

        A `failure` ends the command after what was found is shown: a gate that was not passed. The one JSON object
        holds it too.
        """
        if self.json:
            told = {} if failure is None else {"error": redact(str(failure)), "exit_code": failure.exit_code}
            text = json.dumps({**data, **told}, default=str, ensure_ascii=False, allow_nan=False)
            sys.stdout.write(text + "\n")
            if failure is not None:
                raise typer.Exit(failure.exit_code)
            return
        from rich.console import Console

        # A file or a pipe has no width; 80 columns would cut names off.
        width = None if sys.stdout.isatty() else 140
        console = Console(soft_wrap=True, highlight=False, width=width)
        if human is not None:
            human(console)
        else:
            facts(console, data)
        if failure is not None:
            raise failure

    @contextmanager
    def progress(self, description: str) -> Iterator[Callable[[str, float], None]]:
        """A progress bar on stderr where that is a terminal, a line now and then elsewhere: `update(text, share)`.

        Work of a few seconds writes no line, so that what a script reads stays as short as the work.
        """
        if self.json or not sys.stderr.isatty():
            yield Lines(sys.stderr)
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(description, total=1.0)
            yield lambda text, fraction: progress.update(task, description=text, completed=fraction)


class Lines:
    """Progress for a log: a line with share, work and time once in `seconds`, none for what takes less."""

    def __init__(
        self, stream: TextIO, *, seconds: float = LINE_SECONDS, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.stream, self.seconds, self.clock = stream, seconds, clock
        self.began = self.told = clock()

    def __call__(self, text: str, fraction: float) -> None:
        """Told what is being done, and the share that is done; says so when it is time."""
        now = self.clock()
        if now - self.told >= self.seconds:
            self.told = now
            minutes, seconds = divmod(int(now - self.began), 60)
            print(f"{minutes}:{seconds:02d}  {fraction:4.0%}  {text}", file=self.stream, flush=True)


def table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "", rule: int = 0
) -> None:
    """Prints a plain table: columns of figures to the right, others to the left; a line after the first `rule` rows."""
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table

    shown = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        cells = [row[index] for row in rows if row[index] is not None and row[index] != ""]
        figures = bool(cells) and all(map(_is_figure, cells))
        # A figure or a moment that is cut in two cannot be read; words can.
        whole = figures or all(len(_cell(cell)) <= 25 for cell in cells)
        least = max(len(word) for word in (column, *map(_cell, cells))) if whole else None
        justify: Literal["left", "right"] = "right" if figures else "left"
        shown.add_column(column, justify=justify, no_wrap=whole, overflow="fold", min_width=least)
    for number, row in enumerate(rows, start=1):
        shown.add_row(*("" if value is None else _cell(value) for value in row), end_section=number == rule)
    needed = Measurement.get(console, console.options.update(width=WIDEST), shown).minimum
    if needed > console.width:
        # A line that a terminal breaks can be read; a figure that lost its last digits is another figure.
        shown.width = needed
    console.print(shown, markup=False)


def facts(console: Console, data: Mapping[str, Any]) -> None:
    """Prints one `key: value` a line, lists and mappings in words."""
    for key, value in data.items():
        console.print(f"{key.replace('_', ' ')}: {_in_words(value)}", markup=False)


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "stage"), count(1200, "stage")
    ('1 stage', '1,200 stages')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_FIGURE = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?( ?(%|bytes|[kMGT]B))?")


def _is_figure(value: object) -> bool:
    if isinstance(value, str):
        return _FIGURE.fullmatch(value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_in_words(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_in_words, value)) or "none"
    return "none" if value is None or value == "" else str(value)


def command(app: typer.Typer, name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: adds a function `f(session, ...)` to `app`, with `--workspace` and `--json` on it."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        hints = typing.get_type_hints(function, include_extras=True)
        own = list(inspect.signature(function).parameters.values())[1:]

        @functools.wraps(function)
        def run(*, workspace: Path, json: bool, **arguments: Any) -> None:
            function(Session(workspace=workspace, json=json), **arguments)

        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters = [p.replace(annotation=hints.get(p.name, p.annotation), kind=keyword) for p in own]
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                *parameters,
                inspect.Parameter("workspace", keyword, default=Path(), annotation=WorkspaceOption),
                inspect.Parameter("json", keyword, default=False, annotation=JsonOption),
            ]
        )
        run.__annotations__ = {p.name: p.annotation for p in run.__signature__.parameters.values()}  # type: ignore[attr-defined]
        app.command(name)(run)
        return function

    return add
