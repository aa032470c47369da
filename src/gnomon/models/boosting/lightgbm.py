"""Gradient boosted trees by LightGBM."""

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
from gnomon.models.boosting.base import Booster, BoosterConfig
from gnomon.models.boosting.single_row import SingleRow
from gnomon.models.boosting.watch import Watch, explained
from gnomon.models.graphs import TreeArrays, ensemble_graph
from gnomon.models.search_space import Integer, Real, SearchSpace
from gnomon.models.supervised import Target, read_weights, write_weights

TREES = "model.txt"


class LightGBMConfig(BoosterConfig):
    """Settings of `lightgbm`; those not named here keep LightGBM's defaults."""

    search_space: ClassVar[SearchSpace] = {
        "learning_rate": Real(low=0.01, high=0.3, log=True),
        "num_leaves": Integer(low=4, high=128, log=True),
        "min_rows_in_leaf": Integer(low=10, high=1000, log=True),
        "feature_fraction": Real(low=0.3, high=1.0),
        "row_fraction": Real(low=0.3, high=1.0),
        "l1": Real(low=1e-3, high=10.0, log=True),
        "l2": Real(low=1e-3, high=100.0, log=True),
    }
    # 12 US stocks, daily 2000-2009, 5 bars, 50 trials on five purged folds before the test rows (see docs/models.md):
    # log loss 0.8796 in the search. Fitted once more, mean of three seeds: 0.8813, by the defaults 0.8833, by the
    # frequencies of the classes 0.8881. Half of what the best trial gained was chance.
    tuned: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 0.183,
        "num_leaves": 11,
        "min_rows_in_leaf": 256,
        "feature_fraction": 0.758,
        "row_fraction": 0.602,
        "l1": 0.208,
        "l2": 50.9,
    }

    rounds: int = Field(default=300, ge=1)
    """Trees a class, at most."""
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    """Share of each tree's correction that is taken."""
    num_leaves: int = Field(default=15, ge=2, le=131_072)
    """Leaves of a tree, at most."""
    max_depth: int = -1
    """Levels of a tree, at most; -1 sets no limit."""
    min_rows_in_leaf: int = Field(default=100, ge=1)
    """Training rows that a leaf must hold."""
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the features that each tree may use."""
    row_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the rows that each tree learns from."""
    l1: float = Field(default=0.0, ge=0)
    """Weight of the absolute penalty on leaf values."""
    l2: float = Field(default=1.0, ge=0)
    """Weight of the squared penalty on leaf values."""
    max_bins: int = Field(default=255, ge=2, le=255)
    """Steps that a feature's values are sorted into."""
    early_stopping_rounds: int | None = Field(default=50, ge=1)
    """Rounds without a better validation loss until the fit stops; the best round is kept. None runs all rounds."""
    threads: int = Field(default=1, ge=1)
    """Other numbers of threads may give other last bits."""


@ModelRegistry.register(name="lightgbm", family="boosting")
class LightGBM(Booster):
    """Boosted trees, grown leaf by leaf over histograms, for classes or for the forward return.

    Missing features take the branch that served best in training. A class that training never saw has a probability
    near 0. Reference: Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree".
    """

    Config = LightGBMConfig
    config: LightGBMConfig
    quantile_file = "quantiles_{}.txt"

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self._booster: Any = None
        self._single: SingleRow | None = None

    def _boost(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        import lightgbm

        self._single = None
        params = self._params()
        of_train = lightgbm.Dataset(train.x, self._goal(train), weight=train.weight, params=params)
        part, watched = "train", of_train
        if valid is not None:
            part, watched = "valid", of_train.create_valid(valid.x, self._goal(valid), weight=valid.weight)
        watch = Watch(self, callbacks, part=part, patience=self.config.early_stopping_rounds if valid else None)
        with explained(lightgbm.basic.LightGBMError, self):
            booster = lightgbm.train(
                params,
                of_train,
                num_boost_round=self.config.rounds,
                valid_sets=[watched],
                valid_names=[part],
                callbacks=[_Told(self, watch)],
            )
        # What was fitted is read from the text that will be loaded.
        self._booster = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=watch.best_iteration + 1))
        return watch.report(self._shares(self._booster.feature_importance("gain")))

    def _boost_quantiles(self, train: Target, valid: Target | None) -> tuple[list[bytes], dict[str, list[float]]]:
        import lightgbm

        params = {name: value for name, value in self._params().items() if name != "num_class"}
        params |= {"objective": "quantile", "metric": "quantile"}
        of_train = lightgbm.Dataset(train.x, train.future, weight=train.weight, params=params)
        part, watched = "train", of_train
        if valid is not None:
            part, watched = "valid", of_train.create_valid(valid.x, valid.future, weight=valid.weight)
        patience, found, curves = self.config.early_stopping_rounds, [], {}
        for level in self.config.quantiles:
            history: dict[str, Any] = {}
            callbacks = [lightgbm.record_evaluation(history)]
            if valid is not None and patience is not None:
                callbacks.append(lightgbm.early_stopping(patience, verbose=False))
            with explained(lightgbm.basic.LightGBMError, self):
                booster = lightgbm.train(
                    {**params, "alpha": level},
                    of_train,
                    num_boost_round=self.config.rounds,
                    valid_sets=[watched],
                    valid_names=[part],
                    callbacks=callbacks,
                )
            found.append(booster.model_to_string().encode())
            curves[f"pinball_{level:g}"] = [float(loss) for loss in history[part]["quantile"]]
        return found, curves

    def _goal(self, target: Target) -> Array:
        return target.future if self.learns_returns else target.y

    def _params(self) -> dict[str, Any]:
        config = self.config
        goal = (
            {"objective": "regression", "metric": "rmse"}
            if self.learns_returns
            else {"objective": "multiclass", "num_class": 3, "metric": "multi_logloss"}
        )
        return {
            **goal,
            "first_metric_only": True,
            "learning_rate": config.learning_rate,
            "num_leaves": config.num_leaves,
            "max_depth": config.max_depth,
            "min_data_in_leaf": config.min_rows_in_leaf,
            "feature_fraction": config.feature_fraction,
            "bagging_fraction": config.row_fraction,
            "bagging_freq": 1 if config.row_fraction < 1 else 0,
            "lambda_l1": config.l1,
            "lambda_l2": config.l2,
            "max_bin": config.max_bins,
            "num_threads": config.threads,
            "seed": derived_seed(config.seed, "lightgbm"),
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _expected(self, x: Float32[Array, "n f"]) -> Float64[Array, " n"]:
        return self._outputs(x)[:, 0]

    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        return self._outputs(x)

    def _outputs(self, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        return self._one(x[0])[None] if len(x) == 1 else self._outputs_of(self._booster, x)

    def _outputs_of(self, trees: Any, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        outputs = trees.predict(x, num_threads=self.config.threads)
        return np.asarray(outputs, np.float64).reshape(len(x), -1)

    def _one(self, x: Float32[Array, " f"]) -> Float64[Array, " k"]:
        single = self._single
        if single is None or single.booster is not self._booster:
            single = SingleRow(self._booster, len(self.feature_names), 1 if self.learns_returns else 3)
            self._single = single
        return single(x)

    def row(self, x: Float32[Array, " f"]) -> Float64[Array, " 3"]:
        """Probabilities for the features of one row, unchecked, by LightGBM's C function."""
        return super().row(x) if self.learns_returns else self._one(x)

    def __getstate__(self) -> dict[str, Any]:
        # What the C library prepared for single rows belongs to this process.
        return {**self.__dict__, "_single": None}

    @property
    def parameter_count(self) -> int:
        """Leaves of all trees."""
        texts = [self._booster.model_to_string(), *(trees.data.decode() for trees in self.quantile_trees)]
        lines = itertools.chain(*(text.splitlines() for text in texts))
        return sum(int(line.partition("=")[2]) for line in lines if line.startswith("num_leaves="))

    def _graph(self) -> bytes:
        trees = self._booster.dump_model()["tree_info"]
        return ensemble_graph(
            [_tree(tree["tree_structure"], number % 3) for number, tree in enumerate(trees)],
            features=len(self.feature_names),
            targets=3,
            mode="BRANCH_LEQ",
            classes=(0, 1, 2),
        )

    def _save_boosted(self, folder: Path) -> Mapping[str, Any]:
        return {"trees": write_weights(folder, TREES, self._booster.model_to_string().encode())}

    def _restore_boosted(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._booster = self._read_trees(read_weights(folder, facts["trees"]))

    def _read_trees(self, data: bytes) -> Any:
        import lightgbm

        try:
            booster = lightgbm.Booster(model_str=data.decode())
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(f"{TREES}: {error}") from None
        if booster.num_feature() != len(self.feature_names):
            raise ValueError(f"{TREES} has {booster.num_feature()} features, not {len(self.feature_names)}")
        return booster


def _tree(root: Mapping[str, Any], target: int) -> TreeArrays:
    """LightGBM's nested nodes as arrays, parents before children."""
    nodes, links = [root], {}
    for number, node in enumerate(nodes):
        if "left_child" in node:
            links[number] = (len(nodes), len(nodes) + 1)
            nodes.extend([node["left_child"], node["right_child"]])
    value = np.zeros((len(nodes), 3))
    value[:, target] = [node.get("leaf_value", 0.0) for node in nodes]
    # Where training missed no value of a feature, a missing one counts as 0.
    left = [
        bool(node["default_left"]) if node.get("missing_type") == "NaN" else bool(node.get("threshold", 0.0) >= 0.0)
        for node in nodes
    ]
    return TreeArrays(
        feature=np.array([node.get("split_feature", 0) for node in nodes]),
        threshold=np.array([node.get("threshold", 0.0) for node in nodes], np.float64),
        left=np.array([links.get(number, (-1, -1))[0] for number in range(len(nodes))]),
        right=np.array([links.get(number, (-1, -1))[1] for number in range(len(nodes))]),
        missing_left=np.array(left),
        value=value,
    )


class _Told:
    """LightGBM's callback: hands each round to ours."""

    before_iteration = False
    order = 0

    def __init__(self, model: LightGBM, watch: Watch) -> None:
        self.model, self.watch = model, watch

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        self.model._booster = env.model  # so that a checkpoint can save the trees there are
        if self.watch.stops(env.iteration, float(env.evaluation_result_list[0][2])):
            raise EarlyStopException(env.iteration, env.evaluation_result_list)
