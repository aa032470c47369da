"""Several models on two data sets, into a catalogue; then a ranking that says how much of it may be luck.

Run it: python examples/catalogue.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gnomon.config import load_config
from gnomon.core.clock import SystemClock
from gnomon.pipeline.catalogue import Catalogue, Sweep, candidates, find_data_sets, rank
from gnomon.pipeline.trial_record import trial_ledger


def main() -> None:
    """Sweeps over rules, a linear model and trees of two depths, on an index and on a market without any edge."""
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(
            catalogue=Catalogue(Path(folder) / "models.parquet"),
            ledger=trial_ledger(Path(folder)),
            config=load_config(overrides=["execution.fee_bps=1", "features.set=basic"]),
            clock=SystemClock(),
        )
        chosen = candidates(models=["majority", "ridge", "random_forest"], depths=[2, 4], sizes={"trees": 20})
        report = sweep.run(find_data_sets(["sp500", "synthetic"], rows=2000), [5], chosen)
        print(f"{report.scored} rows, {sweep.ledger.count()} tries counted")
        for row in rank(sweep.catalogue.read()).iter_rows(named=True):
            print(f"{row['label']:22s} mean rank {row['mean_rank']:.1f}, from {row['low']:.1f} to {row['high']:.1f}")


if __name__ == "__main__":
    main()
