from __future__ import annotations

import calendar
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels.indicators import calendar as kernels

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1930, 1, 1), datetime(2200, 1, 1))


def stamps(*moments: datetime) -> np.ndarray:
    return np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments], float)


@pytest.mark.parametrize(("hour", "sine", "cosine"), [(0, 0, 1), (6, 1, 0), (12, 0, -1), (18, -1, 0)])
def test_the_time_of_day_goes_round(hour, sine, cosine) -> None:
    out = kernels.cycle.over(stamps(datetime(2024, 5, 17, hour, tzinfo=UTC)), params=(kernels.DAY, 0))
    np.testing.assert_allclose(out[:, 0], [sine, cosine], atol=1e-12)


def test_the_week_begins_on_monday() -> None:
    monday = datetime(2024, 5, 13, tzinfo=UTC)
    assert monday.weekday() == 0
    out = kernels.cycle.over(stamps(monday, monday + timedelta(days=3.5)), params=(7 * kernels.DAY, 4 * kernels.DAY))
    np.testing.assert_allclose(out, [[0, 0], [1, -1]], atol=1e-12)


@given(MOMENTS)
def test_the_date_is_that_of_the_microsecond_before(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC)
    day = moment - timedelta(microseconds=1)
    length = calendar.monthrange(day.year, day.month)[1]
    month = 2 * math.pi * (day.day - 1) / length
    # The 29th of February counts as the 1st of March.
    common = datetime(2023, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=2023)
    year = 2 * math.pi * (common.timetuple().tm_yday - 1) / 365
    expected = [math.sin(month), math.cos(month), math.sin(year), math.cos(year)]
    out = kernels.date.over(stamps(moment))[:, 0]
    np.testing.assert_allclose(out[:4], expected, atol=1e-12)
    assert out[4] == float(day.day <= 3 or day.day == length)


def test_a_bar_that_closes_at_midnight_belongs_to_the_day_that_it_ends() -> None:
    new_year = datetime(2024, 1, 1, tzinfo=UTC)
    before, after = kernels.date.over(stamps(new_year, new_year + timedelta(days=1))).T
    assert before[1] == pytest.approx(math.cos(2 * math.pi * 30 / 31))
    assert after[1] == 1.0
    assert before[4] == after[4] == 1.0


def test_no_moment_has_no_date() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1e300])
    assert np.isnan(kernels.date.over(odd)).all()
    assert np.isnan(kernels.cycle.over(odd, params=(kernels.DAY, 0))).all()


def test_session_by_hand() -> None:
    start = datetime(2024, 5, 17, 22, tzinfo=UTC)
    moments = stamps(*(start + timedelta(hours=hour) for hour in range(1, 5)))
    # The bar of midnight ends the first day; the third bar opens the second.
    open_, high, low, close = np.array([[10, 12, 20, 21], [12, 14, 22, 24], [9, 11, 20, 21], [12.0, 11, 21, 22]])
    back, place, vwap = kernels.session.over(moments, open_, high, low, close, np.array([1.0, 3, 0, 2]), params=(0,))
    np.testing.assert_allclose(back, np.log([1.2, 1.1, 1.05, 1.1]))
    np.testing.assert_allclose(place, [1.0, 0.4, 0.5, 0.5])
    np.testing.assert_allclose(vwap, [12 / 11 - 1, 11 / ((11 + 3 * 12) / 4) - 1, 0.0, 22 / (67 / 3) - 1])


def test_sessions_may_begin_at_another_hour() -> None:
    moments = stamps(*(datetime(2024, 5, 17, hour, tzinfo=UTC) for hour in (21, 22, 23)))
    prices = np.array([1.0, 2.0, 4.0])
    begins_at_22 = kernels.session.over(moments, *[prices] * 5, params=(22 / 24 * kernels.DAY,))
    np.testing.assert_allclose(begins_at_22[0], [0.0, math.log(2.0), 0.0])
