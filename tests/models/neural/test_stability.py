"""What tells a sound fit from a sick one, against values known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gnomon.core.errors import DataError
from gnomon.core.seeds import generator
from gnomon.models import NeuralModel
from gnomon.models.neural.stability import GradientNoise, dead_units, evaluating, loss_landscape
from gnomon.models.neural.weights import tensors_of, whole_net
from gnomon.testing.models import planted_samples

Net = Callable[..., NeuralModel]


@pytest.fixture(scope="module")
def fitted(net: Net) -> NeuralModel:
    model = net(epochs=6, dropout=0.0)
    model.fit(planted_samples(600))
    return model


@pytest.mark.parametrize(("batch", "spread"), [(8, 2.0), (64, 2.0), (64, 0.5)])
def test_the_noise_scale_is_that_of_drawn_gradients(batch: int, spread: float) -> None:
    """Gradients of known mean (norm 5) and variance a window: B = 200 x spread^2 / 25, whatever the batch."""
    draw = generator(1, "noise", str(batch))
    noise = GradientNoise(batch)
    mean = np.full(200, 5 / math.sqrt(200))
    like = [torch.zeros(150), torch.zeros(50)]
    for _ in range(400):
        step = torch.from_numpy(mean + draw.normal(size=200) * spread / math.sqrt(batch)).float()
        noise.add([step[:150], step[150:]], float(step.norm()), like)
    assert noise.scale() == pytest.approx(200 * spread**2 / 25, rel=0.1)


def test_the_noise_scale_is_that_of_gradients_whose_mean_turns() -> None:
    """As weights move the mean gradient does: here once around, so that its mean over the epoch is 0."""
    draw, noise = generator(1, "turning"), GradientNoise(8)
    for angle in np.linspace(0, 2 * math.pi, 400):
        mean = np.zeros(200)
        mean[:2] = 5 * np.cos(angle), 5 * np.sin(angle)
        step = torch.from_numpy(mean + draw.normal(size=200) * 2 / math.sqrt(8)).float()
        noise.add([step], float(step.norm()), [torch.zeros(200)])
    assert noise.scale() == pytest.approx(200 * 4 / 25, rel=0.1)


def test_where_the_mean_gradient_drowns_the_noise_scale_is_not_known() -> None:
    noise = GradientNoise(4)
    assert math.isnan(noise.scale())
    for sign in (1.0, -1.0, 1.0, -1.0):
        noise.add([torch.full((3,), sign), None], math.sqrt(3), [torch.zeros(3), torch.zeros(2)])
    assert math.isnan(noise.scale())
    known, draw = 0, generator(2, "drowned")
    for _ in range(200):
        noise = GradientNoise(4)
        for _ in range(20):
            step = torch.from_numpy(draw.normal(size=50))
            noise.add([step], float(step.norm()), [torch.zeros(50)])
        known += math.isfinite(noise.scale())
    # Two standard errors: about one in forty by chance, a few more of so few steps.
    assert known <= 14
    same = GradientNoise(4)
    for _ in range(3):
        same.add([torch.ones(3)], math.sqrt(3), [torch.zeros(3)])
    assert same.scale() == pytest.approx(0.0, abs=1e-6)


class Halved(nn.Module):
    """Eight units of which three can never wake up."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.act = nn.Linear(2, 8), nn.ReLU()
        with torch.no_grad():
            self.linear.bias.copy_(torch.tensor([0.0] * 5 + [-1000.0] * 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.act(self.linear(x[:, -1])), torch.randn(len(x), 8)], dim=1)


def test_dead_units_are_counted() -> None:
    x = torch.randn(100, 1, 2, generator=torch.Generator().manual_seed(0))
    # Three of the eight outputs of the activation, and again among the sixteen of the network.
    assert dead_units(Halved(), x) == pytest.approx(6 / 24)


def test_a_landscape_has_the_loss_in_its_middle_and_leaves_the_net(fitted: NeuralModel) -> None:
    samples = planted_samples(300, part="other")
    before = tensors_of(whole_net(fitted))
    drawn = loss_landscape(fitted, samples, points=5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tensors_of(whole_net(fitted)).items())
    assert drawn.loss.shape == (5, 5)
    assert drawn.along.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    column = samples.y[:, 0].astype(int) + 1
    forecast = fitted.predict(samples)
    whole = forecast.allowed.any(axis=1)
    own = -np.log(forecast.probability[whole, column[whole]]).mean()
    assert drawn.loss[2, 2] == pytest.approx(own, abs=1e-4)
    # A fitted net lies low: as far away as the weights are long it is worse.
    assert drawn.loss[2, 2] < drawn.loss[0].mean()
    np.testing.assert_array_equal(loss_landscape(fitted, samples, points=5).loss, drawn.loss)
    assert not np.array_equal(loss_landscape(fitted, samples, points=5, seed=1).loss, drawn.loss)


def test_a_landscape_is_refused_where_there_is_none(fitted: NeuralModel, net: Net) -> None:
    with pytest.raises(ValueError, match="points must be an odd number from 3"):
        loss_landscape(fitted, planted_samples(50), points=4)
    with pytest.raises(ValueError, match="not fitted yet"):
        loss_landscape(net(), planted_samples(50))
    with pytest.raises(DataError, match="windows of 4 rows"):
        loss_landscape(fitted, planted_samples(6))


def test_the_report_keeps_all_curves(net: Net) -> None:
    model = net(epochs=2, landscape_points=3)
    report = model.fit(planted_samples(300), planted_samples(100, part="valid"))
    steps = 2 * math.ceil(294 / 64)
    assert {name: len(curve) for name, curve in report.curves.items()} == {
        "gradient_norm": steps,
        "train_loss": 2,
        "train_log_loss": 2,
        "valid_loss": 2,
        "valid_log_loss": 2,
        "gradient_noise_scale": 2,
        "dead_units": 2,
        "loss_landscape": 9,
    }
    assert sum(report.importance.values()) == pytest.approx(1.0)


def test_dead_nets_are_told_of(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnomon.models.neural import trainer

    monkeypatch.setattr(trainer, "dead_units", lambda *_: 0.75)
    report = net(epochs=1).fit(planted_samples(100))
    assert "75% of the hidden units are dead: lower learning_rate or weight_decay" in report.notes


def test_evaluating_puts_each_part_back() -> None:
    body = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
    body[1].eval()
    with evaluating(body):
        assert not body[0].training
    assert body.training
    assert body[0].training
    assert not body[1].training
