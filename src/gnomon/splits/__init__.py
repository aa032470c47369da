"""Splits, behind the wall: folds whose training labels end before testing begins."""

from gnomon.splits.audit import FoldAudit, audit_fold
from gnomon.splits.base import SPLITTERS, Fold, Splitter
from gnomon.splits.holdout import Holdout

__all__ = ["SPLITTERS", "Fold", "FoldAudit", "Holdout", "Splitter", "audit_fold"]
