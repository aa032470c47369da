"""Compiled loops that carry their state: indicators, barriers, the ledger."""
