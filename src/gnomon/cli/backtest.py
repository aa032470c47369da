"""`gnomon backtest`: a person's own signals through the same ledger, costs, tests and counting as any model's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gnomon.cli.base import Session, command

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Trade your own signals through the ledger.", add_completion=False, rich_markup_mode=None)


@command(app)
def backtest(
    session: Session,
    forecasts: Annotated[
        Path,
        typer.Option(
            "--forecasts",
            help="Parquet or CSV: timestamp (a bar's close, with its zone), symbol, and `target` (a signed fraction of "
            "equity) or probability_short, probability_flat, probability_long and horizon.",
        ),
    ],
    data: Annotated[Path | None, typer.Option(help="Bars; the workspace's data without it.")] = None,
    stamp: Annotated[str, typer.Option(help="What the stamps of --data say: open or close.")] = "close",
    name: Annotated[str, typer.Option(help="What the strategy is called.")] = "signals",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A folder for equity, fills and the report.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-s", help="One value, a.b=c; may be repeated.")] = None,
) -> None:
    """Trade signals with costs, judge the account, count it as a try."""
    from gnomon.cli.run import show_verdict
    from gnomon.pipeline.signals import backtest_signals

    with session.progress("trading") as update:
        result = backtest_signals(
            session.workspace,
            forecasts,
            data=data,
            stamp=stamp,
            name=name,
            out=out,
            overrides=set_ or (),
            progress=update,
        )

    def human(console: Console) -> None:
        show_verdict(console, result, what="Your signals")
        for reason in result["reasons"]:
            console.print(f"- {reason}", markup=False)
        for path in result["files"]:
            console.print(path, markup=False)

    session.emit(result, human)
