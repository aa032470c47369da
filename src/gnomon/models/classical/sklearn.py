"""Any scikit-learn classifier or regressor, named in the configuration."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.seeds import derived_seed
from gnomon.core.types import Array, Float32, Float64, Int64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.classical.linear import fill_missing
from gnomon.models.returns import TargetConfig
from gnomon.models.supervised import SupervisedModel, Target, read_weights, write_weights

ESTIMATOR = "estimator.skops"
BATCH = 256
LEAST_LEAF = 50
"""Training rows that a leaf of a tree must hold where nothing is said, as in `random_forest`."""
EPOCH = (1980, 1, 1, 0, 0, 0)
TRUSTED = frozenset(
    {
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)
"""Types beyond those that skops trusts by itself; a file that holds another is neither written nor read."""
COEFFICIENTS = ("coef_", "intercept_", "coefs_", "intercepts_")
"""Where linear estimators and perceptrons keep what they have learned."""


class SklearnConfig(TargetConfig):
    """Settings of `sklearn`."""

    estimator: str = Field(default="sklearn.ensemble.ExtraTreesClassifier", pattern=r"^sklearn(\.[A-Za-z]\w*)+$")
    """Where the class is: sklearn.MODULE.CLASS, a classifier for `target: class`, a regressor for `target: return`."""
    settings: dict[str, Any] = Field(default={})
    """Its own parameters; those left out keep scikit-learn's defaults, but leaves of trees hold 50 rows, not 1."""


@ModelRegistry.register(name="sklearn", family="classical")
class Sklearn(SupervisedModel):
    """A scikit-learn estimator: its class and parameters come from the configuration.

    Where scikit-learn would grow trees until each leaf holds one row (`min_samples_leaf` 1), and so learn the noise by
    heart, leaves hold 50 unless `settings` say otherwise. A missing feature counts as its mean over the training rows.
    Rows are weighted where the estimator takes weights; one that does not is refused unless all weights are equal. It
    is kept with skops, which writes no code; what holds a type outside of a short list is refused. A class that
    training never saw has probability 0. Reference: Pedregosa et al. 2011, "Scikit-learn: machine learning in Python".
    """

    Config = SklearnConfig
    config: SklearnConfig
    needs = ("skops",)
    extra = "boosting"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.estimator: Any = None
        self.classes: Int64[Array, " k"] = np.arange(3)
        self.fill: Float64[Array, " f"] = np.empty(0)
        self._bytes = b""

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        made = self._made()
        x, self.fill = fill_missing(train.x)
        goal = train.future if self.learns_returns else train.y
        if "sample_weight" in inspect.signature(made.fit).parameters:
            made.fit(x, goal, sample_weight=train.weight)
        elif np.ptp(train.weight) > 1e-9:
            raise DataError(
                f"{self.config.estimator} takes no sample weights and the rows have different ones; set "
                "training.use_sample_weights to false, or take another estimator"
            )
        else:
            made.fit(x, goal)
        if not self.learns_returns:
            self.classes = np.asarray(made.classes_, np.int64)
        # What was fitted and what will be loaded are read from the same bytes, so they are equal to the last bit.
        self._read(_written(made, self.config.estimator))
        return FitReport(
            curves=self._tell(train, valid, callbacks), importance=self._shares(self._reversed(train, rows=128))
        )

    @property
    def parameter_count(self) -> int | None:
        """Leaves of its trees, or its coefficients and intercepts; None for an estimator that has neither."""
        held = getattr(self.estimator, "estimators_", [self.estimator])
        trees = [one.tree_ for one in (held.ravel() if isinstance(held, np.ndarray) else held) if hasattr(one, "tree_")]
        if trees:
            return int(sum(tree.n_leaves for tree in trees))
        if hasattr(self.estimator, "_predictors"):
            return int(sum(tree.get_n_leaf_nodes() for stage in self.estimator._predictors for tree in stage))
        found = [getattr(self.estimator, name) for name in COEFFICIENTS if hasattr(self.estimator, name)]
        arrays = [part for one in found for part in (one if isinstance(one, list) else [one])]
        return int(sum(np.size(part) for part in arrays)) if arrays else None

    def _made(self) -> Any:
        from sklearn.base import is_classifier, is_regressor

        place, _, name = self.config.estimator.rpartition(".")
        try:
            kind = getattr(importlib.import_module(place), name)
            made = kind(**self.config.settings)
        except (ImportError, AttributeError, TypeError) as error:
            raise ConfigError(f"params.estimator {self.config.estimator!r} cannot be made: {error}") from None
        wanted = "regressor" if self.learns_returns else "classifier"
        if not (is_regressor(made) if self.learns_returns else is_classifier(made)):
            raise ConfigError(
                f"{self.config.estimator} is no {wanted}, which `target: {self.config.target}` needs; name another"
            )
        if not self.learns_returns and not hasattr(made, "predict_proba"):
            raise ConfigError(
                f"{self.config.estimator} gives no probabilities with these settings; name one with `predict_proba`"
            )
        known, said = made.get_params(), self.config.settings
        if "random_state" in known and "random_state" not in said:
            made.set_params(random_state=derived_seed(self.config.seed, "sklearn"))
        if known.get("min_samples_leaf") == 1 and "min_samples_leaf" not in said:
            made.set_params(min_samples_leaf=LEAST_LEAF)
        return made

    def _read(self, data: bytes) -> None:
        import skops.io

        strange = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED)
        if strange:
            raise ValueError(f"{ESTIMATOR} holds types that are not trusted: {', '.join(strange)}")
        self.estimator, self._bytes = skops.io.loads(data, trusted=sorted(TRUSTED)), data

    def _outputs(self, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        """What it says, in batches of one size: matrix products sum in an order that depends on the rows together."""
        said = self.estimator.predict if self.learns_returns else self.estimator.predict_proba
        wide = x.astype(np.float64)
        wide = np.where(np.isnan(wide), self.fill, wide)
        out = np.empty((len(x), 1 if self.learns_returns else len(self.classes)))
        for start in range(0, len(x), BATCH):
            part = wide[start : start + BATCH]
            batch = np.zeros((BATCH, x.shape[1]))
            batch[: len(part)] = part
            out[start : start + BATCH] = np.asarray(said(batch), np.float64).reshape(BATCH, -1)[: len(part)]
        return out

    def _expected(self, x: Float32[Array, "n f"]) -> Float64[Array, " n"]:
        return self._outputs(x)[:, 0]

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        out = np.zeros((len(x), 3))
        out[:, self.classes] = self._outputs(x)
        return out

    def _save(self, folder: Path) -> Mapping[str, Any]:
        held = write_weights(folder, ESTIMATOR, self._bytes)
        return {"estimator": held, "classes": self.classes.tolist(), "fill": self.fill.tolist()}

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self.classes = np.array(facts["classes"], np.int64)
        self.fill = np.array(facts["fill"], np.float64).reshape(len(self.feature_names))
        self._read(read_weights(folder, facts["estimator"]))


def _written(estimator: Any, name: str) -> bytes:
    """The estimator as skops writes it, less what differs from process to process: addresses, and the time."""
    import skops.io

    try:
        data = skops.io.dumps(estimator)
        strange = sorted(set(skops.io.get_untrusted_types(data=data)) - TRUSTED)
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{name} cannot be kept without pickle: {error}; name another estimator") from None
    if strange:
        raise ConfigError(f"{name} cannot be kept: it holds types that are not trusted: {', '.join(strange)}")
    with zipfile.ZipFile(io.BytesIO(data)) as held:
        schema = json.loads(held.read("schema.json"))
        numbers: dict[int, int] = {}
        files: dict[str, str] = {}
        _renumber(schema, numbers, files)
        contents = {files.get(entry, entry): held.read(entry) for entry in held.namelist() if entry != "schema.json"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(zipfile.ZipInfo("schema.json", EPOCH), json.dumps(schema))
        for entry in sorted(contents):
            made.writestr(zipfile.ZipInfo(entry, EPOCH), contents[entry])
    return out.getvalue()


def _renumber(node: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    """Gives objects numbers in the order in which they are met, and their files the names of these."""
    if isinstance(node, list):
        for value in node:
            _renumber(value, numbers, files)
    elif isinstance(node, dict):
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(node["__id__"], len(numbers))
        if isinstance(node.get("file"), str):
            ending = Path(node["file"]).suffix
            node["file"] = files.setdefault(node["file"], f"{len(files):06d}{ending}")
        for value in node.values():
            _renumber(value, numbers, files)
