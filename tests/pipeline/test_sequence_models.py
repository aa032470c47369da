"""A net in a run: rows right after an edge are forecast with those before it; a killed fit goes on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.models.neural.trainer import Learner
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import CROSS_VALIDATION, FIT, FOLD, FORECAST, MODEL, SAMPLES
from gnomon.samples.base import Forecast

NET = "models={net: {model_type: mlp, params: {window: 8, hidden: 8, epochs: 2}}}"


def test_rows_near_an_edge_are_forecast(copied: Path) -> None:
    context = ModelPipeline(workspace=open_workspace(copied, overrides=[NET])).run(until="forecast")
    samples, fold, trained = (context.value(key) for key in (SAMPLES, FOLD, MODEL.of("net")))
    frame = context.value(FORECAST.of("net")).drop("part")
    forecast = Forecast.from_frame(frame)
    judged = np.concatenate([fold.valid, fold.test])
    assert len(forecast) == len(judged)
    # Validation and test begin far behind the first rows, so no row has to do without a full window.
    assert forecast.allowed is not None
    assert forecast.allowed.all()
    whole = trained.predict(samples).to_frame()
    both = frame.join(whole, on=["timestamp", "symbol"], suffix="_whole")
    assert both["probability_long"].equals(both["probability_long_whole"], check_names=False)
    # The control: the test rows by themselves begin without a past.
    alone = trained.predict(samples.take(fold.test))
    assert alone.allowed is not None
    assert (~alone.allowed.any(axis=1)).sum() == 7 * len(samples.symbols)
    assert set(context.value(FIT.of("net"))["curves"]) >= {"gradient_norm", "gradient_noise_scale", "dead_units"}


LONG = "models={net: {model_type: gru, params: {window: 4, hidden: 8, epochs: 4, dropout: 0.3, checkpoint_every: 2}}}"
"""Three steps an epoch of the 700 training windows of `batch_size` 256."""
DIES = """
import os, signal, sys
from pathlib import Path
from gnomon.models.neural.trainer import Learner
from gnomon.pipeline import ModelPipeline, open_workspace
whole = Learner.write_checkpoint
def dies(self):
    whole(self)
    if self.progress.step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
Learner.write_checkpoint = dies
ModelPipeline(workspace=open_workspace(Path(sys.argv[1]), overrides=[sys.argv[2]])).run(until="train")
"""


def trained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], str, object]:
    """Runs up to the net: at which step each epoch ended that was computed now, the model's digest, and its fit."""
    ended: list[int] = []
    whole = Learner.on_train_epoch_end

    def noted(self: Learner) -> None:
        ended.append(self.progress.step)
        whole(self)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_train_epoch_end", noted)
        context = ModelPipeline(workspace=open_workspace(folder, overrides=[LONG])).run(until="train")
    product = context.outcome.product(MODEL.of("net"))
    assert product is not None
    return ended, product.digest, context.value(FIT.of("net"))


def test_a_killed_run_goes_on_in_the_middle_of_a_fit(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [Path(shutil.copytree(finished, tmp_path / name)) for name in ("whole", "killed")]
    whole, killed = folders
    epochs, digest, fit = trained(whole, monkeypatch)
    steps = epochs[0]
    assert epochs == [steps * (number + 1) for number in range(4)]
    # Within the third epoch.
    step = 2 * steps + 2 - (2 * steps) % 2
    assert 2 * steps < step < 3 * steps
    done = subprocess.run([sys.executable, "-c", DIES, str(killed), LONG, str(step)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    (left,) = open_workspace(killed).products.unfinished()
    assert [folder.name for folder in left.iterdir()] == [f"step-{step:08d}"]
    again = Path(shutil.copytree(killed, tmp_path / "again"))
    # Two epochs were behind it, and of the third the end alone was missing.
    assert trained(killed, monkeypatch) == (epochs[2:], digest, fit)
    assert not open_workspace(killed).products.unfinished()
    # The control: without the folder every epoch is computed again.
    assert open_workspace(again).collect().temporary >= 1
    assert trained(again, monkeypatch) == (epochs, digest, fit)


def test_it_is_cross_validated_beside_models_that_abstain_from_nothing(copied: Path) -> None:
    """A net has columns that say which rows it has no full window for; its forecasts stand with those of others."""
    rest = "plain: {model_type: logistic_regression}, both: {model_type: ensemble, params: {members: [net, plain]}}"
    overrides = (
        NET.replace("}}}", f"}}}}, {rest}}}"),
        "selection={by: cross_validation, splitter: {kind: purged_kfold, folds: 2}, ensembles: cross_fitted}",
    )
    found = ModelPipeline(workspace=open_workspace(copied, overrides=overrides)).run(until="cross_validate")
    out = found.value(CROSS_VALIDATION)["out_of_fold"]
    silent = {name: out.filter((pl.col("model") == name) & ~pl.col("allowed_flat")).height for name in ("net", "both")}
    assert silent["net"] == silent["both"] > 0
    plain = out.filter(pl.col("model") == "plain")
    assert plain["allowed_flat"].null_count() == plain.height > 0
