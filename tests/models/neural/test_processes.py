"""One fit by two processes gives the loss of one. What spawning costs is paid behind `make torture`.

The arithmetic of a shared batch is tested without spawning in test_data.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gnomon.core.errors import ConfigError, TrainingError
from gnomon.models import NeuralModel
from gnomon.testing.models import planted_samples

Net = Callable[..., NeuralModel]


@pytest.mark.torture
def test_two_processes_give_the_loss_of_one(net: Net, capfd: pytest.CaptureFixture[str]) -> None:
    train, valid, fresh = planted_samples(600), planted_samples(300, part="valid"), planted_samples(200, part="fresh")
    settings: dict[str, Any] = {"dropout": 0.0, "epochs": 3}
    one, two = net("gru", **settings), net("gru", **settings, processes=2)
    alone, shared = one.fit(train, valid), two.fit(train, valid)
    for curve in ("train_loss", "valid_loss", "gradient_norm"):
        np.testing.assert_allclose(shared.curves[curve], alone.curves[curve], atol=1e-5)
    np.testing.assert_allclose(two.predict(fresh).probability, one.predict(fresh).probability, atol=1e-5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.torture
def test_a_fit_that_fails_in_a_process_says_why(net: Net) -> None:
    with pytest.raises(TrainingError, match=r"unstable at step 0 .*above gradient_limit"):
        net(processes=2, gradient_limit=1e-9).fit(planted_samples(300))


def test_more_processes_than_windows_are_refused(net: Net) -> None:
    with pytest.raises(ConfigError, match="processes = 40, but there are only 14 windows to share"):
        net(processes=40).fit(planted_samples(20))
