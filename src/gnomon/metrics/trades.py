"""Round trips from fills, and what they say: win rate, profit factor, expectancy, holding time, distribution.

A round trip opens and closes the same quantity of one symbol. Fees go with the quantity that they were paid for. A fill
that turns a position over is split: one part closes the old position, the other opens the new one. What is still open
at the end is no trip.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import Series, present

TRIP_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "side": pl.String,
    "quantity": pl.Float64,
    "entry_time": pl.Datetime("us", "UTC"),
    "exit_time": pl.Datetime("us", "UTC"),
    "entry_price": pl.Float64,
    "exit_price": pl.Float64,
    "fees": pl.Float64,
    "pnl": pl.Float64,
    "return": pl.Float64,
}


def round_trips(
    fills: pl.DataFrame, *, method: Literal["fifo", "average"] = "fifo", contract_multiplier: float = 1.0
) -> pl.DataFrame:
    """Round trips of `fills` (timestamp, symbol, quantity with its sign, price, fee), in order of symbol and exit.

    method: "fifo" closes the oldest lot first, one trip a lot; "average" closes against the average cost, one trip a
    closing fill, with the entry time of the first fill of the position. `pnl` is after fees; `return` is `pnl` by the
    entry's notional. Columns as `TRIP_SCHEMA`; `side` is long or short.
    """
    if method not in ("fifo", "average"):
        raise ValueError(f"method must be fifo or average, was {method!r}")
    lacking = [name for name in ("timestamp", "symbol", "quantity", "price", "fee") if name not in fills.columns]
    if lacking:
        raise ValueError(f"fills lack {', '.join(lacking)}")
    if fills.is_empty():
        return pl.DataFrame(schema=TRIP_SCHEMA)
    # numba takes half a second to import.
    from gnomon.metrics.lots import match_lots

    ordered = fills.sort("symbol", "timestamp", maintain_order=True)
    symbols = ordered["symbol"].cast(pl.String)
    code = symbols.rle_id().to_numpy().astype(np.int64)
    quantity = ordered["quantity"].cast(pl.Float64).to_numpy()
    price = ordered["price"].cast(pl.Float64).to_numpy()
    fee = ordered["fee"].cast(pl.Float64).to_numpy()
    entry, exit_, size, entry_price, fees = match_lots(code, quantity, price, fee, method == "average")
    exit_price = price[exit_]
    pnl = size * (exit_price - entry_price) * contract_multiplier - fees
    notional = np.abs(size) * np.abs(entry_price) * contract_multiplier
    timestamp = ordered["timestamp"].cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(
        {
            "symbol": symbols.gather(exit_),
            "side": pl.Series(np.where(size > 0, "long", "short"), dtype=pl.String),
            "quantity": np.abs(size),
            "entry_time": timestamp.gather(entry),
            "exit_time": timestamp.gather(exit_),
            "entry_price": entry_price,
            "exit_price": exit_price,
            "fees": fees,
            "pnl": pnl,
            "return": np.divide(pnl, notional, out=np.full(pnl.size, np.nan), where=notional > 0.0),
        },
        schema=TRIP_SCHEMA,
    )


def win_rate(pnl: Series) -> float:
    """Share of trips that earned something; NaN without a trip.

    >>> win_rate([3.0, -1.0, 0.0, 2.0])
    0.5
    """
    array = present(pnl)
    return float(np.mean(array > 0.0)) if array.size else math.nan


def profit_factor(pnl: Series) -> float:
    """What the winners earned by what the losers lost; infinity without a loser, NaN where nothing was earned either.

    >>> profit_factor([3.0, -1.0, -1.0])
    1.5
    """
    array = present(pnl)
    won, lost = float(array[array > 0.0].sum()), -float(array[array < 0.0].sum())
    if lost > 0.0:
        return won / lost
    return math.inf if won > 0.0 else math.nan


def expectancy(pnl: Series) -> float:
    """What a trip earns on average; NaN without a trip."""
    array = present(pnl)
    return float(array.mean()) if array.size else math.nan


def trade_summary(trips: pl.DataFrame, bar_times: pl.Series | None = None) -> dict[str, float]:
    """The round trips in one line of numbers.

    trades, win_rate, profit_factor, expectancy (money), expectancy_return, average_win, average_loss, largest_win,
    largest_loss (money), payoff_ratio (average win by average loss), fees, long_share, holding_hours_mean,
    holding_hours_median, and with `bar_times` (the sorted stamps of the bars) holding_bars_mean, holding_bars_median.
    NaN where there is nothing to average.
    """
    pnl = trips["pnl"].to_numpy()
    wins, losses = pnl[pnl > 0.0], pnl[pnl < 0.0]
    hours = (trips["exit_time"] - trips["entry_time"]).dt.total_microseconds().to_numpy() / 3.6e9
    result = {
        "trades": float(trips.height),
        "win_rate": win_rate(pnl),
        "profit_factor": profit_factor(pnl),
        "expectancy": expectancy(pnl),
        "expectancy_return": expectancy(trips["return"].to_numpy()),
        "average_win": _mean(wins),
        "average_loss": _mean(losses),
        "largest_win": float(wins.max()) if wins.size else math.nan,
        "largest_loss": float(losses.min()) if losses.size else math.nan,
        "payoff_ratio": _mean(wins) / -_mean(losses) if losses.size else math.nan,
        "fees": float(trips["fees"].sum()),
        "long_share": float((trips["side"] == "long").sum()) / trips.height if trips.height else math.nan,
        "holding_hours_mean": _mean(hours),
        "holding_hours_median": float(np.median(hours)) if hours.size else math.nan,
    }
    if bar_times is not None:
        times = bar_times.dt.timestamp("us").to_numpy()
        held = np.searchsorted(times, trips["exit_time"].dt.timestamp("us").to_numpy()) - np.searchsorted(
            times, trips["entry_time"].dt.timestamp("us").to_numpy()
        )
        result["holding_bars_mean"] = _mean(held.astype(np.float64))
        result["holding_bars_median"] = float(np.median(held)) if held.size else math.nan
    return result


def trade_distribution(trips: pl.DataFrame, *, bins: int = 40) -> pl.DataFrame:
    """How many trips returned how much: `low`, `high`, `count`. The outer bins hold what lies beyond 1% and 99%."""
    returns = present(trips["return"].to_numpy())
    if returns.size == 0:
        return pl.DataFrame(schema={"low": pl.Float64, "high": pl.Float64, "count": pl.Int64})
    low, high = (float(q) for q in np.percentile(returns, [1, 99]))
    if high <= low:
        low, high = low - 0.5e-4, low + 0.5e-4
    edges = np.linspace(low, high, bins + 1)
    count = np.histogram(np.clip(returns, low, high), edges)[0]
    edges[0], edges[-1] = min(low, float(returns.min())), max(high, float(returns.max()))
    return pl.DataFrame({"low": edges[:-1], "high": edges[1:], "count": count.astype(np.int64)})


def _mean(values: Float64[Array, " n"]) -> float:
    return float(values.mean()) if values.size else math.nan
