"""Bars to samples and a fold, for those who train without a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from gnomon.config.models import FeaturesConfig
from gnomon.core.errors import DataError
from gnomon.data.curate import curate
from gnomon.data.digest import hash_bars
from gnomon.data.manager import DataManager
from gnomon.features.sets import FeatureSet
from gnomon.labels.base import LABELERS
from gnomon.samples.assemble import build_samples
from gnomon.samples.base import Samples
from gnomon.splits.audit import audit_fold
from gnomon.splits.base import SPLITTERS, Fold, require_one_fold


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What a model is fitted on: samples and the fold that says which of them are for what."""

    samples: Samples
    fold: Fold
    data_version: str
    lineage: Mapping[str, Any]
    bars: pl.DataFrame
    """The bars that the samples were made of, those of the test rows too."""
    tables: Mapping[str, pl.DataFrame]
    """The side tables by name."""

    @property
    def train(self) -> Samples:
        """The training rows."""
        return self.samples.take(self.fold.train)

    @property
    def valid(self) -> Samples | None:
        """The validation rows, or None where the split makes none."""
        return self.samples.take(self.fold.valid) if len(self.fold.valid) else None

    @property
    def test(self) -> Samples:
        """The test rows: for judging, never for fitting or choosing."""
        return self.samples.take(self.fold.test)


def prepare(
    bars: pl.DataFrame,
    *,
    features: FeaturesConfig,
    labels: Mapping[str, Any],
    split: Mapping[str, Any],
    tables: Mapping[str, pl.DataFrame] | None = None,
) -> Prepared:
    """Features, labels and a purged, audited fold of checked bars, each as its config section says.

    Raises ConfigError for a section that is wrong, DataError for bars that cannot be learned from, GateError for a fold
    whose labels overlap.
    """
    feature_set = FeatureSet.from_config(features, tables=tuple(tables or ()))
    labeler = LABELERS.from_config(labels, where="labels")
    splitter = SPLITTERS.from_config(split, where="split")
    require_one_fold(splitter, split["kind"], where="split")
    samples = build_samples(feature_set.compute(bars, tables), labeler.label(bars), bars)
    folds = list(splitter.split(samples.known_at, samples.last_label_end))
    if len(folds) != 1:
        raise DataError(f"the splitter {split['kind']!r} made {len(folds)} folds; training takes one, use `holdout`")
    audit_fold(folds[0], samples.known_at, samples.last_label_end).raise_overlaps()
    lineage = {"features": features.model_dump(mode="json"), "labels": dict(labels), "split": dict(split)}
    return Prepared(
        samples=samples,
        fold=folds[0],
        data_version=hash_bars(bars),
        lineage=lineage,
        bars=bars,
        tables=dict(tables or {}),
    )


def checked_bars(manager: DataManager, *, train: float) -> pl.DataFrame:
    """A data manager's bars, restricted, adjusted and repaired as its config names it, and checked.

    `train` is the fraction of the history that repairs may take statistics from. Raises DataError with the rows that
    an error was found in.
    """
    curation = curate(manager.load(), manager.config, root=manager.root, train=train)
    curation.report.raise_errors()
    return curation.bars
