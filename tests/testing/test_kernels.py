"""The battery is itself put to the test: each kernel here breaks the law in one way, and must be caught."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from gnomon.kernels.base import Call, kernel
from gnomon.kernels.indicators.trend import ema, sma
from gnomon.testing.kernels import (
    LawError,
    check_bad_input_stays_local,
    check_bounds,
    check_columns,
    check_cuts,
    check_kernel,
    check_one_bar_at_a_time,
    check_repeats,
    check_restart,
    random_cuts,
    run_in_chunks,
    synthetic_columns,
)

DATA = synthetic_columns(("close",), bars=200)


def call(broken, *params: float) -> Call:
    return Call(broken, (0,), params)


@kernel(state_size=lambda _: 1)
def sums_anew_at_each_chunk(s, x, c, out, p):
    """A running sum that is rounded once more at each chunk's edge: right to 15 digits, wrong by law."""
    chunk = 0.0
    for t in range(x.shape[1]):
        chunk += x[c[0], t]
        out[0, t] = s[0] + chunk
    s[0] += chunk


@kernel(state_size=lambda _: 0)
def peeks_ahead(s, x, c, out, p):
    last = x.shape[1] - 1
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], min(t + 1, last)]


@kernel(state_size=lambda _: 0)
def centres_on_its_chunk(s, x, c, out, p):
    mean = x[c[0]].mean()
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], t] - mean


@kernel(state_size=lambda _: 0)
def hides_a_count_in_its_params(s, x, c, out, p):
    for t in range(x.shape[1]):
        p[0] += 1.0
        out[0, t] = p[0]


@kernel(state_size=lambda _: 0)
def draws_from_a_global_generator(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = np.random.random()  # noqa: NPY002 - the fault that is planted


@kernel(state_size=lambda _: 0)
def starts_anew_at_each_chunk(s, x, c, out, p):
    total = 0.0
    for t in range(x.shape[1]):
        total += x[c[0], t]
        out[0, t] = total


@kernel(state_size=lambda _: 1)
def counts_chunks_in_its_state(s, x, c, out, p):
    """Its outputs are right; what it leaves behind is not."""
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], t]
    s[0] += 1.0


@kernel(state_size=lambda _: 0)
def writes_below_its_rows(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], t]
        out[1, t] = 0.0


@kernel(state_size=lambda _: 1)
def writes_behind_its_state(s, x, c, out, p):
    for t in range(x.shape[1]):
        s[1] = 1.0
        out[0, t] = x[c[0], t]


@kernel(state_size=lambda _: 0)
def writes_to_the_bars(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], t]
        x[c[0], t] = 0.0


@kernel(state_size=lambda _: 0)
def skips_a_cell(s, x, c, out, p):
    for t in range(1, x.shape[1]):
        out[0, t] = 0.0


@kernel(state_size=lambda _: 0)
def reads_a_column_by_number(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = x[0, t]


@kernel(state_size=lambda p: 2 + int(p[0]))
def never_sums_anew(s, x, c, out, p):
    """A moving average that carries its sum and lets nothing be forgotten: one NaN poisons it for good."""
    n = int(p[0])
    i = int(s[0])
    for t in range(x.shape[1]):
        s[1] += x[c[0], t] - s[2 + i]
        s[2 + i] = x[c[0], t]
        i = (i + 1) % n
        out[0, t] = s[1] / n
    s[0] = i


@kernel(state_size=lambda p: 2 + int(p[0]))
def passes_over_nan_only(s, x, c, out, p):
    """As above, but NaN is left out; after a spike a thousand digits are still missing."""
    n = int(p[0])
    i = int(s[0])
    for t in range(x.shape[1]):
        y = x[c[0], t] if abs(x[c[0], t]) < 1e100 else 0.0
        s[1] += y - s[2 + i]
        s[2 + i] = y
        i = (i + 1) % n
        out[0, t] = s[1] / n
    s[0] = i


@njit
def _outside(values):
    return values.sum()


@kernel(state_size=lambda _: 0)
def uses_the_chunk_through_a_helper(s, x, c, out, p):
    total = _outside(x[c[0]])
    for t in range(x.shape[1]):
        out[0, t] = total


@pytest.mark.parametrize(
    ("check", "broken", "params"),
    [
        (check_cuts, sums_anew_at_each_chunk, ()),
        (check_cuts, centres_on_its_chunk, ()),
        (check_cuts, starts_anew_at_each_chunk, ()),
        (check_cuts, counts_chunks_in_its_state, ()),
        (check_cuts, uses_the_chunk_through_a_helper, ()),
        (check_one_bar_at_a_time, peeks_ahead, ()),
        (check_cuts, peeks_ahead, ()),
        (check_repeats, hides_a_count_in_its_params, (0.0,)),
        (check_bounds, hides_a_count_in_its_params, (0.0,)),
        (check_restart, hides_a_count_in_its_params, (0.0,)),
        (check_restart, starts_anew_at_each_chunk, ()),
        (check_repeats, draws_from_a_global_generator, ()),
        (check_bounds, writes_below_its_rows, ()),
        (check_bounds, writes_behind_its_state, ()),
        (check_bounds, writes_to_the_bars, ()),
        (check_bounds, skips_a_cell, ()),
        (check_columns, reads_a_column_by_number, ()),
    ],
    ids=lambda value: getattr(value, "name", getattr(value, "__name__", None)),
)
def test_the_battery_catches(check, broken, params) -> None:
    with pytest.raises(LawError, match=broken.name):
        check(call(broken, *params), DATA)


@pytest.mark.parametrize("broken", [never_sums_anew, passes_over_nan_only], ids=lambda k: k.name)
def test_the_battery_catches_what_never_heals(broken) -> None:
    with pytest.raises(LawError, match=broken.name):
        check_bad_input_stays_local(call(broken, 5.0), DATA, recovery=5, forgets=True)


def test_the_battery_catches_what_heals_too_late() -> None:
    check_bad_input_stays_local(call(sma, 20.0, 0.0), DATA, recovery=19, forgets=True)
    with pytest.raises(LawError, match="bars later"):
        check_bad_input_stays_local(call(sma, 20.0, 0.0), DATA, recovery=18, forgets=True)


def test_a_recursive_kernel_keeps_a_spike_and_says_so() -> None:
    check_bad_input_stays_local(call(ema, 5.0, 0.0), DATA, recovery=6)
    with pytest.raises(LawError, match="should have forgotten"):
        check_bad_input_stays_local(call(ema, 5.0, 0.0), DATA, recovery=6, forgets=True)


def test_the_whole_battery_stops_a_broken_kernel_and_passes_a_sound_one() -> None:
    check_kernel(sma, params=(7.0, 0.0), bars=200, recovery=7, forgets=True)
    check_kernel(sma, params=(7.0, 0.0), columns=DATA)
    with pytest.raises(LawError):
        check_kernel(peeks_ahead, bars=200)


def test_a_message_says_where_the_bits_part() -> None:
    with pytest.raises(LawError, match=r"peeks_ahead\(\): one bar at a time gives .* in output 0 at bar 0, the whole"):
        check_one_bar_at_a_time(call(peeks_ahead), DATA)
    with pytest.raises(LawError, match=r"in slot 0 of the state, the whole with 1\.0"):
        check_cuts(call(counts_chunks_in_its_state), DATA)


def test_cuts_cover_the_bars_and_come_in_all_kinds() -> None:
    sizes: set[int] = set()
    for seed in range(50):
        edges = random_cuts(30, np.random.default_rng(seed))
        assert edges[0] == 0
        assert edges[-1] == 30
        sizes.update(np.diff(edges).tolist())
    assert {0, 1} <= sizes
    assert max(sizes) > 10


def test_chunks_hold_their_bars_only() -> None:
    """What stands behind a chunk is not in its memory, so reading past its end cannot be right by chance."""
    out, state = run_in_chunks(call(starts_anew_at_each_chunk), np.ones((1, 4)), [0, 3, 4])
    assert out.tolist() == [[1.0, 2.0, 3.0, 1.0]]
    assert state.size == 0


def test_the_made_up_market_is_a_market() -> None:
    open_, high, low, close, volume, macro = synthetic_columns(
        ("open", "high", "low", "close", "volume", "x.y"), bars=500
    )
    assert (low > 0).all()
    assert (low <= np.minimum(open_, close)).all()
    assert (high >= np.maximum(open_, close)).all()
    assert (np.diff(close) == 0.0).sum() > 30
    assert (volume == 0.0).any()
    assert (macro > 0).all()
