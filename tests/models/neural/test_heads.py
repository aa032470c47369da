"""The softmax head: its loss, and where it begins."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gnomon.models.neural.base import NetConfig, Prior
from gnomon.models.neural.heads import SoftmaxHead, build_head


def test_the_loss_is_the_weighted_log_loss() -> None:
    head = build_head(NetConfig(), 4, Prior(frequency=(0.2, 0.5, 0.3)))
    assert isinstance(head, SoftmaxHead)
    out = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    y, weight = torch.tensor([1, 2]), torch.tensor([3.0, 1.0])
    second = -np.log(np.exp(3) / np.exp([1, 2, 3]).sum())
    expected = (3 * np.log(3) + second) / 4
    assert float(head.loss(out, y, torch.zeros(2), weight)) == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(head.probability(out).sum(dim=1), torch.ones(2))
    assert head.quantiles(out) is None


def test_it_begins_at_the_class_frequencies() -> None:
    torch.manual_seed(0)
    head = build_head(NetConfig(), 8, Prior(frequency=(0.25, 0.0, 0.75)))
    said = head.probability(head(torch.zeros(1, 8)))[0]
    torch.testing.assert_close(said, torch.tensor([0.25, 1e-4, 0.75]), atol=1e-3, rtol=0)
