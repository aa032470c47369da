"""`gnomon features`: what there is, what one is, the values over bars, and whether any of them looks ahead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="List, show, compute and probe features.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@command(app, "list")
def list_(session: Session) -> None:
    """Every registered feature, by theme."""
    from gnomon.features.registry import FEATURES

    default = set(FEATURES.default_names())
    rows: list[dict[str, Any]] = [
        {
            "feature": spec.name,
            "theme": spec.theme,
            "outputs": list(spec.outputs),
            "units": spec.units,
            "warmup": spec.warmup,
            "tables": list(spec.tables),
            "cross_sectional": spec.cross_sectional,
            "default": spec.name in default,
        }
        for spec in sorted(FEATURES.values(), key=lambda spec: (spec.theme, spec.name))
    ]

    def human(console: Console) -> None:
        columns = ("feature", "theme", "outputs", "warm-up bars", "side tables", "sees", "default")
        shown = [
            (
                r["feature"],
                r["theme"],
                ", ".join(r["outputs"]),
                r["warmup"],
                ", ".join(r["tables"]),
                "all symbols" if r["cross_sectional"] else "one symbol",
                "yes" * r["default"],
            )
            for r in rows
        ]
        table(console, columns, shown)

    session.emit({"features": rows}, human)


@command(app)
def show(session: Session, name: Annotated[str, typer.Argument(help="A feature's name.")]) -> None:
    """One feature: inputs, parameters, units, warm-up, reference."""
    from gnomon.features.registry import FEATURES

    spec = FEATURES.create(name)
    session.emit(
        {
            "feature": spec.name,
            "theme": spec.theme,
            "inputs": list(spec.inputs),
            "outputs": list(spec.outputs),
            "params": dict(spec.params),
            "units": spec.units,
            "warmup": spec.warmup,
            "tables": list(spec.tables),
            "cross_sectional": spec.cross_sectional,
            "kernel": spec.kernel.name,
            "reference": spec.reference,
        }
    )


@command(app)
def compute(
    session: Session,
    out: Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")],
    data: Annotated[Path | None, typer.Option(help="Bars; the workspace's data without it.")] = None,
    stamp: Annotated[str, typer.Option(help="What the stamps of --data say: open or close.")] = "close",
) -> None:
    """Compute the configured features over bars and write them as Parquet."""
    from gnomon.core.files import atomic_path
    from gnomon.features.sets import FeatureSet
    from gnomon.pipeline.inputs import configured, load_inputs
    from gnomon.pipeline.workspace import load_plugins

    config = configured(session.workspace)
    load_plugins(session.workspace, config.plugins)
    with session.progress("reading bars") as update:
        bars, tables = load_inputs(session.workspace, config, data=data, stamp=stamp)
        features = FeatureSet.from_config(config.features, tables=tuple(tables))
        update("computing features", 0.3)
        frame = features.compute(bars, tables)
        update("writing", 0.9)
        with atomic_path(out) as temporary:
            frame.write_parquet(temporary)
    facts: dict[str, Any] = {"path": str(out), "rows": frame.height, "features": list(features.outputs)}
    session.emit(
        facts,
        lambda console: console.print(
            f"{frame.height:,} rows of {len(features.outputs)} features are in {out}", markup=False
        ),
    )


@command(app)
def probe(
    session: Session,
    data: Annotated[Path | None, typer.Option(help="Bars; the workspace's data without it.")] = None,
    stamp: Annotated[str, typer.Option(help="What the stamps of --data say: open or close.")] = "close",
    cuts: Annotated[str, typer.Option(help="Moments after which the future is changed; all tries every bar.")] = "64",
    bars: Annotated[int, typer.Option(min=2, help="Bars of each symbol, the last ones.")] = 3000,
    symbols: Annotated[
        int | None,
        typer.Option(min=1, help="Symbols, those with most bars; 4, or 24 where features see all at once."),
    ] = None,
) -> None:
    """Probe the configured features, plug-ins included, for look-ahead; exit 4 names feature, row and cut."""
    from gnomon.core.errors import ConfigError, GateError
    from gnomon.data.probe import probe_lookahead, recent_bars
    from gnomon.features.sets import FeatureSet
    from gnomon.pipeline.inputs import configured, load_inputs
    from gnomon.pipeline.workspace import load_plugins

    if cuts != "all" and not (cuts.isdecimal() and cuts.isascii() and 0 < len(cuts) < 10 and int(cuts) > 0):
        raise ConfigError(f"--cuts must be a number of 1 or more, or all, was {cuts!r}")
    config = configured(session.workspace)
    load_plugins(session.workspace, config.plugins)
    with session.progress("reading bars") as update:
        history, tables = load_inputs(session.workspace, config, data=data, stamp=stamp)
        features = FeatureSet.from_config(config.features, tables=tuple(tables))
        wanted = symbols or (24 if features.panel else 4)
        sample = recent_bars(history, max(bars, 2 * features.warmup), symbols=wanted)
        report = probe_lookahead(
            lambda part, side: features.compute(part, side),
            sample,
            "all" if cuts == "all" else int(cuts),
            tables=tables,
            progress=lambda fraction: update("probing", fraction),
        )
    owners = {output: spec.name for spec in features.specs for output in spec.outputs}
    failure = None
    try:
        report.raise_leaks(owners)
    except GateError as error:
        failure = error
    found: dict[str, Any] = {
        "features": len(features.specs),
        "columns": len(report.columns),
        "bars": sample.height,
        "symbols": sample["symbol"].n_unique(),
        "cuts": len(report.cuts),
        "runs": report.runs,
        "without_a_value": list(report.empty),
        "leaks": [{"feature": owners[row["column"]], **row} for row in report.to_frame().to_dicts()],
    }

    def human(console: Console) -> None:
        counted = f"{len(report.columns)} columns of {len(features.specs)} features on {sample.height:,} bars"
        console.print(f"{counted}, {len(report.cuts)} cuts: {len(report.leaks)} look ahead", markup=False)
        if report.empty:
            console.print(f"without a value, so nothing was seen: {', '.join(report.empty)}", markup=False)

    session.emit(found, human, failure=failure)
