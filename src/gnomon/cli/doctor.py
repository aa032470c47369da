"""`gnomon doctor`: what is installed, what is missing, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from gnomon.cli.base import Session, command, count, table
from gnomon.core.errors import GnomonError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="What is installed, what is missing, what to do.", add_completion=False, rich_markup_mode=None)

EXTRAS = {
    "s3": ("s3fs", "artifacts on S3"),
    "boosting": ("xgboost catboost skops", "the models xgboost, catboost, sklearn"),
}
"""Optional libraries by extra: what is imported (names, with blanks between), and what it is for."""


@command(app)
def doctor(session: Session) -> None:
    """Check the installation, the cache of compiled code, the data in the box and the workspace."""
    checks = [*_libraries(), *_extras(), _cache(), _embedded(), *_workspace(session)]

    def human(console: Console) -> None:
        table(console, ("", "what", "finding"), [(c["status"], c["what"], c["finding"]) for c in checks])

    bad = [c for c in checks if c["status"] == "bad"]
    failure = GnomonError("; ".join(f"{c['what']}: {c['finding']}" for c in bad)) if bad else None
    session.emit({"healthy": not bad, "checks": checks}, human, failure=failure)


def _check(status: str, what: str, finding: str) -> dict[str, Any]:
    return {"status": status, "what": what, "finding": finding}


def _libraries() -> list[dict[str, Any]]:
    import platform
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    found = [_check("ok", "python", platform.python_version())]
    for line in requires("gnomon") or ():
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            found.append(_check("bad", requirement.name, "missing; pip install gnomon again"))
            continue
        if requirement.specifier.contains(installed, prereleases=True):
            found.append(_check("ok", requirement.name, installed))
        else:
            found.append(_check("bad", requirement.name, f"{installed} does not meet {requirement.specifier}"))
    return found


def _extras() -> list[dict[str, Any]]:
    from importlib.util import find_spec

    return [
        _check("ok", f"extra {extra}", "installed")
        if all(find_spec(name) for name in module.split())
        else _check("absent", f"extra {extra}", f"pip install 'gnomon[{extra}]' for {purpose}")
        for extra, (module, purpose) in EXTRAS.items()
    ]


def _cache() -> dict[str, Any]:
    from gnomon.kernels.cache import folder

    path = folder()
    count = sum(1 for _ in path.rglob("*.nbc")) if path.is_dir() else 0
    return _check("ok", "compiled kernels", f"{count} in {path}" if count else f"none yet; the first run fills {path}")


def _embedded() -> dict[str, Any]:
    from gnomon.data.base import Query
    from gnomon.data.sources.embedded import EmbeddedDataSource

    try:
        bars = EmbeddedDataSource().fetch(Query()).collect()
    except (GnomonError, ImportError, OSError) as error:
        return _check("bad", "embedded data", str(error))
    return _check("ok", "embedded data", f"{len(bars):,} bars of {bars['symbol'].n_unique()} symbols")


def _workspace(session: Session) -> list[dict[str, Any]]:
    from gnomon.pipeline.workspace import CONFIG_FILE, open_workspace

    path = session.workspace / CONFIG_FILE
    if not path.is_file():
        return [_check("absent", "workspace", f"no {CONFIG_FILE} here; `gnomon init DIR` writes a workspace")]
    try:
        workspace = open_workspace(session.workspace)
        workspace.setup()
    except GnomonError as error:
        return [_check("bad", "workspace", str(error))]
    return [_check("ok", "workspace", f"{workspace.folder}, {count(len(workspace.runs.list()), 'run')}")]
