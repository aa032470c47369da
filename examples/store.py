"""Artifacts with versions, a ledger of trials, and a tracked run: what is kept, and what notices when it changes.

Run it: python examples/store.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gnomon.core.errors import IntegrityError
from gnomon.core.seeds import generator
from gnomon.store import ExperimentTracker, LocalArtifactStore, ModelVersions, TrialLedger


def main() -> None:
    """Stores, loads, counts, tracks, promotes; then damages a byte and sees it found."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        (workspace / "weights.txt").write_text("0.1 0.2 0.3")

        store = LocalArtifactStore(storage_root=workspace / "store")
        first = store.put(workspace / "weights.txt", name="momentum", kind="model", metadata={"lookback": 20})
        named = store.save_artifact(
            artifact_id="momentum", artifact_path=workspace / "weights.txt", artifact_type="model", version="1.1.0"
        )
        loaded = store.load_artifact(artifact_id="momentum", version="1.1.0", destination_path=workspace / "mine.txt")
        print(f"versions {first.version} and {named.version} hold {loaded.read_text()!r}; {store.du().size} bytes kept")

        # Every configuration that is scored counts, and the same one counts once.
        ledger = TrialLedger(workspace / "trials.jsonl")
        returns = generator(7, "example").standard_normal((3, 500)) / 100
        for lookback in (5, 10, 20, 20):
            column = returns[(5, 10, 20).index(lookback)]
            ledger.append(
                dataset="sample", config={"lookback": lookback}, name="momentum", kind="train", returns=column
            )
        print(f"{ledger.count('sample')} trials, {ledger.effective_count('sample'):.1f} independent ones")

        tracker = ExperimentTracker(workspace=workspace, experiment="example")
        with tracker.run("first", params={"lookback": 20}) as run:
            run.log_curve("loss", [0.7, 0.6, 0.5])
            run.log_artifact(named)
        registry = ModelVersions(workspace=workspace)
        registry.register("momentum", named, run_id=run.id)
        act = registry.promote("momentum", "latest", by="example", reason="the only one")
        print(f"{act.alias} is version {registry.show('momentum', 'champion').version}, was {act.old}")

        # A single altered byte is found before anyone uses it.
        damaged = store.get("momentum")
        damaged.chmod(0o644)
        damaged.write_text("0.1 0.2 9.9")
        try:
            store.get("momentum")
        except IntegrityError as error:
            print(f"refused: {str(error).splitlines()[0][:40]}...")
        print(
            f"verify finds {len(store.verify().findings)} altered files (the object, and the checkouts that share it)"
        )


if __name__ == "__main__":
    main()
