from __future__ import annotations

import polars as pl
import pytest

from gnomon.core import errors
from gnomon.core.errors import DataError, GnomonError, nearest, unknown


def every_error() -> list[type[GnomonError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, GnomonError)]
    assert len(found) >= 9
    return found


@pytest.mark.parametrize("error", every_error(), ids=lambda e: e.__name__)
def test_every_error_is_of_one_tree_and_has_an_exit_code(error: type[GnomonError]) -> None:
    codes = {"ConfigError": 2, "PlanError": 2, "NotFoundError": 2, "DataError": 3, "GateError": 4}
    expected = codes.get(error.__name__, 1)
    assert error.exit_code == expected
    assert str(error("what, which, where")) == "what, which, where"
    assert error.__doc__
    assert f"exit {expected}" in error.__doc__


def test_refused_data_carries_its_rows() -> None:
    rows = pl.DataFrame({"close": [-1.0]})
    assert DataError("bad", rows=rows).rows is rows
    assert DataError("bad").rows is None


@pytest.mark.parametrize(
    ("word", "expected"),
    [("lightgmb", "lightgbm"), ("LightGBM", "lightgbm"), (" xgboost ", "xgboost"), ("zzz", None), ("", None)],
)
def test_the_nearest_name(word: str, expected: str | None) -> None:
    assert nearest(word, ["lightgbm", "xgboost", "catboost"]) == expected


def test_the_nearest_name_keeps_its_spelling() -> None:
    assert nearest("close", ["Close", "Open"]) == "Close"


def test_unknown_names_the_place_and_the_nearest_or_all() -> None:
    assert unknown("model", "zzz", ["b", "a"]) == "unknown model 'zzz'; known: a, b"
    assert unknown("model", "zzz", []) == "unknown model 'zzz'; known: none"
    assert (
        unknown("key", "windw", ["window"], where="x.windw") == "unknown key 'windw' at x.windw; did you mean 'window'?"
    )
