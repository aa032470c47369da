"""Checks of bars: each finds one kind of fault and says where, how many, and the way out."""

from gnomon.data.checks.run import check_bars
from gnomon.data.issues import CheckReport, Issue

__all__ = ["CheckReport", "Issue", "check_bars"]
