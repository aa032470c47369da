"""Where a workspace keeps its record of tries, and how it is read: by market, all tries at once."""

from __future__ import annotations

from typing import Any

import polars as pl

from gnomon.data.base import TIMESTAMP
from gnomon.store.trials import TrialLedger, market_of, trial_ledger

__all__ = ["market_of", "record_of", "trial_ledger"]


def record_of(ledger: TrialLedger, market: str) -> tuple[dict[str, Any], pl.DataFrame]:
    """All tries on a market: facts (count, effective, variance, rows) without times, and their returns side by side."""
    trials = ledger.trials(market)
    panel = ledger.panel(market)
    stamps = pl.Series("timestamp", panel.timestamps, dtype=pl.Int64).cast(TIMESTAMP)
    columns = [pl.Series(f"trial_{t.number}", panel.returns[:, i]) for i, t in enumerate(panel.trials)]
    rows = [
        {"number": t.number, "name": t.name, "kind": t.kind, "config": t.config, "sharpe": t.sharpe, "bars": t.bars}
        for t in trials
    ]
    facts = {
        "market": market,
        "count": len(trials),
        "effective": ledger.effective_count(market),
        "variance": ledger.variance(market),
        "rows": rows,
    }
    return facts, pl.DataFrame([stamps, *columns])
