"""Labels: triple barriers and trends at every bar, on one thread, against vectorised numpy and the book's pandas."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from gnomon.kernels import barriers
from gnomon.labels import average_uniqueness, sequential_bootstrap

EVENTS = 1_000_000
ROUNDS = 5
TARGETS = {20: 40e6, 100: 20e6}


def market(bars: int) -> tuple[np.ndarray, np.ndarray]:
    """Opens and closes of a random walk."""
    chance = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.001, bars)))
    return close * np.exp(chance.normal(0.0, 0.0003, bars)), close


def by_numpy(
    open_: np.ndarray, close: np.ndarray, volatility: np.ndarray, horizon: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same labels, a bar ahead at a time for all events that are still open."""
    events = volatility.size
    entry = open_[1 : events + 1]
    width = volatility * np.sqrt(horizon)
    above, below = entry * (1.0 + width), entry * (1.0 - width)
    label, end = np.zeros(events, np.int8), np.arange(events) + horizon
    label[~(width > 0)] = barriers.UNLABELLED
    alive = np.flatnonzero(width > 0)
    for step in range(1, horizon + 1):
        price = close[alive + step]
        up, down = price >= above[alive], price <= below[alive]
        done = up | down
        touched = alive[done]
        label[touched] = np.where(up[done], 1, -1)
        end[touched] = touched + step
        alive = alive[~done]
    return label, end, close[end] / entry - 1.0


def by_the_book(close: np.ndarray, volatility: np.ndarray, events: int, horizon: int) -> pd.Series:
    """López de Prado 2018, 3.2: for each event the path as a series, and the first touch in it."""
    index = pd.date_range("2020-01-01", periods=close.size, freq="min")
    prices, ends = pd.Series(close, index), {}
    for t in range(100, 100 + events):
        path = prices[index[t] : index[t + horizon]] / prices[index[t]] - 1.0
        width = volatility[t] * np.sqrt(horizon)
        touches = path[path > width].index.min(), path[path < -width].index.min()
        ends[index[t]] = min([touch for touch in touches if touch is not pd.NaT], default=index[t + horizon])
    return pd.Series(ends)


def best(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def run() -> dict[str, dict[str, object]]:
    """Events a second, and how many times that of numpy; the answers are compared first."""
    open_, close = market(EVENTS + max(TARGETS))
    start, side = np.arange(EVENTS), np.zeros(EVENTS, np.int8)
    volatility = np.empty(close.size)
    barriers.ewm_volatility(close, 100.0, 20, volatility)
    volatility = volatility[:EVENTS]
    out = np.empty(EVENTS, np.int8), np.empty(EVENTS, np.int64), np.empty(EVENTS)
    figures: dict[str, dict[str, object]] = {}
    for horizon, target in TARGETS.items():
        reach = float(np.sqrt(horizon))

        def ours(horizon: int = horizon, reach: float = reach) -> None:
            rules = (reach, reach, horizon, 0.0, True, False, False)
            barriers.triple_barrier(open_, close, close, close, start, side, volatility, *rules, out)

        ours()
        label, end, gain = by_numpy(open_, close, volatility, horizon)
        known = label < barriers.UNDECIDED
        if not (
            np.array_equal(out[0], label)
            and np.array_equal(out[1][known], end[known])
            and np.array_equal(out[2][known], gain[known])
        ):
            raise AssertionError(f"numpy labels otherwise at horizon {horizon}")
        seconds = best(ours)
        rival = best(lambda horizon=horizon: by_numpy(open_, close, volatility, horizon))
        figures[f"triple_barrier_{horizon}_events_per_second"] = {
            "value": EVENTS / seconds,
            "target": target,
            "better": "higher",
        }
        figures[f"triple_barrier_{horizon}_over_numpy"] = {
            "value": rival / seconds,
            "target": 3.0,
            "better": "higher",
            "numpy_events_per_second": EVENTS / rival,
        }
        some = 300
        begin = time.process_time()
        by_the_book(close[: 200 + some + horizon], volatility, some, horizon)
        slow = (time.process_time() - begin) / some
        figures[f"triple_barrier_{horizon}_over_the_book_in_pandas"] = {
            "value": slow * EVENTS / seconds,
            "target": None,
            "better": "higher",
        }

    scan = np.empty((EVENTS, 1)), np.empty((EVENTS, 1), np.int64)
    horizons = np.array([20])
    barriers.trend_scan(close[:100], start[:50], 3, horizons, scan)
    seconds = best(lambda: barriers.trend_scan(close, start, 3, horizons, scan))
    figures["trend_scanning_20_events_per_second"] = {"value": EVENTS / seconds, "target": None, "better": "higher"}
    last = start + 1 + np.arange(EVENTS) % 20
    average_uniqueness(start, last)
    seconds = best(lambda: average_uniqueness(start, last))
    figures["uniqueness_events_per_second"] = {"value": EVENTS / seconds, "target": None, "better": "higher"}
    some = 100_000
    begin = time.process_time()
    sequential_bootstrap(start[:some], last[:some], rng=np.random.default_rng(1))
    seconds = time.process_time() - begin
    figures["sequential_bootstrap_draws_per_second"] = {"value": some / seconds, "target": None, "better": "higher"}
    return figures


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
