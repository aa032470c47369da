"""Batches: every window once an epoch, by seed and step alone."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from gnomon.models.neural.data import Schedule, Windows, tidy
from gnomon.models.supervised import labels_of
from gnomon.samples import Samples
from gnomon.testing.models import planted_samples


def windows_of(samples: Samples, length: int = 3) -> Windows:
    labels = labels_of(samples, 5)
    whole = np.isin(labels.rows, samples.windows(length).rows)
    kept = labels.only(whole)
    return Windows.of(samples.x, kept, length, 10.0)


def test_an_epoch_shows_each_window_once() -> None:
    samples = planted_samples(103)
    windows = windows_of(samples)
    schedule = Schedule(windows, 16, seed=3)
    assert schedule.steps == 7
    for epoch in (0, 1):
        batches = [schedule.at(epoch * 7 + step) for step in range(7)]
        assert {len(batch.y) for batch in batches} <= {14, 15}
        seen = torch.cat([batch.x[:, -1, 0] for batch in batches]).numpy()
        np.testing.assert_array_equal(np.sort(seen), np.sort(samples.x[windows.ends.numpy(), 0]))
    again = Schedule(windows, 16, seed=3)
    assert torch.equal(again.at(9).x, schedule.at(9).x)
    assert not torch.equal(schedule.at(2).y, schedule.at(9).y)
    assert not torch.equal(Schedule(windows, 16, seed=4).at(9).x, schedule.at(9).x)


def test_labels_and_weights_belong_to_their_windows() -> None:
    samples = planted_samples(60)
    batch = windows_of(samples).batch(np.array([0, 5, 50]))
    # Windows of three rows: the first ends at row 2; the second symbol begins at row 30.
    ends = [2, 7, 54]
    for window, y, back, end in zip(batch.x, batch.y, batch.forward_return, ends, strict=True):
        np.testing.assert_array_equal(window.numpy(), samples.x[end - 2 : end + 1])
        assert int(y) == samples.y[end, 0] + 1
        assert float(back) == pytest.approx(samples.forward_return[end, 0])


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_a_batch_to_the_gradient_of_the_whole(world: int) -> None:
    """The mean over processes of share times own mean loss is the loss of the whole batch, with its gradient."""
    samples = planted_samples(100)
    windows = windows_of(samples)
    weight = windows.weight
    weight[:] = torch.rand(len(weight), generator=torch.Generator().manual_seed(0)) + 0.1
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(18, 3))

    def gradient(schedule: Schedule) -> tuple[float, torch.Tensor]:
        batch = schedule.at(1)
        each = torch.nn.functional.cross_entropy(net(batch.x), batch.y, reduction="none")
        loss = (each * batch.weight).sum() / batch.weight.sum() * batch.share
        (grad,) = torch.autograd.grad(loss, net[1].weight)
        return float(loss.detach()), grad

    whole, of_whole = gradient(Schedule(windows, 32, seed=1))
    parts = [gradient(Schedule(windows, 32, seed=1, rank=rank, world=world)) for rank in range(world)]
    assert sum(loss for loss, _ in parts) / world == pytest.approx(whole, abs=1e-6)
    torch.testing.assert_close(sum(grad for _, grad in parts) / world, of_whole, atol=1e-6, rtol=0)
    # Each window of the epoch is judged by exactly one of them.
    judged = np.concatenate(
        [p for rank in range(world) for p in Schedule(windows, 7, seed=1, rank=rank, world=world).parts()]
    )
    assert np.array_equal(np.sort(judged), np.arange(len(windows)))


def test_only_a_batch_is_copied() -> None:
    samples = planted_samples(100_000, symbols=1)
    windows = windows_of(samples, 64)
    assert np.shares_memory(windows.x.numpy(), samples.x)
    schedule = Schedule(windows, 100, seed=0)
    schedule.at(0)
    tracemalloc.start()
    batch = schedule.at(1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * batch.x.numpy().nbytes


def test_what_a_network_sees_is_finite_and_bounded() -> None:
    seen = tidy(np.array([[[np.nan, 3.0, -99.0, 1e38]]], np.float32), 10.0)
    assert seen.tolist() == [[[0.0, 3.0, -10.0, 10.0]]]
    assert tidy(np.array([[[np.nan, -99.0]]], np.float32), None).tolist() == [[[0.0, -99.0]]]
