"""Artifacts by content, tracking, the trial ledger."""
