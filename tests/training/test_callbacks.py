"""Callbacks: logging, checkpoints, early stopping."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import structlog

from gnomon.models import LightGBM, ModelRegistry
from gnomon.testing.models import planted_samples
from gnomon.training import (
    CallbackBase,
    EarlyStoppingCallback,
    LoggingCallback,
    MLflowCallback,
    ModelCheckpointCallback,
    ProgressCallback,
)

QUICK = {"rounds": 30, "min_rows_in_leaf": 20, "learning_rate": 0.3, "early_stopping_rounds": None}


def fit(*callbacks: Any, valid: bool = True, **settings: Any) -> Any:
    model = ModelRegistry.create("lightgbm", **{**QUICK, **settings})
    held_out = planted_samples(400, strength=0.3, part="valid") if valid else None
    return model, model.fit(planted_samples(400, strength=0.3), held_out, callbacks=list(callbacks))


def test_the_base_does_nothing() -> None:
    _, plain = fit()
    _, watched = fit(CallbackBase())
    assert plain == watched


def test_early_stopping_stops_after_its_patience() -> None:
    _, full = fit()
    losses = full.curves["valid_log_loss"]
    _, stopped = fit(EarlyStoppingCallback(patience=3))
    best = int(np.argmin(losses))
    expected = next(i for i in range(len(losses)) if i - int(np.argmin(losses[: i + 1])) >= 3)
    assert stopped.iterations == expected + 1 < 30
    assert list(stopped.curves["valid_log_loss"]) == list(losses[: expected + 1])
    assert best <= expected
    callback = EarlyStoppingCallback(patience=3)
    assert fit(callback)[1] == fit(callback)[1]  # it forgets the fit before


def test_min_delta_and_mode() -> None:
    callback = EarlyStoppingCallback(monitor="score", patience=2, min_delta=0.1, mode="max")
    model = ModelRegistry.create("lightgbm")
    answers = [callback.on_iteration_end(model, i, {"score": s}) for i, s in enumerate([0.5, 0.55, 0.7, 0.75, 0.79])]
    assert answers == [False, False, False, False, True]


def test_the_best_checkpoint_is_kept(tmp_path: Path) -> None:
    callback = ModelCheckpointCallback(tmp_path / "best")
    _, report = fit(callback)
    best = int(np.argmin(report.curves["valid_log_loss"]))
    (kept,) = callback.saved()
    assert kept.name == f"iteration-{best:05d}"
    assert LightGBM.load(kept)._booster.num_trees() == 3 * (best + 1)


def test_every_checkpoint_can_be_kept(tmp_path: Path) -> None:
    callback = ModelCheckpointCallback(tmp_path, monitor="train_log_loss", best_only=False)
    model, _ = fit(callback, valid=False, rounds=5)
    assert [path.name for path in callback.saved()] == [f"iteration-{i:05d}" for i in range(5)]
    other = planted_samples(20)
    np.testing.assert_array_equal(
        LightGBM.load(callback.saved()[-1]).predict(other).probability, model.predict(other).probability
    )
    fit(callback, valid=False, rounds=2)
    assert len(callback.saved()) == 2


def test_logging_tells_the_start_some_iterations_and_the_end() -> None:
    with structlog.testing.capture_logs() as logs:
        fit(LoggingCallback(every=10, logger=structlog.get_logger()))
    assert [entry["event"] for entry in logs] == ["fit started", *["iteration"] * 3, "fit ended"]
    assert logs[0]["rows"] == 400
    assert [entry["number"] for entry in logs[1:-1]] == [0, 10, 20]
    assert "valid_log_loss" in logs[1]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="patience must be 1"):
        EarlyStoppingCallback(patience=0)
    with pytest.raises(ValueError, match="mode must be"):
        EarlyStoppingCallback(mode="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="min_delta"):
        EarlyStoppingCallback(min_delta=-1)
    with pytest.raises(ValueError, match="every must be 1"):
        LoggingCallback(every=0)
    with pytest.raises(
        ValueError, match=r"monitor 'accuracy' is no metric of this fit; it reports \['valid_log_loss'\]"
    ):
        fit(EarlyStoppingCallback(monitor="accuracy"))


def test_progress_is_told_after_each_iteration() -> None:
    told: list[tuple[str, float]] = []
    fit(ProgressCallback(lambda text, share: told.append((text, share))), rounds=4)
    assert told == [("1/4", 0.25), ("2/4", 0.5), ("3/4", 0.75), ("4/4", 1.0)]


def test_the_tracker_gets_the_curve_of_the_fit() -> None:
    class Kept:
        rows: ClassVar[list[tuple[int, dict[str, float]]]] = []
        sent = 0

        def log_metrics(self, metrics: dict[str, float], *, step: int) -> None:
            self.rows.append((step, metrics))

        def flush(self) -> None:
            self.sent = len(self.rows)

    kept = Kept()
    _, report = fit(MLflowCallback(kept, prefix="trees."), rounds=3)  # type: ignore[arg-type]
    assert [step for step, _ in kept.rows] == [0, 1, 2]
    assert [row["trees.valid_log_loss"] for _, row in kept.rows] == list(report.curves["valid_log_loss"])
    assert kept.sent == 3
