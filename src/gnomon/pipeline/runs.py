"""A run's folder: what a person opens. `manifest.json` is written last; until it stands, the run is not finished.

`.gnomon/runs/<run id>/` holds config.yaml (resolved, secrets masked), manifest.json (every artifact's hash and
lineage), state.json (statuses and times, the only file that tells when), and what the pipeline publishes:
metrics.json, predictions.parquet, targets.parquet, fills.parquet, equity.parquet, report.html, report.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gnomon.core.errors import IntegrityError, NotFoundError, StoreError, unknown
from gnomon.core.files import is_temporary, write_atomic
from gnomon.core.hashing import canonical_json, hash_file, hash_value
from gnomon.pipeline.executor import Outcome, StageOutcome
from gnomon.pipeline.products import ProductStore
from gnomon.pipeline.published import PUBLISHED, SCALED
from gnomon.store.trials import Head

CONFIG = "config.yaml"
MANIFEST = "manifest.json"
STATE = "state.json"


@dataclass(frozen=True)
class Run:
    """A run on disk."""

    id: str
    folder: Path

    def state(self) -> dict[str, Any]:
        """Status, times, and how each stage went; empty before the first stage."""
        path = self.folder / STATE
        return dict(json.loads(path.read_bytes())) if path.exists() else {}

    def manifest(self) -> dict[str, Any]:
        """Every artifact's hash and lineage. Raises StoreError for a run that has not finished."""
        path = self.folder / MANIFEST
        if not path.exists():
            raise StoreError(f"run {self.id!r} has not finished; run it again and it goes on where it stopped")
        return dict(json.loads(path.read_bytes()))

    def trial_head(self) -> Head | None:
        """Where the trial ledger stood when the run had been counted; None for one that has not finished."""
        noted = self.state().get("facts", {}).get("trial_head")
        return None if noted is None else Head(**noted)

    def verify(self) -> None:
        """Raises IntegrityError that names the first published file whose bytes are not those of the manifest."""
        manifest = self.manifest()
        body = {name: value for name, value in manifest.items() if name != "digest"}
        if manifest.get("digest") != hash_value(body):
            raise IntegrityError(f"{self.folder / MANIFEST} was altered after it was written; run again to restore it")
        for name, digest in manifest["files"].items():
            path = self.folder / name
            if not path.exists() or hash_file(path) != digest:
                raise IntegrityError(f"{path} is missing or was altered after the run; run again to restore it")


class RunFolders:
    """The runs of a workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> list[Run]:
        """Every run, the one that started last first."""
        folders = [p for p in self.folder.glob("*") if p.is_dir() and not is_temporary(p)]
        runs = [Run(path.name, path) for path in folders]
        return sorted(runs, key=lambda run: (run.state().get("started_at", ""), run.id), reverse=True)

    def get(self, run_id: str = "latest") -> Run:
        """A run by its id, by a beginning of it that no other has, or "latest". StoreError names the nearest."""
        runs = self.list()
        if run_id == "latest" and runs:
            return runs[0]
        exact = [run for run in runs if run.id == run_id]
        found = exact or [run for run in runs if run_id in (run.id[: len(run_id)], run.id.rpartition("-")[2])]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFoundError(f"run {run_id!r} could be {', '.join(run.id for run in found)}; write more of it")
        if not runs:
            raise NotFoundError(f"no runs in {self.folder}; `gnomon run` makes one")
        raise NotFoundError(unknown("run", run_id, [run.id for run in runs]))

    def open(self, run_id: str) -> Run:
        """The folder of a run that is about to start or go on."""
        run = Run(run_id, self.folder / run_id)
        run.folder.mkdir(parents=True, exist_ok=True)
        return run


def write_state(
    run: Run,
    *,
    status: str,
    started_at: datetime,
    now: datetime,
    stages: Mapping[str, StageOutcome],
    error: str | None,
    facts: Mapping[str, Any],
) -> None:
    """Writes how far the run is; a person or a page may read it at any time."""
    shown = {
        name: {"status": stage.status, "seconds": round(stage.seconds, 3), "key": stage.key}
        for name, stage in stages.items()
    }
    state = {
        "run": run.id,
        "status": status,
        "started_at": started_at.isoformat(),
        "updated_at": now.isoformat(),
        "stages": shown,
        "error": error,
        "facts": dict(facts),
    }
    restore_state(run, state)


def restore_state(run: Run, state: Mapping[str, Any]) -> None:
    """Writes a state as `Run.state` gave it."""
    write_atomic(run.folder / STATE, json.dumps(state, indent=2).encode())


def publish(run: Run, outcome: Outcome, products: ProductStore, *, config_yaml: str) -> None:
    """Copies what the pipeline published into the run's folder, each file by rename, and the manifest last."""
    write_atomic(run.folder / CONFIG, config_yaml.encode())
    files = {CONFIG: hash_file(run.folder / CONFIG)}
    for product in filter(None, map(outcome.product, (PUBLISHED, SCALED))):
        products.copy_out(product, run.folder)
        files |= dict(product.files)
    body = {
        "run": run.id,
        "pipeline": outcome.plan.pipeline,
        "plan": outcome.plan.digest,
        "files": files,
        "stages": [
            {
                "stage": planned.name,
                "key": record.key,
                "code": planned.code,
                "reads": {key.name: found.digest for key in planned.stage.reads if (found := outcome.product(key))},
                "writes": {
                    name: {"digest": made.digest, "files": dict(made.files)} for name, made in record.products.items()
                },
            }
            for planned in outcome.plan.stages
            if (record := outcome.records.get(planned.name)) is not None
        ],
    }
    write_atomic(run.folder / MANIFEST, canonical_json({**body, "digest": hash_value(body)}))
