"""Labels: triple barriers and trends at every bar, on one thread, against numpy, the book's pandas, and mlfinpy."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks._rivals import absent, child, interpreter
from gnomon.kernels import barriers
from gnomon.labels import average_uniqueness, sequential_bootstrap

EVENTS = 1_000_000
ROUNDS = 5
TARGETS = {20: 40e6, 100: 20e6}
SLOW_EVENTS = 500
"""Events that mlfinpy labels; it needs about as long for each, however many there are."""


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


def over_mlfinpy(close: np.ndarray, volatility: np.ndarray, horizon: int) -> dict[str, object]:
    """How many times as long mlfinpy needs an event, entered at the close as it does; the answers are compared first.

    It calls an event that ran out of time a fall where its log return is below -log(1 + width), so also where the price
    has stayed above the barrier, by up to the square of the width. There its label is another; its end never is.
    """
    target = 10_000.0
    if interpreter("mlfinpy") is None:
        return absent("mlfinpy", target)
    reach = float(np.sqrt(horizon))
    start, side = np.arange(volatility.size), np.zeros(volatility.size, np.int8)
    out = np.empty(start.size, np.int8), np.empty(start.size, np.int64), np.empty(start.size)
    rules = (reach, reach, horizon, 0.0, False, False, False)
    seconds = best(lambda: barriers.triple_barrier(close, close, close, close, start, side, volatility, *rules, out))
    some = np.arange(100, 100 + SLOW_EVENTS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.npz"
        width = volatility[some] * reach
        np.savez(path, close=close[: some[-1] + horizon + 1], start=some, width=width, horizon=horizon)
        theirs = child("mlfinpy", "_mlfinpy.py", path)
    label, end, gain = (values[some] for values in out)
    expired = (end == some + horizon) & (label == 0) & (gain < -width / (1.0 + width))
    if not (np.array_equal(end, theirs["end"]) and np.array_equal(np.where(expired, -1, label), theirs["label"])):
        raise AssertionError(f"mlfinpy labels otherwise at horizon {horizon}")
    return {
        "value": theirs["seconds"] / SLOW_EVENTS / (seconds / start.size),
        "target": target,
        "better": "higher",
        "mlfinpy_events_per_second": SLOW_EVENTS / theirs["seconds"],
        "events_compared": SLOW_EVENTS,
        "labelled_by_its_own_rule": int(expired.sum()),
        "version": theirs["version"],
    }


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
        figures[f"triple_barrier_{horizon}_over_mlfinpy"] = over_mlfinpy(close, volatility, horizon)
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
