"""`gnomon train`: fits models and keeps what each leaves, without trading or judging any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table
from gnomon.cli.run import ConfigOption, EnvironmentOption, ExperimentOption, SetOption

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Fit models, without trading or judging them.", add_completion=False, rich_markup_mode=None)
SHOWN = ("log_loss", "skill", "fold_log_loss", "fold_log_loss_error", "valid_ic", "fold_ic", "fold_ic_error")


@command(app)
def train(
    session: Session,
    models: Annotated[
        list[str] | None, typer.Argument(help="Names of configured models; all without any.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    env: EnvironmentOption = None,
    experiment: ExperimentOption = None,
    set_: SetOption = None,
) -> None:
    """Fit models up to the choice among them. No test row is judged; `gnomon run` goes on from here.

    Example: gnomon train lightgbm --set training.horizon=5
    """
    from gnomon.pipeline.training import train_models
    from gnomon.pipeline.workspace import open_workspace

    workspace = open_workspace(
        session.workspace, config_file=config, environment=env, experiment=experiment, overrides=set_ or ()
    )
    with session.progress("planning") as update:
        found = train_models(workspace, models or (), progress=update)
    rows: list[dict[str, Any]] = [
        {
            "model": one.name,
            "type": one.model_type,
            "rows": one.rows,
            "valid_rows": one.valid_rows,
            "iterations": one.iterations,
            "best_iteration": one.best_iteration,
            "scores": dict(one.scores),
            "notes": list(one.notes),
            "chosen": one.chosen,
            "artifact": one.version,
            "folder": str(one.folder),
            "files": list(one.files),
        }
        for one in found
    ]

    def human(console: Console) -> None:
        shown = [name for name in SHOWN if any(name in row["scores"] for row in rows)]
        columns = ("model", "rows", "valid rows", "iterations", "best", *(name.replace("_", " ") for name in shown))
        cells = [
            (
                row["model"] + (" (chosen)" if row["chosen"] and len(rows) > 1 else ""),
                f"{row['rows']:,}",
                f"{row['valid_rows']:,}",
                row["iterations"],
                "the last" if row["best_iteration"] is None else row["best_iteration"],
                *(None if (value := row["scores"].get(name)) is None else f"{value:.4f}" for name in shown),
            )
            for row in rows
        ]
        table(console, columns, cells)
        for row in rows:
            console.print(f"{row['artifact']}: {row['folder']}", markup=False, soft_wrap=True)
            console.print(f"  {', '.join(row['files'])}", markup=False)

    session.emit({"models": rows}, human)
