"""`gnomon init`: a workspace to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gnomon.cli.base import Session, command

app = typer.Typer(help="Write a workspace to edit.", add_completion=False, rich_markup_mode=None)


@command(app)
def init(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="The folder to write; it may exist, but without a gnomon.yaml.")],
) -> None:
    """Write a workspace: gnomon.yaml, an environment and an experiment, ready for `gnomon run`."""
    from gnomon.pipeline.workspace import write_workspace

    written = write_workspace(folder)
    session.emit(
        {"workspace": str(folder), "files": [str(path) for path in written]},
        lambda console: console.print(
            f"A workspace stands in {folder}. Next:\n\n    cd {folder}\n    gnomon run\n\n"
            "Edit gnomon.yaml and run again: only what changed is computed.",
            markup=False,
        ),
    )
