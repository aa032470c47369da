"""Leaks beside the features: in longer bars, in labels' ends, in refits, and on the way to orders; and clean work.

Each table tells of one level; whatever stands in it goes through the probe of that level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.data.resample import resample_bars
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import Guardrail, MaxDrawdown, MaxTurnover
from gnomon.execution.sizing import VolatilityTargetSizer
from gnomon.features.registry import FEATURES
from gnomon.features.sets import FeatureSet
from gnomon.honesty.market import corpus_bars
from gnomon.honesty.path import TradingPath
from gnomon.labels.base import Labeler
from gnomon.labels.fixed_horizon import FixedHorizon
from gnomon.labels.trend_scanning import TrendScanning
from gnomon.labels.triple_barrier import TripleBarrier
from gnomon.samples.base import Forecast, Samples
from gnomon.samples.transforms import StandardScaler
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.base import Fold, Splitter
from gnomon.splits.purged import PurgedKFold
from gnomon.splits.walk_forward import WalkForward
from gnomon.training.fit import fit_model
from gnomon.training.refits import Refits

C, H, L, T = pl.col("close"), pl.col("high"), pl.col("low"), pl.col("timestamp")
HORIZON = 10
HOURS = 480
"""Hours of the market that refits and orders are tried on."""
TRAIN, TEST = 200, 90

BarFunction = Callable[[pl.DataFrame], pl.DataFrame]


@cache
def small_bars() -> pl.DataFrame:
    """Two symbols of the corpus' market, over its first weeks."""
    bars = corpus_bars().filter(pl.col("symbol") != "SYN003")
    return bars.group_by("symbol", maintain_order=True).head(HOURS).select(bars.columns)


def _grouped(bars: pl.DataFrame, **how: Any) -> pl.DataFrame:
    grouped = bars.sort("timestamp").group_by_dynamic("timestamp", every="4h", group_by="symbol", **how)
    return grouped.agg(high=H.max(), close=C.last()).select("timestamp", "symbol", "high", "close")


def _filled_backwards(bars: pl.DataFrame) -> pl.DataFrame:
    """Longer bars on the grid of the shorter ones, each hour with the bar that it falls into."""
    longer = resample_bars(bars, "4h").select("timestamp", "symbol", high="high")
    hours = bars.select("timestamp", "symbol").join(
        longer, on=["timestamp", "symbol"], how="left", maintain_order="left"
    )
    return hours.with_columns(pl.col("high").backward_fill().over("symbol"))


RESAMPLINGS: Mapping[str, tuple[str, BarFunction]] = {
    "longer_bars_stamped_left": ("resample to the left edge", _grouped),
    "longer_bar_still_open": ("open higher bar", lambda bars: _grouped(bars, closed="right", label="right")),
    "longer_bars_filled_backwards": ("back-fill", _filled_backwards),
}
CLEAN_RESAMPLINGS: Mapping[str, BarFunction] = {
    "closed_bars_of_four_hours": lambda bars: resample_bars(bars, "4h"),
    "closed_days": lambda bars: resample_bars(bars, "1d"),
}


@dataclass(frozen=True, kw_only=True)
class _Mended:
    """A labeler whose table is changed afterwards."""

    labeler: Labeler
    mend: Callable[[pl.DataFrame], pl.DataFrame]

    def label(self, bars: pl.DataFrame, entries: pl.DataFrame | None = None) -> pl.DataFrame:
        """See `Labeler`."""
        return self.mend(self.labeler.label(bars, entries))


def _ends_early(labels: pl.DataFrame) -> pl.DataFrame:
    """Labels that say that they were known a bar before they were."""
    return labels.with_columns(label_end=pl.max_horizontal(pl.col("label_end").dt.offset_by("-1h"), "timestamp"))


def _sign_over_whole_mean(labels: pl.DataFrame) -> pl.DataFrame:
    """Classes by whether a return was above the mean of the whole sample."""
    gain = pl.col("forward_return")
    return labels.with_columns(label=(gain - gain.mean()).sign().cast(pl.Int8))


def _weights_of_mean_one(labels: pl.DataFrame) -> pl.DataFrame:
    """Weights divided by their mean over the whole sample."""
    return labels.with_columns(weight=pl.col("weight") / pl.col("weight").mean())


LABELERS: Mapping[str, tuple[str, Labeler]] = {
    "label_ends_a_bar_early": ("label's end", _Mended(labeler=TripleBarrier(horizons=(HORIZON,)), mend=_ends_early)),
    "classes_by_whole_mean": (
        "whole-sample quantile",
        _Mended(labeler=FixedHorizon(horizons=(HORIZON,)), mend=_sign_over_whole_mean),
    ),
    "weights_by_whole_mean": (
        "global scaling",
        _Mended(labeler=TripleBarrier(horizons=(HORIZON,)), mend=_weights_of_mean_one),
    ),
}
CLEAN_LABELERS: Mapping[str, Labeler] = {
    "triple_barrier_labels": TripleBarrier(horizons=(5, HORIZON)),
    "fixed_horizon_labels": FixedHorizon(horizons=(HORIZON,)),
    "trend_scanning_labels": TrendScanning(horizons=(HORIZON,)),
}

SPLIT = WalkForward(train_bars=TRAIN, test_bars=TEST, valid_bars=40)
ANCHORED = replace(SPLIT, anchored=True)
TRAINING = TrainingConfig(early_stopping_rounds=3)
UNSCALED = TrainingConfig(early_stopping_rounds=3, scaler="none")
RIDGE = ModelSection(model_type="ridge")
BOOSTED = ModelSection(model_type="lightgbm", params={"rounds": 15, "num_leaves": 5, "max_bins": 31})


@cache
def features() -> FeatureSet:
    """Few features, quick to learn from."""
    return FeatureSet([FEATURES.create(name) for name in ("rsi", "sma_distance", "donchian_position", "log_return")])


@cache
def samples() -> Samples:
    """Samples of the small market."""
    return _path(RIDGE).samples(small_bars())


def _path(model: ModelSection, workflow: BacktestingWorkflow | None = None) -> TradingPath:
    return TradingPath(
        features=features(),
        labeler=TripleBarrier(horizons=(HORIZON,)),
        refits=Refits(model=model, splitter=SPLIT, training=TRAINING),
        workflow=workflow or BacktestingWorkflow(),
    )


def _by_hand(given: Samples, fit: Callable[[Samples, Fold], Forecast], splitter: Splitter = SPLIT) -> Forecast:
    """Refits written by hand: what `fit` says of the tested rows of each fold."""
    if np.unique(given.known_at).size <= TRAIN:
        return Refits(model=RIDGE, splitter=SPLIT)(given)
    parts = [fit(given, fold) for fold in splitter.split(given.known_at, given.last_label_end)]
    return replace(
        parts[0],
        probability=np.concatenate([part.probability for part in parts]),
        known_at=np.concatenate([part.known_at for part in parts]),
        symbol=np.concatenate([part.symbol for part in parts]),
    )


def _scaled_by_all(given: Samples) -> Forecast:
    scaled = StandardScaler().fit(given).apply(given)
    return Refits(model=RIDGE, splitter=SPLIT, training=UNSCALED)(scaled)


def _stopped_by_test(given: Samples, fold: Fold) -> Forecast:
    """Boosting that stops where the tested rows are forecast best."""
    train, test = given.take(fold.train), given.take(fold.test)
    section = ModelSection(model_type="lightgbm", params={"rounds": 60, "num_leaves": 5, "max_bins": 31})
    return fit_model(section, train, test, training=TRAINING)[0].predict(test)


def _not_purged(given: Samples, fold: Fold) -> Forecast:
    """Learns from every row before the test, whether or not its label was known by then."""
    begin = given.known_at[fold.test].min()
    rows = np.flatnonzero((given.known_at < begin) & (given.known_at >= given.known_at[fold.train].min()))
    return fit_model(RIDGE, given.take(rows), training=TRAINING)[0].predict(given.take(fold.test))


def _chosen_by_test(given: Samples, fold: Fold) -> Forecast:
    """Of two models the one that turned out better on the tested rows."""
    train, test = given.take(fold.train), given.take(fold.test)
    said = [fit_model(section, train, training=TRAINING)[0].predict(test) for section in (RIDGE, BOOSTED)]
    won = [float(np.nansum(forecast.edge() * test.y[:, 0])) for forecast in said]
    return said[int(np.argmax(won))]


def _fitted(given: Samples, fold: Fold) -> Forecast:
    return fit_model(RIDGE, given.take(fold.train), training=TRAINING)[0].predict(given.take(fold.test))


REFITS: Mapping[str, tuple[str, Callable[[Samples], Forecast]]] = {
    "refits_scaled_by_all_rows": ("global scaling", _scaled_by_all),
    "refits_stopped_by_test_rows": ("early stopping on test", lambda given: _by_hand(given, _stopped_by_test)),
    "refits_on_open_labels": ("no purge", lambda given: _by_hand(given, _not_purged)),
    "refits_chosen_by_test_rows": ("selection on test rows", lambda given: _by_hand(given, _chosen_by_test)),
    # Purged folds in place of a walk-forward: each is forecast by a model that learned from what came after, too.
    "folds_around_the_test": ("shuffled folds", lambda given: _by_hand(given, _fitted, PurgedKFold(folds=3))),
}
CLEAN_REFITS: Mapping[str, Refits] = {
    "rolling_ridge": Refits(model=RIDGE, splitter=SPLIT, training=TRAINING),
    "anchored_ridge": Refits(model=RIDGE, splitter=ANCHORED, training=TRAINING),
    "rolling_logistic": Refits(model=ModelSection(model_type="logistic_regression"), splitter=SPLIT, training=TRAINING),
    "anchored_boosting": Refits(model=BOOSTED, splitter=ANCHORED, training=TRAINING),
}

COSTS = ExecutionConfig(fee_bps=2.0, half_spread_bps=1.0)


def _targets(bars: pl.DataFrame) -> pl.DataFrame:
    """Half of the account on the sign of a day's move, decided once a day."""
    move = (C / C.shift(24)).over("symbol").fill_nan(None)
    target = pl.when(T.dt.hour() == 0).then((move - 1.0).sign() * 0.5)
    return bars.select("timestamp", "symbol", target=target.fill_null(strategy="forward").over("symbol")).drop_nulls()


def _followed(bars: pl.DataFrame) -> Simulation:
    return simulate(bars, _targets(bars), COSTS, guardrails=[MaxDrawdown(limit=0.2, cooldown_bars=24)])


def _sized_by_whole_volatility(bars: pl.DataFrame) -> Simulation:
    """Targets divided by the volatility that each symbol turned out to have."""
    move = (C / C.shift(1) - 1.0).over("symbol").fill_nan(None)
    width = bars.with_columns(move=move).group_by("symbol").agg(width=pl.col("move").std())
    sized = _targets(bars).join(width, on="symbol", how="left", maintain_order="left")
    return simulate(bars, sized.select("timestamp", "symbol", target=pl.col("target") * 0.005 / pl.col("width")), COSTS)


def _guarded_by_what_came(bars: pl.DataFrame) -> Simulation:
    """A drawdown limit that is half of the deepest fall there was to be."""
    equity = simulate(bars, _targets(bars), COSTS).equity["equity"].to_numpy()
    fall = float((1.0 - equity / np.maximum.accumulate(equity)).max()) if equity.size else 0.0
    limit = MaxDrawdown(limit=min(max(fall / 2.0, 1e-3), 0.9), cooldown_bars=24)
    return simulate(bars, _targets(bars), COSTS, guardrails=[limit])


def _filled_at(price: pl.Expr) -> Callable[[pl.DataFrame], Simulation]:
    """Fills at another price of the bar than its open."""
    return lambda bars: simulate(bars.with_columns(open=price), _targets(bars), COSTS)


def _decided_a_bar_early(bars: pl.DataFrame) -> Simulation:
    targets = _targets(bars)
    early = pl.col("target").shift(-1).over("symbol")
    return simulate(bars, targets.with_columns(target=early).drop_nulls(), COSTS)


ORDERS: Mapping[str, tuple[str, Callable[[pl.DataFrame], Simulation]]] = {
    "sized_by_whole_volatility": ("global scaling", _sized_by_whole_volatility),
    "guardrail_that_peeks": ("limit from the whole sample", _guarded_by_what_came),
    "filled_at_the_low": ("fill inside its own bar", _filled_at(L)),
    "filled_at_its_own_close": ("fill inside its own bar", _filled_at(C)),
    "decided_a_bar_early": ("off by one", _decided_a_bar_early),
}


@cache
def refits_to_orders() -> TradingPath:
    """The whole way, with a sizer that looks back, limits and costs."""
    limits: list[Guardrail] = [MaxDrawdown(limit=0.2, cooldown_bars=24), MaxTurnover(limit=0.5)]
    sizer = VolatilityTargetSizer(window_bars=24)
    return _path(RIDGE, BacktestingWorkflow(sizer=sizer, guardrails=limits, execution=COSTS))


CLEAN_ORDERS: Mapping[str, Callable[[pl.DataFrame], Simulation]] = {
    "follows_a_days_move": _followed,
    "refits_to_orders": lambda bars: refits_to_orders()(bars),
}
