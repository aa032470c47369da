"""Refits know the past alone, whatever is done to the rows and labels after a cut; those that know more are told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gnomon
from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.probe.perturb import TESTS
from gnomon.honesty import levels
from gnomon.honesty.refits import ChangedSamples, probe_refits
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits.walk_forward import WalkForward
from gnomon.training.refits import Refits


@pytest.fixture(scope="module")
def samples():
    return levels.samples()


@pytest.mark.parametrize("name", ["rolling_logistic", "anchored_boosting"])
def test_rolling_and_anchored_refits_are_bit_equal(name, samples):
    refits = levels.CLEAN_REFITS[name]
    report = gnomon.probe_refits(refits, samples, 3)
    assert report.clean, str(report)
    assert report.refused == {}
    assert report.level == "refits"
    assert refits.edges(samples)[0] in report.cuts


@pytest.mark.parametrize("name", levels.REFITS)
def test_control_refits_that_know_more_are_told_by_row_and_cut(name, samples):
    """A scaler of all rows, early stopping or a choice by test rows, labels not purged, folds around the test."""
    edges = levels.CLEAN_REFITS["rolling_ridge"].edges(samples)
    report = probe_refits(levels.REFITS[name][1], samples, 1, edges=edges)
    assert report.leaks[0].cut == report.leaks[0].first_row or name == "folds_around_the_test"
    assert set(report.leaking) == {"probability_short", "probability_flat", "probability_long"}
    assert all(leak.first_row <= leak.cut for leak in report.leaks)


def test_open_labels_show_at_the_edge_and_nowhere_between(samples):
    """A label of ten bars that is open when its model takes over is decided within ten: later cuts do not see it."""
    edges = levels.CLEAN_REFITS["rolling_ridge"].edges(samples)
    moments = np.unique(samples.known_at)
    until = np.flatnonzero(moments < int(edges[1].timestamp() * 1e6))
    early = samples.take(np.flatnonzero(samples.known_at <= moments[until[-1]]))
    procedure = levels.REFITS["refits_on_open_labels"][1]
    (first, *_) = probe_refits(procedure, early, 1, edges=edges[:1]).leaks
    assert first.cut == first.first_row == edges[0]
    later = probe_refits(procedure, early, 1, edges=[edges[0] + (edges[1] - edges[0]) / 2])
    assert later.clean, "control: without a cut at the edge it would not be seen"


def test_a_small_net_to_a_relative_1e_12(samples):
    few = samples.take(np.flatnonzero(samples.known_at <= np.unique(samples.known_at)[239]))
    net = ModelConfig(model_type="mlp", params={"hidden": 4, "layers": 1, "epochs": 1})
    refits = Refits(model=net, splitter=replace(levels.SPLIT, test_bars=40), training=TrainingConfig())
    report = probe_refits(refits, few, 1, tolerance=1e-12)
    assert report.clean, str(report)
    assert report.refused == {}
    assert report.rows == 80


def test_what_is_changed_is_what_came_later(samples):
    cut = int(np.unique(samples.known_at)[250])
    past, known = samples.known_at <= cut, samples.label_end <= cut
    for test in TESTS:
        made = ChangedSamples(samples).after(cut, test)
        kept = slice(None) if test != "truncated" else past
        assert np.array_equal(made.x[: None if test != "truncated" else past.sum()][past[kept]], samples.x[past], True)
        rows = past & known[:, 0]
        for name in ("y", "label_end", "forward_return", "weight"):
            before = getattr(samples, name)
            assert np.array_equal(getattr(made, name)[rows[kept]], before[rows]), (test, name)
        assert (made.label_end[~rows[kept]] > cut).all(), "nothing becomes known that was not"
        changed = {
            name: not np.array_equal(getattr(made, name), getattr(samples, name), equal_nan=name != "y")
            for name in ("x", "y", "label_end", "forward_return")
        }
        assert changed["x"], test
        assert changed["y"], test
    undecided = ChangedSamples(samples).after(cut, "truncated")
    assert (undecided.label_end[undecided.weight == 0] == UNKNOWN_END).all()


def test_equal_folds_have_no_place_in_refits():
    with pytest.raises(ConfigError, match="equal folds move when the history grows"):
        Refits(model=levels.RIDGE, splitter=WalkForward(folds=4))


def test_control_equal_folds_would_be_told(samples):
    """What `Refits` refuses, written by hand: the edges move with the end of the history."""
    procedure = lambda given: levels._by_hand(given, levels._fitted, WalkForward(folds=3))  # noqa: E731
    assert probe_refits(procedure, samples, 2).leaks


def test_a_history_too_short_to_forecast_is_refused(samples):
    short = samples.take(np.flatnonzero(samples.known_at <= np.unique(samples.known_at)[100]))
    assert len(levels.CLEAN_REFITS["rolling_ridge"](short)) == 0
    with pytest.raises(DataError, match="nothing is forecast of"):
        probe_refits(levels.CLEAN_REFITS["rolling_ridge"], short)
    with pytest.raises(ConfigError, match="cuts must be"):
        probe_refits(levels.CLEAN_REFITS["rolling_ridge"], samples, 0)
