"""Overlaps and fits are judged by intervals and row hashes; each rule has its control."""

from __future__ import annotations

import numpy as np
import pytest

from gnomon.honesty import folds


@pytest.mark.parametrize("name", folds.OVERLAPS)
def test_a_fold_that_leaks_is_told(name):
    assert folds.audit(folds.OVERLAPS[name][1]())


@pytest.mark.parametrize("name", folds.CLEAN_FOLDS)
def test_a_purged_fold_passes(name):
    made = folds.CLEAN_FOLDS[name]()
    assert made.train.size
    assert made.test.size
    assert folds.audit(made) == ""


def test_the_embargo_is_as_long_as_the_features_reach_back():
    """By hand: the last test label ends at bar 259, features read 15 bars, so training may begin 16 bars later."""
    test = (folds.labelled().known_at >= 160) & (folds.labelled().known_at < 240)
    for embargo in range(folds.REACH):
        assert "features of" in folds.audit(folds.fold(test, embargo=embargo))
    assert folds.audit(folds.fold(test, embargo=folds.REACH)) == ""


def test_every_leaky_fit_is_told_by_its_rows_and_every_right_one_passes():
    judged = list(folds.fits())
    assert {leaks for _, _, leaks, _ in judged} == {True, False}
    assert all(leaks == found for _, _, leaks, found in judged)


def test_control_a_fit_on_as_many_other_rows_is_told():
    """Counting rows would not do: the same number of other rows has another hash."""
    train = folds._parts()["train"]
    shifted = train.copy()
    shifted[-1] += 1
    assert not folds.saw_other_rows(folds.FITS["selection"](train))
    assert folds.saw_other_rows(folds.FITS["selection"](shifted))
    assert np.array_equal(train[:-1], shifted[:-1])
