"""`gnomon labels`: what the bars are labelled, and barriers looked for in the training rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl
    from rich.console import Console

    from gnomon.config.models import PipelineConfig
    from gnomon.labels.triple_barrier import TripleBarrier

app = typer.Typer(
    help="Show labels, and look for better barriers in the training rows.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@command(app)
def show(
    session: Session,
    data: Annotated[Path | None, typer.Option(help="Bars; the workspace's data without it.")] = None,
    stamp: Annotated[str, typer.Option(help="What the stamps of --data say: open or close.")] = "close",
    examples: Annotated[int, typer.Option(help="How many of the latest decided labels to show.", min=0)] = 5,
) -> None:
    """Label the bars as configured: how many of each class at each horizon, what they weigh, and some examples."""
    import polars as pl

    from gnomon.labels.base import LABELERS
    from gnomon.pipeline.inputs import configured, load_inputs

    config = configured(session.workspace)
    labeler = LABELERS.from_config(config.labels, where="labels")
    with session.progress("labelling"):
        bars, _ = load_inputs(session.workspace, config, data=data, stamp=stamp)
        labels = labeler.label(bars)
    known = pl.col("label").is_not_null()
    weight = pl.col("weight").filter(known)
    horizons: list[dict[str, Any]] = (
        labels.group_by("horizon")
        .agg(
            pl.len().alias("rows"),
            *(
                (pl.col("label") == value).sum().alias(name)
                for value, name in ((-1, "short"), (0, "flat"), (1, "long"))
            ),
            pl.col("label").is_null().sum().alias("undecided"),
            weight.mean().alias("mean_weight"),
            weight.sum().alias("sum_of_weights"),
            pl.col("forward_return").abs().mean().alias("mean_move"),
        )
        .sort("horizon")
        .to_dicts()
    )
    latest = labels.filter(known).sort("label_end", "symbol", "horizon").tail(examples).to_dicts()

    def human(console: Console) -> None:
        kind = config.labels["kind"]
        console.print(f"{len(labels):,} labels of {bars.height:,} bars by {kind}.", markup=False)
        headings = ("horizon", "short", "flat", "long", "undecided", "mean weight", "sum of weights", "mean move")
        keys = ("horizon", "short", "flat", "long", "undecided", "mean_weight", "sum_of_weights", "mean_move")
        table(console, headings, [[row[key] for key in keys] for row in horizons])
        if latest:
            table(console, list(latest[0]), [[_short(value) for value in row.values()] for row in latest])

    session.emit({"labeler": dict(config.labels), "horizons": horizons, "examples": latest}, human)


@command(app)
def optimize(
    session: Session,
    trials: Annotated[
        int, typer.Option(help="How many settings to try; each is written into the trials.", min=1)
    ] = 100,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A plot of the front: .html or .png.")] = None,
) -> None:
    """Look for barriers by a genetic algorithm (NSGA-II), in the training part of the split alone.

    Every try is a row of the trial ledger. Nothing is changed: the settings to write into gnomon.yaml are shown.
    """
    from dataclasses import asdict

    from gnomon.labels.front import check_form, draw_front
    from gnomon.labels.optimize import BarrierTrial, optimize_barriers
    from gnomon.pipeline.inputs import load_inputs
    from gnomon.pipeline.trial_record import market_of
    from gnomon.pipeline.workspace import open_workspace

    workspace = open_workspace(session.workspace)
    config = workspace.config
    labeler = _barriers(config)
    if out is not None:
        check_form(out)
    with session.progress("looking for barriers") as update:
        bars, _ = load_inputs(session.workspace, config)
        train_end = _training_end(bars, labeler, config)
        market, ledger = market_of(bars["symbol"].unique().to_list(), _frequency(bars, config)), workspace.trials

        def record(trial: BarrierTrial) -> None:
            settings = {"kind": config.labels["kind"], **asdict(trial.labeler)}
            ledger.append(
                dataset=market,
                config={"labels": settings, "train_end": train_end.isoformat()},
                name=f"barriers {trial.number}",
                kind="labels",
                metrics=trial.scores,
            )
            update(f"trial {trial.number + 1} of {trials}", (trial.number + 1) / trials)

        found = optimize_barriers(
            bars, train_end=train_end, labeler=labeler, trials=trials, seed=config.seed, record=record
        )
        if out is not None:
            draw_front(found, out)
    chosen = {name: getattr(found.labeler, name) for name in ("upper", "lower", "volatility_span")}
    front = found.front.to_dicts()

    def human(console: Console) -> None:
        console.print(
            f"{trials} settings tried on bars up to {train_end:%Y-%m-%d %H:%M} UTC, the training part; "
            f"{len(front)} of them are beaten by none. Each is a row of the trials.",
            markup=False,
        )
        ordered = sorted(front, key=lambda row: -float(row["balance"]))
        table(console, [name.replace("_", " ") for name in front[0]], [list(row.values()) for row in ordered])
        settings = ", ".join(f"{name}: {value:.4g}" for name, value in chosen.items())
        console.print(f"Nearest to the best of all three is trial {found.chosen}; in gnomon.yaml:", markup=False)
        console.print(f"  labels: {{kind: triple_barrier, {settings}}}", markup=False)
        if out is not None:
            console.print(f"The front is drawn in {out}.", markup=False)

    session.emit(
        {
            "chosen": chosen,
            "trial": found.chosen,
            "train_end": train_end.isoformat(),
            "trials": trials,
            "front": front,
            "path": None if out is None else str(out),
        },
        human,
    )


def _barriers(config: PipelineConfig) -> TripleBarrier:
    from gnomon.core.errors import ConfigError
    from gnomon.labels.base import LABELERS
    from gnomon.labels.triple_barrier import TripleBarrier

    labeler = LABELERS.from_config(config.labels, where="labels")
    if not isinstance(labeler, TripleBarrier):
        raise ConfigError(
            f"labels.kind = {config.labels['kind']!r} has no barriers to look for; set it to triple_barrier"
        )
    return labeler


def _training_end(bars: pl.DataFrame, labeler: TripleBarrier, config: PipelineConfig) -> datetime:
    """The last training row that comes before everything that is judged by, in validation or test.

    A label counts as ending at its horizon, whatever the prices do: so no price can move the training end.
    """
    from datetime import UTC, datetime, timedelta

    import numpy as np
    import polars as pl

    from gnomon.core.errors import ConfigError
    from gnomon.labels.table import refuse_long_horizons, sorted_bars
    from gnomon.samples.base import UNKNOWN_END
    from gnomon.splits.base import SPLITTERS

    bars = sorted_bars(bars)
    refuse_long_horizons(labeler.horizons, bars)
    end = pl.col("timestamp").shift(-max(labeler.horizons)).over("symbol").to_physical().fill_null(UNKNOWN_END)
    rows = bars.select("timestamp", label_end=end)
    known_at = rows["timestamp"].to_physical().to_numpy()
    # Of several folds the one that judges first: what lies before its judging lies before that of all.
    judged, train = min(
        (
            (int(known_at[np.concatenate([fold.valid, fold.test])].min()), fold.train)
            for fold in SPLITTERS.from_config(config.split, where="split").split(known_at, rows["label_end"].to_numpy())
        ),
        key=lambda fold: fold[0],
    )
    before = known_at[train][known_at[train] < judged]
    if not before.size:
        raise ConfigError(
            f"split.kind = {config.split['kind']!r} judges by the first bars there are, so that no part of the history "
            "is for training alone; use holdout or another split that goes forward in time"
        )
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(before.max()))


def _frequency(bars: pl.DataFrame, config: PipelineConfig) -> str:
    from gnomon.data.calendars import infer_frequency

    return config.data.frequency or infer_frequency(bars)


def _short(value: object) -> object:
    from datetime import datetime

    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value
