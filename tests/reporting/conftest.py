"""Report contents on small synthetic markets: noise, a planted edge, an account that never trades, a hostile one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon import metrics as quality
from gnomon.data.base import TIMESTAMP
from gnomon.evaluation.base import Evaluation, ForecastQuality
from gnomon.evaluation.calibration import Judged, drift_table, reliability_table, score_table
from gnomon.evaluation.engine import evaluate
from gnomon.evaluation.trials import Trials
from gnomon.execution.base import ExecutionConfig
from gnomon.reporting.base import ReportContent
from gnomon.simulation.engine import simulate

BARS = 500
TRIES = 12
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>|`$\\frac{1}{0}$[a](javascript:alert(1))"
EXECUTION = ExecutionConfig(fee_bps=1.0, half_spread_bps=1.0)


def make_market(seed: int, *, symbols: tuple[str, ...] = ("AAA", "BBB"), minutes: int = 1440) -> pl.DataFrame:
    rng = np.random.default_rng([31, seed])
    start = datetime(2018, 1, 2, 21, tzinfo=UTC)
    stamps = pl.Series("timestamp", [start + timedelta(minutes=minutes * i) for i in range(BARS)]).cast(TIMESTAMP)
    frames = []
    for symbol in symbols:
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, BARS)))
        opened = np.concatenate(([100.0], close[:-1]))
        high, low = np.maximum(opened, close), np.minimum(opened, close)
        frames.append(
            pl.DataFrame(
                {
                    "timestamp": stamps,
                    "symbol": symbol,
                    "open": opened,
                    "high": high,
                    "low": low,
                    "close": close,
                    "volume": 1e6,
                }
            )
        )
    return pl.concat(frames)


def make_targets(bars: pl.DataFrame, seed: int, *, skill: float) -> pl.DataFrame:
    """Long or short half the equity a symbol for 5 bars, by a signal that knows `skill` of what comes."""
    rng = np.random.default_rng([32, seed])
    ahead = bars.select((pl.col("close").shift(-5).over("symbol") / pl.col("close") - 1.0).fill_null(0.0)).to_series()
    signal = skill * (ahead / ahead.std()).to_numpy() + np.sqrt(1.0 - skill**2) * rng.normal(0.0, 1.0, bars.height)
    frame = bars.select("timestamp", "symbol").with_columns(pl.Series("target", 0.5 * np.sign(signal)))
    return frame.filter(pl.int_range(pl.len()).over("symbol") % 5 == 0)


def make_quality(seed: int) -> ForecastQuality:
    rng = np.random.default_rng([33, seed])
    probability = rng.dirichlet((2.0, 5.0, 2.0), 400)
    actual = np.array([rng.choice((-1, 0, 1), p=row) for row in probability])
    said = quality.predicted_class(probability)
    judged = make_judged(seed, actual, probability)
    return ForecastQuality(
        metrics={
            "rows": 400.0,
            "accuracy": quality.accuracy(actual, said),
            "base_rate": quality.base_rate(actual),
            "balanced_accuracy": quality.balanced_accuracy(actual, said),
            "log_loss": quality.log_loss(actual, probability),
            "base_log_loss": 1.0,
            "brier_score": quality.brier_score(actual, probability),
            "auc": quality.auc(actual, probability),
            "mcc": quality.matthews_correlation(actual, said),
            "calibration_error": quality.expected_calibration_error(actual, probability),
            "information_coefficient": float("nan"),
        },
        calibration=quality.calibration_table(actual, probability),
        confusion=quality.confusion_table(actual, said),
        scores=score_table(judged, rng=rng),
        reliability=reliability_table(judged, rng=rng),
        drift=drift_table(judged, rng=rng),
    )


def make_judged(seed: int, actual: np.ndarray, probability: np.ndarray) -> Judged:
    """Calibrated forecasts with sets and quantiles; those of odd seeds are as the model made them."""
    bold = probability**2
    stages = {"forecast": probability, "uncalibrated": bold / bold.sum(axis=1, keepdims=True)}
    return Judged(
        came=actual + 1,
        known_at=1_600_000_000_000_000 + np.arange(400) * 86_400_000_000,
        horizon=5,
        probability=stages if seed % 2 == 0 else {"forecast": probability},
        allowed=probability > 0.2 if seed % 2 == 0 else None,
        quantiles=np.tile([-0.02, 0.0, 0.02], (400, 1)) if seed % 2 == 0 else None,
        quantile_levels=(0.1, 0.5, 0.9),
        forward_return=0.01 * actual.astype(np.float64),
    )


def judge(bars: pl.DataFrame, seed: int, *, name: str, skill: float | None, tries: int) -> Evaluation:
    targets = make_targets(bars, seed, skill=skill or 0.0)
    if skill is None:
        targets = targets.with_columns(target=pl.lit(0.0))
    simulation = simulate(bars, targets, EXECUTION)
    rng = np.random.default_rng([34, seed])
    panel = pl.DataFrame(
        {
            "timestamp": simulation.equity["timestamp"],
            **{f"t{i}": rng.normal(0.0, 0.005, len(simulation.returns)) for i in range(tries - 1)},
        }
    )
    sharpes = tuple(panel[f"t{i}"].mean() / panel[f"t{i}"].std() for i in range(tries - 1))
    return evaluate(
        simulation,
        bars=bars,
        name=name,
        trials=Trials(count=tries, sharpes=sharpes, returns=panel if tries > 1 else None),
        seed=seed,
    )


def make_content(**changes: Any) -> ReportContent:
    evaluations = changes["evaluations"]
    chosen = changes.get("chosen", next(iter(evaluations)))
    main = evaluations[chosen]
    rows = [
        {"number": i + 1, "name": chosen, "kind": "run", "config": f"{i:064x}", "sharpe": 0.01 * i, "bars": BARS}
        for i in range(main.doubt.trials)
    ]
    span = {"rows": 100, "start": "2018-01-02T21:00:00+00:00", "end": "2018-04-02T21:00:00+00:00"}
    values: dict[str, Any] = {
        "title": "A small market",
        "pipeline": "default",
        "chosen": chosen,
        "chosen_by": "lowest log loss on validation rows",
        "validation": {name: {"log_loss": 1.02, "skill": 0.01, "rows": 100} for name in evaluations},
        "source": {
            "source": "synthetic",
            "version": "ab" * 32,
            "rows": 1000,
            "symbols": ["AAA", "BBB"],
            "start": "2018-01-02T21:00:00+00:00",
            "end": "2019-05-16T21:00:00+00:00",
            "frequency": "1d",
        },
        "checks": {
            "issues": [
                {
                    "check": "zero_volume",
                    "severity": "warning",
                    "count": 1,
                    "message": "nothing was traded",
                    "rows": [{"timestamp": "2018-01-02T21:00:00+00:00", "symbol": "AAA", "volume": {"float": "nan"}}],
                }
            ],
            "repairs": [{"repair": "drop", "rows": 3}],
        },
        "split": {"train": span, "valid": span, "test": span, "rows": 320, "left_out": 20, "overlaps": 0},
        "fits": {
            name: {
                "iterations": 3,
                "best_iteration": 2,
                "curves": {"valid_log_loss": [1.1, 1.0, {"float": "nan"}], "train_log_loss": [1.0, 0.9, 0.8]},
                "importance": {"rsi_14": 3.0, "volatility_20": 1.0, "dead": 0.0},
                "notes": [],
            }
            for name in evaluations
        },
        "trials": {"count": main.doubt.trials, "effective": 7.3, "variance": 1e-4, "market": "m", "rows": rows},
        "execution": {**asdict(EXECUTION), "max_volume_share": {"float": "inf"}},
        "config": "project: small\nseed: 7\n",
        "versions": {"python": "3.11", "numpy": "2.4"},
        "limitations": ("Fills are at the open of the next bar.",),
    }
    return ReportContent(**(values | changes))


@pytest.fixture(scope="session")
def calibrated() -> ForecastQuality:
    """Calibrated forecasts, with sets and quantiles."""
    return make_quality(0)


@pytest.fixture(scope="session")
def plain() -> ForecastQuality:
    """Forecasts as the model made them."""
    return make_quality(1)


@pytest.fixture(scope="session")
def noise() -> ReportContent:
    """Two candidates without skill, 12 tries, forecasts on two splits."""
    bars = make_market(1)
    evaluations = {
        name: replace(
            judge(bars, seed, name=name, skill=0.0, tries=TRIES),
            forecast={"valid": make_quality(seed), "test": make_quality(seed + 10)},
        )
        for seed, name in enumerate(("lightgbm", "logistic"))
    }
    return make_content(evaluations=evaluations)


@pytest.fixture(scope="session")
def edge() -> ReportContent:
    """One candidate that knows a good part of the future, counted once; nothing was fitted."""
    bars = make_market(2)
    return make_content(
        evaluations={"oracle": judge(bars, 2, name="oracle", skill=0.5, tries=1)},
        chosen_by="the signals were given",
        validation={},
        split={},
        fits={},
        checks={"issues": []},
    )


@pytest.fixture(scope="session")
def idle() -> ReportContent:
    """An account that never traded."""
    bars = make_market(3)
    return make_content(evaluations={"idle": judge(bars, 3, name="idle", skill=None, tries=1)}, validation={}, fits={})


@pytest.fixture(scope="session")
def hostile() -> ReportContent:
    """Names, symbols and messages out of the data that try to be markup."""
    bars = make_market(4, symbols=(HOSTILE, "BBB"))
    evaluation = replace(
        judge(bars, 4, name=HOSTILE, skill=0.1, tries=2), forecast={"test": make_quality(4), HOSTILE: make_quality(5)}
    )
    row = {HOSTILE: HOSTILE, "form": HOSTILE, "value": HOSTILE, "row": HOSTILE, "timestamp": HOSTILE}
    issue = {"check": HOSTILE, "severity": HOSTILE, "count": 1, "message": HOSTILE, "rows": [row]}
    return make_content(
        title=HOSTILE,
        pipeline=HOSTILE,
        evaluations={HOSTILE: evaluation},
        chosen_by=HOSTILE,
        validation={HOSTILE: {"log_loss": 1.0}},
        source={"source": HOSTILE, HOSTILE: HOSTILE, "symbols": [HOSTILE, "BBB"], "frequency": HOSTILE},
        checks={"issues": [issue], "repairs": [{HOSTILE: HOSTILE}]},
        fits={HOSTILE: {"curves": {HOSTILE: [1.0, 2.0]}, "importance": {HOSTILE: 1.0}, "notes": [HOSTILE]}},
        trials={"count": 2, "head": HOSTILE, "rows": [{"number": 1, "name": HOSTILE, "kind": HOSTILE}]},
        execution={HOSTILE: HOSTILE},
        config=f"project: {HOSTILE}\n```\n",
        versions={HOSTILE: HOSTILE},
        limitations=(HOSTILE,),
    )


SENTINELS = {"annual_sharpe": 41.41, "adjusted_annual_sharpe": 42.42, "sharpe": 43.43}
TRIAL_SENTINEL = 44.44
SHOWN = re.compile(r"4[1234]\.4[1234]\d*")
BESIDE = re.compile(r"\s*(±|\(standard error)\s*(not known|[\d.]+),?[ (]*(T [\d,]+, )?N (= )?[\d,]+")


def bare_sharpes(text: str) -> list[str]:
    """Where a sentinel stands in the text without its standard error and N behind it."""
    text = " ".join(text.split())
    return [text[found.start() :][:60] for found in SHOWN.finditer(text) if not BESIDE.match(text, found.end())]


def marked(content: ReportContent) -> ReportContent:
    """The content with every Sharpe ratio replaced by a number that stands nowhere else."""

    def frame(value: pl.DataFrame) -> pl.DataFrame:
        return value.with_columns(**{name: pl.lit(number) for name, number in SENTINELS.items()})

    def judged(one: Evaluation) -> Evaluation:
        assert one.one_bar_lag is not None
        return replace(
            one,
            doubt=replace(one.doubt, **SENTINELS),
            benchmarks={k: replace(b, doubt=replace(b.doubt, **SENTINELS)) for k, b in one.benchmarks.items()},
            thresholds=tuple(
                replace(t, value=SENTINELS["annual_sharpe"], doubt=replace(t.doubt, **SENTINELS)) if t.doubt else t
                for t in one.thresholds
            ),
            one_bar_lag=replace(one.one_bar_lag, doubt=replace(one.one_bar_lag.doubt, **SENTINELS)),
            regimes=frame(one.regimes),
            cost_sensitivity=frame(one.cost_sensitivity),
        )

    rows = [{**row, "sharpe": TRIAL_SENTINEL} for row in content.trials["rows"]]
    return replace(
        content,
        evaluations={name: judged(one) for name, one in content.evaluations.items()},
        trials={**content.trials, "rows": rows},
    )


@pytest.fixture(scope="session")
def sentinel(noise: ReportContent) -> ReportContent:
    """The noise content, every Sharpe ratio in it a number that stands nowhere else."""
    return marked(noise)


@pytest.fixture(scope="session")
def bare() -> Callable[[str], list[str]]:
    """Finds the sentinels that stand without their doubt."""
    return bare_sharpes


@pytest.fixture(scope="session")
def contents(
    noise: ReportContent, edge: ReportContent, idle: ReportContent, hostile: ReportContent
) -> dict[str, ReportContent]:
    """All of them, by name."""
    return {"noise": noise, "edge": edge, "idle": idle, "hostile": hostile}


@pytest.fixture(scope="session")
def hostile_text() -> str:
    """What the hostile content is full of."""
    return HOSTILE


@pytest.fixture(scope="session")
def content_with() -> Callable[..., ReportContent]:
    """Makes a content from evaluations and changed fields."""
    return make_content
