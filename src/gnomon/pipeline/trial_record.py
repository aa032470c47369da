"""Where a workspace keeps its record of tries."""

from __future__ import annotations

from pathlib import Path

from gnomon.core.clock import Clock
from gnomon.store.trials import TrialLedger


def trial_ledger(workspace: Path, *, clock: Clock | None = None) -> TrialLedger:
    """The trial ledger of a workspace."""
    return TrialLedger(workspace / ".gnomon" / "trials" / "trials.jsonl", clock=clock)
