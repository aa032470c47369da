"""Makes a run again from its own configuration, in an empty store, and compares every byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gnomon.config.loader import load_config
from gnomon.pipeline.executor import PipelineExecutor
from gnomon.pipeline.plan import make_plan
from gnomon.pipeline.products import ProductStore
from gnomon.pipeline.runs import Run
from gnomon.pipeline.workspace import Workspace
from gnomon.store.objects import LocalObjects


def reproduce(
    run: Run, workspace: Path, scratch: Path, *, progress: Callable[[str, float], None] = lambda _text, _fraction: None
) -> list[str]:
    """Names of the products that differ from the run's manifest; empty when every byte is the same.

    Stages that only ask a record which has grown since (the trial ledger), and what follows from them, are compared by
    what they made of the same record; a run whose data source has changed differs in its first stage.
    """
    manifest = run.manifest()
    config = load_config(run.folder / "config.yaml")
    setup = Workspace(workspace, config).setup()
    plan = make_plan(setup, pipeline=manifest["pipeline"])
    products = ProductStore(LocalObjects(scratch / "objects"), scratch / "stages", scratch / "tmp")
    done = 0

    def watch(_stages: object) -> None:
        nonlocal done
        done += 1
        progress("reproducing", min(done / (2 * len(plan.stages)), 1.0))

    outcome = PipelineExecutor(plan, products, watch=watch).run()
    before = {name: made["digest"] for stage in manifest["stages"] for name, made in stage["writes"].items()}
    after = {name: product.digest for record in outcome.records.values() for name, product in record.products.items()}
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
