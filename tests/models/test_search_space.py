"""What a search may change: ranges that are none are refused, and every model's start lies within its own space."""

import pytest

from gnomon.models.base import ModelRegistry
from gnomon.models.search_space import Choice, Integer, Real


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Integer, {"low": 3, "high": 3}),
        (Real, {"low": 2.0, "high": 1.0}),
        (Real, {"low": 0.0, "high": 1.0, "log": True}),
        (Choice, {"values": ("a", "a")}),
    ],
)
def test_a_range_that_is_none_is_refused(kind, values):
    with pytest.raises(ValueError, match=r"must|needs"):
        kind(**values)


def test_what_a_dimension_holds():
    assert Integer(low=1, high=4).holds(4)
    assert not Integer(low=1, high=4).holds(2.5)
    assert not Integer(low=0, high=4).holds(True)
    assert Real(low=0.0, high=1.0).holds(1)
    assert not Real(low=0.0, high=1.0).holds(1.01)
    assert Choice(values=("a", "b")).holds("b")


@pytest.mark.parametrize("name", ModelRegistry.names())
def test_every_model_searches_its_own_fields_within_their_limits(name):
    config = ModelRegistry.models.get(name).Config
    for field, dimension in config.search_space.items():
        assert field in config.model_fields, f"{name} searches a field {field} that it does not have"
        ends = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        for end in ends:
            assert getattr(config(**{field: end}), field) == end
    for field, value in config.tuned.items():
        assert field in config.model_fields
        if field in config.search_space:
            assert config.search_space[field].holds(value)
    config(**config.tuned)
