"""`gnomon features`: what there is, what one is, and the values over bars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="List, show and compute features.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
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
            "default": spec.name in default,
        }
        for spec in sorted(FEATURES.values(), key=lambda spec: (spec.theme, spec.name))
    ]

    def human(console: Console) -> None:
        columns = ("feature", "theme", "outputs", "warm-up bars", "side tables", "default")
        shown = [
            (
                r["feature"],
                r["theme"],
                ", ".join(r["outputs"]),
                r["warmup"],
                ", ".join(r["tables"]),
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

    config = configured(session.workspace)
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
