"""Random forests: fitted by scikit-learn, kept as arrays, walked by our own loop."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from gnomon.core.seeds import derived_seed
from gnomon.core.types import Array, Float32, Float64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.graphs import TreeArrays, ensemble_graph
from gnomon.models.returns import TargetConfig
from gnomon.models.search_space import Integer, Real, SearchSpace
from gnomon.models.supervised import (
    SupervisedModel,
    Target,
    array_bytes,
    arrays_of,
    read_weights,
    write_weights,
)

TREES = "trees.npz"
ARRAYS = ("roots", "feature", "threshold", "left", "right", "missing_left", "value")


class RandomForestConfig(TargetConfig):
    """Settings of `random_forest`."""

    search_space: ClassVar[SearchSpace] = {
        "max_depth": Integer(low=2, high=24),
        "min_rows_in_leaf": Integer(low=5, high=1000, log=True),
        "feature_fraction": Real(low=0.05, high=1.0),
        "row_fraction": Real(low=0.1, high=1.0),
    }
    # 12 US stocks, daily 2000-2009, 5 bars, 50 trials (of 25 trees) on five purged folds before the test rows (see
    # docs/models.md): log loss 0.8806 with all trees, by the defaults 0.8837, by the frequencies of the classes 0.8881.
    tuned: ClassVar[Mapping[str, Any]] = {
        "max_depth": 22,
        "min_rows_in_leaf": 315,
        "feature_fraction": 0.784,
        "row_fraction": 0.171,
    }

    trees: int = Field(default=200, ge=1)
    """Trees of the forest."""
    max_depth: int | None = Field(default=10, ge=1)
    """Levels of a tree, at most; None sets no limit."""
    min_rows_in_leaf: int = Field(default=50, ge=1)
    """Training rows that a leaf must hold."""
    feature_fraction: float = Field(default=0.3, gt=0, le=1)
    """Share of the features that each split may choose from."""
    row_fraction: float = Field(default=0.5, gt=0, le=1)
    """Rows that each tree draws, with replacement, as a share of all."""
    threads: int = Field(default=1, ge=1)
    """Threads of the fit; any number gives the same bytes."""


@ModelRegistry.register(name="random_forest", family="classical")
class RandomForest(SupervisedModel):
    """The mean of many deep trees, each grown on drawn rows with drawn features, for classes or for the forward return.

    A missing feature takes the branch that served best in training; where training missed none, the larger one. A class
    that training never saw has probability 0. Reference: Breiman 2001, "Random forests".
    """

    Config = RandomForestConfig
    config: RandomForestConfig
    scaled = False

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.trees: dict[str, Array] = {}

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        config = self.config
        settings: dict[str, Any] = {
            "n_estimators": config.trees,
            "max_depth": config.max_depth,
            "min_samples_leaf": config.min_rows_in_leaf,
            "max_features": config.feature_fraction,
            "max_samples": config.row_fraction,
            "n_jobs": config.threads,
            "random_state": derived_seed(config.seed, "random_forest"),
        }
        if self.learns_returns:
            grown: Any = RandomForestRegressor(**settings).fit(train.x, train.future, sample_weight=train.weight)
        else:
            grown = RandomForestClassifier(**settings).fit(train.x, train.y, sample_weight=train.weight)
        self.trees = _arrays(grown, None if self.learns_returns else grown.classes_)
        curves = self._tell(train, valid, callbacks)
        return FitReport(
            iterations=config.trees, curves=curves, importance=self._shares(np.asarray(grown.feature_importances_))
        )

    def _means(self, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        from gnomon.kernels import scores

        walk: Any = scores.forest
        out = np.empty((len(x), self.trees["value"].shape[1]))
        walk(x, *(self.trees[name] for name in ARRAYS), out)
        return out

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        return self._means(x)

    def _expected(self, x: Float32[Array, "n f"]) -> Float64[Array, " n"]:
        return self._means(x)[:, 0]

    @property
    def parameter_count(self) -> int:
        """Leaves of all trees."""
        return int((self.trees["left"] < 0).sum())

    def _graph(self) -> bytes:
        held = self.trees
        bounds = [*held["roots"].tolist(), len(held["feature"])]
        trees = [
            TreeArrays(
                feature=held["feature"][start:stop],
                threshold=held["threshold"][start:stop],
                left=np.where(held["left"][start:stop] < 0, -1, held["left"][start:stop] - start),
                right=held["right"][start:stop] - start,
                missing_left=held["missing_left"][start:stop],
                value=held["value"][start:stop],
            )
            for start, stop in itertools.pairwise(bounds)
        ]
        return ensemble_graph(trees, features=len(self.feature_names), targets=3, mode="BRANCH_LEQ", average=True)

    def _save(self, folder: Path) -> Mapping[str, Any]:
        return {"trees": write_weights(folder, TREES, array_bytes(self.trees))}

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self.trees = arrays_of(read_weights(folder, facts["trees"]), ARRAYS)
        if int(self.trees["feature"].max(initial=-1)) >= len(self.feature_names):
            raise ValueError(f"{TREES} asks for more than {len(self.feature_names)} features")


def _arrays(grown: Any, classes: Array | None) -> dict[str, Array]:
    """All trees in one set of arrays; a node's children are counted from the first tree's first node."""
    inner = [tree.tree_ for tree in grown.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in inner)])
    values = []
    for tree in inner:
        held = tree.value[:, 0, :]
        if classes is not None:
            wide = np.zeros((len(held), 3))
            wide[:, classes] = held / held.sum(axis=1, keepdims=True)
            held = wide
        values.append(held)

    def joined(name: str, dtype: Any) -> Array:
        return np.concatenate([np.asarray(getattr(tree, name)) for tree in inner]).astype(dtype)

    shift = np.repeat(starts[:-1], np.diff(starts))
    left, right = joined("children_left", np.int32), joined("children_right", np.int32)
    return {
        "roots": starts[:-1].astype(np.int32),
        "feature": joined("feature", np.int32),
        "threshold": joined("threshold", np.float64),
        "left": np.where(left < 0, -1, left + shift).astype(np.int32),
        "right": np.where(right < 0, -1, right + shift).astype(np.int32),
        "missing_left": joined("missing_go_to_left", np.bool_),
        "value": np.ascontiguousarray(np.concatenate(values)),
    }
