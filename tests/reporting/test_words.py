"""Numbers as people read them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.reporting.base import ReportContent
from gnomon.reporting.words import (
    FORMS,
    UNKNOWN,
    format_value,
    known,
    label,
    moment_of,
    period_text,
    plain,
    sharpe_text,
)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.1234, "percent", "12.3%"),
        (-0.20480655, "percent", "-20.5%"),
        (0.0, "percent", "0.0%"),
        (-0.00000001, "percent", "0.0000%"),
        (0.0004, "percent", "0.04%"),
        (-0.0004, "percent", "-0.04%"),
        (-0.0004, "tenth", "0.0%"),
        (12345.6, "percent", "1,234,560%"),
        (1234567.8, "money", "1,234,568"),
        (-0.004, "ratio", "0.00"),
        (1450.0, "integer", "1,450"),
        (3.04, "bps", "3.0 bps"),
        (56.24, "times", "56.2x"),
        (0.97, "probability", "0.970"),
        (0.0001, "probability", "below 0.001"),
        (0.99999, "probability", "above 0.999"),
        (0.0, "probability", "0.000"),
        (1.0, "probability", "1.000"),
        (123.456, "number", "123.5"),
        (0.00012345, "number", "0.0001234"),
        (1e-9, "number", "1.000e-09"),
        (5, "number", "5"),
        (2016, "year", "2016"),
        (1234, "text", "1,234"),
        (1.5, "text", "1.5"),
        (True, "text", "yes"),
        (False, "passed", "failed"),
        (True, "passed", "passed"),
        (["a", 2], "text", "a, 2"),
        ([], "text", "none"),
        ({"a": 1}, "text", "a: 1"),
        (datetime(2016, 2, 11, 21, tzinfo=UTC), "day", "11 Feb 2016"),
        (date(2016, 2, 11), "moment", "11 Feb 2016"),
        ("2016-02-11T21:00:00+00:00", "moment", "11 Feb 2016 21:00"),
        ("still under water", "day", UNKNOWN),
        ("still under water", "moment", UNKNOWN),
        (math.inf, "bars", "unlimited"),
        (-math.inf, "ratio", "minus unlimited"),
        ({"float": "inf"}, "number", "unlimited"),
        ({"float": "nan"}, "number", UNKNOWN),
        (np.float64(0.5), "percent", "50.0%"),
    ],
)
def test_values_worked_by_hand(value: object, form: str, text: str) -> None:
    assert format_value(value, form) == text


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("nothing", [None, math.nan, np.float64("nan"), {"float": "nan"}])
def test_what_is_not_known_is_said_in_words(form: str, nothing: object) -> None:
    assert format_value(nothing, form) == UNKNOWN


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["percent", "ratio", "number", "money", "bps"]))
def test_no_number_is_ever_shown_as_code(value: float, form: str) -> None:
    text = format_value(value, form)
    assert text
    assert not any(word in text for word in ("nan", "None", "inf", "-0.0%"))


def test_a_sharpe_ratio_carries_its_error_t_and_n(noise: ReportContent) -> None:
    doubt = replace(
        noise.main.doubt, annual_sharpe=-0.884, standard_error=0.0373, periods_per_year=252.0, n=1727, trials=12
    )
    assert sharpe_text(doubt) == "-0.88 ± 0.59 (T 1,727, N 12)"
    assert sharpe_text(replace(doubt, annual_sharpe=math.nan)) == "not known (T 1,727, N 12)"
    assert format_value(doubt, "sharpe") == sharpe_text(doubt)


def test_small_words() -> None:
    assert label("buy_and_hold") == "Buy and hold"
    assert label("") == ""
    assert period_text("2016-02-11", date(2018, 12, 31)) == "11 Feb 2016 to 31 Dec 2018"
    assert plain({"float": "inf"}) == math.inf
    assert plain({"float": 1, "other": 2}) == {"float": 1, "other": 2}
    assert known(True) is None
    assert known("5") is None
    assert known(5) == 5.0
    assert moment_of("not a day") is None
