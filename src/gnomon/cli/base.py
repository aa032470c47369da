"""What every command has: a workspace, `--json`, one way to show results and one way to fail.

A command is a function whose first parameter is a `Session`; `@command(app)` adds `--workspace` and `--json` and hands
the session in. It raises a `GnomonError` to fail; `gnomon.cli.main` prints it and sets the exit code.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", help="The workspace folder.", envvar="GNOMON_WORKSPACE", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")]


@dataclass(frozen=True)
class Session:
    """One invocation: where it works and how it shows what it found."""

    workspace: Path
    json: bool = False

    def emit(self, data: Mapping[str, Any], human: Callable[[Console], None] | None = None) -> None:
        """Shows a result: `data` as one JSON object under `--json`, else `human` on a console (or key: value lines)."""
        if self.json:
            sys.stdout.write(json.dumps(data, default=str, ensure_ascii=False, allow_nan=False) + "\n")
            return
        from rich.console import Console

        # A file or a pipe has no width; 80 columns would cut names off.
        width = None if sys.stdout.isatty() else 140
        console = Console(soft_wrap=True, highlight=False, width=width)
        if human is not None:
            human(console)
        else:
            for key, value in data.items():
                console.print(f"{key}: {value}", markup=False)

    @contextmanager
    def progress(self, description: str) -> Iterator[Callable[[str, float], None]]:
        """A progress bar on stderr where that is a terminal; yields `update(text, fraction)`."""
        if self.json or not sys.stderr.isatty():
            yield lambda _text, _fraction: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(description, total=1.0)
            yield lambda text, fraction: progress.update(task, description=text, completed=fraction)


def table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Prints a plain table: numbers to the right, text to the left."""
    from rich import box
    from rich.table import Table

    shown = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, column in enumerate(columns):
        numeric = any(_is_figure(row[index]) for row in rows)
        shown.add_column(column, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in rows:
        shown.add_row(*("" if value is None else _cell(value) for value in row))
    console.print(shown, markup=False)


def _is_figure(value: object) -> bool:
    if isinstance(value, str):
        return value[:1].isdigit() or (value[:1] == "-" and value[1:2].isdigit())
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


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
