"""Which models a sweep compares: every registered one, at depths that its config understands."""

from __future__ import annotations

import pytest

from gnomon.core.errors import ConfigError
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.catalogue.grid import Candidate, candidates, depth_field


def test_without_a_choice_every_registered_model_is_there():
    # An ensemble is made of others, and a foundation model of weights: they take part where they are asked for.
    alone = [name for name in ModelRegistry.names() if name not in ("ensemble", "foundation")]
    assert sorted({one.model for one in candidates()}) == alone
    assert {one.model for one in candidates(families=["baseline"])} >= {"majority", "persistence"}
    assert all(one.baseline for one in candidates(families=["baseline"]))


@pytest.mark.parametrize("model", ModelRegistry.names())
def test_every_depth_is_one_that_the_model_takes(model):
    made = candidates(models=[model], depths=[1, 3])
    deep = depth_field(model)
    assert [one.depth for one in made] == ([None] if deep is None else [1, 3])
    for one in made:
        config = ModelRegistry.models.get(model).Config(**one.params)
        assert deep is None or getattr(config, deep) == one.depth


def test_a_model_that_needs_weights_takes_part_with_them():
    assert [one.model for one in candidates(models=["foundation"])] == ["foundation"]
    given = candidates(families=["forecasting"], sizes={"weights": "decoder.safetensors"})
    (model,) = [one for one in given if one.model == "foundation"]
    assert model.params == {"weights": "decoder.safetensors"}


def test_sizes_go_where_they_belong():
    (trees,) = candidates(models=["lightgbm"], depths=[6], sizes={"rounds": 7, "epochs": 2})
    assert trees.params == {"rounds": 7, "max_depth": 6, "num_leaves": 64}
    (net,) = candidates(models=["gru"], sizes={"rounds": 7, "epochs": 2})
    assert (net.params, net.depth) == ({"epochs": 2}, 1)


def test_a_config_that_cannot_be_made_is_still_told_apart(tiny_config):
    wrong = [Candidate(model="gru", params={"layers": depth}).resolved(tiny_config.training, 7) for depth in (-1, -2)]
    assert wrong[0] != wrong[1]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"families": ["boostin"]}, "did you mean 'boosting'"),
        ({"models": ["lightgbn"]}, "did you mean 'lightgbm'"),
        ({"models": ["gru"], "families": ["boosting"]}, "none of the models gru"),
        ({"depths": [0]}, "1 and more"),
    ],
)
def test_what_is_not_there_is_told(chosen, told):
    with pytest.raises(ConfigError, match=told):
        candidates(**chosen)
