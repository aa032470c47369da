"""`gnomon features`: what there is, what one is, the values over bars, and whether any of them looks ahead."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    from rich.console import Console

    from gnomon.features.to_parquet import Compression

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
            "kind": spec.kernel.kind,
            "slow": spec.kernel.kind == "python",
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
                r["kind"] + " (slow)" * r["slow"],
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
            "kind": spec.kernel.kind,
            "slow": spec.kernel.kind == "python",
            "reference": spec.reference,
        }
    )


@command(app)
def compute(
    session: Session,
    out: Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write, or the folder with --folder.")],
    data: Annotated[Path | None, typer.Option(help="Bars; the workspace's data without it.")] = None,
    stamp: Annotated[str, typer.Option(help="What the stamps of --data say: open or close.")] = "close",
    folder: Annotated[bool, typer.Option(help="Write a folder with a file for each chunk of time.")] = False,
    chunk_rows: Annotated[
        int | None, typer.Option(min=1, help="Go through in chunks of so many bars; large files are without it.")
    ] = None,
    compression: Annotated[str, typer.Option(help="lz4 (fast), zstd (small) or none.")] = "lz4",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; all processors without it.")] = None,
) -> None:
    """Compute the configured features over bars, however many, and write them as Parquet."""
    from gnomon.core.errors import ConfigError, unknown
    from gnomon.data.chunks import CHUNK_ROWS, cut_bars
    from gnomon.data.manager import side_tables_of
    from gnomon.features.sets import FeatureSet
    from gnomon.features.to_parquet import COMPRESSIONS, write_features
    from gnomon.pipeline.inputs import configured, load_inputs, open_inputs
    from gnomon.pipeline.stages.features import warn_slow
    from gnomon.pipeline.workspace import load_plugins

    if compression not in COMPRESSIONS:
        raise ConfigError(unknown("compression", compression, COMPRESSIONS, where="--compression"))
    config = configured(session.workspace)
    load_plugins(session.workspace, config.plugins)
    features = FeatureSet.from_config(config.features, tables=tuple(config.data.side_tables))
    warn_slow(features.specs)
    with session.progress("reading bars") as update, contextlib.ExitStack() as stack:
        opened = open_inputs(session.workspace, config, data=data, stamp=stamp, rows=chunk_rows, scratch=out.parent)
        tables: Mapping[str, pl.DataFrame]
        if opened is not None:
            stack.enter_context(opened)
            total, chunks = opened.total, iter(opened)
            tables = side_tables_of(config.data, root=session.workspace.resolve())
        else:
            bars, tables = load_inputs(session.workspace, config, data=data, stamp=stamp)
            total, chunks = bars.height, cut_bars(bars, CHUNK_ROWS)
        missing = write_features(
            features,
            chunks,
            out,
            tables,
            folder=folder,
            compression=cast("Compression", compression),
            threads=threads,
            progress=lambda rows: update("computing features", rows / total),
        )
    found: dict[str, Any] = {
        "path": str(out),
        "rows": missing.rows,
        "features": list(features.outputs),
        "bad_inputs": missing.inputs,
        "rows_without_a_value": missing.affected,
        "without_a_value": missing.outputs,
    }

    def human(console: Console) -> None:
        console.print(f"{missing.rows:,} rows of {len(features.outputs)} features are in {out}", markup=False)
        if missing.inputs:
            told = ", ".join(f"{name} {number:,}" for name, number in missing.inputs.items())
            console.print(f"bad input (missing, NaN or infinite): {told}", markup=False)
        if missing.affected:
            most = sorted(missing.outputs.items(), key=lambda item: -item[1])[:5]
            told = ", ".join(f"{name} {number:,}" for name, number in most)
            console.print(f"{missing.affected:,} rows lack a value after the warm-up; most of all {told}", markup=False)

    session.emit(found, human)


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
    from gnomon.pipeline.stages.features import refuse_outside_frames
    from gnomon.pipeline.workspace import load_plugins

    if cuts != "all" and not (cuts.isdecimal() and cuts.isascii() and 0 < len(cuts) < 10 and int(cuts) > 0):
        raise ConfigError(f"--cuts must be a number of 1 or more, or all, was {cuts!r}")
    config = configured(session.workspace)
    load_plugins(session.workspace, config.plugins)
    with session.progress("reading bars") as update:
        history, tables = load_inputs(session.workspace, config, data=data, stamp=stamp)
        features = FeatureSet.from_config(config.features, tables=tuple(tables))
        wanted = symbols or (24 if features.panel else 4)
        refuse_outside_frames(features.specs)
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
