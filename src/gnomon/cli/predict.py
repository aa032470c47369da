"""`gnomon predict`: forecasts of a trained model on a person's bars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Forecast with a trained model.", add_completion=False, rich_markup_mode=None)


@command(app)
def predict(
    session: Session,
    model: Annotated[str, typer.Argument(help="A candidate's name, an artifact (`name` or `name:version`), a folder.")],
    data: Annotated[Path | None, typer.Option(help="Bars; the workspace's data without it.")] = None,
    stamp: Annotated[str, typer.Option(help="What the stamps of --data say: open or close.")] = "close",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A Parquet or CSV file for the forecasts.")] = None,
    last: Annotated[int | None, typer.Option(help="Only the last N forecasts of each symbol.", min=1)] = None,
) -> None:
    """Forecast with a trained model: probabilities of short, flat and long at each bar's close."""
    from gnomon.pipeline.inputs import configured
    from gnomon.pipeline.prediction import find_model, forecast_bars, write_table

    with session.progress("forecasting"):
        trained, origin = find_model(session.workspace, model)
        config = configured(session.workspace)
        frame = forecast_bars(trained, session.workspace, config, data=data, stamp=stamp)
        if last is not None:
            frame = frame.group_by("symbol", maintain_order=True).tail(last)
        if out is not None:
            write_table(frame, out)

    def human(console: Console) -> None:
        shown = frame.group_by("symbol", maintain_order=True).tail(1)
        console.print(f"{frame.height:,} forecasts {trained.meta.horizon} bars ahead, by {origin}.", markup=False)
        rows = [
            (r["symbol"], str(r["timestamp"]), r["probability_short"], r["probability_flat"], r["probability_long"])
            for r in shown.head(20).to_dicts()
        ]
        table(console, ("symbol", "last known at", "short", "flat", "long"), rows)
        if out is not None:
            console.print(f"All of them are in {out}.", markup=False)

    session.emit(
        {
            "model": origin,
            "horizon": trained.meta.horizon,
            "rows": frame.height,
            "path": None if out is None else str(out),
            "last": frame.group_by("symbol", maintain_order=True).tail(1).to_dicts(),
        },
        human,
    )
