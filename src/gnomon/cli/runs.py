"""`gnomon runs`: what was run here, what it found, how two runs differ, and whether one can be made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, table
from gnomon.core.errors import GateError

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.pipeline.runs import Run, RunFolders

app = typer.Typer(
    help="List, show, compare and reproduce runs.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)

RunArgument = Annotated[str, typer.Argument(help="A run's id, the beginning of one, or `latest`.")]


@command(app, "list")
def list_(session: Session) -> None:
    """Every run of the workspace, the newest first."""
    rows = [_row(run) for run in _runs(session).list()]

    def human(console: Console) -> None:
        if not rows:
            console.print("No runs yet; `gnomon run` makes one.")
            return
        shown = [(*row.values(),) for row in rows]
        table(
            console, ("run", "status", "started", "seconds", "chosen", "Sharpe a year", "+/-", "tries", "edge"), shown
        )

    session.emit({"runs": rows}, human)


@command(app)
def show(session: Session, run_id: RunArgument = "latest") -> None:
    """One run: its stages, its files, its verdict."""
    from gnomon.cli.run import show_verdict
    from gnomon.pipeline.summary import verdict_of

    run = _runs(session).get(run_id)
    state = run.state()
    found = verdict_of(run)
    data: dict[str, Any] = {"run": run.id, "folder": str(run.folder), **state}
    metrics = run.folder / "metrics.json"
    if metrics.exists():
        data["metrics"] = json.loads(metrics.read_bytes())

    def human(console: Console) -> None:
        console.print(f"Run {run.id}: {state.get('status', 'unknown')}", markup=False)
        if state.get("error"):
            console.print(state["error"], markup=False, style="red")
        stages = state.get("stages", {})
        table(console, ("stage", "status", "seconds"), [(n, s["status"], s["seconds"]) for n, s in stages.items()])
        console.print(f"Its files are in {run.folder}:", markup=False)
        for path in sorted(p for p in run.folder.rglob("*") if p.is_file()):
            console.print(f"  {path.relative_to(run.folder)}", markup=False)
        if found:
            show_verdict(console, found)

    session.emit(data, human)


@command(app)
def diff(session: Session, first: RunArgument, second: RunArgument) -> None:
    """How two runs differ: keys of the configuration, and the stages whose result is another."""
    from gnomon.config.diff import difference
    from gnomon.config.loader import load_config

    a, b = (_runs(session).get(name) for name in (first, second))
    settings = [
        {"key": row.key, "first": row.a, "second": row.b}
        for row in difference(*(load_config(run.folder / "config.yaml") for run in (a, b)))
    ]
    made = [{stage["stage"]: stage for stage in run.manifest()["stages"]} for run in (a, b)]
    stages = [
        {
            "stage": name,
            "same_code": made[0].get(name, {}).get("code") == made[1].get(name, {}).get("code"),
            "same_result": _digests(made[0], name) == _digests(made[1], name),
        }
        for name in dict.fromkeys([*made[0], *made[1]])
    ]

    def human(console: Console) -> None:
        if settings:
            table(console, ("key", a.id, b.id), [(s["key"], str(s["first"]), str(s["second"])) for s in settings])
        else:
            console.print("The two configurations are the same.")
        table(
            console,
            ("stage", "same code", "same result"),
            [(s["stage"], "yes" if s["same_code"] else "no", "yes" if s["same_result"] else "no") for s in stages],
        )

    session.emit({"first": a.id, "second": b.id, "config": settings, "stages": stages}, human)


@command(app)
def reproduce(session: Session, run_id: RunArgument = "latest") -> None:
    """Compute a run anew in a scratch folder from its own configuration; exit 4 if one byte differs."""
    import tempfile

    from gnomon.pipeline.reproduce import reproduce as again

    run = _runs(session).get(run_id)
    with tempfile.TemporaryDirectory(prefix="gnomon-reproduce-") as folder, session.progress("reproducing") as update:
        found = again(run, session.workspace, Path(folder), progress=update)
    failure = None
    if found.differing:
        since = f"; the code or libraries of {', '.join(found.other_code)} are others now" if found.other_code else ""
        failure = GateError(f"run {run.id} did not reproduce: {', '.join(found.differing)}{since}")
    data = {
        "run": run.id,
        "reproduced": not found.differing,
        "differing": list(found.differing),
        "other_code": list(found.other_code),
    }

    def human(console: Console) -> None:
        if not found.differing:
            console.print(f"Run {run.id}: every byte came out the same.", markup=False)

    session.emit(data, human, failure=failure)


def _runs(session: Session) -> RunFolders:
    from gnomon.pipeline.workspace import open_workspace

    return open_workspace(session.workspace).runs


def _row(run: Run) -> dict[str, Any]:
    from gnomon.pipeline.summary import verdict_of

    state, found = run.state(), verdict_of(run)
    seconds = round(sum(stage["seconds"] for stage in state.get("stages", {}).values()), 1)
    chosen = next((row for row in found.get("candidates", ()) if row["kind"] == "strategy"), None)
    return {
        "run": run.id,
        "status": state.get("status", "unknown"),
        "started_at": state.get("started_at", "")[:19],
        "seconds": seconds,
        "chosen": found.get("chosen"),
        "annual_sharpe": chosen and chosen["annual_sharpe"],
        "annual_standard_error": chosen and chosen["annual_standard_error"],
        "trials": found.get("trials"),
        "edge": None if chosen is None else "shown" if found["edge"] else "not shown",
    }


def _digests(stages: dict[str, Any], name: str) -> dict[str, str] | None:
    stage = stages.get(name)
    return None if stage is None else {key: made["digest"] for key, made in stage["writes"].items()}
