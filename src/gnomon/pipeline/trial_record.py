"""Where a workspace keeps its record of tries, and how it is read: by market, all tries at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.clock import Clock
from gnomon.core.hashing import hash_value
from gnomon.data.base import TIMESTAMP
from gnomon.store.trials import TrialLedger


def trial_ledger(workspace: Path, *, path: Path | None = None, clock: Clock | None = None) -> TrialLedger:
    """The trial ledger of a workspace, or the one in the file `path`."""
    return TrialLedger(path or workspace / ".gnomon" / "trials" / "trials.jsonl", clock=clock)


def market_of(symbols: Sequence[str], frequency: str) -> str:
    """What tries are counted by: symbols and frequency, not the data version.

    One more day of bars is no new market, and starting the count again with it would forget every try before.
    """
    return hash_value({"symbols": sorted(symbols), "frequency": frequency})


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
