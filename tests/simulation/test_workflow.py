"""From a forecast to an account, by hand and from a config."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.execution import ExecutionConfig, FixedSizer, KellySizer, MaxDrawdown, VolatilityTargetSizer
from gnomon.samples.base import Forecast
from gnomon.simulation import BacktestingWorkflow, backtest, simulate

START = datetime(2024, 1, 1, tzinfo=UTC)


def bars_of(days: int = 30) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (days, 2)), axis=0))
    return pl.DataFrame(
        [
            {"timestamp": START + timedelta(days=t), "symbol": name, "open": price, "close": price, "volume": 1e6}
            for k, name in enumerate("AB")
            for t, price in enumerate(close[:, k].tolist())
        ]
    ).with_columns(pl.col("timestamp").dt.cast_time_unit("us"))


def forecast_of(edges: dict[int, float], *, symbols: tuple[str, ...] = ("A",), horizon: int = 1) -> Forecast:
    edge = np.array(list(edges.values()))
    return Forecast(
        probability=np.column_stack([(0.5 - edge) / 2.0, np.full(len(edge), 0.5), (0.5 + edge) / 2.0]),
        known_at=np.array([int((START + timedelta(days=d)).timestamp()) * 1_000_000 for d in edges], np.int64),
        symbol=np.zeros(len(edge), np.int32),
        symbols=symbols,
        horizon=horizon,
    )


def test_a_backtest_is_sizing_and_the_ledger() -> None:
    bars = bars_of()
    run = backtest(forecast_of({day: (-1) ** day * 0.4 for day in range(5, 25)}), bars, sizer=FixedSizer(fraction=0.5))
    assert run.targets["target"].to_list() == [0.5 * (-1) ** day for day in range(5, 25)]
    own = bars.filter(
        pl.col("symbol") == "A", pl.col("timestamp").is_between(START + timedelta(days=5), START + timedelta(days=25))
    )
    assert run.equity.equals(simulate(own, run.targets).equity)


def test_it_ends_when_the_last_horizon_has_passed() -> None:
    """Decided on day 9, filled at the open of day 10 (latency 1) or 11, held for 3 bars."""
    bars = bars_of()
    made = forecast_of({7: 0.4, 9: 0.4}, horizon=3)
    for latency, last in ((1, 12), (2, 13)):
        run = backtest(made, bars, sizer=FixedSizer(), execution=ExecutionConfig(latency_bars=latency))
        assert run.equity["timestamp"][0] == START + timedelta(days=7)
        assert run.equity["timestamp"][-1] == START + timedelta(days=last)
    at_the_end = backtest(forecast_of({29: 0.4}), bars)
    assert at_the_end.equity["equity"].to_list() == [1e6]


def test_sizing_sees_the_bars_before_the_first_forecast() -> None:
    run = backtest(forecast_of({12: 0.4}), bars_of(), sizer=VolatilityTargetSizer(window_bars=10))
    assert run.targets["target"].null_count() == 0
    early = backtest(forecast_of({8: 0.4}), bars_of(), sizer=VolatilityTargetSizer(window_bars=10))
    assert early.targets["target"].null_count() == 1
    assert early.fills.is_empty()


def test_a_workflow_from_a_config() -> None:
    config = PipelineConfig.model_validate(
        {
            "sizing": {"kind": "kelly", "fraction": 0.5, "window_bars": 5},
            "guardrails": [{"kind": "max_drawdown", "limit": 0.1}],
            "execution": {"fee_bps": 3, "latency_bars": 2, "unfilled": "wait"},
        }
    )
    workflow = BacktestingWorkflow.from_config(config)
    assert workflow.sizer == KellySizer(fraction=0.5, window_bars=5)
    assert workflow.guardrails == [MaxDrawdown(limit=0.1)]
    assert workflow.execution == ExecutionConfig(fee_bps=3.0, latency_bars=2, unfilled="wait")
    made = forecast_of(dict.fromkeys(range(10, 20), 0.4))
    assert workflow.run(made, bars_of()).equity.equals(
        backtest(
            made, bars_of(), sizer=workflow.sizer, guardrails=workflow.guardrails, execution=workflow.execution
        ).equity
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"sizing": {"kind": "kely"}}, "unknown sizer 'kely' at sizing; did you mean 'kelly'"),
        ({"guardrails": [{"kind": "max_drawdown", "limit": 2}]}, r"guardrails\[0\].*below 1"),
        ({"execution": {"latency_bars": 0}}, "execution.*latency_bars must be 1 or more"),
        ({"execution": {"unfilled": "stays"}}, "execution.unfilled = 'stays'"),
    ],
)
def test_a_wrong_section_is_named(section: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BacktestingWorkflow.from_config(PipelineConfig.model_validate(section))


def test_forecasts_that_cannot_be_traded() -> None:
    with pytest.raises(DataError, match="forecast holds no rows"):
        backtest(forecast_of({}), bars_of())
    with pytest.raises(DataError, match="without bars: unknown symbol 'Z'; known: A, B"):
        backtest(forecast_of({3: 0.4}, symbols=("Z",)), bars_of())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probability": np.full((3, 3), 0.5)}, "3 of 3 forecasts do not add up to 1"),
        ({"probability": np.full((3, 3), np.nan)}, "3 of 3 forecasts are not finite"),
        ({"probability": np.tile([-0.2, 0.2, 1.0], (3, 1))}, "3 of 3 forecasts are negative"),
        ({"probability": np.full((3, 2), 0.5)}, r"shape \(3, 3\), was \(3, 2\)"),
        ({"symbol": np.full(3, 4, np.int32)}, "numbers of the 1 symbols"),
    ],
)
def test_what_is_no_forecast_is_never_traded(change: dict[str, np.ndarray], message: str) -> None:
    forecast = forecast_of(dict.fromkeys((5, 6, 7), 0.4))
    assert backtest(forecast, bars_of()).fills.height
    with pytest.raises(DataError, match=message):
        backtest(replace(forecast, **change), bars_of())
    with pytest.raises(DataError, match="not DataFrame; `Forecast"):
        backtest(forecast.to_frame(), bars_of())  # type: ignore[arg-type]


def test_pandas_bars_are_traded_like_polars_ones() -> None:
    bars, forecast = bars_of(60), forecast_of({day: 0.1 * (-1) ** day for day in range(40, 55)})
    sizer = VolatilityTargetSizer(window_bars=10)
    expected = backtest(forecast, bars, sizer=sizer)
    assert expected.fills.height > 5
    for frame in (bars.to_pandas(), bars.to_pandas().set_index("timestamp")):
        assert backtest(forecast, frame, sizer=sizer).equity.equals(expected.equity)
