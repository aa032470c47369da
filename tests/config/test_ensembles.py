"""Names of members become sections, and names that cannot be are refused."""

from __future__ import annotations

import pytest

from gnomon.config.ensembles import member_names, with_members
from gnomon.config.models import ModelConfig, PipelineConfig
from gnomon.core.errors import ConfigError

MODELS = {
    "logistic": {"model_type": "logistic_regression", "params": {"c": 0.5}},
    "trees": {"model_type": "lightgbm"},
}


def candidates(**params):
    blend = {"model_type": "ensemble", "params": params}
    return PipelineConfig.model_validate({"models": {**MODELS, "blend": blend}}).candidates()


def test_names_become_the_sections_that_they_name():
    found = candidates(members=["logistic", "trees"], folds=3)
    assert found["blend"].params == {
        "members": {
            "logistic": {"model_type": "logistic_regression", "params": {"c": 0.5}},
            "trees": {"model_type": "lightgbm", "params": {}},
        },
        "folds": 3,
    }
    assert found["logistic"].params == {"c": 0.5}


def test_models_of_its_own_stay():
    own = {"a": {"model_type": "ridge"}, "b": {"model_type": "majority"}}
    assert candidates(members=own)["blend"].params["members"] == own
    assert member_names(ModelConfig(model_type="ensemble", params={"members": own})) == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["logistic", "tres"], r"unknown member 'tres' at models\.blend\.params\.members; did you mean 'trees'\?"),
        (["logistic"], "needs two members at least"),
        ([], "needs two members at least"),
        (None, "needs two members at least"),
        (["logistic", "blend"], "names 'blend' itself"),
        (["trees", "trees"], "names 'trees' twice"),
    ],
)
def test_members_that_are_refused(members, words):
    with pytest.raises(ConfigError, match=words):
        candidates(members=members)


def test_an_ensemble_of_ensembles_is_refused():
    both = {name: ModelConfig.model_validate(section) for name, section in MODELS.items()}
    one = ModelConfig(model_type="ensemble", params={"members": ["logistic", "trees"]})
    two = ModelConfig(model_type="ensemble", params={"members": ["logistic", "one"]})
    with pytest.raises(ConfigError, match="names 'one', which is an ensemble too; name its members instead"):
        with_members({**both, "one": one, "two": two})
