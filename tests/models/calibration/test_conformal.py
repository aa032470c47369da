"""Conformal sets: thresholds by hand, and coverage that follows its law, with a control that does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gnomon.core.errors import DataError, IntegrityError
from gnomon.models.calibration import Conformal, ConformalSets, FittedOn, row_chance
from gnomon.models.calibration.conformal import rank, strangeness, threshold

SEEN = FittedOn(rows=3, rows_hash="a", first_known_at=1, last_known_at=2, last_label_end=3, shared=False)
N, ALPHA, SETS = 1000, 0.1, 400
METHODS = ["lac", "aps"]


def drawn(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a bad model says, the column that came, and a chance a row: sets must cover whatever the model is worth."""
    true = rng.dirichlet([2.0, 3.0, 1.0], n)
    y = (rng.random(n)[:, None] > np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    said = 0.5 * true**2 + 0.5 * rng.dirichlet([1.0, 1.0, 1.0], n)
    return said / said.sum(axis=1, keepdims=True), y, rng.random(n)


def coverages(method: str, *, level: int | None = None) -> np.ndarray:
    """The coverage of fresh rows for many held-out sets of N rows; `level` takes another order statistic."""
    rng = np.random.default_rng([61, METHODS.index(method)])
    found = []
    for _ in range(SETS):
        said, y, chance = drawn(rng, N)
        own = strangeness(said, chance, method)[np.arange(N), y]  # type: ignore[arg-type]
        cut = threshold(own, ALPHA) if level is None else float(np.sort(own)[level - 1])
        said, y, chance = drawn(rng, 4000)
        found.append(float((strangeness(said, chance, method)[np.arange(4000), y] <= cut).mean()))  # type: ignore[arg-type]
    return np.array(found)


@pytest.mark.parametrize("method", METHODS)
def test_coverage_follows_its_beta_law(method: str) -> None:
    """PROMISES S6: split conformal on exchangeable rows, n = 1,000, alpha .1: Beta(901, 100), 5-95% band .884-.915.

    Coverage is counted on 4,000 fresh rows, so the law that it is held against is the beta-binomial.
    """
    law = stats.betabinom(4000, 901, 100)
    found = coverages(method)
    assert stats.beta(901, 100).ppf([0.05, 0.95]) == pytest.approx([0.884, 0.915], abs=6e-4)
    ranks = law.cdf(found * 4000) - 0.5 * law.pmf(found * 4000)
    assert stats.kstest(ranks, "uniform").pvalue > 0.01
    low, high = law.ppf([0.05, 0.95]) / 4000
    inside = np.mean((found >= low) & (found <= high))
    assert inside == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_the_control_without_the_finite_sample_step_is_caught(method: str) -> None:
    """The plain 89% quantile, one hundredth too low, does not follow the law."""
    found = coverages(method, level=890)
    law = stats.betabinom(4000, 901, 100)
    ranks = law.cdf(found * 4000) - 0.5 * law.pmf(found * 4000)
    assert stats.kstest(ranks, "uniform").pvalue < 1e-6


def test_ranks_by_hand() -> None:
    assert (rank(1000, 0.1), rank(999, 0.1), rank(9, 0.1), rank(8, 0.1)) == (901, 900, 9, 9)
    assert threshold(np.array([0.3, 0.1, 0.2]), 0.5) == 0.2
    assert threshold(np.array([0.3, 0.1, 0.2]), 0.25) == 0.3
    assert threshold(np.array([0.3, 0.1, 0.2]), 0.2) == 2.0


def test_sets_by_hand() -> None:
    # Ten rows whose class had .50, .55, ..., .95: the strangest nine lie at most .5 below 1.
    share = np.linspace(0.5, 0.95, 10)
    said = np.column_stack([(1 - share) / 2, (1 - share) / 2, share])
    sets = ConformalSets.fit(said, np.full(10, 2), np.zeros(10), alpha=0.2)
    assert sets.thresholds == pytest.approx((0.45,) * 3)
    assert sets.rows == (10, 10, 10)
    rows = np.array([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3], [0.0, 0.44, 0.56]])
    allowed = sets.allowed(rows, np.zeros(3))
    assert allowed.tolist() == [[True, False, False], [False, False, False], [False, False, True]]


def test_aps_strangeness_is_a_rank_with_a_part_of_its_own() -> None:
    rows, half = np.array([[0.2, 0.5, 0.3], [1 / 3, 1 / 3, 1 / 3]]), np.array([0.5, 0.5])
    np.testing.assert_allclose(strangeness(rows, half, "aps"), [[0.9, 0.25, 0.65], [1 / 6, 0.5, 5 / 6]])
    # The true class of true probabilities has a uniform strangeness.
    rng = np.random.default_rng(0)
    true = rng.dirichlet([1.0, 1.0, 1.0], 5000)
    y = (rng.random(5000)[:, None] > np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    own = strangeness(true, rng.random(5000), "aps")[np.arange(5000), y]
    assert stats.kstest(own, "uniform").pvalue > 0.01


def test_each_class_is_covered_where_asked() -> None:
    rng = np.random.default_rng(1)

    def market(n: int) -> tuple[np.ndarray, np.ndarray]:
        """Long is rare, and the model hardly ever says so."""
        y = rng.choice(3, n, p=[0.45, 0.5, 0.05])
        scores = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[y] - [0.0, 0.0, 3.0]
        exponents = np.exp(scores)
        return exponents / exponents.sum(axis=1, keepdims=True), y

    said, y = market(20_000)
    fresh, came = market(20_000)
    covered = {}
    for by_class in (False, True):
        sets = ConformalSets.fit(said, y, np.zeros(len(y)), alpha=0.1, by_class=by_class)
        inside = sets.allowed(fresh, np.zeros(len(came)))[np.arange(len(came)), came]
        covered[by_class] = [float(inside[came == k].mean()) for k in range(3)]
    assert covered[False][2] < 0.3
    assert covered[True] == pytest.approx([0.9, 0.9, 0.9], abs=0.03)
    # Eight rows of a class cannot rule it out.
    few = np.concatenate([np.flatnonzero(y != 2)[:500], np.flatnonzero(y == 2)[:8]])
    sets = ConformalSets.fit(said[few], y[few], np.zeros(len(few)), alpha=0.1, by_class=True)
    assert sets.thresholds[2] == 2.0
    assert sets.allowed(fresh, np.zeros(len(came)))[:, 2].all()


def test_a_rows_chance_is_its_own() -> None:
    known_at = np.arange(20_000, dtype=np.int64) * 60_000_000 + 1_600_000_000_000_000
    symbol = (np.arange(20_000) % 2).astype(np.int32)
    chance = row_chance(known_at, symbol, ("AAA", "BBB"))
    assert stats.kstest(chance, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(chance[:-1], chance[1:])[0, 1]) < 0.03
    assert len(np.unique(chance)) == 20_000
    # Neither the other rows nor the numbering of the symbols change it.
    np.testing.assert_array_equal(row_chance(known_at[5:6], symbol[5:6], ("AAA", "BBB")), chance[5:6])
    np.testing.assert_array_equal(row_chance(known_at, 1 - symbol, ("BBB", "AAA")), chance)
    assert row_chance(known_at[:0], symbol[:0], ()).shape == (0,)


def test_it_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    said, y, chance = drawn(np.random.default_rng(2), 100)
    conformal = Conformal(ConformalSets.fit(said, y, chance, alpha=0.1, method="aps", by_class=True), SEEN)
    conformal.save(tmp_path / "a.json")
    assert Conformal.load(tmp_path / "a.json") == conformal
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(IntegrityError, match="holds no split"):
        Conformal.load(tmp_path / "a.json")


def test_too_few_rows_and_levels_that_are_none_are_refused() -> None:
    said, y, chance = drawn(np.random.default_rng(3), 8)
    with pytest.raises(DataError, match=r"8 rows cannot make conformal sets at alpha 0.1, 9 are needed"):
        ConformalSets.fit(said, y, chance, alpha=0.1)
    with pytest.raises(DataError, match="alpha must be between 0 and 1, was 1"):
        ConformalSets.fit(said, y, chance, alpha=1.0)
