"""Nets: windows in, forecasts out, the same bits however the rows come."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.models import LSTM, MLP, NeuralModel
from gnomon.models.neural import base
from gnomon.samples import Samples
from gnomon.samples.storage import load_samples, save_samples
from gnomon.testing.models import mean_log_loss, planted_samples, prior_log_loss

Net = Callable[..., NeuralModel]


@pytest.fixture(scope="module")
def fitted(net: Net) -> NeuralModel:
    model = net("lstm")
    model.fit(planted_samples(1000), planted_samples(300, part="valid"))
    return model


@pytest.mark.parametrize("name", ["mlp", "lstm", "gru"])
def test_a_signal_of_earlier_rows_is_found(name: str, net: Net, lagged: Callable[..., Samples]) -> None:
    train, fresh = lagged(2000), lagged(2000, part="fresh")
    model = net(name, epochs=8, dropout=0.0, learning_rate=0.02)
    model.fit(train, lagged(600, part="valid"))
    assert mean_log_loss(model.predict(fresh).probability, fresh) < 0.75 * prior_log_loss(train, fresh)


def test_one_row_alone_cannot_know_it(net: Net, lagged: Callable[..., Samples]) -> None:
    """The control: the same net with a window of one row."""
    train, fresh = lagged(2000), lagged(2000, part="fresh")
    model = net("mlp", window=1, epochs=8, dropout=0.0)
    model.fit(train, lagged(600, part="valid"))
    assert mean_log_loss(model.predict(fresh).probability, fresh) > 0.97 * prior_log_loss(train, fresh)


def test_rows_without_a_full_window_abstain(fitted: NeuralModel) -> None:
    samples = planted_samples(100, part="other")
    forecast = fitted.predict(samples)
    assert forecast.allowed is not None
    cold = ~forecast.allowed.any(axis=1)
    # Three rows of each of two symbols.
    assert np.flatnonzero(cold).tolist() == [0, 1, 2, 50, 51, 52]
    assert forecast.allowed[~cold].all()
    counts = np.bincount(planted_samples(1000).take(np.r_[3:500, 503:1000]).y[:, 0] + 1)
    np.testing.assert_allclose(forecast.probability[cold], np.tile(counts / counts.sum(), (6, 1)), rtol=1e-12)


def test_a_window_of_one_row_never_abstains(net: Net) -> None:
    model = net("mlp", window=1, epochs=1)
    model.fit(planted_samples(200))
    assert model.context == 0
    assert model.predict(planted_samples(10)).allowed is None


@pytest.mark.parametrize("name", ["mlp", "lstm", "gru"])
def test_rows_fed_one_by_one_get_the_same_bits(name: str, net: Net) -> None:
    model = net(name, epochs=1)
    model.fit(planted_samples(600))
    samples = planted_samples(120, part="other")
    together = model.predict(samples)
    state = model.initial_state()
    # Both symbols' rows come in turn, as they do live.
    for t in range(60):
        rows = np.array([t, 60 + t])
        now = model.predict(samples.take(rows), state=state)
        np.testing.assert_array_equal(now.probability, together.probability[rows])
        np.testing.assert_array_equal(now.allowed, together.allowed[rows])
    # The control: without a state, a row alone has nothing behind it.
    alone = model.predict(samples.take(np.array([59])))
    assert not np.array_equal(alone.probability[0], together.probability[59])


def test_batches_of_other_shapes_would_give_other_bits(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the fixed shape: were a batch as long as what is asked for, bits would depend on it."""
    from gnomon.models.neural import inference

    model = net("mlp", hidden=64, window=16, epochs=1)
    model.fit(planted_samples(600))
    samples = planted_samples(300, part="other")
    with monkeypatch.context() as patch:
        patch.setattr(inference, "BATCH", 300)
        whole = model.predict(samples).probability
        patch.setattr(inference, "BATCH", 1)
        single = model.predict(samples).probability
    assert not np.array_equal(whole, single)
    np.testing.assert_allclose(whole, single, atol=1e-5)


def test_missing_features_count_as_the_mean(fitted: NeuralModel) -> None:
    samples = planted_samples(50, part="other")
    holes, zeros = samples.x.copy(), samples.x.copy()
    holes[::3, 1], zeros[::3, 1] = np.nan, 0.0
    missing = fitted.predict(replace(samples, x=holes)).probability
    np.testing.assert_array_equal(missing, fitted.predict(replace(samples, x=zeros)).probability)
    assert np.isnan(holes[0, 1]), "the samples themselves must stay as they are"
    huge = samples.x.copy()
    huge[7] = 1e30
    assert np.isfinite(fitted.predict(replace(samples, x=huge)).probability).all()


def test_samples_on_disk_are_learned_from_as_they_lie(net: Net, tmp_path: Path, recwarn: Any) -> None:
    save_samples(planted_samples(300), tmp_path / "samples")
    opened = load_samples(tmp_path / "samples")
    assert not opened.x.flags.writeable
    on_disk, in_memory = net(epochs=1), net(epochs=1)
    on_disk.fit(opened)
    in_memory.fit(planted_samples(300))
    other = planted_samples(40, part="other")
    np.testing.assert_array_equal(on_disk.predict(other).probability, in_memory.predict(other).probability)
    assert not recwarn.list


def test_a_history_shorter_than_a_window_is_refused(net: Net) -> None:
    with pytest.raises(DataError, match=r"windows of 64 rows, but the longest run .* has 50; set a shorter window"):
        net("lstm", window=64).fit(planted_samples(100))


def test_labels_of_rows_without_a_window_do_not_count(net: Net) -> None:
    samples = planted_samples(100)
    y = np.ones_like(samples.y)
    y[[0, 1, 2, 50, 51, 52]] = -1
    with pytest.raises(DataError, match="all 94 training labels at horizon 5 are 1"):
        net().fit(replace(samples, y=y))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MLP, "needs", ("torch", "not_there_at_all"))
    with pytest.raises(ConfigError, match=r"model MLP needs not_there_at_all, .*pip install 'gnomon\[nets\]'"):
        MLP()


def test_nets_are_known_without_their_libraries() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['lightning'] = None;"
        "from gnomon.models import ModelRegistry, LSTM;"
        "assert LSTM.Config(window=8).window == 8; assert 'gru' in ModelRegistry.names()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_gpu_that_is_not_there_is_named(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device = cuda, but PyTorch finds no GPU here"):
        net(device="cuda").fit(planted_samples(100))


def test_a_failed_fit_leaves_no_model(net: Net) -> None:
    from gnomon.core.errors import TrainingError

    model = net(gradient_limit=1e-9)
    with pytest.raises(TrainingError):
        model.fit(planted_samples(200))
    with pytest.raises(ValueError, match="not fitted yet"):
        model.predict(planted_samples(10))


def test_what_was_saved_belongs_to_its_class(fitted: NeuralModel, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]
    with pytest.raises(IntegrityError, match="holds a LSTM, not a MLP"):
        MLP.load(tmp_path)
    assert LSTM.load(tmp_path).initial_state().gap == fitted.gap


def test_patience_is_the_shorter_of_two() -> None:
    assert base.NetConfig(patience=5, early_stopping_rounds=50).stop_after == 5
    assert base.NetConfig(patience=5, early_stopping_rounds=3).stop_after == 3
    assert base.NetConfig(early_stopping_rounds=None).stop_after is None
