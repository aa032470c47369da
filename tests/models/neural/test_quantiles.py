"""Quantiles beside a head of classes: the loss by hand, never crossing, begun at the quantiles of training."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gnomon.metrics import pinball_loss
from gnomon.models.neural.base import NetConfig, Prior
from gnomon.models.neural.evidential import EvidentialHead
from gnomon.models.neural.heads import SoftmaxHead, build_head
from gnomon.models.neural.quantiles import WithQuantiles, pinball

LEVELS = (0.1, 0.5, 0.9)
PRIOR = Prior(frequency=(0.3, 0.4, 0.3), return_quantiles=(-0.02, 0.001, 0.03), rows=100)


def made(levels: tuple[float, ...] = LEVELS, prior: Prior = PRIOR) -> WithQuantiles:
    torch.manual_seed(0)
    return WithQuantiles(SoftmaxHead(4, prior), levels)


def test_pinball_is_that_of_the_metrics() -> None:
    rng = np.random.default_rng(0)
    said, came = rng.normal(size=(50, 3)), rng.normal(size=50)
    found = pinball(torch.from_numpy(said), torch.from_numpy(came), torch.tensor(LEVELS, dtype=torch.float64))
    assert found.mean().item() == pytest.approx(pinball_loss(came, said, LEVELS), rel=1e-7)


def test_it_begins_at_the_quantiles_of_training_and_never_crosses() -> None:
    head = made()
    begun = head.quantiles(head(torch.zeros(1, 4)))
    torch.testing.assert_close(begun, torch.tensor([PRIOR.return_quantiles]), atol=1e-6, rtol=0)
    wild = head.quantiles(head(10 * torch.randn(500, 4)))
    assert (wild.diff(dim=-1) >= 0).all()
    flat = made(prior=Prior(frequency=(0.3, 0.4, 0.3), return_quantiles=(0.0, 0.0, 0.0), rows=9))
    assert torch.isfinite(flat(torch.zeros(1, 4))).all()
    one = made((0.5,), Prior(frequency=(0.3, 0.4, 0.3), return_quantiles=(0.004,), rows=9))
    assert one.quantiles(one(torch.zeros(1, 4))).item() == pytest.approx(0.004)


def test_the_loss_adds_classes_and_quantiles_and_leaves_unknown_returns_out() -> None:
    head = made()
    out = head(torch.randn(4, 4))
    y, weight = torch.tensor([0, 1, 2, 1]), torch.tensor([1.0, 2.0, 1.0, 1.0])
    came = torch.tensor([0.01, -0.03, math.nan, 0.0])
    classes = head.classes.loss(out[:, :3], y, came, weight)
    said = head.quantiles(out).detach().numpy().astype(np.float64) / head.scale
    known = [0, 1, 3]
    rows = [pinball_loss(came.numpy()[[i]] / head.scale, said[[i]], LEVELS) for i in known]
    expected = classes.item() + np.average(rows, weights=weight.numpy()[known])
    assert head.loss(out, y, came, weight).item() == pytest.approx(expected, rel=1e-5)
    nothing = head.loss(out, y, torch.full((4,), math.nan), weight)
    assert nothing.item() == pytest.approx(classes.item(), rel=1e-6)


def test_gradients_are_right_and_never_nan() -> None:
    head = made().double()
    out = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    y, weight = torch.tensor([0, 1, 2, 1, 0]), torch.rand(5, dtype=torch.float64)
    came = torch.tensor([0.01, -0.03, math.nan, 0.0, 0.2], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: head.loss(x, y, came, weight), (out,))


def test_a_config_chooses_the_head() -> None:
    plain = build_head(NetConfig(), 4, Prior(frequency=(0.3, 0.4, 0.3)))
    assert type(plain) is SoftmaxHead
    assert plain.quantiles(plain(torch.zeros(1, 4))) is None
    both = build_head(NetConfig(head="evidential", quantile_levels=LEVELS), 4, PRIOR)
    assert isinstance(both, WithQuantiles)
    assert isinstance(both.classes, EvidentialHead)
    for levels in ((0.5, 0.1), (0.0, 0.5), (0.5, 0.5)):
        with pytest.raises(ValidationError, match="must lie between 0 and 1 and rise"):
            NetConfig(quantile_levels=levels)


def test_the_progress_of_the_fit_reaches_the_head_of_classes() -> None:
    head = WithQuantiles(EvidentialHead(4, PRIOR), LEVELS)
    head.train()
    out = head(torch.randn(3, 4)).detach() + 2.0
    losses = []
    for progress in (0.0, 1.0):
        head.progress = progress
        losses.append(head.loss(out, torch.tensor([0, 1, 2]), torch.zeros(3), torch.ones(3)).item())
    assert losses[1] > losses[0]
