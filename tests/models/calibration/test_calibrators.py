"""Calibrators: what is known by hand, what they may never do, and that they mend what they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from gnomon.core.errors import ConfigError, IntegrityError
from gnomon.metrics import expected_calibration_error, log_loss
from gnomon.models.calibration import CALIBRATORS, Calibration, FittedOn, fit_calibrator
from gnomon.models.calibration.base import softmax
from gnomon.models.calibration.temperature import HOTTEST
from gnomon.testing.models import planted_samples

SEEN = FittedOn(rows=3, rows_hash="a", first_known_at=1, last_known_at=2, last_label_end=3, shared=False)
KINDS = sorted(CALIBRATORS)


def drawn(seed: int, n: int, *, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """What a model says (too bold where `power` is above 1) and the column that came."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet([2.0, 3.0, 2.0], n)
    y = (rng.random(n)[:, None] > np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    said = true**power
    return said / said.sum(axis=1, keepdims=True), y


def ece(probability: np.ndarray, y: np.ndarray) -> float:
    return expected_calibration_error(y - 1, probability, binning="mass")


def test_temperature_by_hand() -> None:
    # Said .8 against .1 and .1, came in six of ten: a softmax of (log .1, log .1, log .8) / T gives .6 where
    # 8^(1/T) = 3, so T = log 8 / log 3.
    said, y = np.tile([0.1, 0.1, 0.8], (10, 1)), np.array([2] * 6 + [0] * 2 + [1] * 2)
    fitted = CALIBRATORS["temperature"].fit(said, y, np.ones(10))
    assert fitted.temperature == pytest.approx(np.log(8) / np.log(3), rel=1e-8)  # type: ignore[attr-defined]


def test_temperature_is_where_the_loss_is_smallest() -> None:
    said, y = drawn(1, 3000, power=2.5)
    weight = np.random.default_rng(2).random(3000)
    fitted = CALIBRATORS["temperature"].fit(said, y, weight)

    def loss(temperature: float) -> float:
        scaled = softmax(np.log(said) / temperature)
        return float(np.average(-np.log(scaled[np.arange(3000), y]), weights=weight))

    slow = minimize_scalar(loss, bounds=(0.1, 10.0), method="bounded", options={"xatol": 1e-9}).x
    assert fitted.temperature == pytest.approx(slow, rel=1e-5)  # type: ignore[attr-defined]
    assert fitted.temperature == pytest.approx(2.5, rel=0.1)  # type: ignore[attr-defined]
    # The likeliest class stays the likeliest.
    np.testing.assert_array_equal(fitted.apply(said).argmax(axis=1), said.argmax(axis=1))


def test_forecasts_that_say_the_opposite_become_as_cautious_as_can_be() -> None:
    said, y = drawn(3, 500, power=3.0)
    backward = softmax(-np.log(said))
    assert CALIBRATORS["temperature"].fit(backward, y, np.ones(500)).temperature == HOTTEST  # type: ignore[attr-defined]


def test_isotonic_by_hand() -> None:
    # Long: said .2, .4, .6, .8 and came 0, 1, 0, 1: the middle two are pooled to one half.
    said = np.array([[0.5, 0.3, 0.2], [0.5, 0.1, 0.4], [0.3, 0.1, 0.6], [0.1, 0.1, 0.8]])
    fitted = CALIBRATORS["isotonic"].fit(said, np.array([0, 2, 0, 2]), np.ones(4))
    least = 1 / 6
    assert fitted.said[2] == (0.2, 0.4, 0.6, 0.8)  # type: ignore[attr-defined]
    assert fitted.came[2] == pytest.approx((least, 0.5, 0.5, 1 - least))  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_too_bold_is_mended_and_what_is_right_is_left(kind: str) -> None:
    said, y = drawn(4, 6000, power=2.5)
    fresh, came = drawn(5, 20_000, power=2.5)
    mended = fit_calibrator(kind, said, y).apply(fresh)
    assert ece(fresh, came) > 0.1
    assert ece(mended, came) < 0.02
    assert log_loss(came - 1, mended) < log_loss(came - 1, fresh) - 0.05
    right, y = drawn(6, 6000)
    fresh, came = drawn(7, 20_000)
    same = fit_calibrator(kind, right, y).apply(fresh)
    assert log_loss(came - 1, same) < log_loss(came - 1, fresh) + (0.01 if kind == "isotonic" else 0.002)


def test_dirichlet_tells_apart_what_a_model_mixes_up() -> None:
    rng = np.random.default_rng(8)
    said, y = drawn(9, 8000)
    swap = (y == 0) & (rng.random(8000) < 0.5)
    y = np.where(swap, 2, y)
    losses = {kind: log_loss(y - 1, fit_calibrator(kind, said, y).apply(said)) for kind in KINDS}
    assert losses["dirichlet"] < losses["temperature"] - 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_any_probabilities_give_probabilities_and_a_row_counts_by_itself(kind: str) -> None:
    said, y = drawn(10, 300, power=2.0)
    said[:3] = np.eye(3)
    said[3] = 1 / 3
    fitted = fit_calibrator(kind, said, y)
    other, _ = drawn(11, 257)
    other[0], other[1], other[2] = [0, 0, 1], [1e-30, 0.5, 0.5], 1 / 3
    together = fitted.apply(other)
    assert np.isfinite(together).all()
    assert (together >= 0).all()
    np.testing.assert_allclose(together.sum(axis=1), 1.0, rtol=1e-12)
    for rows in [np.array([i]) for i in range(257)] + [np.arange(k, 257) for k in (1, 3, 7, 250)]:
        np.testing.assert_array_equal(fitted.apply(other[rows]), together[rows])


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_loaded_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    said, y = drawn(12, 200, power=2.0)
    calibration = Calibration(kind, fit_calibrator(kind, said, y), SEEN)
    calibration.save(tmp_path / "a.json")
    loaded = Calibration.load(tmp_path / "a.json")
    assert loaded == calibration
    loaded.save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    for broken in ('{"kind": "magic"}', "[]", "{", '{"kind":"temperature","fitted":{"heat":1},"seen":{}}'):
        (tmp_path / "a.json").write_text(broken)
        with pytest.raises(IntegrityError, match="holds no temperature or isotonic or dirichlet"):
            Calibration.load(tmp_path / "a.json")


def test_an_unknown_calibrator_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown calibration 'isotnic'; did you mean 'isotonic'"):
        fit_calibrator("isotnic", *drawn(0, 10))


def test_the_record_is_of_these_rows() -> None:
    samples = planted_samples(100)
    seen = FittedOn.of(samples, 5, shared=True)
    assert (seen.rows, seen.shared) == (100, True)
    assert seen.first_known_at == samples.known_at.min()
    assert seen.last_label_end == samples.label_end.max()
    assert FittedOn.of(samples.take(np.arange(1, 100)), 5, shared=True).rows_hash != seen.rows_hash
    assert replace(seen, shared=False) == FittedOn.of(samples, 5, shared=False)
