"""`gnomon report`: a run's report in the forms that are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gnomon.cli.base import Session, command
from gnomon.core.errors import ConfigError, unknown

app = typer.Typer(help="Write a run's report.", add_completion=False, rich_markup_mode=None)

FORMS = ("html", "md", "pdf")
EXPORTS = ("png", "svg", "csv")


@command(app)
def report(
    session: Session,
    run_id: Annotated[str, typer.Argument(help="A run's id, the beginning of one, or `latest`.")] = "latest",
    form: Annotated[list[str] | None, typer.Option("--format", "-f", help="html, md or pdf; may be repeated.")] = None,
    export: Annotated[list[str] | None, typer.Option(help="Figures as png or svg, tables as csv.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write; the run's folder by default.")] = None,
) -> None:
    """Write the report of a run, with every try that was made since then counted."""
    from gnomon.pipeline.again import look_again, write_published
    from gnomon.pipeline.published import PUBLISHED
    from gnomon.pipeline.workspace import open_workspace

    forms, exports = form or ["html", "md"], export or []
    for word, known, option in [(w, FORMS, "--format") for w in forms] + [(w, EXPORTS, "--export") for w in exports]:
        if word not in known:
            raise ConfigError(unknown("form", word, known, where=option))
    run = open_workspace(session.workspace).runs.get(run_id)
    overrides = [f"report.formats=[{', '.join(forms)}]", f"report.export=[{', '.join(exports)}]"]
    with session.progress("reporting") as update:
        outcome, executor = look_again(run, session.workspace, key=PUBLISHED, overrides=overrides, progress=update)
        folder = out or run.folder
        written = [
            path
            for only in ("report.", "figures/", "tables/")
            for path in write_published(outcome, executor, folder, only=only)
        ]
    session.emit(
        {"run": run.id, "files": [str(path) for path in written]},
        lambda console: console.print("\n".join(str(path) for path in written), markup=False),
    )
