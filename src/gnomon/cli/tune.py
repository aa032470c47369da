"""`gnomon tune`: a model's settings, searched for where no test row can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.pipeline.tuning import Tuned

app = typer.Typer(help="Search for a model's settings.", add_completion=False, rich_markup_mode=None)

SHOWN = 10


@command(app)
def tune(
    session: Session,
    model: Annotated[
        str | None, typer.Argument(help="A configured model, or a model's type.", show_default=False)
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Configurations to try.", min=1, show_default=False)] = None,
    workers: Annotated[int | None, typer.Option(help="How many at the same time.", min=1, show_default=False)] = None,
    env: Annotated[str | None, typer.Option("--env", "-e", help="A layer from environments/.")] = None,
    experiment: Annotated[str | None, typer.Option("--experiment", "-x", help="A layer from experiments/.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", "-s", help="One value, a.b=c; may be repeated.")] = None,
) -> None:
    """Search for a model's settings over purged folds of the training and validation rows.

    Every try is a row of the trial ledger. A search that was stopped goes on when it is called again. Nothing is
    changed: the settings to write into gnomon.yaml are shown.

    Example: gnomon tune lightgbm --trials 50 --workers 2
    """
    from gnomon.pipeline.tuning import tune as searched

    given = {"search.trials": trials, "search.workers": workers}
    overrides = [*(set_ or ()), *(f"{key}={value}" for key, value in given.items() if value is not None)]
    with session.progress("preparing") as update:

        def progress(done: int, of: int, best: float) -> None:
            update(f"trial {done} of {of}, best {best:.5g}", done / of)

        tuned = searched(
            session.workspace, model, environment=env, experiment=experiment, overrides=overrides, progress=progress
        )
    show(session, tuned)


def show(session: Session, tuned: Tuned) -> None:
    """The best trials, what mattered, and the settings."""
    from gnomon.training.scores import SCORES

    result = tuned.result
    metric = result.metrics[0]
    falling = SCORES[metric].better == "higher"
    best = result.trials.filter(state="complete").sort(metric, "number", descending=[falling, False]).head(SHOWN)
    states = {name: result.trials.filter(state=name).height for name in ("complete", "pruned", "failed")}
    first = next((trial.cause for trial in result.records if trial.cause), None)

    def human(console: Console) -> None:
        given_up = f"{states['pruned']} given up early, {states['failed']} failed"
        console.print(f"{count(len(result.records), 'trial')} of {result.name} ({given_up}).", markup=False)
        if first is not None:
            console.print(f"The first that failed: {first}", markup=False)
        columns = ("number", *result.metrics, *(f"params_{name}" for name in result.space), "seconds")
        headings = [name.removeprefix("params_").replace("_", " ") for name in columns]
        table(console, headings, best.select(columns).rows(), title="Best")
        if result.importance:
            shares = ", ".join(f"{name} {share:.0%}" for name, share in result.importance.items())
            console.print(f"What mattered (share of the variance): {shares}", markup=False)
        console.print("\nIn gnomon.yaml:", markup=False)
        console.print(tuned.yaml, markup=False)
        for name, path in tuned.files.items():
            console.print(f"{name}: {path}", markup=False)

    data: dict[str, Any] = {
        "study": result.study,
        "model": result.name,
        "metrics": list(result.metrics),
        "best_trial": result.best_trial.number,
        "best_params": result.best_params,
        "values": dict(result.best_trial.values),
        "states": states,
        "importance": dict(result.importance),
        "trials": result.trials.drop("intermediate").to_dicts(),
        "files": {name: str(path) for name, path in tuned.files.items()},
    }
    session.emit(data, human)
