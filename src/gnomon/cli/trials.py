"""`gnomon trials`: every configuration that was ever scored, and whether any was removed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table
from gnomon.core.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.store.trials import Head

app = typer.Typer(
    help="List and verify every configuration that was ever scored.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@command(app, "list")
def list_(
    session: Session,
    dataset: Annotated[str | None, typer.Option(help="Only the trials on this data set.")] = None,
) -> None:
    """Every trial, with its Sharpe ratio per bar; and for each data set how many tries there were."""
    from gnomon.pipeline.workspace import open_workspace

    ledger = open_workspace(session.workspace).trials
    trials = ledger.trials(dataset)
    sets: list[dict[str, Any]] = [
        {
            "dataset": name,
            "trials": ledger.count(name),
            "effective": ledger.effective_count(name),
            "variance": ledger.variance(name),
        }
        for name in dict.fromkeys(trial.dataset for trial in trials)
    ]

    def human(console: Console) -> None:
        if not trials:
            console.print("No trials yet; `gnomon run` scores some.")
            return
        columns = ("number", "time", "kind", "name", "dataset", "sharpe", "bars")
        headings = ["row", "scored at", "kind", "name", "market", "Sharpe per bar", "bars"]
        table(console, headings, [[_short(getattr(trial, column)) for column in columns] for trial in trials])
        headings = ["market", "trials", "effective trials", "variance of their Sharpe ratios"]
        table(console, headings, [[_short(value) for value in row.values()] for row in sets])

    session.emit({"trials": [asdict(trial) for trial in trials], "datasets": sets}, human)


@command(app)
def verify(
    session: Session,
    head: Annotated[
        list[str] | None, typer.Option(help="A head that a report shows, as COUNT:HASH; may be given several times.")
    ] = None,
) -> None:
    """Read the whole ledger again: chain, head, return series, and the heads that runs have noted.

    Exit 1 when a row was removed or altered.
    """
    from gnomon.pipeline.workspace import open_workspace

    workspace = open_workspace(session.workspace)
    anchors = [_anchor(text) for text in head or []]
    noted = {run.id: found for run in workspace.runs.list() if (found := run.trial_head()) is not None}
    found = workspace.trials.verify([*anchors, *noted.values()])

    def human(console: Console) -> None:
        console.print(f"All right: {count(found.count, 'row')}, the last {found.hash}.", markup=False)
        console.print(f"{count(len(anchors) + len(noted), 'head')} noted by runs and reports lie on its chain.")

    session.emit({"ok": True, "count": found.count, "hash": found.hash, "anchors": len(anchors) + len(noted)}, human)


def _anchor(text: str) -> Head:
    from gnomon.store.trials import Head

    count, _, digest = text.partition(":")
    if not count.isdecimal() or len(digest) != 64:
        raise ConfigError(f"--head {text!r} is not COUNT:HASH, such as 12:{'0' * 8}... with 64 digits")
    return Head(int(count), digest)


def _short(value: object) -> object:
    """Time stamps and hashes, cut for a table."""
    if not isinstance(value, str) or len(value) <= 24:
        return value
    return value[:12] if len(value) == 64 else value[:19]
