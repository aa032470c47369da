"""Makes a run again from its own configuration, in an empty store, and compares every byte.

The trial ledger has grown since the run, and a reproduction is no new try. So the run is judged again by a copy of the
ledger as it stood when the run was judged; the workspace's own is read and never written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gnomon.config.loader import load_config
from gnomon.pipeline.executor import PipelineExecutor, StageOutcome
from gnomon.pipeline.keys import TRIALS
from gnomon.pipeline.plan import make_plan
from gnomon.pipeline.products import Product, ProductStore
from gnomon.pipeline.runs import Run
from gnomon.pipeline.workspace import Workspace
from gnomon.store.objects import LocalObjects


@dataclass(frozen=True)
class Reproduction:
    """What came out otherwise, by product; and the stages whose code, or whose libraries, are no longer the run's."""

    differing: tuple[str, ...]
    other_code: tuple[str, ...]


def reproduce(
    run: Run, workspace: Path, scratch: Path, *, progress: Callable[[str, float], None] = lambda _text, _fraction: None
) -> Reproduction:
    """Computes every stage of a run anew in `scratch` and compares each product with the run's manifest.

    A run whose source gives other bars by now differs in its first product. Raises StoreError for a run that has not
    finished, IntegrityError where the trial ledger is not as it was written.
    """
    manifest = run.manifest()
    opened = Workspace(workspace.resolve(), load_config(run.folder / "config.yaml"))
    ledger = scratch / "trials" / "trials.jsonl"
    opened.trials.copy(ledger, rows=_rows_seen(manifest, opened.products))
    plan = make_plan(replace(opened.setup(), trials=ledger), pipeline=manifest["pipeline"])
    products = ProductStore(LocalObjects(scratch / "objects"), scratch / "stages", scratch / "tmp")

    def watch(stages: Mapping[str, StageOutcome]) -> None:
        done = sum(stage.status == "done" for stage in stages.values())
        progress("reproducing", done / len(stages))

    outcome = PipelineExecutor(plan, products, watch=watch).run()
    before = {name: made["digest"] for stage in manifest["stages"] for name, made in stage["writes"].items()}
    after = {name: product.digest for record in outcome.records.values() for name, product in record.products.items()}
    code = {stage["stage"]: stage["code"] for stage in manifest["stages"]}
    return Reproduction(
        tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))),
        tuple(planned.name for planned in plan.stages if code.get(planned.name) != planned.code),
    )


def _rows_seen(manifest: Mapping[str, Any], products: ProductStore) -> int:
    """The number of the last row of the trial ledger that the run was judged by; 0 for a run that counted none."""
    made = next((s["writes"][TRIALS.name] for s in manifest["stages"] if TRIALS.name in s["writes"]), None)
    if made is None:
        return 0
    return max((row["number"] for row in products.load(Product(made["files"]), TRIALS.codec)["rows"]), default=0)
