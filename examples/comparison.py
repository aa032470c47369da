"""Ways to choose side by side, and what a group of features is worth, every try counted.

Run it: python examples/comparison.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gnomon.pipeline import open_workspace
from gnomon.pipeline.comparison import ModelComparison
from gnomon.reporting.words import format_value

CONFIG = """
data: {source: {kind: embedded}, symbols: [SP500], start: "2008-01-01", end: "2013-01-01"}
labels: {kind: triple_barrier, horizons: [5]}
selection: {splitter: {kind: purged_kfold, folds: 3}}
models:
  linear: {model_type: logistic_regression}
  trees: {model_type: lightgbm, params: {rounds: 20}}
execution: {fee_bps: 1, half_spread_bps: 1}
evaluation: {benchmarks: [buy_and_hold]}
compare: {themes: [trend], search_trials: 4}
"""


def main() -> None:
    """Compares two models on five years of the S&P 500, with and without features of trend."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "gnomon.yaml").write_text(CONFIG)
        written = ModelComparison(open_workspace(Path(folder))).run()
        for way in written.found.approaches:
            print(f"{way.name}: {way.result.model}, Sharpe {format_value(way.result.doubt, 'sharpe')}")
        for one in written.found.searches:
            print(f"{one.trials} settings of {one.model}: {one.metric} over folds {one.first:.4f} -> {one.best:.4f}")
        for part in written.found.ablations:
            change = part.changes.get("ic")
            words = "" if change is None else f", IC {change.value:+.4f} ± {change.error:.4f}"
            print(f"{part.what}: {part.result.model} is chosen{words}")
        print(f"{written.found.trials['count']} tries counted; read {written.files['model_comparison.html'].name}")


if __name__ == "__main__":
    main()
