"""Fixed-horizon labels: by hand, and against the rule written out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.labels import FixedHorizon, TripleBarrier, fixed_horizon


def test_three_bars_worked_by_hand(make_bars: Any) -> None:
    bars = make_bars([100.0, 100.0, 102.0, 101.0, 90.0], open_=[100.0, 100.0, 101.0, 102.0, 101.0])
    labels = fixed_horizon(bars, horizons=(2,), threshold=150.0, unit="bps")
    # Bought at the opens 100, 101 and 102, sold at the closes 102, 101 and 90.
    assert labels["label"].to_list() == [1, 0, -1, None, None]
    assert labels["forward_return"].to_list()[:3] == pytest.approx([0.02, 0.0, 90 / 102 - 1])
    assert labels["label_end"].to_list()[:3] == [bars["timestamp"][row] for row in (2, 3, 4)]
    assert fixed_horizon(bars, horizons=(2,), threshold=150.0, unit="bps", cost_bps=60.0)["label"][0] == 0
    by_close = fixed_horizon(bars, horizons=(2,), threshold=0.0, unit="bps", entry="close")
    assert by_close["label"].to_list() == [1, 1, -1, None, None]


@given(
    seed=st.integers(0, 9),
    threshold=st.sampled_from([0.0, 0.3, 1.0]),
    at_open=st.booleans(),
    by_bar=st.booleans(),
    cost=st.sampled_from([0.0, 40.0]),
)
def test_it_is_its_slow_twin(
    random_walk: Any, seed: int, threshold: float, at_open: bool, by_bar: bool, cost: float
) -> None:
    bars = random_walk(60, seed, holes=True)
    labels = FixedHorizon(
        horizons=(7,),
        threshold=threshold,
        volatility_span=10,
        volatility_warmup=4,
        entry="next_open" if at_open else "close",
        scale="bar" if by_bar else "horizon",
        cost_bps=cost,
    ).label(bars)
    close, open_ = bars["close"].to_numpy(), bars["open"].to_numpy()
    volatility = TripleBarrier(volatility_span=10, volatility_warmup=4).volatility(close)
    for t, row in enumerate(labels.iter_rows(named=True)):
        expected = None
        if t + 7 < close.size:
            gain = close[t + 7] / (open_[t + 1] if at_open else close[t]) - 1
            needed = threshold * volatility[t] * (1 if by_bar else np.sqrt(7)) + cost / 1e4
            if np.isfinite(gain) and np.isfinite(needed):
                expected = 1 if gain > needed else -1 if gain < -needed else 0
        assert row["label"] == expected
        if expected is not None:
            assert row["forward_return"] == pytest.approx(gain)
            assert row["label_end"] - row["timestamp"] == timedelta(hours=7)


def test_without_a_volatility_only_a_threshold_in_bps_can_label(make_bars: Any) -> None:
    stale = make_bars([100.0] * 12)
    assert fixed_horizon(stale, horizons=(3,), volatility_warmup=2)["label"].is_null().all()
    assert fixed_horizon(stale, horizons=(3,), unit="bps")["label"].to_list() == [0] * 9 + [None] * 3


def test_a_price_of_nothing_is_no_entry(make_bars: Any) -> None:
    bars = make_bars([100.0] * 8, open_=[100.0, 0.0, np.inf, np.nan, -1.0, 100.0, 100.0, 100.0])
    labels = fixed_horizon(bars, horizons=(2,), unit="bps")
    assert labels["label"].to_list() == [None] * 4 + [0, 0, None, None]
