"""`gnomon store`: verify every byte that is kept, remove what nothing needs, measure."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gnomon.cli.base import Session, command, count, table
from gnomon.core.errors import IntegrityError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Verify, measure and clean the artifact store.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@command(app)
def verify(session: Session) -> None:
    """Read everything that is kept and compare it with its hash; exit 1 when something was altered."""
    from gnomon.pipeline.workspace import open_workspace

    with session.progress("verifying"):
        report = open_workspace(session.workspace).store.verify()
    if not report.ok:
        lines = [
            finding.message + (f" (in {', '.join(finding.versions)})" if finding.versions else "")
            for finding in report.findings
        ]
        raise IntegrityError("\n".join([f"{len(lines)} of what the store keeps is not as it was written:", *lines]))
    data = {"ok": True, "versions": report.versions, "objects": report.objects, "bytes": report.size}

    def human(console: Console) -> None:
        console.print(
            f"All right: {count(report.versions, 'version')}, {count(report.objects, 'object')}, "
            f"{_spell(report.size)}.",
            markup=False,
        )

    session.emit(data, human)


@command(app)
def gc(
    session: Session,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove what killed processes left unfinished, and the bytes of deleted versions."""
    from gnomon.pipeline.workspace import open_workspace

    collected = open_workspace(session.workspace).collect(dry_run=dry_run)
    data = {
        "dry_run": dry_run,
        "unfinished": collected.temporary,
        "objects": collected.objects,
        "checkouts": collected.checkouts,
        "bytes": collected.size,
        "deferred": collected.deferred,
    }

    def human(console: Console) -> None:
        found = ((collected.temporary, "unfinished write"), (collected.objects, "object"))
        what = ", ".join(count(number, noun) for number, noun in (*found, (collected.checkouts, "checkout")))
        verb = "Would remove" if dry_run else "Removed"
        console.print(f"{verb} {what}: {_spell(collected.size)}.", markup=False)
        if collected.deferred:
            console.print("Another process is writing to the store: its objects were left alone; try again later.")

    session.emit(data, human)


@command(app)
def du(session: Session) -> None:
    """How much is kept: versions, objects, bytes, by kind."""
    from gnomon.pipeline.workspace import open_workspace

    usage = open_workspace(session.workspace).store.du()

    def human(console: Console) -> None:
        console.print(f"{count(usage.objects, 'object')} in {_spell(usage.size)}.", markup=False)
        console.print(
            f"{count(usage.versions, 'named version')}, one by one {_spell(usage.logical)}; by kind:", markup=False
        )
        table(console, ("kind", "size"), [(kind, _spell(size)) for kind, size in usage.kinds.items()])

    session.emit(asdict(usage), human)


def _spell(size: float) -> str:
    """Bytes as a person reads them.

    >>> _spell(1234567)
    '1.2 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, {"bytes": "kB", "kB": "MB", "MB": "GB", "GB": "TB"}[unit]
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
