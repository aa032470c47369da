"""Every indicator meets the law's battery by itself, and its machine code does what its text says."""

from __future__ import annotations

import importlib
import math
import pkgutil

import numpy as np
import pytest

from gnomon.kernels import indicators
from gnomon.kernels.base import Call, Kernel
from gnomon.testing.kernels import check_kernel, run_in_chunks, synthetic_columns

HLC = ("high", "low", "close")

# name: params, inputs, bars until bad input has left it, whether it then forgets it wholly
CASES = {
    "sma": [((20, 0), ("close",), 19, True), ((1, 0), ("close",), 0, True), ((250, 1), ("close",), 249, True)],
    "ema": [((20, 0), ("close",), 20, False), ((1, 1), ("close",), 1, False)],
    "wma": [((20, 0), ("close",), 19, True), ((3, 1), ("close",), 2, True)],
    "macd": [((12, 26, 9, 0), ("close",), 34, False), ((3, 4, 1, 1), ("close",), 4, False)],
    "adx": [((14,), HLC, 28, False), ((2,), HLC, 4, False)],
    "rsi": [((14,), ("close",), 15, False), ((1,), ("close",), 2, False)],
    "stochastic": [((14, 3, 3), HLC, 17, True), ((1, 1, 1), HLC, 0, True), ((5, 1, 4), HLC, 7, True)],
    "bollinger": [((20, 2.0), ("close",), 19, True), ((2, 1.0), ("close",), 1, True)],
    "donchian_position": [((20,), HLC, 19, True), ((1,), HLC, 0, True), ((200,), HLC, 199, True)],
    "atr": [((14, 0), HLC, 15, False), ((1, 1), HLC, 2, False)],
    "volatility": [((20,), ("close",), 21, True), ((2,), ("close",), 3, True)],
    "parkinson": [((20,), ("high", "low"), 19, True)],
    "garman_klass": [((20,), ("open", *HLC), 19, True)],
    "obv": [((), ("close", "volume"), 0, False)],
    "signed_volume": [((20,), ("close", "volume"), 20, True), ((1,), ("close", "volume"), 1, True)],
    "mfi": [((14,), (*HLC, "volume"), 14, True), ((1,), (*HLC, "volume"), 1, True)],
    "simple_return": [((1, 5, 20), ("close",), 20, True), ((3,), ("close",), 3, True)],
    "log_return": [((1, 5, 20), ("close",), 20, True), ((7, 2), ("close",), 7, True)],
    "rolling_std": [((20, 0), ("close",), 19, True), ((2, 1), ("volume",), 1, True)],
    "rolling_zscore": [((20,), ("volume",), 19, True), ((2,), ("close",), 1, True)],
    "sma_cross": [((5, 20, 1, 7), ("volume",), 19, True)],
    "ema_chain": [((5,), ("close",), 16, False), ((1,), ("close",), 4, False)],
    "kama": [((10,), ("close",), 11, False), ((1,), ("close",), 2, False)],
    "ppo": [((12, 26), ("close",), 26, False)],
    "regression": [((20, 2), ("close",), 19, True)],
    "efficiency": [((10, 1), ("close",), 10, True)],
    "aroon": [((25,), ("high", "low"), 25, True), ((1,), ("high", "low"), 1, True)],
    "drawdown": [((60, 1), ("close",), 59, True)],
    "extreme_returns": [((20, 1), ("close",), 20, True)],
    "true_range": [((14,), HLC, 14, True), ((2,), HLC, 2, True)],
    "vortex": [((14,), HLC, 14, True), ((1,), HLC, 1, True)],
    "cci": [((14,), HLC, 13, True), ((1,), HLC, 0, True)],
    "williams_r": [((14,), HLC, 13, True), ((1,), HLC, 0, True)],
    "ultimate": [((7, 14, 28), HLC, 28, True), ((1, 1, 1), HLC, 1, True)],
    "cmo": [((14,), ("close",), 15, False)],
    "stochastic_rsi": [((14, 5, 3), ("close",), 21, False), ((1, 1, 1), ("close",), 2, False)],
    "balance_of_power": [((14,), ("open", *HLC), 13, True)],
    "tsi": [((25, 13), ("close",), 39, False)],
    "drift_free": [((20,), ("open", *HLC), 20, True), ((2,), ("open", *HLC), 2, True)],
    "realised": [((10, 60), ("close",), 61, True), ((2,), ("close",), 3, True)],
    "ewma_volatility": [((0.94, 20), ("close",), 21, False)],
    "volatility_ratio": [((5, 20, 2, 60), ("close",), 61, True)],
    "volatility_rank": [((5, 40), ("close",), 45, True)],
    "amihud": [((20, 1), ("close", "volume"), 20, True)],
    "kyle_lambda": [((30,), ("close", "volume"), 31, True)],
    "roll_spread": [((30,), ("close",), 32, True)],
    "corwin_schultz": [((20,), HLC, 20, True), ((1,), HLC, 1, True)],
    "vwap_distance": [((20, 1), (*HLC, "volume"), 19, True)],
    "money_flow": [((20,), (*HLC, "volume"), 19, True)],
    "price_volume_correlation": [((20, 60), ("close", "volume"), 61, True)],
    "shape": [((20, 60), ("close",), 61, True)],
    "return_quantiles": [((60, 0.0, 0.05, 0.5, 1.0), ("close",), 61, True), ((2, 0.25), ("close",), 3, True)],
    "percentile_rank": [((20, 2), ("close",), 19, True)],
    "move_shares": [((20, 1), ("close",), 20, True)],
    "streak": [((), ("close",), 2, False)],
    "autocorrelation": [((30, 0, 1, 7), ("close",), 38, True), ((5, 1, 2), ("close",), 8, True)],
    "variance_ratio": [((60, 2, 10), ("close",), 70, True), ((5, 1), ("close",), 6, True)],
    "hurst": [((60,), ("close",), 76, True)],
    "permutation_entropy": [((40,), ("close",), 41, True)],
    "fractional_difference": [((30, 0.3, 0.8), ("close",), 29, True)],
    "cycle": [((86_400e6, 0.0), ("timestamp",), 0, True), ((7 * 86_400e6, 4 * 86_400e6), ("timestamp",), 0, True)],
    "date": [((), ("timestamp",), 0, True)],
    "session": [((0.0,), ("timestamp", "open", *HLC, "volume"), 0, False)],
    "candle": [((), ("open", *HLC), 0, True)],
    "candle_pair": [((), ("open", *HLC), 1, True)],
    "publication_change": [((1, 1, 5), ("a.known_at", "a.x"), 7, True), ((0, 3), ("a.known_at", "a.x"), 5, True)],
    "publication_spread": [((20, 0), ("a.known_at", "a.x"), 21, True), ((5, 1), ("a.known_at", "a.x"), 6, True)],
    "publication_momentum": [((3, 20), ("a.known_at", "a.x"), 21, True)],
    "surprise": [((12,), ("a.known_at", "a.x", "a.y"), 14, True)],
    "carry": [((20, 8.0), ("timestamp", "a.rate"), 21, True), ((1, 1.0), ("timestamp", "a.rate"), 2, True)],
    "release_time": [((), ("timestamp", "a.x", "a.y"), 0, True)],
    "spread": [((0,), ("a.x", "a.y"), 0, True), ((1,), ("a.x", "a.y"), 0, True)],
    "latest": [((2,), ("a.x", "a.y"), 0, True)],
    "factor_exposure": [
        ((12, 0), ("a.known_at", "close", "a.x", "a.y", "a.z"), 15, True),
        ((6, 2), ("a.known_at", "close", "a.x", "a.y", "a.z"), 12, True),
    ],
    "higher_bars": [((3, 300e6, 900e6), ("timestamp", *HLC), 75, True)],
}
RUNS = [(name, *case) for name, cases in CASES.items() for case in cases]


def every_kernel() -> dict[str, Kernel]:
    found = {}
    for module in pkgutil.iter_modules(indicators.__path__):
        loaded = importlib.import_module(f"{indicators.__name__}.{module.name}")
        found.update({name: value for name, value in vars(loaded).items() if isinstance(value, Kernel)})
    return found


KERNELS = every_kernel()


def test_no_indicator_is_left_out() -> None:
    assert set(KERNELS) == set(CASES)


@pytest.mark.parametrize(("name", "params", "inputs", "recovery", "forgets"), RUNS)
def test_an_indicator_keeps_the_law(name, params, inputs, recovery, forgets) -> None:
    check_kernel(KERNELS[name], params=params, inputs=inputs, bars=420, cuts=6, recovery=recovery, forgets=forgets)


@pytest.mark.parametrize(("name", "params", "inputs"), [run[:3] for run in RUNS])
def test_the_machine_code_does_what_the_text_says(name, params, inputs) -> None:
    """The loop, run by Python on a chunk with bad values, gives the same bits as compiled."""
    kernel = KERNELS[name]
    params = tuple(float(p) for p in params)
    data = synthetic_columns(inputs, bars=90)
    data[0, 40], data[-1, 50], data[0, 60] = np.nan, np.inf, 0.0
    state = np.zeros(kernel.state_size(params))
    out = np.empty((kernel.output_count(params), 90))
    with np.errstate(all="ignore"):
        kernel.body(state, data, np.arange(len(data)), out, np.array(params))
    compiled, end = run_in_chunks(Call(kernel, tuple(range(len(data))), params), data, [0, 90])
    np.testing.assert_array_equal(out, compiled)
    np.testing.assert_array_equal(state, end)


@pytest.mark.parametrize("name", CASES)
def test_an_indicator_explains_itself(name: str) -> None:
    description = KERNELS[name].description
    assert "Columns: " in description
    assert "Params: " in description


@pytest.mark.parametrize(
    ("name", "params", "inputs"), [cases[0][:2] and (n, *cases[0][:2]) for n, cases in CASES.items()]
)
def test_nothing_but_bad_input_gives_a_finite_answer_or_nan(name, params, inputs) -> None:
    """Zeros, equal and tiny values divide by nothing into infinity."""
    for value in (0.0, 1.0, 1e-300, -5.0, 1e99):
        out = KERNELS[name].over(*np.full((len(inputs), 80), value), params=params)
        assert not np.isinf(out).any(), value


def test_long_runs_do_not_drift() -> None:
    """After a million bars the carried sums are as good as on the first."""
    chance = np.random.default_rng(3)
    values = 1e4 + chance.normal(0.0, 1e-3, 1_000_000)
    values[500_000:] *= 1e-4
    window = values[-20:]
    assert math.isclose(KERNELS["sma"].over(values, params=(20, 0))[0, -1], math.fsum(window) / 20, rel_tol=1e-15)
    assert math.isclose(KERNELS["rolling_std"].over(values, params=(20, 0))[0, -1], np.std(window), rel_tol=1e-9)
    assert math.isclose(
        KERNELS["wma"].over(values, params=(20, 0))[0, -1], np.average(window, weights=np.arange(1, 21)), rel_tol=1e-14
    )
