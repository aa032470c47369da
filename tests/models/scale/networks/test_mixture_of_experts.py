"""Mixture of experts: parameters and shapes worked by hand, sparse against dense, the balance loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import gelu

from gnomon.models.neural.networks.base import parameter_count
from gnomon.models.scale.networks.mixture_of_experts import MixtureOfExpertsNetwork, SparseMixture, balance_loss


def small(**changes: Any) -> MixtureOfExpertsNetwork:
    sizes: dict[str, Any] = {
        "dim": 8,
        "heads": 2,
        "layers": 1,
        "experts": 3,
        "top": 2,
        "balance": 0.5,
        "dropout": 0.0,
        "tokens": 64,
    }
    torch.manual_seed(0)
    return MixtureOfExpertsNetwork(3, 5, **{**sizes, **changes})


def test_parameters_and_shapes(shape_table: Any) -> None:
    mixture = 8 * 3 + 3 * (8 * 16 + 16 + 16 * 8 + 8)
    layer = 2 * 8 + (8 * 24) + (8 * 8 + 8) + 2 * 8 + mixture
    assert parameter_count(small()) == (3 * 8 + 8) + layer + 2 * 8 == 1208
    assert shape_table(small(), torch.zeros(6, 5, 3), "embed", "layers.0.feed_forward", "layers.0", "norm") == {
        "embed": (6, 5, 8),
        "layers.0.feed_forward": (6, 5, 8),
        "layers.0": (6, 5, 8),
        "norm": (6, 8),
        "": (6, 8),
    }


@pytest.mark.parametrize("top", [1, 2, 3])
def test_only_the_chosen_experts_speak(top: int) -> None:
    torch.manual_seed(0)
    mixture, x = SparseMixture(4, 3, top, 0.0), torch.randn(2, 5, 4)
    probability = torch.softmax(mixture.gate(x[1, 3]), dim=-1)
    best = probability.argsort(descending=True)[:top]
    share = probability[best] / (probability[best].sum() if top > 1 else 1.0)
    said = [
        gelu(x[1, 3] @ mixture.first[e] + mixture.first_offset[e, 0]) @ mixture.second[e] + mixture.second_offset[e, 0]
        for e in best
    ]
    expected = sum(s * v for s, v in zip(share, said, strict=True))
    torch.testing.assert_close(mixture.train()(x)[1, 3], expected)
    torch.testing.assert_close(mixture.eval()(x)[1, 3], expected)


def test_training_sends_a_token_to_its_experts_only() -> None:
    torch.manual_seed(0)
    mixture, x = SparseMixture(4, 3, 1, 0.0), torch.randn(1, 1, 4)
    mixture.train()(x).sum().backward()
    assert (mixture.first.grad.flatten(1).abs().sum(dim=1) > 0).sum() == 1


def test_the_balance_loss_by_hand() -> None:
    even = torch.full((4, 2), 0.5)
    assert balance_loss(even, torch.tensor([[0], [1], [0], [1]])).item() == 1.0
    one_sided = torch.tensor([[1.0, 0.0]] * 4)
    assert balance_loss(one_sided, torch.zeros(4, 1, dtype=torch.int64)).item() == 2.0
    # 3 of 4 tokens to the first expert, mean probabilities .6 and .4: 2 (.75 x .6 + .25 x .4)
    leaning = torch.tensor([[0.6, 0.4]] * 4)
    assert balance_loss(leaning, torch.tensor([[0], [0], [0], [1]])).item() == pytest.approx(1.1)


def test_the_auxiliary_loss_is_there_in_training_only_and_balances_the_gate() -> None:
    network, x = small(top=1, layers=2), torch.randn(64, 5, 3)
    network.eval()(x)
    assert network.auxiliary_loss is None
    losses: list[Any] = []
    for mixture in network.mixtures:
        mixture.register_forward_hook(lambda mixture, inputs, output: losses.append(mixture.balance_loss))
    network.train()(x)
    torch.testing.assert_close(network.auxiliary_loss, 0.5 * (losses[0] + losses[1]) / 2)
    # Left with the balance loss alone, an uneven gate becomes an even one.
    with torch.no_grad():
        for mixture in network.mixtures:
            mixture.gate.weight[0] += 0.3
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        network(x)
        loss = network.auxiliary_loss
        assert loss is not None
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / 0.5)
    assert min(losses[-5:]) < 1.1
    assert losses[-1] < losses[0]
