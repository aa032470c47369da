"""Tests of the maximum on columns whose skill is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.metrics import superior_predictive_ability
from gnomon.metrics.superiority import bootstrap_means, long_run_variance


def test_noise_is_claimed_at_its_rate_and_an_edge_is_found() -> None:
    claims = found = 0
    for seed in range(30):
        rng = np.random.default_rng([1, seed])
        noise = rng.normal(0, 0.01, (300, 8))
        claims += superior_predictive_ability(noise, rng=rng, reps=200).pvalue < 0.05
        noise[:, 4] += 0.003
        test = superior_predictive_ability(noise, rng=rng, reps=200)
        found += test.pvalue < 0.05 and 4 in test.superior
    assert claims <= 5  # 5% of 30 is 1.5; more than 5 has a chance of 0.3%
    assert found >= 25


def test_the_best_of_many_needs_more_than_one_alone() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.01, (500, 200))
    best = int(np.argmax(noise.mean(axis=0)))
    alone = superior_predictive_ability(noise[:, [best]], rng=np.random.default_rng(3))
    among = superior_predictive_ability(noise, rng=np.random.default_rng(3))
    assert alone.pvalue < 0.05 < among.pvalue  # control: without counting the tries, luck would pass
    assert among.superior == ()


def test_the_generator_decides() -> None:
    noise = np.random.default_rng(4).normal(0.0, 0.01, (300, 5))
    first, again, other = (
        superior_predictive_ability(noise, rng=np.random.default_rng(seed), reps=200).pvalue for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("excess", [np.zeros((0, 2)), np.zeros((300, 3)), np.ones((10, 2)) * [[1.0, -1.0]]])
def test_what_cannot_be_tested_is_nan(excess: np.ndarray) -> None:
    test = superior_predictive_ability(excess, rng=np.random.default_rng(1))
    assert math.isnan(test.pvalue)
    assert test.superior == ()


def test_columns_that_never_move_keep_the_others_numbers() -> None:
    edge = np.random.default_rng(5).normal(0.003, 0.01, 400)
    test = superior_predictive_ability(np.column_stack([np.zeros(400), edge]), rng=np.random.default_rng(1), reps=200)
    assert test.superior == (1,)


def test_all_may_be_superior_in_more_than_one_step() -> None:
    """The weaker passes only once the stronger is out of the way: then none is left to step down to."""
    noise = np.random.default_rng(6).normal(0.0, 0.01, (750, 12))
    noise -= noise.mean(axis=0)
    noise[:, :11] += 0.0020
    noise[:, 11] += 0.00095
    rest = superior_predictive_ability(noise[:, :11], rng=np.random.default_rng(1))
    alone = superior_predictive_ability(noise[:, 11:], rng=np.random.default_rng(1))
    assert rest.superior == tuple(range(11))
    assert alone.superior == (0,)
    assert superior_predictive_ability(noise, rng=np.random.default_rng(1)).superior == tuple(range(12))


@pytest.mark.parametrize("noisy", [1.0, 10.0])
def test_a_calm_edge_is_not_drowned_by_a_noisy_try(noisy: float) -> None:
    """The statistic is studentised: what counts is each column's mean in units of its own deviation."""
    calm, loud = np.random.default_rng(7).normal(0.0, 0.01, (2, 1000))
    calm += 0.0015 - calm.mean()
    test = superior_predictive_ability(np.column_stack([calm, noisy * loud]), rng=np.random.default_rng(1))
    assert test.pvalue < 0.01
    assert test.superior == (0,)


def test_leverage_changes_nothing() -> None:
    excess = np.random.default_rng(8).normal(0.0004, 0.01, (400, 4))
    lever = np.array([0.25, 1.0, 4.0, 1024.0])
    plain, levered = (superior_predictive_ability(e, rng=np.random.default_rng(1)) for e in (excess, excess * lever))
    assert levered == plain


def arch_test(excess: np.ndarray, block: int, seed: int, reps: int = 2000):
    """The oracle on the same scaled columns."""
    from arch.bootstrap import SPA

    scaled = excess / excess.std(axis=0)
    test = SPA(np.zeros(len(excess)), -scaled, block_size=block, reps=reps, bootstrap="stationary", seed=seed)
    test.compute()
    return test


@pytest.mark.parametrize("seed", range(6))
def test_arch_says_the_same(seed: int) -> None:
    rng = np.random.default_rng([9, seed])
    excess = rng.normal(rng.normal(0.0, 0.0004, 6), 0.01, (250, 6))
    excess[1:] += 0.2 * excess[:-1]
    ours = superior_predictive_ability(excess, rng=np.random.default_rng(1), reps=4000, block=7)
    theirs = float(arch_test(excess, 7, seed).pvalues["consistent"])
    # Both are shares of draws: four standard errors of their difference.
    spread = math.sqrt(theirs * (1 - theirs) * (1 / 2000 + 1 / 4000) + 1e-6)
    assert abs(ours.pvalue - theirs) < 4 * spread + 0.002


def test_the_variance_is_that_of_the_bootstrap() -> None:
    columns = np.random.default_rng(10).normal(size=(60, 2)).cumsum(axis=0)
    drawn = bootstrap_means(columns, rng=np.random.default_rng(1), reps=20_000, block=5.0)
    np.testing.assert_allclose(drawn.var(axis=0) * 60, long_run_variance(columns, 5.0), rtol=0.05)


def test_the_variance_is_the_slow_sum() -> None:
    columns = np.random.default_rng(11).normal(size=(40, 3))
    apart, p, t = columns - columns.mean(axis=0), 1 / 4, 40
    slow = (apart**2).mean(axis=0)
    for i in range(1, t):
        weight = (1 - i / t) * (1 - p) ** i + (i / t) * (1 - p) ** (t - i)
        slow += 2 * weight * (apart[: t - i] * apart[i:]).sum(axis=0) / t
    np.testing.assert_allclose(long_run_variance(columns, 4.0), slow, rtol=1e-10)


def test_blocks_keep_rows_together() -> None:
    """With blocks as long as the record every mean is the record's own; with blocks of one, rows are independent."""
    columns = np.arange(10.0)[:, None]
    whole = bootstrap_means(columns, rng=np.random.default_rng(1), reps=50, block=1e12)
    np.testing.assert_allclose(whole, 4.5)
    single = bootstrap_means(columns, rng=np.random.default_rng(1), reps=20_000, block=1.0)
    assert single.mean() == pytest.approx(4.5, abs=0.03)
    assert single.var() == pytest.approx(columns.var() / 10, rel=0.05)


def test_memory_is_bounded_and_changes_no_draw_law(monkeypatch: pytest.MonkeyPatch) -> None:
    from gnomon.metrics import superiority

    columns = np.random.default_rng(12).normal(size=(100, 2))
    monkeypatch.setattr(superiority, "DRAWS_AT_ONCE", 1_000)
    drawn = bootstrap_means(columns, rng=np.random.default_rng(1), reps=2_000, block=4.0)
    np.testing.assert_allclose(drawn.var(axis=0) * 100, long_run_variance(columns, 4.0), rtol=0.15)


def test_a_block_below_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="block must be 1 row or more"):
        bootstrap_means(np.zeros((5, 1)), rng=np.random.default_rng(1), reps=1, block=0.5)
