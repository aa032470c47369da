"""The battery for panel kernels on trial: each kernel here breaks one rule, and must be caught."""

from __future__ import annotations

import numpy as np
import pytest

from gnomon.kernels.base import Call
from gnomon.kernels.cross_section.regimes import rising_share
from gnomon.kernels.panel import panel_kernel
from gnomon.testing.kernels import LawError
from gnomon.testing.panels import (
    check_absent_symbols,
    check_late_symbols,
    check_panel_kernel,
    check_permutation,
    check_scratch,
    synthetic_panel,
)

PANEL = synthetic_panel(("close",))


def call(kernel, *params: float) -> Call:
    return Call(kernel, (0,), params)


@panel_kernel(columns=("price",))
def sums_in_the_order_of_symbols(s, x, c, out, p):
    """Right to fifteen digits, and other bits for another order."""
    for t in range(x.shape[1]):
        total, count = 0.0, 0.0
        for i in range(c.size):
            if x[c[i], t] == x[c[i], t]:
                total += np.log(x[c[i], t])
                count += 1.0
        for i in range(c.size):
            out[i, t] = total / count if count > 0.0 else np.nan


@panel_kernel(columns=("price",), state_size=lambda _: 1)
def counts_moments_before_the_first_bar(s, x, c, out, p):
    for t in range(x.shape[1]):
        for i in range(c.size):
            s[i] += 1.0
            out[i, t] = s[i]


@panel_kernel(columns=("price",))
def counts_symbols_that_are_away(s, x, c, out, p):
    for t in range(x.shape[1]):
        for i in range(c.size):
            out[i, t] = 1.0 / c.size


@panel_kernel(columns=("price",), scratch=1)
def remembers_in_its_scratch(s, x, c, out, p):
    for t in range(x.shape[1]):
        for i in range(c.size):
            out[i, t] = s[i]
            if x[c[i], t] == x[c[i], t]:
                s[i] = x[c[i], t]


@panel_kernel(columns=("price",))
def looks_within_its_chunk(s, x, c, out, p):
    for t in range(x.shape[1]):
        for i in range(c.size):
            out[i, t] = x[c[i], t - 1] if t > 0 else np.nan


@panel_kernel(columns=("price",))
def looks_ahead(s, x, c, out, p):
    for t in range(x.shape[1]):
        for i in range(c.size):
            out[i, t] = x[c[i], t + 1] if t + 1 < x.shape[1] else np.nan


@panel_kernel(columns=("price",), state_size=lambda _: 1)
def never_forgets(s, x, c, out, p):
    for t in range(x.shape[1]):
        for i in range(c.size):
            y = x[c[i], t]
            if y == y:
                s[i] = y if s[i] == 0.0 else 0.99 * s[i] + 0.01 * y
            out[i, t] = s[i]


@pytest.mark.parametrize(
    ("check", "kernel", "message"),
    [
        (check_permutation, sums_in_the_order_of_symbols, "another order of the symbols gives"),
        (check_absent_symbols, counts_moments_before_the_first_bar, "of a symbol that never had a bar"),
        (check_absent_symbols, counts_symbols_that_are_away, "three symbols that are never there gives"),
        (check_late_symbols, counts_moments_before_the_first_bar, "a symbol that joins later gives"),
        (check_scratch, remembers_in_its_scratch, "a scratch of nan gives"),
    ],
)
def test_each_check_catches_what_it_is_there_for(check, kernel, message) -> None:
    with pytest.raises(LawError, match=message):
        check(call(kernel), PANEL)
    check(call(rising_share, 3.0), PANEL)


@panel_kernel(columns=("price",))
def share_that_is_there(s, x, c, out, p):
    for t in range(x.shape[1]):
        there = 0.0
        for i in range(c.size):
            there += 1.0 if x[c[i], t] == x[c[i], t] else 0.0
        for i in range(c.size):
            out[i, t] = 1.0 / there if there > 0.0 else np.nan


def test_a_kernel_without_any_state_passes() -> None:
    check_panel_kernel(share_that_is_there, recovery=0, forgets=True)


@pytest.mark.parametrize("kernel", [looks_within_its_chunk, looks_ahead])
def test_cuts_in_time_are_tried(kernel) -> None:
    with pytest.raises(LawError, match="chunks cut at"):
        check_panel_kernel(kernel)


def test_bad_input_that_stays_is_caught() -> None:
    check_panel_kernel(never_forgets)
    with pytest.raises(LawError, match="should have forgotten"):
        check_panel_kernel(never_forgets, recovery=20, forgets=True)


def test_the_panel_has_holes_a_late_symbol_and_a_delisted_one() -> None:
    holes = np.isnan(PANEL[0])
    assert holes[0, :80].all()
    assert not holes[0, 80:].all()
    assert holes[1, 160:].all()
    assert holes[:, 120].all()
    assert 0.03 < holes[3].mean() < 0.1
    assert not np.isnan(synthetic_panel(("close", "sector"), holes=False)).any()
