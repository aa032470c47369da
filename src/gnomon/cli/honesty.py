"""`gnomon honesty`: the pipeline and its probes put on trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnomon.cli.base import Session, command, count, table

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="Put the pipeline and its probes on trial.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.callback()
def group() -> None:
    """Put the pipeline and its probes on trial."""


@command(app)
def leaks(
    session: Session,
    cuts: Annotated[int, typer.Option(min=1, help="Moments after which the future is changed.")] = 64,
) -> None:
    """Plant every known kind of leak: all must be found, clean work let pass; exit 4 when one is missed or accused."""
    from gnomon.core.errors import GateError
    from gnomon.honesty.corpus import run_corpus

    with session.progress("planting leaks") as update:
        report = run_corpus(cuts, progress=update)
    failure = None
    try:
        report.raise_wrong()
    except GateError as error:
        failure = error
    rows: list[dict[str, Any]] = [
        {
            "case": verdict.case.name,
            "kind": verdict.case.kind,
            "level": verdict.case.level,
            "probe": verdict.case.finder,
            "leaks": verdict.case.leaks,
            "found": verdict.found,
            "evidence": verdict.evidence,
        }
        for verdict in report.verdicts
    ]
    found = {
        "planted": report.planted,
        "found": report.planted - len(report.missed),
        "missed": list(report.missed),
        "clean": report.clean,
        "false_alarms": list(report.false_alarms),
        "cases": rows,
    }

    def human(console: Console) -> None:
        shown = [
            (row["case"], row["kind"], row["level"], row["probe"], "found" if row["found"] else "MISSED")
            for row in rows
            if row["leaks"]
        ]
        table(console, ("planted leak", "kind", "level", "probe", "verdict"), shown)
        console.print(
            f"{found['found']} of {count(report.planted, 'planted leak')} found; "
            f"{len(report.false_alarms)} of {report.clean} pieces of clean work accused",
            markup=False,
        )

    session.emit(found, human, failure=failure)


@command(app)
def null(
    session: Session,
    markets: Annotated[int, typer.Option(min=1, help="Markets without an edge.")] = 100,
    seed: Annotated[int, typer.Option(help="Where their chance comes from.")] = 0,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="The control: a pipeline that shuffles rows between training and test.")
    ] = False,
) -> None:
    """Run the pipeline on markets without an edge: it may claim one in 5% and no more; exit 4 where it claims more.

    Example: gnomon honesty null --markets 20
    """
    from gnomon.core.errors import GateError
    from gnomon.honesty.studies import SHUFFLED, null_study

    with session.progress("markets without an edge") as update:
        study = null_study(markets, SHUFFLED if shuffled else None, seed=seed, progress=update)
    failure = None
    try:
        study.raise_excess()
    except GateError as error:
        failure = error
    kinds = sorted({outcome.market for outcome in study.outcomes})
    rows = [
        {
            "market": kind,
            "markets": sum(o.market == kind for o in study.outcomes),
            "claims": sum(o.claimed for o in study.outcomes if o.market == kind),
        }
        for kind in kinds
    ]
    found = {
        "markets": len(study.outcomes),
        "claims": study.claims,
        "most": study.most,
        "passed_gates": study.passed_gates,
        "seconds_a_market": study.seconds,
        "kinds": rows,
    }

    def human(console: Console) -> None:
        table(console, ("market", "runs", "edges claimed"), [tuple(row.values()) for row in rows])
        console.print(
            f"An edge was claimed on {study.claims} of {len(study.outcomes)} markets without one; a test at 5% stays "
            f"within {study.most}. {study.passed_gates} would have passed every gate.",
            markup=False,
        )

    session.emit(found, human, failure=failure)


@command(app)
def planted(
    session: Session,
    markets: Annotated[int, typer.Option(min=2, help="Markets with a known edge.")] = 20,
    ic: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Correlation of the true signal with the next move.")
    ] = 0.1,
    seed: Annotated[int, typer.Option(help="Where their chance comes from.")] = 0,
    learned: Annotated[int, typer.Option(min=500, help="Bars that are learned from, of each market.")] = 8_000,
) -> None:
    """Run the pipeline on markets with a known edge; exit 4 where it earns too little of it, or too much.

    Example: gnomon honesty planted --markets 5 --ic 0.1
    """
    import numpy as np

    from gnomon.core.errors import GateError
    from gnomon.honesty.studies import planted_study

    with session.progress("markets with an edge") as update:
        study = planted_study(markets, ic=ic, seed=seed, learned=learned, progress=update)
    failure = None
    try:
        study.raise_faults()
    except GateError as error:
        failure = error
    rows = [
        {"seed": o.seed, "chosen": o.chosen, "sharpe": o.sharpe, "oracle": o.oracle, "share": o.share, "bars": o.bars}
        for o in study.outcomes
    ]
    found = {
        "markets": len(rows),
        "learned": learned,
        "mean_share": float(study.shares.mean()),
        "share_standard_error": study.share_error,
        "share_10_percent": float(np.quantile(study.shares, 0.1)),
        "gates_passed": study.gates_passed,
        "gated": len(study.gated),
        "blind_score": study.blind_score,
        "faults": study.faults(),
        "outcomes": rows,
    }

    def human(console: Console) -> None:
        shown = [
            (row["seed"], row["chosen"], f"{row['sharpe']:.2f}", f"{row['oracle']:.2f}", f"{row['share']:.2f}")
            for row in rows
        ]
        table(console, ("market", "model", "Sharpe a year", "the oracle's", "share"), shown)
        console.print(
            f"Mean share {found['mean_share']:.2f} (standard error {study.share_error:.2f}, n = {len(rows)}), 10% "
            f"quantile {found['share_10_percent']:.2f}. The gates let {study.gates_passed} of {len(study.gated)} true "
            f"edges pass. Where nothing is to be known the mean is {study.blind_score:.1f} standard errors from 0.",
            markup=False,
        )

    session.emit(found, human, failure=failure)
