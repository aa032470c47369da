"""Weights: whole or refused; taken over from another fit, frozen for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save_file

from gnomon.core.errors import DataError, IntegrityError
from gnomon.models import LSTM, NeuralModel
from gnomon.models.neural.weights import tensors_of, whole_net
from gnomon.samples import Samples
from gnomon.testing.models import mean_log_loss, planted_samples

Net = Callable[..., NeuralModel]


@pytest.fixture(scope="module")
def fitted(net: Net) -> NeuralModel:
    model = net("lstm", epochs=1)
    model.fit(planted_samples(300))
    return model


def test_damaged_and_foreign_weights_are_refused(fitted: NeuralModel, net: Net, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    path = tmp_path / "weights.safetensors"
    whole = path.read_bytes()
    tensors = load(whole)

    def refused(why: str) -> None:
        with pytest.raises(IntegrityError, match=why):
            LSTM.load(tmp_path)

    path.write_bytes(whole[: len(whole) // 2])
    refused("the weights are damaged")
    path.write_bytes(b"")
    refused("the weights are damaged")
    name = "network.cells.weight_hh_l0"
    save_file({**tensors, name: torch.zeros(2, 2)}, path)
    refused(r"hold network.cells.weight_hh_l0 as float32 \[2, 2\], this net has float32 \[32, 8\]")
    save_file({key: value for key, value in tensors.items() if key != name}, path)
    refused(r"the weights lack network.cells.weight_hh_l0")
    save_file({**tensors, "more": torch.zeros(1)}, path)
    refused("hold more, which this net does not have")
    save_file({**tensors, name: tensors[name] * torch.nan}, path)
    refused("values of network.cells.weight_hh_l0 that are not finite")
    path.unlink()
    refused("holds no LSTM")
    path.write_bytes(whole)
    facts = json.loads((tmp_path / "model.json").read_text())
    facts["config"]["hidden"] = 16
    (tmp_path / "model.json").write_text(json.dumps(facts))
    refused("they are of another net")


def test_weights_are_taken_over_whole(fitted: NeuralModel, net: Net, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    losses = {}
    for name, source in {"model": fitted, "folder": tmp_path, "none": None}.items():
        model = net("lstm", epochs=1, learning_rate=1e-9, dropout=0.0)
        report = model.fit(planted_samples(300), init_from=source)
        losses[name] = report.curves["train_loss"][0]
    assert losses["model"] == losses["folder"] < losses["none"]


def test_what_cannot_be_taken_over_is_refused(fitted: NeuralModel, net: Net) -> None:
    train = planted_samples(300)
    with pytest.raises(DataError, match="cannot begin with the weights of a LSTM; give a fitted GRU"):
        net("gru").fit(train, init_from=fitted)
    with pytest.raises(DataError, match=r"init_from hold .* they are of another net; give both the same config"):
        net("lstm", hidden=4).fit(train, init_from=fitted)
    with pytest.raises(DataError, match="init_from was fitted on the features"):
        net("lstm").fit(planted_samples(300, features=3), init_from=fitted)
    with pytest.raises(DataError, match="init_from must be a fitted net"):
        net("lstm").fit(train, init_from=net("lstm"))


def trace(model: NeuralModel, source: NeuralModel) -> list[dict[str, torch.Tensor]]:
    """The weights at the start and after each epoch of a transfer."""
    from gnomon.training.callbacks import CallbackBase

    held = [tensors_of(whole_net(source))]

    class Keeps(CallbackBase):
        def on_iteration_end(self, model: NeuralModel, iteration: int, metrics: object) -> bool:  # type: ignore[override]
            held.append(tensors_of(whole_net(model)))
            return False

    model.fit(planted_samples(300, seed=12), callbacks=[Keeps()], init_from=source)
    return held


def moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name.rpartition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_a_frozen_part_does_not_change(net: Net) -> None:
    settings = {"layers": 2, "epochs": 3, "dropout": 0.0}
    source = net("mlp", **settings)
    source.fit(planted_samples(300))
    held = trace(net("mlp", **settings, freeze_epochs=2), source)
    network = {"network.layers.0.0", "network.layers.1.0"}
    assert moved(held[0], held[1]) == {"head.scores"}
    assert moved(held[1], held[2]) == {"head.scores"}
    assert moved(held[2], held[3]) == {"head.scores", *network}
    # The control: without a schedule all of it moves at once.
    held = trace(net("mlp", **settings), source)
    assert moved(held[0], held[1]) == {"head.scores", *network}


def test_parts_thaw_from_the_output_to_the_input(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnomon.models.neural.networks.mlp import MLPNetwork

    # A perceptron's layers are one child; here each is one.
    monkeypatch.setattr(MLPNetwork, "children", lambda self: iter(self.layers))
    settings = {"layers": 2, "epochs": 3, "dropout": 0.0}
    source = net("mlp", **settings)
    source.fit(planted_samples(300))
    held = trace(net("mlp", **settings, freeze_epochs=1, unfreeze="layerwise"), source)
    assert moved(held[0], held[1]) == {"head.scores"}
    assert moved(held[1], held[2]) == {"head.scores", "network.layers.1.0"}
    assert moved(held[2], held[3]) == {"head.scores", "network.layers.0.0", "network.layers.1.0"}


def test_transfer_needs_at_most_half_the_rows(net: Net, lagged: Callable[..., Samples]) -> None:
    """On a market with the same signal, weaker: from pretrained weights a quarter of the rows do better than all."""
    fresh = lagged(3000, part="fresh", strength=2.0)
    settings = {"dropout": 0.0, "epochs": 4}
    source = net("gru", dropout=0.0, epochs=6, learning_rate=0.02)
    source.fit(lagged(2500, part="source"))

    def loss(rows: int, start: NeuralModel | None) -> float:
        model = net("gru", **settings)
        model.fit(lagged(rows, strength=2.0), init_from=start)
        return mean_log_loss(model.predict(fresh).probability, fresh)

    assert loss(400, source) < loss(1600, None)


def test_transfer_from_another_type_of_file(tmp_path: Path, net: Net) -> None:
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(IntegrityError, match="holds no MLP"):
        net("mlp").fit(planted_samples(100), init_from=tmp_path)
