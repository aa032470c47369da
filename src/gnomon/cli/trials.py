"""`gnomon trials`: every configuration that was ever scored, and whether any was removed."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table
from gnomon.core.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.store.trials import Head, Trial

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
        columns = ("number", "time", "kind", "name", "dataset", "sharpe", "standard_error", "bars")
        headings = ["row", "scored at", "kind", "name", "market", "Sharpe per bar", "+/-", "bars"]
        table(console, headings, [[_short(row[column]) for column in columns] for row in shown])
        console.print("+/-: the standard error. How far the best of so many is luck, the report of a run says.")
        headings = ["market", "trials", "effective trials", "variance of their Sharpe ratios"]
        table(console, headings, [[_short(value) for value in row.values()] for row in sets])

    shown = [{**asdict(trial), "standard_error": _error(trial)} for trial in trials]
    session.emit({"trials": shown, "datasets": sets}, human)


def _error(trial: Trial) -> float | None:
    """The standard error of its Sharpe ratio per bar; None where there is none, or too few bars to tell."""
    from gnomon.metrics.significance import sharpe_standard_error

    moments = (trial.sharpe, trial.bars, trial.skew, trial.kurtosis)
    if any(value is None or not math.isfinite(value) for value in moments):
        return None
    sharpe, bars, skew, kurtosis = moments
    found = sharpe_standard_error(sharpe, n=bars, skew=skew, kurtosis=kurtosis) if bars > 1 else math.nan  # type: ignore[arg-type, operator]
    return found if math.isfinite(found) else None


@command(app)
def verify(
    session: Session,
    head: Annotated[
        list[str] | None, typer.Option(help="A head that a report shows, as COUNT:HASH; may be given several times.")
    ] = None,
) -> None:
    """Read the whole ledger again: chain, head, return series, and the heads that runs have noted.

    Exit 1 when a row was removed or altered.

    Example: gnomon trials verify
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
