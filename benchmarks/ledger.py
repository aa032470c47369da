"""The ledger beside vectorbt and backtesting.py, in one run on the same numbers.

1 asset x 1,000,000 bars and 500 assets x 2,500 days, with fees and slippage: with an order for every asset at every
bar, and, for the one asset, also with an order every fifty bars or so. `simulation` is the account and its orders;
`figures` are return, Sharpe ratio and largest drawdown: for vectorbt on top of its simulation, for us in one pass that
keeps nothing else. backtesting.py makes a Python call a bar: it is timed on fewer bars and its time per bar is
compared. All run on one thread; processor time is taken, so that what else the machine does counts as little as it can.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gnomon.execution import ExecutionConfig, Ledger
from gnomon.kernels.ledger import SUMMARY
from gnomon.simulation.engine import summary_row

FEE_BPS, SLIPPAGE_BPS, CASH = 1.0, 0.5, 1e6
MARKETS = {
    "1 asset x 1M bars": (1_000_000, 1, 1.0),
    "1 asset x 1M bars, few orders": (1_000_000, 1, 0.02),
    "500 assets x 2,500 days": (2_500, 500, 1.0),
}
"""Bars, assets, and the part of the bars that have an order."""
BACKTESTING_BARS = 20_000
VARIANTS = 100


def market(bars: int, symbols: int, decided: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Opens, closes and targets, [bars, symbols]; NaN where nothing is decided."""
    rng = np.random.default_rng(7)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001 if symbols == 1 else 0.01, (bars, symbols)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.0005, close.shape))
    target = (0.5 + 0.02 * rng.normal(size=close.shape)) / symbols
    target[rng.random(close.shape) >= decided] = np.nan
    return open_, close, target


def best(work: Callable[[], Any], repeats: int = 10) -> tuple[float, Any]:
    """The shortest of some runs in seconds, after one that is not counted, and its result."""
    result = work()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        result = work()
        times.append(time.process_time() - begin)
    return min(times), result


def ours(open_: np.ndarray, close: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Seconds of the account with all rows and fills, of the figures alone, of many variants."""
    bars, symbols = open_.shape
    x = np.column_stack([np.arange(bars) * 6e7, np.zeros(bars), open_, close, target])
    own = 2 + np.arange(3 * symbols).reshape(3, symbols)
    ones = np.ones(symbols, np.int64)
    columns = np.concatenate([[0], own[0], own[1], ones, own[2], ones])

    def ledger(fee_bps: float = FEE_BPS) -> Ledger:
        execution = ExecutionConfig(initial_cash=CASH, fee_bps=fee_bps, slippage_bps=SLIPPAGE_BPS)
        return Ledger(symbols, columns, execution, funding=False)

    def figures(fee_bps: float = FEE_BPS) -> dict[str, float | None]:
        summary = np.zeros(len(SUMMARY))
        ledger(fee_bps).summarise(x, summary)
        return summary_row(summary, initial_cash=CASH)

    simulation, (rows, fills) = best(lambda: ledger().run(x))
    alone, named = best(figures)
    variants, _ = best(lambda: [figures(fee) for fee in np.linspace(0.0, 2.0, VARIANTS)], repeats=1)
    return {
        "simulation": simulation,
        "figures": alone,
        "variants": variants,
        "equity": float(rows[0, -1]),
        "orders": len(fills),
        "sharpe": float(named["sharpe"] or 0.0),
    }


def vectorbt(open_: np.ndarray, close: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Seconds of the simulation by its compiled loop alone, by `from_orders`, and of the three figures."""
    import vectorbt as vbt
    import vectorbt.portfolio.base as base

    size = np.full_like(target, np.nan)
    size[1:] = target[:-1]
    shared = {"cash_sharing": True, "group_by": True} if open_.shape[1] > 1 else {}
    arrays = [np.ascontiguousarray(a[:, 0]) if a.shape[1] == 1 else a for a in (close, size, open_)]
    loop_seconds: list[float] = []
    loop = base.nb.simulate_from_orders_nb

    def timed(*args: Any, **kwargs: Any) -> Any:
        begin = time.process_time()
        result = loop(*args, **kwargs)
        loop_seconds.append(time.process_time() - begin)
        return result

    def simulate() -> Any:
        return vbt.Portfolio.from_orders(
            arrays[0],
            arrays[1],
            size_type="targetpercent",
            price=arrays[2],
            val_price=arrays[2],
            fees=FEE_BPS / 1e4,
            slippage=SLIPPAGE_BPS / 1e4,
            init_cash=CASH,
            freq="1D",
            **shared,
        )

    def with_figures() -> Any:
        portfolio = simulate()
        return portfolio, portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown()

    base.nb.simulate_from_orders_nb = timed
    try:
        simulation, _ = best(simulate, repeats=3)
        figures, (portfolio, *_) = best(with_figures, repeats=2)
    finally:
        base.nb.simulate_from_orders_nb = loop
    return {
        "loop": min(loop_seconds),
        "simulation": simulation,
        "figures": figures,
        "equity": float(np.asarray(portfolio.value()).ravel()[-1]),
        "orders": int(portfolio.orders.count()),
    }


def backtesting(open_: np.ndarray, close: np.ndarray, target: np.ndarray) -> float:
    """Seconds a bar of backtesting.py, which holds one asset: a strategy that moves to its target at each bar."""
    import pandas as pd
    from backtesting import Backtest, Strategy

    bars = min(BACKTESTING_BARS, len(open_))
    o, c, wanted = open_[:bars, 0], close[:bars, 0], target[:bars, 0]
    frame = pd.DataFrame(
        {"Open": o, "High": np.maximum(o, c), "Low": np.minimum(o, c), "Close": c},
        index=pd.date_range("2000-01-01", periods=bars, freq="min"),
    )

    class Rebalance(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            pass

        def next(self) -> None:
            price = self.data.Close[-1]
            units = int(wanted[len(self.data) - 1] * self.equity / price) - self.position.size
            if units > 0:
                self.buy(size=units)
            elif units < 0:
                self.sell(size=-units)

    test = Backtest(frame, Rebalance, cash=CASH, commission=FEE_BPS / 1e4, spread=SLIPPAGE_BPS / 1e4)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        begin = time.process_time()
        test.run()
        return (time.process_time() - begin) / bars


def measure() -> dict[str, Any]:
    """Seconds, rates and ratios for each market; raises AssertionError if the accounts are not the same."""
    report: dict[str, Any] = {}
    for name, (bars, symbols, decided) in MARKETS.items():
        numbers = market(bars, symbols, decided)
        mine, theirs = ours(*numbers), vectorbt(*numbers)
        assert mine["orders"] == theirs["orders"], "the two simulations traded differently"
        assert abs(mine["equity"] / theirs["equity"] - 1.0) < 1e-9, "the two accounts are not the same"
        cells = bars * symbols
        row = {
            "gnomon_simulation_s": mine["simulation"],
            "gnomon_figures_s": mine["figures"],
            "gnomon_100_variants_s": mine["variants"],
            "gnomon_million_bars_a_second": cells / mine["simulation"] / 1e6,
            "vectorbt_loop_s": theirs["loop"],
            "vectorbt_simulation_s": theirs["simulation"],
            "vectorbt_figures_s": theirs["figures"],
            "times_vectorbt_loop": theirs["loop"] / mine["simulation"],
            "times_vectorbt_simulation": theirs["simulation"] / mine["simulation"],
            "times_vectorbt_with_figures": theirs["figures"] / mine["figures"],
        }
        if symbols == 1 and decided == 1.0:
            row["backtesting_py_us_a_bar"] = backtesting(*numbers) * 1e6
            row["times_backtesting_py"] = row["backtesting_py_us_a_bar"] / (mine["simulation"] / cells * 1e6)
        report[name] = row
    return report


TARGETS = {
    "times_vectorbt_simulation": 10.0,
    "times_vectorbt_with_figures": 30.0,
    "times_backtesting_py": 500.0,
}


def run() -> dict[str, Any]:
    """The ratios against vectorbt and backtesting.py, with what they were worked out from."""
    figures: dict[str, Any] = {}
    for name, row in measure().items():
        label = name.replace(" ", "_").replace(",", "")
        for figure, target in TARGETS.items():
            if figure in row:
                facts = {key: value for key, value in row.items() if key not in TARGETS}
                figures[f"{label}.{figure}"] = {"value": row[figure], "target": target, "unit": "x", **facts}
    return figures


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
