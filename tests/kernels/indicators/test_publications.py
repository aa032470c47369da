"""Kernels on publications: worked by hand, against slow twins over tables of every rhythm, and cut at random."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.kernels.base import Call, kernel
from gnomon.kernels.indicators import factors, publications
from gnomon.kernels.indicators.publications import (
    carry,
    latest,
    publication_change,
    publication_momentum,
    publication_spread,
    release_time,
    spread,
    surprise,
)
from gnomon.testing.kernels import check_cuts, check_one_bar_at_a_time, check_restart

NAN = float("nan")
DAY, HOUR = 86_400e6, 3_600e6


def joined(bars: int, *, every: float, values: int = 1, seed: int = 0) -> np.ndarray:
    """Bars joined to a table: its publication, its values; one publication in four repeats, some rows have no value."""
    chance = np.random.default_rng(seed)
    new = chance.random(bars) < 1.0 / every
    which = np.cumsum(new)
    table = np.round(np.exp(chance.normal(0.0, 0.2, (values, bars + 1))), 2)
    repeats = np.flatnonzero(chance.random(bars + 1) < 0.25)
    table[:, repeats] = table[:, repeats - 1]
    data = np.vstack([1e15 + which * 1e9, table[:, which]])
    data[:, which == 0] = NAN
    data[1:, (which % 9) == 8] = NAN
    return data


def published(data: np.ndarray) -> list[list[np.ndarray]]:
    """The slow twin's view: for each bar the values of all publications so far, or none where the bar has no value."""
    seen: dict[float, np.ndarray] = {}
    views = []
    for column in data.T:
        good = np.isfinite(column).all()
        if good:
            seen.setdefault(column[0], column[1:])
        views.append(list(seen.values()) if good else [])
    return views


def test_a_repeated_figure_is_a_publication_and_a_bar_is_none() -> None:
    known = np.array([NAN, 1, 1, 2, 2, 3, 3, 4, 4]) * DAY
    index = np.array([NAN, 100, 100, 102, 102, 102, NAN, 51, 51])
    up, down = math.log(1.02), math.log(0.5)
    out = publication_change.over(known, index, params=(1, 1, 2))
    np.testing.assert_allclose(out[0], [NAN, NAN, NAN, up, up, 0.0, NAN, down, down], atol=1e-15)
    np.testing.assert_allclose(out[1], [NAN, NAN, NAN, NAN, NAN, up, NAN, down, down], atol=1e-15)
    assert publication_change.over(known, index, params=(0, 1))[0, 3] == 2.0


def test_only_the_values_changes_would_miss_it() -> None:
    """Control: without the publication a figure that repeats is no news, and its change stays the one before."""
    known, index = np.array([1, 2, 3]) * DAY, np.array([100.0, 102.0, 102.0])
    as_new = np.array([1, 2, 2]) * DAY
    assert publication_change.over(known, index, params=(1, 1))[0, 2] == 0.0
    assert publication_change.over(as_new, index, params=(1, 1))[0, 2] > 0.0


@pytest.mark.parametrize("every", [1.0, 3.0, 11.0])
def test_publication_kernels_equal_slow_twins(every: float) -> None:
    data = joined(500, every=every, values=2, seed=int(every))
    two = data[:2]
    views = [[float(values[0]) for values in view] for view in published(two)]

    def twin(least: int, measure) -> np.ndarray:
        return np.array([measure(np.array(view)) if len(view) >= least else NAN for view in views])

    cases = [
        (publication_change, (0, 4), twin(5, lambda v: v[-1] - v[-5])),
        (publication_change, (1, 2), twin(3, lambda v: math.log(v[-1] / v[-3]))),
        (publication_spread, (6, 0), twin(6, lambda v: v[-6:].std(ddof=1))),
        (publication_spread, (6, 1), twin(6, lambda v: (v[-1] - v[-6:].mean()) / v[-6:].std(ddof=1))),
        (publication_momentum, (2, 7), twin(7, lambda v: v[-2:].mean() - v[-7:].mean())),
    ]
    for tested, params, expected in cases:
        assert np.isfinite(expected).sum() > 20
        np.testing.assert_allclose(tested.over(*two, params=params)[0], expected, rtol=1e-10, atol=1e-12)
    told = [np.array([v[0] - v[1] for v in view]) for view in published(data)]
    expected = np.array([v[-1] / math.sqrt(np.mean(v[-6:-1] ** 2)) if len(v) > 5 else NAN for v in told])
    np.testing.assert_allclose(surprise.over(*data, params=(5,))[0], expected, rtol=1e-10, atol=1e-12)


CUT = [
    (publication_change, (1.0, 1.0, 3.0), 1),
    (publication_spread, (5.0, 1.0), 1),
    (publication_momentum, (2.0, 5.0), 1),
    (surprise, (4.0,), 2),
    (factors.factor_exposure, (8.0, 1.0), 4),
]


@pytest.mark.parametrize(("tested", "params", "values"), CUT, ids=lambda value: getattr(value, "name", ""))
def test_the_law_holds_where_publications_are_rare(tested, params, values) -> None:
    data = joined(400, every=5.0, values=values)
    call = Call(tested, tuple(range(len(data))), params)
    check_cuts(call, data)
    check_one_bar_at_a_time(call, data)
    check_restart(call, data)


@kernel(state_size=lambda p: 0)
def forgets_the_last_publication(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = x[c[1], t] - x[c[1], t - 1] if t and x[c[0], t] != x[c[0], t - 1] else np.nan


def test_the_law_catches_a_kernel_that_forgets_between_chunks() -> None:
    data = joined(400, every=5.0)
    with pytest.raises(AssertionError):
        check_one_bar_at_a_time(Call(forgets_the_last_publication, (0, 1), ()), data)


def test_surprises_by_hand() -> None:
    known = np.arange(1.0, 6.0)
    actual, forecast = np.array([3.0, 1.0, 5.0, 2.0, 2.0]), np.array([0.0, 5.0, 0.0, 2.0, 1.0])
    out = surprise.over(known, actual, forecast, params=(2,))[0]
    np.testing.assert_allclose(out, [NAN, NAN, 5 / math.sqrt(12.5), 0.0, 1 / math.sqrt(12.5)])
    none = np.zeros(5)
    assert surprise.over(known, none, none, params=(2,))[0, 4] == 0.0
    assert math.isnan(surprise.over(known, np.array([0, 0, 1.0, 0, 0]), none, params=(2,))[0, 2])


def test_carry_is_the_same_at_every_pace() -> None:
    """Three settlements of eight hours: a day of hourly bars, and one bar of a day at a steady rate, pay the same."""
    hours = np.arange(0, 25) * HOUR + 1e15
    rates = np.repeat([1e-4, 2e-4, 3e-4, 4e-4], [1, 8, 8, 8])
    out = carry.over(hours, rates, params=(24, 8))[0]
    assert np.isnan(out[:-1]).all()
    assert out[-1] == pytest.approx(9e-4, rel=1e-12)
    daily = carry.over(np.array([0, 1, 2]) * DAY + 1e15, np.array([9.0, 2e-4, 1e-4]), params=(2, 8))[0]
    assert daily[-1] == pytest.approx(3 * 2e-4 + 3 * 1e-4, rel=1e-12)


def test_days_to_a_release() -> None:
    out = release_time.over(np.array([10.0, 11, 12]) * DAY, np.array([9, 9, NAN]) * DAY, np.array([11, 12, NAN]) * DAY)
    np.testing.assert_array_equal(out, [[1.0, 2.0, NAN], [1.0, 1.0, NAN]])


def test_spreads_and_values_as_they_stand() -> None:
    a, b = np.array([3.0, -1.0, NAN, 4.0]), np.array([1.0, 2.0, 1.0, 0.0])
    np.testing.assert_array_equal(spread.over(a, b, params=(0,))[0], [2.0, -3.0, NAN, 4.0])
    np.testing.assert_array_equal(spread.over(a, b, params=(1,))[0], [math.log(3.0), NAN, NAN, NAN])
    np.testing.assert_array_equal(latest.over(a, b, params=(2,)), [a, b])


def exposures(known, close, market, size, value, *, n: int, lag: int) -> np.ndarray:
    """The slow twin: a regression by numpy over the pairs of publications so far."""
    rows, out, base, before = [], [], NAN, 0.0
    held = [NAN] * 4
    for t in range(len(close)):
        told = np.array([market[t], size[t], value[t]])
        good = np.isfinite(told).all() and np.isfinite(close[t])
        if np.isfinite(known[t]) and known[t] != before:
            before = known[t]
            price = close[t - lag] if t >= lag else NAN
            if good and np.isfinite(price):
                if np.isfinite(base):
                    rows.append([price / base - 1.0, *told])
                    if len(rows) >= n:
                        last = np.array(rows[-n:])
                        design = np.column_stack([np.ones(n), last[:, 1:]])
                        beta, *_ = np.linalg.lstsq(design, last[:, 0], rcond=None)
                        rest = last[:, 0] - design @ beta
                        held = [*beta[1:], rest[-1] / math.sqrt((rest**2).sum() / (n - 4))]
                base = price
            else:
                base = NAN
        out.append(held if good else [NAN] * 4)
    return np.array(out).T


@pytest.mark.parametrize(("every", "lag"), [(1, 0), (1, 2), (4, 0), (4, 3)])
def test_factor_exposures_equal_a_regression(every: int, lag: int) -> None:
    chance = np.random.default_rng(every)
    bars = 300
    which = np.arange(bars) // every
    told = chance.normal(0.0, 0.01, (3, bars))[:, which]
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.01, bars) + 0.5 * told[0] / every))
    known = 1e15 + which * 1e9
    told[1, 77:79], close[150] = NAN, NAN
    expected = exposures(known, close, *told, n=20, lag=lag)
    found = factors.factor_exposure.over(known, close, *told, params=(20, lag))
    assert np.isfinite(expected[0]).sum() > 30
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_betas_of_a_known_mixture() -> None:
    chance = np.random.default_rng(1)
    told = chance.normal(0.0, 0.01, (3, 60))
    close = np.cumprod(1.0 + 1.5 * told[0] - 0.5 * told[1] + 0.25 * told[2])
    out = factors.factor_exposure.over(np.arange(1.0, 61.0), close, *told, params=(40, 0))
    np.testing.assert_allclose(out[:3, -1], [1.5, -0.5, 0.25], rtol=1e-9)
    twice = factors.factor_exposure.over(np.arange(1.0, 61.0), close, told[0], told[1], told[0], params=(40, 0))
    assert np.isnan(twice).all(), "two factors that are one cannot be told apart"


def test_what_is_new() -> None:
    assert publications.is_new(2.0, 1.0)
    assert not publications.is_new(2.0, 2.0)
    assert not publications.is_new(NAN, 2.0)
