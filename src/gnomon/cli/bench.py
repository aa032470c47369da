"""`gnomon bench`: models compared on data sets, into a catalogue; and what the catalogue says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table
from gnomon.core.errors import ConfigError, unknown

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from gnomon.config.models import PipelineConfig
    from gnomon.pipeline.catalogue.base import Catalogue

app = typer.Typer(
    help="Compare models on data sets, into a catalogue.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

CatalogueOption = Annotated[
    Path | None, typer.Option("--catalogue", help="Another file than .gnomon/catalogue/models.parquet.")
]
LUCK = ("data_set", "asset_class", "label", "horizon", "trials", "pbo", "spa_pvalue", "adjusted")
"""Of the best on each data set, what is said of luck."""
COSTS = ("execution.fee_bps=1", "execution.half_spread_bps=1", "execution.slippage_bps=1")
"""What trading costs where no workspace says so: without costs every comparison flatters those who trade most."""


@app.callback()
def group() -> None:
    """Compare models on data sets, into a catalogue."""


@command(app)
def models(
    session: Session,
    families: Annotated[str, typer.Option(help="Families of models, with commas; all by default.")] = "",
    models: Annotated[str, typer.Option(help="Models, with commas; all by default.")] = "",
    horizons: Annotated[str, typer.Option(help="Bars ahead, with commas.")] = "5,20",
    depths: Annotated[str, typer.Option(help="Layers or levels, with commas, for models that have them.")] = "",
    data: Annotated[
        str,
        typer.Option(
            help="Data sets, with commas: sp500, nasdaq, synthetic, workspace, files of bars, as in "
            "crypto:btc.parquet?stamp=open&frequency=4h, or a YAML file that declares data sets."
        ),
    ] = "sp500,nasdaq,synthetic",
    sizes: Annotated[
        list[str] | None,
        typer.Option("--size", help="A field of the models' configs, such as epochs=2; may be repeated."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Each model's own sizes instead of small ones.")] = False,
    symbols: Annotated[int | None, typer.Option(min=1, help="At most so many symbols of each data set.")] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="At most so many bars of each data set, the latest.")] = None,
    resume: Annotated[bool, typer.Option("--resume/--again", help="Skip what the catalogue holds already.")] = True,
    catalogue: CatalogueOption = None,
) -> None:
    """Fit every model at every depth and horizon on every data set, and add what each did to the catalogue.

    All have the workspace's features, labels, split, sizing and costs in common. Each one that is scored counts as a
    try in the trial ledger. What was interrupted goes on with what is missing.

    Example: gnomon bench models --families boosting,neural --depths 1,2 --data sp500,nasdaq --rows 4000
    """
    from gnomon.core.clock import SystemClock
    from gnomon.pipeline.catalogue.data_sets import find_data_sets
    from gnomon.pipeline.catalogue.grid import SMALL, candidates, depth_field, left_out
    from gnomon.pipeline.catalogue.sweep import Sweep
    from gnomon.pipeline.trial_record import trial_ledger

    config = _config(session.workspace)
    fields = {**({} if full else SMALL), **_sizes(sizes or [])}
    levels = _numbers(depths, "--depths")
    chosen = candidates(families=_listed(families), models=_listed(models), depths=levels, sizes=fields)
    shallow = sorted({one.model for one in chosen if depth_field(one.model) is None}) if levels else []
    absent = {} if models else {name: why for name, why in left_out(fields).items() if _is_of(name, _listed(families))}
    bars_ahead = sorted(set(_numbers(horizons, "--horizons")))
    if not bars_ahead:
        raise ConfigError("--horizons names none; give one or more, such as 5,20")
    data_sets = find_data_sets(_listed(data), workspace=session.workspace, symbols=symbols, rows=rows)
    if not data_sets:
        raise ConfigError("--data names none; give one or more, such as sp500,nasdaq")
    held = _catalogue(session, catalogue)
    sweep = Sweep(
        catalogue=held, ledger=trial_ledger(session.workspace), config=config, clock=SystemClock(), resume=resume
    )
    with session.progress("reading the data") as update:
        report = sweep.run(data_sets, bars_ahead, chosen, progress=update)

    def human(console: Console) -> None:
        console.print(f"{count(report.scored, 'row')} scored, {report.failed} failed, {report.skipped} found done.")
        for cause in report.causes:
            console.print(f"failed: {cause}", markup=False)
        if shallow:
            console.print(f"A depth means nothing to {', '.join(shallow)}: each was fitted once.", markup=False)
        for name, why in absent.items():
            console.print(f"left out: {name} {why}", markup=False)
        console.print(f"Catalogue: {held.path}; `gnomon bench show` ranks it.", markup=False)

    session.emit(
        {
            "scored": report.scored,
            "failed": report.failed,
            "skipped": report.skipped,
            "causes": list(report.causes),
            "without_depth": shallow,
            "left_out": absent,
            "catalogue": str(held.path),
        },
        human,
    )


@command(app)
def show(
    session: Session,
    by: Annotated[str, typer.Option(help="The figure to rank by: sharpe, log_loss, f1, ...")] = "sharpe",
    asset_class: Annotated[str, typer.Option(help="Only data sets of this asset class, such as crypto.")] = "",
    html: Annotated[Path | None, typer.Option(help="Write the page into this file.")] = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Rank the models of the catalogue, with intervals, and say whether the best is more than luck.

    Example: gnomon bench show --by log_loss --html models.html
    """
    from gnomon.pipeline.catalogue.page import catalogue_page
    from gnomon.pipeline.catalogue.ranking import luck, rank

    held = _catalogue(session, catalogue)
    rows = held.read()
    if asset_class:
        rows = _of_class(rows, asset_class)
    ranked = rank(rows, by=by)
    page = catalogue_page(rows, by=by)
    if html is not None:
        from gnomon.core.files import write_atomic
        from gnomon.reporting.html import to_html

        write_atomic(html, to_html(page).encode())

    def human(console: Console) -> None:
        if ranked.is_empty():
            console.print(f"Nothing is scored in {held.path}; `gnomon bench models` scores some.", markup=False)
            return
        columns = ("model", "family", "blocks", "mean rank", "90% interval", "mean return", "skill", "fit s", "row us")
        shown = [
            (
                row["label"],
                row["family"],
                row["blocks"],
                f"{row['mean_rank']:.1f}",
                "" if math.isnan(row["low"]) else f"{row['low']:.1f} to {row['high']:.1f}",
                f"{100 * row['mean_total_return']:.1f}%",
                f"{100 * row['mean_skill']:.1f}%",
                row["fit_seconds"],
                row["row_microseconds"],
            )
            for row in ranked.iter_rows(named=True)
        ]
        table(console, columns, shown, title=f"Ranked by {by} over data sets and horizons")
        console.print(f"{page.verdict.heading}. {page.verdict.text}", markup=False)
        if html is not None:
            console.print(f"Page: {html}", markup=False)

    found: dict[str, Any] = {
        "by": by,
        "rows": rows.height,
        "ranking": [{k: _plain(v) for k, v in row.items()} for row in ranked.to_dicts()],
        "verdict": page.verdict.heading,
        "luck": [{k: _plain(v) for k, v in row.items()} for row in luck(rows).select(LUCK).to_dicts()],
    }
    session.emit(found | ({"html": str(html)} if html is not None else {}), human)


def _config(workspace: Path) -> PipelineConfig:
    """The workspace's configuration, or the packaged one with costs."""
    from gnomon.config.loader import load_config
    from gnomon.pipeline.inputs import configured
    from gnomon.pipeline.workspace import CONFIG_FILE, load_plugins

    if not (workspace / CONFIG_FILE).is_file():
        return load_config(overrides=COSTS)
    config = configured(workspace)
    load_plugins(workspace, config.plugins)
    return config


def _catalogue(session: Session, path: Path | None) -> Catalogue:
    from gnomon.pipeline.catalogue.base import Catalogue

    return Catalogue(path or session.workspace / ".gnomon" / "catalogue" / "models.parquet")


def _is_of(model: str, families: list[str]) -> bool:
    from gnomon.models.base import ModelRegistry

    return not families or ModelRegistry.models.entry(model).facts["family"] in families


def _of_class(rows: pl.DataFrame, asset_class: str) -> pl.DataFrame:
    import polars as pl

    held = sorted(set(rows["asset_class"].drop_nulls()))
    if asset_class not in held:
        raise ConfigError(unknown("asset class", asset_class, held, where="the catalogue"))
    return rows.filter(pl.col("asset_class") == asset_class)


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str, option: str) -> list[int]:
    words = _listed(text)
    wrong = [word for word in words if not word.isdecimal() or not 0 < int(word) < 10**6]
    if wrong:
        raise ConfigError(f"{option} takes whole numbers of 1 and more with commas, such as 1,2,4; was {wrong[0]!r}")
    return [int(word) for word in words]


def _sizes(given: list[str]) -> dict[str, Any]:
    from gnomon.config import yaml

    sizes = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ConfigError(f"--size {text!r} is not of the form field=value, such as epochs=2")
        sizes[name] = yaml.plain(yaml.parse(value, file="--size", layer="--size"))
    return sizes


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
