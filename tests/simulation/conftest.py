"""A ragged market as frames, for every test of the room."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

Market = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]
START = datetime(2024, 3, 4, 10, tzinfo=UTC)


def ragged_market(seed: int, *, bars: int, symbols: int) -> Market:
    """Bars, targets and funding rates with holes, missing prices, empty volumes and undecided targets."""
    rng = np.random.default_rng(seed)
    steps = rng.choice([1.0, 60.0, 1_440.0, 4_320.0], bars)
    stamps = [START + timedelta(minutes=float(m)) for m in np.cumsum(steps)]
    volatility = float(rng.choice([0.01, 0.05, 0.3]))
    rows, wanted, rates = [], [], []
    traded = set()
    for symbol in [f"S{k}" for k in range(symbols)]:
        close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, bars)))
        for t, stamp in enumerate(stamps):
            if rng.random() < 0.5:
                target = None if rng.random() < 0.1 else float(rng.uniform(-1.2, 1.2))
                wanted.append({"timestamp": stamp, "symbol": symbol, "target": target})
            if rng.random() < 0.3:
                moment = stamp - timedelta(seconds=float(rng.choice([0.0, 30.0])))
                rates.append({"timestamp": moment, "symbol": symbol, "rate": float(rng.normal(0.0, 1e-3))})
            if rng.random() < 0.15 and t + symbols > 1:
                continue
            traded.add(stamp)
            price = float(close[t])
            rows.append(
                {
                    "timestamp": stamp,
                    "symbol": symbol,
                    "open": None if rng.random() < 0.05 else price * float(np.exp(rng.normal(0.0, 0.02))),
                    "close": None if rng.random() < 0.05 else price,
                    "volume": float(rng.choice([0.0, 20.0, 2_000.0])) * float(rng.uniform(0.5, 1.5)),
                }
            )
    known = {row["symbol"] for row in rows}
    wanted = [row for row in wanted if row["timestamp"] in traded and row["symbol"] in known]
    rates = [row for row in rates if row["symbol"] in known]
    schema = {"timestamp": pl.Datetime("us", "UTC"), "symbol": pl.String}
    return (
        pl.DataFrame(rows, schema={**schema, **dict.fromkeys(["open", "close", "volume"], pl.Float64)}).sample(
            fraction=1.0, shuffle=True, seed=seed % 1_000
        ),
        pl.DataFrame(wanted, schema={**schema, "target": pl.Float64}),
        pl.DataFrame(rates, schema={**schema, "rate": pl.Float64}),
    )


@pytest.fixture
def market() -> Callable[..., Market]:
    return ragged_market


@pytest.fixture
def frames() -> Callable[..., tuple[pl.DataFrame, pl.DataFrame]]:
    """Daily bars and targets from plain lists: `frames(opens, closes, targets)`, each {symbol: [a number a day]}."""

    def build(
        opens: dict[str, list[float | None]],
        closes: dict[str, list[float | None]],
        targets: dict[str, list[float | None]],
        volumes: dict[str, list[float | None]] | None = None,
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        rows, wanted = [], []
        for symbol, prices in opens.items():
            for t, price in enumerate(prices):
                stamp = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=t)
                volume = volumes[symbol][t] if volumes else 1e9
                row = {"timestamp": stamp, "symbol": symbol, "open": price, "close": closes[symbol][t]}
                if price is not None or closes[symbol][t] is not None:
                    rows.append({**row, "volume": volume})
                if t < len(targets.get(symbol, [])) and targets[symbol][t] is not None:
                    wanted.append({"timestamp": stamp, "symbol": symbol, "target": targets[symbol][t]})
        schema = {"timestamp": pl.Datetime("us", "UTC"), "symbol": pl.String}
        return (
            pl.DataFrame(rows, schema={**schema, **dict.fromkeys(["open", "close", "volume"], pl.Float64)}),
            pl.DataFrame(wanted, schema={**schema, "target": pl.Float64}),
        )

    return build
