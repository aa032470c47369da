"""`gnomon honesty`: the probes themselves put on trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Put the probes themselves on trial.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.callback()
def group() -> None:
    """Put the probes themselves on trial."""


@command(app)
def leaks(
    session: Session,
    cuts: Annotated[int, typer.Option(min=1, help="Moments after which the future is changed.")] = 64,
) -> None:
    """Plant every known kind of leak: all must be found, clean work let pass; exit 4 when one is missed or accused."""
    from gnomon.core.errors import GateError
    from gnomon.honesty.corpus import run_corpus

    with session.progress("planting leaks") as update:
        report = run_corpus(cuts, progress=update)
    failure = None
    try:
        report.raise_wrong()
    except GateError as error:
        failure = error
    rows: list[dict[str, Any]] = [
        {
            "case": verdict.case.name,
            "kind": verdict.case.kind,
            "probe": verdict.case.finder,
            "leaks": verdict.case.leaks,
            "found": verdict.found,
            "evidence": verdict.evidence,
        }
        for verdict in report.verdicts
    ]
    found = {
        "planted": report.planted,
        "found": report.planted - len(report.missed),
        "missed": list(report.missed),
        "clean": report.clean,
        "false_alarms": list(report.false_alarms),
        "cases": rows,
    }

    def human(console: Console) -> None:
        shown = [
            (row["case"], row["kind"], row["probe"], "found" if row["found"] else "MISSED")
            for row in rows
            if row["leaks"]
        ]
        table(console, ("planted leak", "kind", "probe", "verdict"), shown)
        console.print(
            f"{found['found']} of {count(report.planted, 'planted leak')} found; "
            f"{len(report.false_alarms)} of {report.clean} pieces of clean work accused",
            markup=False,
        )

    session.emit(found, human, failure=failure)
