"""`gnomon train`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("finished workspace")


def test_train_tells_what_was_fitted_and_where_it_is(workspace, say):
    said = say("train", "-w", workspace)
    for word in ("logistic", "trees", "iterations", "log loss", "tiny.trees:1", "learning_curve.svg", "(chosen)"):
        assert word in said.out
    found = say("train", "trees", "-w", workspace, "--json").object["models"]
    assert [one["model"] for one in found] == ["trees"]
    assert found[0]["rows"] > found[0]["valid_rows"] > 0


def test_an_unknown_model_is_told_with_the_nearest(finished, say):
    assert "trees" in say("train", "tree", "-w", finished, code=2).err
