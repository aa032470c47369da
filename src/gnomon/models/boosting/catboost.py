"""Gradient boosted symmetric trees by CatBoost."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from gnomon.core.seeds import derived_seed
from gnomon.core.types import Array, Float32, Float64, Int64
from gnomon.models.base import Callback, FitReport, ModelConfig, ModelRegistry
from gnomon.models.boosting.base import Booster, BoosterConfig
from gnomon.models.boosting.watch import Watch, explained
from gnomon.models.graphs import TreeArrays, ensemble_graph
from gnomon.models.search_space import Integer, Real, SearchSpace
from gnomon.models.supervised import Target, read_weights, softmax, write_weights

TREES = "model.cbm"
STAMPS = ("model_guid", "train_finish_time")
"""What CatBoost writes into a model about the moment it was fitted at: blanked, so that equal fits are equal bytes."""


class CatBoostConfig(BoosterConfig):
    """Settings of `catboost`; those not named here keep CatBoost's defaults."""

    search_space: ClassVar[SearchSpace] = {
        "learning_rate": Real(low=0.01, high=0.3, log=True),
        "depth": Integer(low=2, high=8),
        "feature_fraction": Real(low=0.3, high=1.0),
        "row_fraction": Real(low=0.3, high=1.0),
        "l2": Real(low=0.1, high=100.0, log=True),
        "split_noise": Real(low=0.1, high=10.0, log=True),
    }
    # 12 US stocks, daily 2000-2009, 5 bars, 50 trials (of 64 bins) on five purged folds before the test rows (see
    # docs/models.md): log loss 0.8824, with all bins 0.8829, by the defaults 0.8838, by the frequencies 0.8881.
    # `learning_rate` ended at the lower end of its range: 300 rounds of it are few.
    tuned: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 0.0102,
        "depth": 7,
        "feature_fraction": 0.447,
        "row_fraction": 0.53,
        "l2": 0.812,
        "split_noise": 0.623,
    }

    rounds: int = Field(default=300, ge=1)
    """Trees, at most; each holds a value for every class."""
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    """Share of each tree's correction that is taken."""
    depth: int = Field(default=5, ge=1, le=16)
    """Levels of a tree: all rows of a level are asked the same question."""
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the features that each level may ask about."""
    row_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the rows that each tree is chosen by."""
    l2: float = Field(default=3.0, ge=0)
    """Weight of the squared penalty on leaf values."""
    split_noise: float = Field(default=1.0, ge=0)
    """Noise in the score of a split, which keeps trees from all choosing the same."""
    max_bins: int = Field(default=254, ge=1, le=65_535)
    """Borders that a feature's values are divided by."""
    early_stopping_rounds: int | None = Field(default=50, ge=1)
    """Rounds without a better validation loss until the fit stops; the best round is kept. None runs all rounds."""
    threads: int = Field(default=1, ge=1)
    """Other numbers of threads may give other last bits."""


@ModelRegistry.register(name="catboost", family="boosting")
class CatBoost(Booster):
    """Boosted symmetric trees for classes or for the forward return; slower to fit than the others, quick to forecast.

    A missing feature counts as smaller than any value. A class that training never saw has probability 0. A callback
    cannot save it before its fit has ended. Reference: Prokhorenkova et al. 2018, "CatBoost: unbiased boosting with
    categorical features".
    """

    Config = CatBoostConfig
    config: CatBoostConfig
    quantile_file = "quantiles_{}.cbm"
    saves_midway = False
    needs = ("catboost",)
    extra = "boosting"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self._trees: Any = None
        self._bytes = b""
        self.classes: Int64[Array, " k"] = np.arange(3)

    def _boost(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        import catboost

        self.classes = np.unique(train.y)
        if valid is not None and not self.learns_returns:
            valid = valid.of_classes(self.classes)
        of_train = catboost.Pool(train.x, self._goal(train), weight=train.weight, thread_count=self.config.threads)
        of_valid = None
        if valid is not None:
            of_valid = catboost.Pool(valid.x, self._goal(valid), weight=valid.weight, thread_count=self.config.threads)
        watch = Watch(
            self,
            callbacks,
            part="train" if valid is None else "valid",
            patience=self.config.early_stopping_rounds if valid else None,
        )
        trees = catboost.CatBoost(self._params())
        with explained(catboost.CatBoostError, self):
            trees.fit(of_train, eval_set=of_valid, callbacks=[_Told(watch, "learn" if valid is None else "validation")])
        if trees.tree_count_ > watch.best_iteration + 1:
            trees.shrink(watch.best_iteration + 1)
        self._bytes = _bytes_of(trees)
        self._trees = self._read_trees(self._bytes)
        size = np.maximum(self._trees.get_feature_importance(type="PredictionValuesChange"), 0.0)
        return watch.report(self._shares(np.asarray(size, np.float64)))

    def _boost_quantiles(self, train: Target, valid: Target | None) -> tuple[list[bytes], dict[str, list[float]]]:
        import catboost

        config = self.config
        loss = "MultiQuantile:alpha=" + ",".join(repr(level) for level in config.quantiles)
        params = {name: value for name, value in self._params().items() if name != "classes_count"}
        of_train, of_valid = (
            None
            if part is None
            else catboost.Pool(part.x, part.future, weight=part.weight, thread_count=config.threads)
            for part in (train, valid)
        )
        stops = valid is not None and config.early_stopping_rounds is not None
        trees = catboost.CatBoost({**params, "loss_function": loss, "use_best_model": stops})
        with explained(catboost.CatBoostError, self):
            trees.fit(
                of_train, eval_set=of_valid, early_stopping_rounds=config.early_stopping_rounds if stops else None
            )
        ((_, losses),) = trees.get_evals_result()["learn" if valid is None else "validation"].items()
        return [_bytes_of(trees)], {"pinball": [float(loss) for loss in losses]}

    def _goal(self, target: Target) -> Array:
        return target.future if self.learns_returns else np.searchsorted(self.classes, target.y)

    def _params(self) -> dict[str, Any]:
        config = self.config
        goal = (
            {"loss_function": "RMSE"}
            if self.learns_returns
            else {"loss_function": "MultiClass", "classes_count": len(self.classes)}
        )
        return {
            **goal,
            "iterations": config.rounds,
            "learning_rate": config.learning_rate,
            "depth": config.depth,
            "rsm": config.feature_fraction,
            "bootstrap_type": "Bernoulli" if config.row_fraction < 1 else "No",
            **({"subsample": config.row_fraction} if config.row_fraction < 1 else {}),
            "l2_leaf_reg": config.l2,
            "random_strength": config.split_noise,
            "border_count": config.max_bins,
            "thread_count": config.threads,
            "random_seed": derived_seed(config.seed, "catboost"),
            "use_best_model": False,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }

    def _read_trees(self, data: bytes) -> Any:
        import catboost

        trees = catboost.CatBoost()
        try:
            trees.load_model(blob=data)
        except catboost.CatBoostError as error:
            raise ValueError(f"{TREES}: {str(error).splitlines()[0]}") from None
        held = len(trees.feature_names_)
        if held != len(self.feature_names):
            raise ValueError(f"{TREES} has {held} features, not {len(self.feature_names)}")
        return trees

    def _outputs_of(self, trees: Any, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        scores = trees.predict(x, prediction_type="RawFormulaVal", thread_count=self.config.threads)
        return np.asarray(scores, np.float64).reshape(len(x), -1)

    def _scores(self, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        return self._outputs_of(self._trees, x)

    def _expected(self, x: Float32[Array, "n f"]) -> Float64[Array, " n"]:
        return self._scores(x)[:, 0]

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        out = np.zeros((len(x), 3))
        out[:, self.classes] = softmax(self._scores(x))
        return out

    @property
    def parameter_count(self) -> int:
        """Leaves of all trees."""
        held = [self._trees, *(trees.read for trees in self.quantile_trees)]
        return int(sum(sum(trees.get_tree_leaf_counts()) for trees in held))

    def _graph(self) -> bytes:
        k = len(self.classes)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            self._trees.save_model(str(path), format="json")
            held = json.loads(path.read_bytes())
        scale, base = held["scale_and_bias"]
        return ensemble_graph(
            [_tree(tree, k, scale) for tree in held["oblivious_trees"]],
            features=len(self.feature_names),
            targets=k,
            mode="BRANCH_GT",
            base=np.broadcast_to(np.array(base, np.float64) if len(base) else 0.0, k).tolist(),
            classes=self.classes.tolist(),
        )

    def _save_boosted(self, folder: Path) -> Mapping[str, Any]:
        return {"trees": write_weights(folder, TREES, self._bytes), "classes": self.classes.tolist()}

    def _restore_boosted(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self.classes = np.array(facts["classes"], np.int64)
        self._bytes = read_weights(folder, facts["trees"])
        self._trees = self._read_trees(self._bytes)


def _tree(tree: Mapping[str, Any], k: int, scale: float) -> TreeArrays:
    """A symmetric tree as a binary one: level d asks the d-th question from the end, whose answer is the higher bit."""
    splits = list(reversed(tree["splits"] or ()))
    depth, leaves = len(splits), 2 ** len(splits)
    inner = leaves - 1
    level = np.array([(number + 1).bit_length() - 1 for number in range(inner)], np.int64)
    value = np.zeros((inner + leaves, k))
    value[inner:] = scale * np.array(tree["leaf_values"], np.float64).reshape(leaves, k)
    number = np.arange(inner)
    ends = np.full(leaves, -1)
    return TreeArrays(
        feature=np.concatenate([[splits[d]["float_feature_index"] for d in level], np.zeros(leaves)]).astype(np.int64),
        threshold=np.concatenate([[splits[d]["border"] for d in level], np.zeros(leaves)]),
        # Yes leads left here, and to the upper half of the leaves there.
        left=np.concatenate([2 * number + 2, ends]),
        right=np.concatenate([2 * number + 1, ends]),
        missing_left=np.zeros(inner + leaves, np.bool_),
        value=value if depth else value[:1],
    )


class _Told:
    """CatBoost's callback: hands each round to ours."""

    def __init__(self, watch: Watch, part: str) -> None:
        self.watch, self.part = watch, part

    def after_iteration(self, info: Any) -> bool:
        ((_, losses),) = info.metrics[self.part].items()
        return not self.watch.stops(info.iteration - 1, float(losses[-1]))


def _bytes_of(trees: Any) -> bytes:
    facts = trees.get_metadata()
    for stamp in STAMPS:
        facts[stamp] = ""
    with tempfile.TemporaryDirectory() as folder:
        trees.save_model(str(Path(folder) / TREES))
        return (Path(folder) / TREES).read_bytes()
