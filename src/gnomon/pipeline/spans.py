"""Which part of the history is trained on: what a repair may take statistics from."""

from __future__ import annotations

from gnomon.config.models import PipelineConfig
from gnomon.splits.base import SPLITTERS


def train_fraction(config: PipelineConfig) -> float | None:
    """The part of the history that is trained on, where the splitter has a fraction for it."""
    fraction = getattr(SPLITTERS.from_config(config.split, where="split"), "train", None)
    return fraction if isinstance(fraction, float) else None
