"""Labels, behind the wall: what a model should have known."""

from gnomon.labels.base import LABEL_SCHEMA, LABELERS, Labeler
from gnomon.labels.triple_barrier import TripleBarrier, triple_barrier
from gnomon.labels.weights import average_uniqueness

__all__ = ["LABELERS", "LABEL_SCHEMA", "Labeler", "TripleBarrier", "average_uniqueness", "triple_barrier"]
