"""`gnomon demo`: real market data in the box, to an honest report, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gnomon.cli.base import Session, command, count

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Real market data in the box, to an honest report, in one go.", add_completion=False, rich_markup_mode=None
)

FOLDER = Path("gnomon-demo")
"""Where the demo works when no workspace is named."""


@command(app)
def demo(session: Session) -> None:
    """Take the real daily S&P 500 and NASDAQ (1999-2018) from bars to a report. Nothing is downloaded."""
    from gnomon.cli.run import show_verdict
    from gnomon.pipeline.model_pipeline import ModelPipeline
    from gnomon.pipeline.workspace import CONFIG_FILE, open_workspace, write_workspace

    folder = FOLDER if session.workspace == Path() else session.workspace
    if not (folder / CONFIG_FILE).exists():
        write_workspace(folder, project="demo")
    with session.progress("planning") as update:
        context = ModelPipeline(workspace=open_workspace(folder)).run(progress=update)
    summary = context.summary()

    def human(console: Console) -> None:
        rows = context.get_metadata("source")
        what = "Real daily bars" if rows["source"] == "embedded" else "Bars"
        models = count(len(context.outcome.plan.setup.config.candidates()), "model")
        console.print(
            f"{what} of {' and '.join(rows['symbols'])}, {rows['start'][:10]} to {rows['end'][:10]}: "
            f"{rows['rows']:,} of them, checked; features and labels made; {models} trained on rows whose labels end "
            "before those they are judged on; forecasts traded with costs.",
            markup=False,
        )
        if summary.get("candidates"):
            show_verdict(console, summary)
        for form, path in summary["reports"].items():
            console.print(f"Report ({form}): {path}", markup=False)
        console.print(f"Now edit {folder / CONFIG_FILE} and run: {program()} run --workspace {folder}", markup=False)

    session.emit(summary, human)


def program() -> str:
    """What a person types to call Gnomon: the bare name, or its path where the environment is not activated."""
    import os
    import shutil
    import sys

    called = Path(sys.argv[0])
    return "gnomon" if shutil.which("gnomon") or called.name != "gnomon" else os.path.relpath(called)
