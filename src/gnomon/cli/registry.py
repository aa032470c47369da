"""`gnomon registry`: registered model versions, the aliases that point at them, and who moved those."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gnomon.cli.base import Session, command, facts, table

if TYPE_CHECKING:
    from rich.console import Console

    from gnomon.store.registry import ModelVersions

app = typer.Typer(
    help="Registered model versions and their aliases.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ModelArgument = Annotated[str, typer.Argument(help="A registered model's name.")]


@command(app, "list")
def list_(session: Session) -> None:
    """Every registered version of every model."""
    versions = _registry(session).list()

    def human(console: Console) -> None:
        if not versions:
            console.print("No registered models yet; `gnomon run` registers those that it trains.")
            return
        rows = [(v.name, int(v.version), " ".join(v.aliases), f"{v.artifact} {v.artifact_version}") for v in versions]
        table(console, ("model", "version", "aliases", "artifact"), rows)

    session.emit({"versions": [asdict(version) for version in versions]}, human)


@command(app)
def show(
    session: Session,
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="A number, an alias, or `latest`.")] = "latest",
) -> None:
    """One version: its artifact, its hash, its run; and the promotions of its model."""
    registry = _registry(session)
    found = registry.show(model, version)
    acts = registry.history(model)

    def human(console: Console) -> None:
        facts(console, asdict(found))
        if acts:
            rows = [(a.at[:19], a.alias, a.old or "none", a.new, a.by, a.reason, _done(done=a.done)) for a in acts]
            table(console, ("promoted at", "alias", "from", "to", "by", "reason", ""), rows)

    session.emit({"version": asdict(found), "promotions": [asdict(act) for act in acts]}, human)


@command(app)
def promote(
    session: Session,
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="A number, an alias, or `latest`.")],
    alias: Annotated[str, typer.Option(help="What points at it from now on.")] = "champion",
    reason: Annotated[str, typer.Option(help="Why; it is kept on record.")] = "",
) -> None:
    """Point an alias at a version; kept on record with the version before.

    To become challenger or champion, a model has to have passed every gate of its run (exit 4 otherwise).

    Example: gnomon registry promote my-project.lightgbm latest --alias challenger --reason "passed every gate"
    """
    import getpass

    from gnomon.store.registry import CHALLENGER, CHAMPION

    if alias in {CHALLENGER, CHAMPION}:
        _require_gates(session, model, version)
    act = _registry(session).promote(model, version, alias=alias, by=getpass.getuser(), reason=reason)

    def human(console: Console) -> None:
        before = f" (was version {act.old})" if act.old else ""
        console.print(f"{act.alias} of {act.model} is version {act.new}{before}.", markup=False)

    session.emit(asdict(act), human)


def _registry(session: Session) -> ModelVersions:
    from gnomon.pipeline.workspace import open_workspace
    from gnomon.store.registry import ModelVersions

    workspace = open_workspace(session.workspace)
    return ModelVersions(workspace.config.tracking.uri, workspace=workspace.folder)


def _require_gates(session: Session, model: str, version: str) -> None:
    """Raises GateError with every gate that the version did not pass, or where no run judged it."""
    from gnomon.evaluation.gates import require_gates
    from gnomon.pipeline.promotion import gates_behind
    from gnomon.pipeline.workspace import open_workspace

    found = _registry(session).show(model, version)
    run, gates = gates_behind(open_workspace(session.workspace), found)
    require_gates(f"{model} {found.version} (run {run.id})", gates)


def _done(*, done: bool) -> str:
    return "" if done else "interrupted before it was done"
