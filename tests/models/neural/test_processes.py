"""One fit by two processes, or by two workers of a Ray cluster, gives the loss of one.

What spawning costs is paid behind `make torture`.

The arithmetic of a shared batch is tested without spawning in test_data.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gnomon.core.errors import ConfigError, TrainingError
from gnomon.models import NeuralModel
from gnomon.models.neural.checkpoint import Progress, load_checkpoint
from gnomon.models.neural.ray_workers import Writer
from gnomon.testing.models import planted_samples

Net = Callable[..., NeuralModel]


def alone_and_shared(net: Net, **shared: Any) -> tuple[NeuralModel, NeuralModel]:
    """The same fit by one process and by two, its curves compared."""
    train, valid = planted_samples(600), planted_samples(300, part="valid")
    settings: dict[str, Any] = {"dropout": 0.0, "epochs": 3}
    one, two = net("gru", **settings), net("gru", **settings, processes=2, **shared)
    alone, both = one.fit(train, valid), two.fit(train, valid)
    for curve in ("train_loss", "valid_loss", "gradient_norm"):
        np.testing.assert_allclose(both.curves[curve], alone.curves[curve], atol=1e-5)
    fresh = planted_samples(200, part="fresh")
    np.testing.assert_allclose(two.predict(fresh).probability, one.predict(fresh).probability, atol=1e-5)
    return one, two


@pytest.mark.torture
def test_two_processes_give_the_loss_of_one(net: Net, capfd: pytest.CaptureFixture[str]) -> None:
    alone_and_shared(net)
    assert capfd.readouterr() == ("", "")


@pytest.mark.torture
@pytest.mark.parametrize("launcher", ["spawn", "ray"])
def test_a_fit_that_fails_in_a_process_says_why(launcher: str, net: Net) -> None:
    if launcher == "ray":
        pytest.importorskip("ray")
    with pytest.raises(TrainingError, match=r"^the fit became unstable at step 0 .*above gradient_limit"):
        net(processes=2, launcher=launcher, gradient_limit=1e-9).fit(planted_samples(300))


@pytest.mark.torture
def test_two_workers_of_ray_give_the_loss_of_one(net: Net, capfd: pytest.CaptureFixture[str]) -> None:
    ray = pytest.importorskip("ray")
    before = dict(os.environ)
    alone_and_shared(net, launcher="ray")
    assert not ray.is_initialized()
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")


def test_a_cluster_that_does_not_answer_is_named(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def refused(**_: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(ray, "init", refused)
    with pytest.raises(ConfigError, match=r"params\.launcher: no Ray cluster answers at 'nowhere:1': refused"):
        net(launcher="ray", address="nowhere:1").fit(planted_samples(100))


def test_checkpoints_of_a_cluster_are_written_where_the_fit_was_called(tmp_path: Path) -> None:
    """What the actor does, without a cluster; the worker's side is the learner's `keep`."""
    progress = Progress(step=3)
    Writer().write(tmp_path, progress, {"net/a": torch.ones(2)}, "mine")
    found = load_checkpoint(tmp_path, "mine")
    assert found is not None
    assert found[0] == progress


def test_more_processes_than_windows_are_refused(net: Net) -> None:
    with pytest.raises(ConfigError, match="processes = 40, but there are only 14 windows to share"):
        net(processes=40).fit(planted_samples(20))
