"""Settings of a model searched for on the S&P 500, stopped on the way, and gone on with.

Run it: python examples/search.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gnomon.config import ConfigManager
from gnomon.training import HPOptimizer, TrainingEngine

CONFIG = """
data: {source: {kind: embedded}, symbols: [SP500], start: 2010-01-01}
features: {set: none, include: [log_return, rsi, natr]}
labels: {kind: triple_barrier, horizons: [5], cost_bps: 5}
split: {kind: holdout, embargo_bars: 5}
models:
  trees: {model_type: lightgbm, params: {rounds: 10}}
search:
  splitter: {kind: purged_kfold, folds: 3, embargo_bars: 5}
  pruner: hyperband
"""


def main() -> None:
    """Six trials, then twelve: the first six are not tried again."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "gnomon.yaml").write_text(CONFIG)
        config = ConfigManager(folder)
        engine = TrainingEngine(config_manager=config)
        prepared = engine.prepare()
        optimizer = HPOptimizer(training_engine=engine, config_manager=config)
        for trials in (6, 12):
            search = {**config.get_config("search").model_dump(), "trials": trials}
            found = optimizer.optimize(model_type="trees", search=search, prepared=prepared)
            print(f"{trials} trials: {found.best_value:.4f} by trial {found.best_trial.number}")

        print(found.trials.select("number", "state", "log_loss", "params_num_leaves", "params_learning_rate"))
        print({name: round(share, 2) for name, share in found.importance.items()})
        print("tries that a run on this market will be held against:", optimizer.ledger.count())


if __name__ == "__main__":
    main()
