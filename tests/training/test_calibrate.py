"""Calibration inside a fit: which rows it sees, what is kept, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from gnomon.config.models import ConformalConfig, ModelConfig, TrainingConfig
from gnomon.core.errors import DataError, GateError
from gnomon.core.hashing import hash_tree
from gnomon.metrics import expected_calibration_error, log_loss, set_coverage
from gnomon.models import TrainedModel
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples
from gnomon.samples.transforms import rows_hash
from gnomon.testing.models import HORIZON, planted_samples
from gnomon.training import fit_model
from gnomon.training.calibrate import audit_outputs, held_out

# Grown far too large, so that it is too sure of itself.
BOLD = ModelConfig(model_type="lightgbm", params={"rounds": 120, "learning_rate": 0.2, "early_stopping_rounds": None})
ALL = {"calibration": "temperature", "conformal": ConformalConfig(alpha=0.1), "early_stopping_rounds": None}


def fitted(train: Samples, valid: Samples | None, **settings: Any) -> TrainedModel:
    return fit_model(BOLD, train, valid, training=TrainingConfig(**settings))[0]


@pytest.fixture(scope="module")
def train() -> Samples:
    return planted_samples(1500)


@pytest.fixture(scope="module")
def valid() -> Samples:
    return planted_samples(1600, part="valid")


@pytest.fixture(scope="module")
def fresh() -> Samples:
    return planted_samples(4000, part="fresh")


@pytest.fixture(scope="module")
def whole(train: Samples, valid: Samples) -> TrainedModel:
    return fitted(train, valid, **ALL)


def test_fresh_rows_are_forecast_better_and_covered(whole: TrainedModel, fresh: Samples) -> None:
    forecast = whole.predict(fresh)
    assert forecast.uncalibrated is not None
    assert forecast.allowed is not None
    actual = fresh.y[:, 0]
    assert expected_calibration_error(actual, forecast.uncalibrated) > 0.06
    assert expected_calibration_error(actual, forecast.probability) < 0.04
    assert log_loss(actual, forecast.probability) < log_loss(actual, forecast.uncalibrated) - 0.03
    assert set_coverage(actual, forecast.allowed) == pytest.approx(0.9, abs=0.02)


def test_nothing_is_calibrated_that_was_not_asked_for(train: Samples, valid: Samples, fresh: Samples) -> None:
    plain = fitted(train, valid)
    forecast = plain.predict(fresh)
    assert plain.calibration is None
    assert forecast.uncalibrated is None
    assert forecast.allowed is None
    assert forecast.probability.tolist() == fitted(train, valid, **ALL).predict(fresh).uncalibrated.tolist()  # type: ignore[union-attr]


def test_a_row_is_forecast_by_itself_and_loading_changes_no_bit(
    whole: TrainedModel, fresh: Samples, tmp_path: Path
) -> None:
    whole.save(tmp_path / "a")
    loaded = TrainedModel.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    assert hash_tree(tmp_path / "a") == hash_tree(tmp_path / "b")
    together = whole.predict(fresh.take(np.arange(200)))
    for rows in (np.array([0]), np.array([137]), np.arange(11, 64)):
        alone = loaded.predict(fresh.take(rows))
        for name in ("probability", "allowed", "uncalibrated"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(together, name)[rows])


def test_the_forecast_survives_its_table(whole: TrainedModel, fresh: Samples) -> None:
    forecast = whole.predict(fresh.take(np.arange(50)))
    again = Forecast.from_frame(forecast.to_frame())
    np.testing.assert_array_equal(again.uncalibrated, forecast.uncalibrated)
    np.testing.assert_array_equal(again.allowed, forecast.allowed)


def test_only_validation_rows_are_seen_and_the_record_says_which(whole: TrainedModel, valid: Samples) -> None:
    for part in (whole.calibration, whole.conformal):
        assert part is not None
        assert part.seen.rows_hash == rows_hash(valid)
        assert part.seen.shared


def test_a_share_keeps_rows_from_the_fit_and_parts_calibrator_from_sets(train: Samples, valid: Samples) -> None:
    seen: list[Samples | None] = []

    class Watch:
        def on_fit_start(self, model: Any, train: Samples, valid: Samples | None) -> None:
            seen.append(valid)

        def on_iteration_end(self, model: Any, iteration: int, metrics: Any) -> bool:
            return False

        def on_fit_end(self, model: Any, report: Any) -> None:
            pass

    training = TrainingConfig(**ALL, calibration_share=0.5)
    trained, report = fit_model(BOLD, train, valid, training=training, callbacks=(Watch(),))
    assert trained.calibration is not None
    assert trained.conformal is not None
    stopping, older, newer = seen[0], trained.calibration.seen, trained.conformal.seen
    assert stopping is not None
    assert stopping.label_end.max() < older.first_known_at
    assert older.last_label_end < newer.first_known_at
    assert (older.shared, newer.shared) == (False, False)
    assert not [note for note in report.notes if "calibrated" in note]
    assert stopping.known_at.max() < valid.known_at.max() / 2 + 10 * 86_400_000_000


def test_the_rows_are_parted_by_time_and_purged() -> None:
    valid = planted_samples(200)  # two symbols of 100 days each
    first, second = held_out(valid, 0.4, horizon=HORIZON)
    day = 86_400_000_000
    assert second.known_at.min() == 61 * day
    # A label of the first part that ends on day 61 or later would see the second's time.
    assert first.known_at.max() == 55 * day
    assert (len(first), len(second)) == (110, 80)
    with pytest.raises(DataError, match=r"cannot be divided at 0.99"):
        held_out(valid.take(np.arange(6)), 0.99, horizon=HORIZON)


def test_what_cannot_be_calibrated_is_said_or_refused(train: Samples, valid: Samples) -> None:
    few = valid.take(np.arange(30))
    for rows, words in ((None, "there are no validation rows"), (few, "30 decided validation rows, 50 are needed")):
        trained, report = fit_model(BOLD, train, rows, training=TrainingConfig(calibration="isotonic"))
        assert trained.calibration is None
        assert any(words in note for note in report.notes)
    with pytest.raises(DataError, match="conformal sets need validation rows"):
        fitted(train, None, conformal=ConformalConfig())
    with pytest.raises(DataError, match=r"5 rows cannot make conformal sets at alpha 0.1, 9 are needed"):
        fitted(train, valid.take(np.arange(5)), conformal=ConformalConfig())
    undecided = replace(valid, label_end=np.full_like(valid.label_end, UNKNOWN_END))
    with pytest.raises(DataError, match="0 rows cannot make conformal sets"):
        fitted(train, undecided, conformal=ConformalConfig())


def test_the_audit_finds_a_model_that_was_calibrated_on_test_rows(whole: TrainedModel, valid: Samples) -> None:
    later = replace(
        valid,
        known_at=valid.known_at + valid.label_end.max(),
        label_end=valid.label_end + valid.label_end.max(),
    )
    audit_outputs(whole, later)
    with pytest.raises(GateError, match=r"the calibration of 'lightgbm' leak: the labels of 1600 test rows"):
        audit_outputs(whole, valid)
    with pytest.raises(GateError, match="the conformal sets of 'lightgbm' leak"):
        audit_outputs(replace(whole, calibration=None), valid)


def test_the_section_is_read_strictly() -> None:
    assert TrainingConfig.model_validate({"conformal": "none"}).conformal is None
    assert TrainingConfig.model_validate({"conformal": {"alpha": 0.2}}).conformal == ConformalConfig(alpha=0.2)
    faults: tuple[dict[str, Any], ...] = (
        {"calibration": "platt"},
        {"conformal": {"alpha": 1.0}},
        {"conformal": {"beta": 1}},
        {"calibration_share": 1.0},
    )
    for wrong in faults:
        with pytest.raises(ValidationError):
            TrainingConfig.model_validate(wrong)
