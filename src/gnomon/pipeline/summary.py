"""A finished run in a few plain values: what the command line prints, and what `--json` gives."""

from __future__ import annotations

import json
from typing import Any

from gnomon.pipeline.executor import Outcome
from gnomon.pipeline.runs import Run

REPORTS = ("html", "md", "pdf")


def summarise(run: Run, outcome: Outcome) -> dict[str, Any]:
    """Run, folder, stages by status, reports by form; and, where the run judged, candidates, benchmarks, verdict."""
    summary: dict[str, Any] = {
        "run": run.id,
        "folder": str(run.folder),
        "stages": {name: stage.status for name, stage in outcome.stages.items()},
        "reports": {},
    }
    if outcome.whole:
        forms = {form: run.folder / f"report.{form}" for form in REPORTS}
        summary["reports"] = {form: str(path) for form, path in forms.items() if path.exists()}
        summary |= verdict_of(run)
    return summary


def verdict_of(run: Run) -> dict[str, Any]:
    """What a run found, from its metrics.json; empty for one that judged nothing or has not finished."""
    metrics = run.folder / "metrics.json"
    return read_metrics(json.loads(metrics.read_bytes())) if metrics.exists() else {}


def gates_of(run: Run) -> dict[str, list[dict[str, Any]]]:
    """Each candidate's gates before promotion, from the run's metrics.json; empty where it judged nothing."""
    metrics = run.folder / "metrics.json"
    found: dict[str, list[dict[str, Any]]] = (
        json.loads(metrics.read_bytes()).get("gates", {}) if metrics.exists() else {}
    )
    return found


def read_metrics(metrics: dict[str, Any]) -> dict[str, Any]:
    """The part of metrics.json that a person reads first."""
    evaluations = metrics["candidates"]
    chosen = evaluations[metrics["chosen"]]
    rows = []
    for name, evaluation in sorted(evaluations.items(), key=lambda item: (item[0] != metrics["chosen"], item[0])):
        mark = " (chosen)" if name == metrics["chosen"] and len(evaluations) > 1 else ""
        figures = evaluation["metrics"]
        initial = figures["final_equity"] / (1.0 + figures["total_return"]) if figures["final_equity"] else None
        rows.append(_row(name + mark, "strategy", evaluation, figures["costs"] / initial if initial else None))
    rows += [_row(name, "benchmark", found, None) for name, found in sorted(chosen["benchmarks"].items())]
    return {
        "chosen": metrics["chosen"],
        "chosen_by": metrics["chosen_by"],
        "edge": metrics["verdict"]["edge"],
        "verdict": metrics["verdict"]["text"],
        "reasons": list(metrics["verdict"]["reasons"]),
        "period": f"{chosen['start'][:10]} to {chosen['end'][:10]}",
        "trials": metrics["trials"]["count"],
        "gates": metrics.get("gates", {}).get(metrics["chosen"], []),
        "passed": all(threshold["passed"] for threshold in chosen["thresholds"]),
        "candidates": rows,
    }


def _row(name: str, kind: str, judged: dict[str, Any], costs: float | None) -> dict[str, Any]:
    figures, doubt = judged["metrics"], judged["doubt"]
    error = doubt["standard_error"]
    return {
        "name": name,
        "kind": kind,
        "total_return": figures["total_return"],
        "annual_return": figures["annual_return"],
        "annual_sharpe": doubt["annual_sharpe"],
        "annual_standard_error": None if error is None else error * doubt["periods_per_year"] ** 0.5,
        "max_drawdown": figures["max_drawdown"],
        "costs": costs,
    }
