"""From the configured data to a chosen model: prepare once, fit several, choose by validation rows.

Run it: python examples/training.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gnomon.config import ConfigManager
from gnomon.models import TrainedModel
from gnomon.store.local import LocalArtifactStore
from gnomon.training import EarlyStoppingCallback, TrainingEngine, validation_scores

CONFIG = """
data: {source: {kind: embedded}, symbols: [SP500]}
labels: {kind: triple_barrier, horizons: [5, 20], cost_bps: 5}
split: {kind: holdout, embargo_bars: 5}
models:
  trees: {model_type: lightgbm, params: {rounds: 100}}
  linear: {model_type: logistic_regression}
"""


def main() -> None:
    """Trains two models on twenty years of the S&P 500."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        (workspace / "gnomon.yaml").write_text(CONFIG)
        store = LocalArtifactStore(storage_root=workspace / "store")
        engine = TrainingEngine(config_manager=ConfigManager(workspace), artifact_store=store)

        prepared = engine.prepare()
        fitted = {}
        for name in ("trees", "linear"):
            watch = [EarlyStoppingCallback(patience=20)] if name == "trees" else []
            result = engine.train(model_config=name, prepared=prepared, callbacks=watch)
            fitted[name] = result.trained
            print(f"{name}: version {result.model_version}, {result.report.iterations} iterations")

        assert prepared.valid is not None
        scores = validation_scores(fitted, prepared.train, prepared.valid)
        for score in scores:
            print(f"{score.name}: loss {score.log_loss:.4f}, {score.skill:+.2%} against guessing frequencies")

        # Only now, and once, the test rows.
        chosen = TrainedModel.load(store.get(scores[0].name))
        forecast = chosen.predict(prepared.test)
        print(forecast.to_frame().tail(3))


if __name__ == "__main__":
    main()
