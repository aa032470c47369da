"""An ensemble of three families on twenty years of the S&P 500: whom it listens to, and how its members differ.

Run it: python examples/ensembles.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import gnomon.ensembles  # noqa: F401  fits what `ensemble` names
from gnomon.config import ConfigManager
from gnomon.models import TrainedModel
from gnomon.models.ensemble import Ensemble
from gnomon.training import TrainingEngine

CONFIG = """
data: {source: {kind: embedded}, symbols: [SP500]}
labels: {kind: triple_barrier, horizons: [20], cost_bps: 5}
split: {kind: holdout, embargo_bars: 20}
models:
  trees: {model_type: lightgbm, params: {rounds: 60}}
  linear: {model_type: logistic_regression}
  ridge: {model_type: ridge}
  blend: {model_type: ensemble, params: {members: [trees, linear, ridge], method: weighted, folds: 3}}
"""


def main() -> None:
    """Fits the ensemble with its members, saves and loads it, and shows what is known of it."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        (workspace / "gnomon.yaml").write_text(CONFIG)
        engine = TrainingEngine(config_manager=ConfigManager(workspace))
        prepared = engine.prepare()
        result = engine.train(model_config="blend", prepared=prepared)
        result.trained.save(workspace / "blend")

        loaded = TrainedModel.load(workspace / "blend")
        assert isinstance(loaded.model, Ensemble)
        about = loaded.model.about
        losses = about["out_of_fold"]["log_loss"]
        for row in about["contributions"]:
            name = row["member"]
            print(f"{name}: weight {about['weights'][name]:.2f}, loss {losses[name]:.4f}, share {row['shapley']:+.4f}")
        print(f"together: {losses['ensemble']:.4f}; saying how often each class came: {losses['prior']:.4f}")
        for pair in about["diversity"]:
            print(
                f"{pair['a']} and {pair['b']}: edges correlate {pair['correlation']:.2f}, Q {pair['q_statistic']:.2f}"
            )
        print(loaded.predict(prepared.test).to_frame().tail(3))


if __name__ == "__main__":
    main()
