"""The evidential head: losses by hand, gradients, and evidence that grows with the rows that speak for it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special

from gnomon.models import ModelRegistry
from gnomon.models.neural.base import Prior
from gnomon.models.neural.evidential import (
    PULL_ROWS,
    EvidentialHead,
    dirichlet_divergence,
    expected_squared_error,
)
from gnomon.testing.models import mean_log_loss, planted_samples, prior_log_loss

EVEN = Prior(frequency=(1 / 3, 1 / 3, 1 / 3), rows=100)
UNEVEN = Prior(frequency=(0.25, 0.5, 0.25), rows=100)


def head_of(prior: Prior, width: int = 4) -> EvidentialHead:
    torch.manual_seed(0)
    return EvidentialHead(width, prior)


def test_the_expected_squared_error_by_hand() -> None:
    # Dir(2, 1, 1): means 1/2, 1/4, 1/4; variances p (1 - p) / 5.
    alpha, came = torch.tensor([[2.0, 1.0, 1.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    by_hand = (0.25 + 2 * 0.0625) + (0.25 + 2 * 0.1875) / 5
    assert expected_squared_error(alpha, came).item() == pytest.approx(by_hand)
    # And by drawing from the Dirichlet.
    drawn = np.random.default_rng(0).dirichlet([2.0, 1.0, 1.0], 400_000)
    assert np.mean(np.sum((drawn - [1.0, 0.0, 0.0]) ** 2, axis=1)) == pytest.approx(by_hand, rel=5e-3)


def test_the_divergence_by_hand() -> None:
    # KL[Dir(2, 1, 1) || Dir(1, 1, 1)] = log 3 + psi(2) - psi(4), since B(2, 1, 1) is a third of B(1, 1, 1).
    by_hand = math.log(3) + special.digamma(2) - special.digamma(4)
    one = torch.ones(1, 3, dtype=torch.float64)
    assert dirichlet_divergence(one + torch.tensor([[1.0, 0.0, 0.0]]), one).item() == pytest.approx(by_hand)
    assert dirichlet_divergence(one, one).item() == pytest.approx(0.0, abs=1e-12)
    rows = torch.rand(50, 3, dtype=torch.float64) + 0.1
    base = torch.tensor([[0.75, 1.5, 0.75]], dtype=torch.float64).expand_as(rows)
    for found, alpha in zip(dirichlet_divergence(rows, base), rows, strict=True):
        theirs = torch.distributions.kl_divergence(
            torch.distributions.Dirichlet(alpha), torch.distributions.Dirichlet(base[0])
        )
        assert found.item() == pytest.approx(theirs.item(), rel=1e-9)


def test_the_loss_by_hand() -> None:
    head = head_of(EVEN).double().eval()
    out = torch.tensor([[math.log(math.e - 1), -100.0, -100.0]], dtype=torch.float64)  # evidence 1, 0, 0
    weight, unknown = torch.ones(1, dtype=torch.float64), torch.full((1,), math.nan)
    squared = (0.25 + 2 * 0.0625) + (0.25 + 2 * 0.1875) / 5
    # Evidence for what came is not pulled at; the same evidence for a class that did not come is.
    right = head.loss(out, torch.tensor([0]), unknown, weight)
    assert right.item() == pytest.approx(squared, rel=1e-6)
    wrong = head.loss(out, torch.tensor([2]), unknown, weight).item()
    squared = (0.25 + 0.0625 + 0.5625) + (0.25 + 2 * 0.1875) / 5
    pull = PULL_ROWS / 100 * (math.log(3) + special.digamma(2) - special.digamma(4))
    assert wrong == pytest.approx(squared + pull, rel=1e-6)
    # While it is fitted, the pull grows in over the first half.
    head.train()
    for progress, share in ((0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (1.0, 1.0)):
        head.progress = progress
        assert head.loss(out, torch.tensor([2]), unknown, weight).item() == pytest.approx(
            squared + share * pull, rel=1e-6
        )


def test_weights_count_and_gradients_are_right() -> None:
    head = head_of(UNEVEN).double()
    out = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    y, unknown = torch.tensor([0, 1, 2, 0, 1, 2]), torch.full((6,), math.nan)
    weight = torch.tensor([1.0, 2.0, 0.5, 0.0, 1.0, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: head.loss(x, y, unknown, weight), (out,))
    twice = torch.cat([out[:1], out[1:2], out[1:2]])
    ones = torch.ones(3, dtype=torch.float64)
    assert head.loss(out[:2], y[:2], unknown[:2], weight[:2]).item() == pytest.approx(
        head.loss(twice, torch.tensor([0, 1, 1]), unknown[:3], ones).item()
    )


def test_without_evidence_it_says_the_frequencies_and_that_it_knows_nothing() -> None:
    head = head_of(UNEVEN)
    out = torch.full((2, 3), -100.0)
    torch.testing.assert_close(head.probability(out), torch.tensor([[0.25, 0.5, 0.25]] * 2))
    torch.testing.assert_close(head.vacuity(out), torch.ones(2))
    begun = head.probability(head(torch.zeros(1, 4)))
    torch.testing.assert_close(begun, torch.tensor([[0.25, 0.5, 0.25]]), atol=1e-5, rtol=0)
    never = head_of(Prior(frequency=(0.5, 0.0, 0.5), rows=10))
    out = never(torch.randn(4, 4))
    assert torch.isfinite(never.loss(out, torch.tensor([0, 2, 0, 2]), torch.zeros(4), torch.ones(4)))


def fit_head(rows: int, *, steps: int = 120) -> float:
    """The mean vacuity of a linear evidential head on fresh rows after a fit on so many rows."""
    train, fresh = planted_samples(rows, part=f"train{rows}"), planted_samples(500, part="fresh")
    counts = np.bincount(train.y[:, 0] + 1, minlength=3) / rows
    head = head_of(Prior(frequency=(counts[0], counts[1], counts[2]), rows=rows), width=6)
    x, y = torch.from_numpy(train.x), torch.from_numpy(train.y[:, 0].astype(np.int64) + 1)
    solver = torch.optim.Adam(head.parameters(), lr=0.05)
    for step in range(steps):
        head.progress = step / steps
        solver.zero_grad()
        head.loss(head(x), y, torch.zeros(rows), torch.ones(rows)).backward()
        solver.step()
    with torch.no_grad():
        return float(head.vacuity(head(torch.from_numpy(fresh.x))).mean())


def test_it_knows_less_where_it_saw_less() -> None:
    few, some, many = fit_head(100), fit_head(800), fit_head(3000)
    assert few > some + 0.05
    assert some > many + 0.05


def test_a_net_with_an_evidential_head_learns_and_is_loaded(tmp_path: Path) -> None:
    train, valid, fresh = planted_samples(3000), planted_samples(800, part="valid"), planted_samples(1000, part="fresh")
    model = ModelRegistry.create(
        "mlp", window=1, epochs=8, head="evidential", quantile_levels=(0.1, 0.5, 0.9), learning_rate=5e-3
    )
    model.fit(train, valid)
    forecast = model.predict(fresh)
    assert mean_log_loss(forecast.probability, fresh) < 0.95 * prior_log_loss(train, fresh)
    assert forecast.quantiles is not None
    assert (np.diff(forecast.quantiles, axis=1) > 0).all()
    inside = (fresh.forward_return[:, 0] >= forecast.quantiles[:, 0]) & (
        fresh.forward_return[:, 0] <= forecast.quantiles[:, 2]
    )
    assert inside.mean() == pytest.approx(0.8, abs=0.07)
    # The middle follows what decides the return.
    assert np.corrcoef(forecast.quantiles[:, 1], fresh.x[:, 0] - 0.5 * fresh.x[:, 1])[0, 1] > 0.8
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    again = loaded.predict(fresh.take(np.arange(40)))
    np.testing.assert_array_equal(again.probability, forecast.probability[:40])
    np.testing.assert_array_equal(again.quantiles, forecast.quantiles[:40])
    assert replace(loaded.prior, rows=0) == replace(model.prior, rows=0)  # type: ignore[attr-defined]
