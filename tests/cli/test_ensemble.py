"""`gnomon ensemble` on a folder with an ensemble, and with a model that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gnomon.ensembles  # noqa: F401  what fits the ensembles
from gnomon.cli.main import main
from gnomon.config.models import ModelConfig
from gnomon.testing.models import planted_samples
from gnomon.training import fit_model

MEMBERS = {"linear": {"model_type": "logistic_regression"}, "ridge": {"model_type": "ridge"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    params = {"members": MEMBERS, "method": "gating", "regime": "feature_2", "folds": 2}
    fit_model(ModelConfig(model_type="ensemble", params=params), planted_samples(300))[0].save(place / "blend")
    fit_model(ModelConfig(model_type="ridge"), planted_samples(300))[0].save(place / "ridge")
    return place


def test_as_a_table(folder, capsys):
    assert main(["ensemble", str(folder / "blend")]) == 0
    said = capsys.readouterr().out
    for word in ("gating of 2 members", "linear", "shapley", "feature_2 above", "double_fault", "together"):
        assert word in said


def test_as_json(folder, capsys):
    assert main(["ensemble", str(folder / "blend"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert sum(data["weights"].values()) == pytest.approx(1.0)
    assert data["horizon"] == 5
    assert len(data["diversity"]) == 1


def test_another_model_is_refused(folder, capsys):
    assert main(["ensemble", str(folder / "ridge")]) == 2
    assert "is a ridge, not an ensemble" in capsys.readouterr().err
