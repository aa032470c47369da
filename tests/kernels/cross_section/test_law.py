"""Every panel kernel meets the battery by itself, and its machine code does what its text says."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest

from gnomon.kernels import cross_section
from gnomon.kernels.base import Call
from gnomon.kernels.panel import PanelKernel
from gnomon.testing.panels import check_panel_kernel, run_panel, synthetic_panel

# name: params, inputs, moments until bad input has left it
CASES = {
    "growth_standing": [((3, 0, 1, 0, 5, 2), ("close",), 6), ((2, 1, 20, 0), ("close",), 21)],
    "volatility_standing": [((3, 0, 20), ("close",), 22), ((2, 1, 2), ("close",), 4)],
    "volume_standing": [((3, 0, 20), ("volume",), 20), ((2, 1, 2), ("volume",), 3)],
    "liquidity_standing": [((3, 0, 20), ("close", "volume"), 20), ((2, 1, 2), ("close", "volume"), 3)],
    "market_line": [((3, 20), ("close",), 22), ((2, 3), ("close",), 5)],
    "weighted_market_line": [
        ((3, 20, 10), ("close", "volume"), 33),
        ((2, 3, 0), ("close", "size"), 6),
    ],
    "sector_line": [((2, 20), ("close", "sector"), 22), ((3, 3), ("close", "sector"), 5)],
    "residual_momentum": [((3, 0, 30, 20, 2), ("close",), 32), ((2, 1, 8, 5, 0), ("close",), 10)],
    "dispersion": [((3, 1, 20), ("close",), 21)],
    "market_index": [((3, 5, 20), ("close",), 22)],
    "rising_share": [((3,), ("close",), 2)],
    "above_average_share": [((3, 20, 5), ("close",), 20)],
}
RUNS = [(name, *case) for name, cases in CASES.items() for case in cases]


def every_kernel() -> dict[str, PanelKernel]:
    found = {}
    for module in pkgutil.iter_modules(cross_section.__path__):
        loaded = importlib.import_module(f"{cross_section.__name__}.{module.name}")
        found.update({name: value for name, value in vars(loaded).items() if isinstance(value, PanelKernel)})
    return found


KERNELS = every_kernel()


def test_no_panel_kernel_is_left_out() -> None:
    assert set(KERNELS) == set(CASES)


@pytest.mark.parametrize(("name", "params", "inputs", "recovery"), RUNS)
def test_a_panel_kernel_keeps_the_law(name, params, inputs, recovery) -> None:
    check_panel_kernel(KERNELS[name], params=params, inputs=inputs, recovery=recovery, forgets=True)


@pytest.mark.parametrize(("name", "params", "inputs"), [run[:3] for run in RUNS])
def test_the_machine_code_does_what_the_text_says(name, params, inputs) -> None:
    kernel = KERNELS[name]
    panel = synthetic_panel(inputs, bars=70)
    symbols = panel.shape[1]
    params = tuple(float(p) for p in params)
    bound = kernel.of(symbols)
    state, out = np.zeros(bound.state_size(params)), np.empty((bound.output_count(params), 70))
    with np.errstate(all="ignore"):
        bound.body(state, panel.reshape(-1, 70), np.arange(panel.shape[0] * symbols), out, np.array(params))
    compiled, end = run_panel(Call(kernel, tuple(range(len(inputs))), params), panel)
    np.testing.assert_array_equal(out.reshape(compiled.shape), compiled)
    np.testing.assert_array_equal(state, end)


@pytest.mark.parametrize("name", CASES)
def test_a_panel_kernel_explains_itself(name: str) -> None:
    description = KERNELS[name].description
    assert "Columns: " in description
    assert "Params: " in description


@pytest.mark.parametrize(("name", "params", "inputs"), [run[:3] for run in RUNS])
def test_nothing_but_bad_input_gives_a_finite_answer_or_nan(name, params, inputs) -> None:
    """Zeros, equal and tiny values divide by nothing into infinity."""
    for value in (0.0, 1.0, 1e-300, -5.0, 1e99):
        out = KERNELS[name].over(*np.full((len(inputs), 6, 60), value), params=params)
        assert not np.isinf(out).any(), value
