"""Splits, behind the wall: folds whose training labels end before testing begins."""

from gnomon.splits.audit import FoldAudit, audit_fold, audited
from gnomon.splits.base import SPLITTERS, Fold, Splitter
from gnomon.splits.combinatorial import CombinatorialPurgedKFold
from gnomon.splits.cross_validator import PurgedCrossValidator
from gnomon.splits.holdout import Holdout, IntradayHoldout
from gnomon.splits.purged import PurgedKFold
from gnomon.splits.ranges import FoldRanges, RangeSplitter, Span, Timeline
from gnomon.splits.walk_forward import WalkForward

__all__ = [
    "SPLITTERS",
    "CombinatorialPurgedKFold",
    "Fold",
    "FoldAudit",
    "FoldRanges",
    "Holdout",
    "IntradayHoldout",
    "PurgedCrossValidator",
    "PurgedKFold",
    "RangeSplitter",
    "Span",
    "Splitter",
    "Timeline",
    "WalkForward",
    "audit_fold",
    "audited",
]
