"""`gnomon run`: the workspace's pipeline, from bars to a report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.pipeline.model_pipeline import RunContext
    from gnomon.pipeline.plan import Plan

app = typer.Typer(help="Run the workspace's pipeline.", add_completion=False, rich_markup_mode=None)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Another file than gnomon.yaml.")]
EnvironmentOption = Annotated[str | None, typer.Option("--env", "-e", help="A layer from environments/.")]
ExperimentOption = Annotated[str | None, typer.Option("--experiment", "-x", help="A layer from experiments/.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", "-s", help="One value, a.b=c; may be repeated.")]


@command(app)
def run(
    session: Session,
    config: ConfigOption = None,
    env: EnvironmentOption = None,
    experiment: ExperimentOption = None,
    set_: SetOption = None,
    pipeline: Annotated[str | None, typer.Option(help="A pipeline named in the configuration.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Compute this stage and all after it anew.")] = None,
    until: Annotated[str | None, typer.Option(help="Stop when this stage is done.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
) -> None:
    """Run the pipeline: only what has changed since the last run is computed."""
    from gnomon.pipeline.model_pipeline import ModelPipeline
    from gnomon.pipeline.workspace import open_workspace

    workspace = open_workspace(
        session.workspace, config_file=config, environment=env, experiment=experiment, overrides=set_ or ()
    )
    work = ModelPipeline(pipeline_name=pipeline, workspace=workspace)
    if dry_run:
        show_plan(session, work.plan)
        return
    with session.progress("planning") as update:
        context = work.run(until=until, again_from=from_, progress=update)
    show_run(session, context)


def show_plan(session: Session, plan: Plan) -> None:
    """What would run."""
    rows = [
        (p.name, ", ".join(k.name for k in p.stage.reads), ", ".join(k.name for k in p.stage.writes))
        for p in plan.stages
    ]
    data = {
        "run": plan.run_id,
        "pipeline": plan.pipeline,
        "stages": [{"stage": name, "reads": reads, "writes": writes} for name, reads, writes in rows],
    }
    session.emit(data, lambda console: table(console, ("stage", "reads", "writes"), rows, title=f"Plan {plan.run_id}"))


def show_run(session: Session, context: RunContext) -> None:
    """What ran, what it found, and where the report is."""
    summary = context.summary()

    def human(console: Console) -> None:
        outcome = context.outcome
        reused = sum(stage.status == "reused" for stage in outcome.stages.values())
        seconds = sum(stage.seconds for stage in outcome.stages.values())
        left = len(outcome.stages) - len(outcome.computed) - reused
        done = f"{count(len(outcome.computed), 'stage')} computed in {seconds:.1f} s, {reused} found done"
        console.print(f"Run {context.run.id}: {done}{f', {left} left out' if left else ''}.", markup=False)
        if summary.get("candidates"):
            show_verdict(console, summary)
        for form, path in summary.get("reports", {}).items():
            console.print(f"Report ({form}): {path}", markup=False)

    session.emit(summary, human)


def show_verdict(console: Console, summary: Mapping[str, Any], *, what: str = "Out of sample") -> None:
    """A short table that a person understands, benchmarks below the line, and the verdict in words."""
    rows = summary["candidates"]
    columns = ("strategy", "total return", "a year", "Sharpe a year", "+/-", "deepest fall", "costs paid")
    shown = [
        (
            row["name"],
            _percent(row["total_return"]),
            _percent(row["annual_return"]),
            _number(row["annual_sharpe"]),
            _number(row["annual_standard_error"]),
            _percent(row["max_drawdown"]),
            _percent(row["costs"]),
        )
        for row in rows
    ]
    console.print()
    strategies = sum(row["kind"] == "strategy" for row in rows)
    table(console, columns, shown, title=f"{what}, {summary['period']}, after costs", rule=strategies)
    console.print(str(summary["verdict"]), markup=False)
    console.print()


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:,.1f}%"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"
