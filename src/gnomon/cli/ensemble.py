"""`gnomon ensemble`: whom an ensemble listens to, what each member adds, and how they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table
from gnomon.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

app = typer.Typer(help="Look into an ensemble.", add_completion=False, rich_markup_mode=None)


@command(app)
def ensemble(
    session: Session,
    model: Annotated[str, typer.Argument(help="A candidate's name, an artifact (`name` or `name:version`), a folder.")],
) -> None:
    """An ensemble's members: weights, log loss out of fold, contributions and diversity.

    Example: gnomon ensemble stack
    """
    from gnomon.models.ensemble import Ensemble
    from gnomon.pipeline.prediction import find_model

    trained, origin = find_model(session.workspace, model)
    if not isinstance(trained.model, Ensemble):
        raise ConfigError(
            f"{origin} is a {trained.meta.model_type}, not an ensemble; one is made by `model_type: ensemble` with "
            "`params: {members: [...]}` in gnomon.yaml"
        )
    about = trained.model.about
    data = {"model": origin, "horizon": trained.model.horizon, **about}
    session.emit(data, lambda console: _show(console, origin, about))


def _show(console: Console, origin: str, about: Mapping[str, Any]) -> None:
    out, losses = about["out_of_fold"], about["out_of_fold"]["log_loss"]
    console.print(
        f"{origin}: {about['method']} of {len(about['contributions'])} members, on {out['rows']:,} rows out of fold "
        f"({out['folds']} purged folds).\n",
        markup=False,
    )
    rows = [
        [
            row["member"],
            *map(_figure, (about["weights"][row["member"]], losses[row["member"]])),
            *map(_figure, (row["alone"], row["without"], row["shapley"])),
        ]
        for row in about["contributions"]
    ]
    rows.append(["together", "", _figure(losses["ensemble"]), "", "", ""])
    table(console, ("member", "weight", "log loss", "skill alone", "lost without it", "shapley"), rows)
    if "regimes" in about:
        members = [row["member"] for row in about["contributions"]]
        table(
            console,
            ("regime", *members),
            [[regime, *(_figure(weights[m]) for m in members)] for regime, weights in about["regimes"].items()],
        )
    columns = ("a", "b", "correlation", "disagreement", "q_statistic", "double_fault")
    table(console, columns, [[row[c] if c in "ab" else _figure(row[c]) for c in columns] for row in about["diversity"]])
    for member, why in about["dropped"].items():
        console.print(f"left out: {member}, {why}", markup=False)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
