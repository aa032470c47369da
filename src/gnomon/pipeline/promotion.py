"""What stands behind a registered model version: the run that judged the very bytes of it last, and its gates."""

from __future__ import annotations

import math
from typing import Any

from gnomon.core.errors import GateError
from gnomon.evaluation.gates import GateResult
from gnomon.pipeline.runs import Run
from gnomon.pipeline.summary import gates_of
from gnomon.pipeline.workspace import Workspace
from gnomon.store.registry import ModelVersion


def gates_behind(workspace: Workspace, version: ModelVersion) -> tuple[Run, tuple[GateResult, ...]]:
    """The latest run that judged this version, and its gates. Raises GateError where none did."""
    candidate = version.name.rpartition(".")[2]
    digest = workspace.store.find(version.artifact, version.artifact_version).tags.get("stage_digest")
    for run in workspace.runs.list():
        held = gates_of(run).get(candidate)
        if held is not None and digest is not None and digest in _written(run, f"model.{candidate}"):
            return run, tuple(_result(gate) for gate in held)
    raise GateError(
        f"{version.name} {version.version} has no gates behind it: no run in this workspace judged these bytes; run "
        "the pipeline to its report, then promote the version that it registers"
    )


def _written(run: Run, key: str) -> list[str]:
    return [stage["writes"][key]["digest"] for stage in run.manifest()["stages"] if key in stage["writes"]]


def _result(gate: dict[str, Any]) -> GateResult:
    """A gate as JSON keeps it, with the figures that JSON has no word for."""
    figures = {name: _figure(gate[name]) for name in ("value", "limit")}
    return GateResult(name=gate["name"], passed=gate["passed"], why=gate["why"], **figures)


def _figure(value: Any) -> float:
    if isinstance(value, dict):
        return float(value["float"])
    return math.nan if value is None else float(value)
