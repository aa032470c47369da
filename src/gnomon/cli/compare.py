"""`gnomon compare`: selection approaches and parts of the configuration side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table
from gnomon.cli.run import ConfigOption, EnvironmentOption, ExperimentOption, SetOption

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.reporting.comparison import Comparison

app = typer.Typer(
    help="Selection approaches and parts of the configuration, side by side.",
    add_completion=False,
    rich_markup_mode=None,
)


@command(app)
def compare(
    session: Session,
    config: ConfigOption = None,
    env: EnvironmentOption = None,
    experiment: ExperimentOption = None,
    set_: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="Where the comparison is written.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be fitted and stop.")] = False,
) -> None:
    """Choose in several ways, and leave out a feature group, a label setting or a model at a time.

    Writes model_comparison.md and .html. Every configuration that is scored on test rows counts as a try.

    Example: gnomon compare --dry-run
    """
    from gnomon.pipeline.comparison import ModelComparison
    from gnomon.pipeline.workspace import open_workspace

    workspace = open_workspace(
        session.workspace, config_file=config, environment=env, experiment=experiment, overrides=set_ or ()
    )
    study = ModelComparison(workspace)
    if dry_run:
        rows = [{"kind": one.kind, "name": one.name, "what": one.what} for one in study.variants]
        _ = study.plans
        session.emit(
            {"comparison": study.id, "variants": rows},
            lambda console: table(console, ("kind", "name", "what"), [list(row.values()) for row in rows]),
        )
        return
    with session.progress("planning") as update:
        written = study.run(out, progress=update)
    files = {name: str(path) for name, path in written.files.items()}
    data = {"comparison": study.id, **summary(written.found), "files": files}

    def human(console: Console) -> None:
        show(console, data)
        for path in files.values():
            console.print(path, markup=False, soft_wrap=True)

    session.emit(data, human)


def summary(found: Comparison) -> dict[str, Any]:
    """The comparison in plain values, as the command line shows it."""
    from gnomon.reporting.words import known

    return {
        "tries": found.trials["count"],
        "tries_added": found.trials["count"] - found.before,
        "approaches": [
            {
                "approach": one.name,
                "chosen": one.result.model,
                "by": one.chosen_by,
                "total_return": known(one.result.total_return),
                "annual_sharpe": known(one.result.doubt.annual_sharpe),
                "annual_standard_error": known(one.result.doubt.annual_standard_error),
                "interval": [known(one.annual_sharpe_interval.low), known(one.annual_sharpe_interval.high)],
                "dsr": known(one.result.doubt.dsr),
                "edge": one.edge,
            }
            for one in found.approaches
        ],
        "searches": [
            {
                "model": one.model,
                "trials": one.trials,
                "metric": one.metric,
                "first": known(one.first),
                "best": known(one.best),
                "settings": dict(one.settings),
            }
            for one in found.searches
        ],
        "horizons": [{"bars": one.bars, "chosen": one.result.model} for one in found.horizons],
        "ablations": [
            {
                "part": one.kind,
                "name": one.name,
                "chosen": one.result.model,
                "ic_change": known(one.changes["ic"].value) if "ic" in one.changes else None,
                "ic_error": known(one.changes["ic"].error) if "ic" in one.changes else None,
            }
            for one in found.ablations
        ],
    }


def show(console: Console, data: dict[str, Any]) -> None:
    """A short table a person reads: approaches, then what each part is worth."""

    def figure(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    rows = [
        (
            one["approach"],
            one["chosen"],
            figure(one["total_return"], ",.1%"),
            figure(one["annual_sharpe"], ".2f"),
            figure(one["annual_standard_error"], ".2f"),
            " to ".join(figure(end, ".2f") for end in one["interval"]),
            figure(one["dsr"], ".3f"),
            "shown" if one["edge"] else "not shown",
        )
        for one in data["approaches"]
    ]
    columns = ("approach", "chosen", "total return", "Sharpe a year", "+/-", "95%", "DSR", "edge")
    table(console, columns, rows, title="Out of sample, after costs")
    if data["searches"]:
        searches = [
            (one["model"], str(one["trials"]), one["metric"], figure(one["first"], ".4f"), figure(one["best"], ".4f"))
            for one in data["searches"]
        ]
        table(console, ("searched", "settings tried", "by", "at first", "best"), searches)
    if data["ablations"]:
        parts = [
            (
                one["part"],
                one["name"],
                figure(one["ic_change"], "+.4f"),
                figure(one["ic_error"], ".4f"),
                one["chosen"],
            )
            for one in data["ablations"]
        ]
        table(console, ("part", "left out or changed", "IC, change", "+/-", "then chosen"), parts)
    tries = f"{count(data['tries'], 'configuration')} scored on this market so far"
    console.print(f"{tries}, {data['tries_added']:,} of them now.", markup=False)
