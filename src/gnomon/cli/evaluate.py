"""`gnomon evaluate`: a run judged again, with every try that was made since then counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command
from gnomon.core.errors import GateError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Judge a run again, with every trial counted.", add_completion=False, rich_markup_mode=None)


@command(app)
def evaluate(
    session: Session,
    run_id: Annotated[str, typer.Argument(help="A run's id, the beginning of one, or `latest`.")] = "latest",
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with 4 unless an edge is shown and thresholds hold.")
    ] = False,
) -> None:
    """Judge a run again against its benchmarks and against every configuration scored on its market so far."""
    from gnomon.cli.run import show_verdict
    from gnomon.pipeline.again import look_again
    from gnomon.pipeline.keys import EVALUATION, SELECTION, TRIALS
    from gnomon.pipeline.summary import read_metrics
    from gnomon.pipeline.workspace import open_workspace

    run = open_workspace(session.workspace).runs.get(run_id)
    with session.progress("judging") as update:
        _, executor = look_again(run, session.workspace, key=SELECTION, progress=update)
        chosen = executor.value(SELECTION)
        names = list(executor.plan.setup.config.candidates())
        evaluations = {}
        for name in names:
            _, executor = look_again(run, session.workspace, key=EVALUATION.of(name), progress=update)
            evaluations[name] = executor.value(EVALUATION.of(name))
    verdict = evaluations[chosen["chosen"]].verdict
    metrics: dict[str, Any] = {
        "chosen": chosen["chosen"],
        "chosen_by": chosen["by"],
        "verdict": {"edge": verdict.edge, "text": verdict.text, "reasons": list(verdict.reasons)},
        "trials": {"count": executor.value(TRIALS)["count"]},
        "candidates": {name: evaluation.to_json() for name, evaluation in evaluations.items()},
    }
    summary = {"run": run.id, **read_metrics(metrics)}

    def human(console: Console) -> None:
        show_verdict(console, summary)
        for reason in summary["reasons"]:
            console.print(f"- {reason}", markup=False)

    failed = [t.name for t in evaluations[chosen["chosen"]].thresholds if not t.passed]
    failure = None
    if gate and (not verdict.edge or failed):
        missed = f"; thresholds missed: {', '.join(failed)}" if failed else ""
        failure = GateError(f"{verdict.text.rstrip('.')}{missed}")
    session.emit(summary, human, failure=failure)
