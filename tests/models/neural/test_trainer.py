"""The trainer: quiet, repeatable, able to go on after a kill, and stopped where it turns unstable."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.plugins.precision import MixedPrecision, Precision

from gnomon.core.errors import IntegrityError, TrainingError
from gnomon.core.hashing import hash_tree
from gnomon.models import NeuralModel
from gnomon.models.base import FitReport
from gnomon.models.neural import trainer
from gnomon.models.neural.heads import SoftmaxHead
from gnomon.models.neural.inference import device_of
from gnomon.samples import Samples
from gnomon.testing.models import planted_samples
from gnomon.training.callbacks import CallbackBase

Net = Callable[..., NeuralModel]


def saved(model: NeuralModel, folder: Path) -> str:
    folder.mkdir()
    model.save(folder)
    return hash_tree(folder)


class KilledError(Exception):
    """Stands for the end of the process."""


def kill(model: NeuralModel, step: int, *samples: Samples, checkpoint: Path) -> None:
    """Fits until the given step, at which the process ends."""
    real = trainer.Learner.training_step

    def dies(self: trainer.Learner, batch: Any, index: int) -> Any:
        if self.progress.step == step:
            raise KilledError
        return real(self, batch, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Learner, "training_step", dies)
        with pytest.raises(KilledError):
            model.fit(*samples, checkpoint=checkpoint)


@pytest.mark.parametrize("step", [7, 16, 31])
def test_a_killed_fit_goes_on_and_ends_in_the_same_bytes(step: int, net: Net, tmp_path: Path) -> None:
    """600 rows make 10 steps an epoch: killed within the first epoch, the second, and the fourth."""
    train, valid = planted_samples(600), planted_samples(200, part="valid")
    settings = {"epochs": 4, "dropout": 0.3, "checkpoint_every": 5}
    whole = net("gru", **settings)
    report = whole.fit(train, valid)
    kill(net("gru", **settings), step, train, valid, checkpoint=tmp_path / "checkpoints")
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == [f"step-{step // 5 * 5:08d}"]
    again = net("gru", **settings)
    went_on = again.fit(train, valid, checkpoint=tmp_path / "checkpoints")
    assert saved(again, tmp_path / "again") == saved(whole, tmp_path / "whole")
    # A noise scale that is not known is NaN, which equals nothing but here.
    np.testing.assert_equal(asdict(went_on), asdict(report))
    assert not list((tmp_path / "checkpoints").iterdir())


def test_dropout_that_forgets_its_step_is_caught(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with draws that depend on how often was drawn before, a resumed fit ends elsewhere."""
    import contextlib

    train = planted_samples(600)
    monkeypatch.setattr(trainer, "seeded", lambda *_, **__: contextlib.nullcontext())
    settings = {"epochs": 2, "dropout": 0.3, "checkpoint_every": 5}
    torch.manual_seed(1)
    whole = net("gru", **settings)
    whole.fit(train)
    torch.manual_seed(1)
    kill(net("gru", **settings), 7, train, checkpoint=tmp_path / "checkpoints")
    again = net("gru", **settings)
    again.fit(train, checkpoint=tmp_path / "checkpoints")
    assert saved(again, tmp_path / "again") != saved(whole, tmp_path / "whole")


def test_a_checkpoint_of_another_fit_is_refused(net: Net, tmp_path: Path) -> None:
    train = planted_samples(300)
    kill(net(checkpoint_every=2), 4, train, checkpoint=tmp_path)
    with pytest.raises(IntegrityError, match="a checkpoint of another fit"):
        net(checkpoint_every=2, seed=1).fit(train, checkpoint=tmp_path)
    x = train.x.copy()
    x[40, 0] += 1
    with pytest.raises(IntegrityError, match="a checkpoint of another fit"):
        net(checkpoint_every=2).fit(replace(train, x=x), checkpoint=tmp_path)
    tensors = tmp_path / "step-00000004" / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"!")
    with pytest.raises(IntegrityError, match=r"is damaged: its tensors are not those that were written; remove"):
        net(checkpoint_every=2).fit(train, checkpoint=tmp_path)


class Records(CallbackBase):
    """Writes down the epochs that it is told of."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen: list[tuple[int, dict[str, float]]] = []
        self.stop_after = stop_after

    def on_iteration_end(self, model: Any, iteration: int, metrics: Any) -> bool:
        self.seen.append((iteration, dict(metrics)))
        return len(self.seen) == self.stop_after


def test_a_callback_hears_each_epoch_and_may_stop(net: Net, tmp_path: Path) -> None:
    train, valid = planted_samples(300), planted_samples(200, part="valid")
    records = Records(stop_after=2)
    report = net(epochs=5).fit(train, valid, callbacks=[records])
    assert [epoch for epoch, _ in records.seen] == [0, 1]
    assert set(records.seen[0][1]) == {"train_loss", "train_log_loss", "valid_loss", "valid_log_loss"}
    assert report.iterations == 2
    # After a kill in the third epoch the past two are told of again, so that the callback knows what it would know.
    kill(net(epochs=3), 11, train, valid, checkpoint=tmp_path)
    later = Records()
    net(epochs=3).fit(train, valid, checkpoint=tmp_path, callbacks=[later])
    assert [epoch for epoch, _ in later.seen] == [0, 1, 2]


def test_the_best_epoch_is_kept(net: Net) -> None:
    train, valid = planted_samples(200, strength=0.0), planted_samples(200, strength=0.0, part="valid")
    model = net(epochs=30, patience=3, learning_rate=0.05, hidden=64, dropout=0.0)
    report = model.fit(train, valid)
    losses = list(report.curves["valid_loss"])
    best = int(np.argmin(losses))
    assert report.best_iteration == best
    assert report.iterations == best + 4 < 30
    column = valid.y[:, 0].astype(int) + 1
    rows = np.flatnonzero(model.predict(valid).allowed.any(axis=1))
    said = model.predict(valid).probability[rows, column[rows]]
    assert -np.log(said).mean() == pytest.approx(losses[best], abs=1e-5)


def test_a_fit_is_silent_and_leaves_no_files(
    net: Net, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, recwarn: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    net(epochs=2).fit(planted_samples(200), planted_samples(100, part="valid"))
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list
    assert os.listdir(tmp_path) == []  # noqa: PTH208
    assert torch.equal(before[0], torch.get_rng_state()), "the fit used up the global generator"
    assert before[1:] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_a_loss_that_is_no_number_stops_the_fit(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SoftmaxHead.loss
    calls = []

    def breaks(self: SoftmaxHead, *args: Any) -> torch.Tensor:
        calls.append(1)
        return real(self, *args) * (math.nan if len(calls) == 7 else 1.0)

    monkeypatch.setattr(SoftmaxHead, "loss", breaks)
    with pytest.raises(TrainingError, match=r"unstable at step 6 \(epoch 1\): the loss is nan; lower learning_rate"):
        net().fit(planted_samples(300))


def test_a_gradient_that_explodes_stops_the_fit(net: Net) -> None:
    with pytest.raises(TrainingError, match=r"step 0 \(epoch 0\): the gradient's norm is .*, above gradient_limit"):
        net(gradient_limit=1e-6).fit(planted_samples(300))


def test_long_gradients_are_cut(net: Net) -> None:
    """With plain steps of fixed size a cut gradient moves the weights no further than the size."""
    reports = [net(gradient_clip=clip, epochs=2).fit(planted_samples(300)) for clip in (None, 1e-3)]
    assert reports[0].curves["gradient_norm"][0] == reports[1].curves["gradient_norm"][0] > 1e-3
    assert reports[0].curves["gradient_norm"][1] != reports[1].curves["gradient_norm"][1]


def test_the_step_size_rises_and_falls(net: Net) -> None:
    config = net(learning_rate=1.0, warmup=0.1).config
    sizes = [trainer.step_size(config, step, 100) for step in range(100)]
    assert sizes[:11] == pytest.approx([*np.arange(1, 11) / 10, 1.0])
    assert sizes[55] == pytest.approx(0.5)
    assert sizes == sorted(sizes[:11]) + sorted(sizes[11:], reverse=True)
    assert 0 < sizes[-1] < 1e-3


@pytest.mark.parametrize(
    ("precision", "device", "bf16", "word", "plugin"),
    [
        ("auto", "cpu", True, "32-true", Precision),
        ("auto", "cuda", False, "32-true", Precision),
        ("auto", "cuda", True, "bf16-mixed", MixedPrecision),
        ("32", "cuda", True, "32-true", Precision),
        ("bf16", "cpu", False, "bf16-mixed", MixedPrecision),
    ],
)
def test_numbers_are_mixed_where_a_gpu_has_them(
    precision: str, device: str, bf16: bool, word: Any, plugin: type, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Lightning's own choice of what computes, for a GPU that is only pretended: nothing runs on it."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    assert trainer.precision_of(net(precision=precision).config, torch.device(device)) == word
    assert (
        type(Trainer(accelerator="cpu", precision=word, logger=False, enable_checkpointing=False).precision_plugin)
        is plugin
    )


def test_a_gpu_is_taken_where_there_is_one(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert {name: device_of(net(device=name).config).type for name in ("auto", "cuda", "cpu")} == {
        "auto": "cuda",
        "cuda": "cuda",
        "cpu": "cpu",
    }
    taken: dict[str, Any] = {}

    class Stops(Exception):  # noqa: N818  no error: the end of what can be tried without a GPU
        pass

    def noted(**settings: Any) -> None:
        taken.update(settings)
        raise Stops

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(trainer.lightning, "Trainer", noted)
    with pytest.raises(Stops):
        net().fit(planted_samples(100))
    assert (taken["accelerator"], taken["precision"], taken["devices"]) == ("gpu", "bf16-mixed", 1)
    with pytest.raises(Stops):
        net(device="cpu").fit(planted_samples(100))
    assert (taken["accelerator"], taken["precision"]) == ("cpu", "32-true")


def test_it_is_stable_at_a_context_of_4096_bars(net: Net) -> None:
    report: FitReport = net("lstm", window=4096, epochs=1, batch_size=4, hidden=4).fit(
        planted_samples(4108, symbols=1, features=2)
    )
    assert len(report.curves["gradient_norm"]) == 4
    assert np.isfinite(report.curves["gradient_norm"]).all()
    assert np.isfinite(report.curves["train_loss"]).all()


def test_an_interrupt_stays_one(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(trainer.Learner, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net().fit(planted_samples(200))
    assert signal.getsignal(signal.SIGINT) is handler
