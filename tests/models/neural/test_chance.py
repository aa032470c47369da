"""Threads of one process: draws and settings that they share do not mix."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from gnomon.core.hashing import hash_tree
from gnomon.models import NeuralModel
from gnomon.models.neural.base import NetConfig
from gnomon.models.neural.chance import seeded
from gnomon.models.neural.inference import steady
from gnomon.testing.models import planted_samples

Net = Callable[..., NeuralModel]


def fails() -> None:
    with seeded(1, "a"):
        raise RuntimeError("in the middle")


def test_draws_depend_on_seed_and_names_alone_and_leave_no_trace() -> None:
    before = torch.get_rng_state()
    with seeded(1, "a"):
        first = torch.rand(3)
    with seeded(1, "b"):
        other = torch.rand(3)
    with seeded(1, "a"):
        assert torch.equal(torch.rand(3), first)
    with pytest.raises(RuntimeError, match="in the middle"):
        fails()
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_threads_never_draw_at_once() -> None:
    inside, drawn = threading.Event(), threading.Event()

    def draw() -> torch.Tensor:
        inside.wait(10)
        with seeded(2, "other"):
            drawn.set()
            return torch.rand(2)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(draw)
        with seeded(1, "mine"):
            inside.set()
            # The other thread stands before its block as long as this one lasts.
            assert not drawn.wait(0.05)
            mine = torch.rand(2)
        theirs = future.result(10)
    with seeded(1, "mine"):
        assert torch.equal(torch.rand(2), mine)
    with seeded(2, "other"):
        assert torch.equal(torch.rand(2), theirs)


def test_settings_are_shared_or_waited_for() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    one, lax = NetConfig(threads=1), NetConfig(threads=1, deterministic=False)
    entered = threading.Event()

    def enter(config: NetConfig) -> bool:
        with steady(config):
            entered.set()
            return torch.are_deterministic_algorithms_enabled()

    with ThreadPoolExecutor(1) as pool:
        with steady(one):
            # The same settings enter at once, other ones wait, and within one thread nothing waits for itself.
            assert pool.submit(enter, one).result(10) is True
            with steady(lax):
                assert torch.are_deterministic_algorithms_enabled()
            entered.clear()
            waiting = pool.submit(enter, lax)
            assert not entered.wait(0.05)
        assert waiting.result(10) is False
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_fits_in_two_threads_end_in_the_bytes_of_fits_alone(net: Net, tmp_path: Path) -> None:
    def fitted(seed: int, folder: Path) -> str:
        model = net("gru", seed=seed, dropout=0.3, epochs=2)
        model.fit(planted_samples(300))
        folder.mkdir()
        model.save(folder)
        return hash_tree(folder)

    alone = [fitted(seed, tmp_path / f"alone-{seed}") for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda seed: fitted(seed, tmp_path / f"together-{seed}"), (1, 2)))
    assert together == alone
