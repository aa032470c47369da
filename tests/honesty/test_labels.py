"""Labels end when they say; one that ends later is told, with the moment at which it claimed to be known."""

from __future__ import annotations

import pytest

import gnomon
from gnomon.core.errors import GateError
from gnomon.honesty import levels
from gnomon.honesty.labels import probe_labels


def test_labels_that_end_as_they_say_are_clean():
    report = gnomon.probe_labels(levels.CLEAN_LABELERS["triple_barrier_labels"], levels.small_bars(), 6)
    assert report.clean
    assert set(report.columns) == {"label", "forward_return", "weight"}
    assert report.empty == ()


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("label_ends_a_bar_early", "forward_return"),
        ("classes_by_whole_mean", "label"),
        ("weights_by_whole_mean", "weight"),
    ],
)
def test_control_what_knows_more_is_told(name, column):
    report = probe_labels(levels.LABELERS[name][1], levels.small_bars(), 6)
    leak = next(leak for leak in report.leaks if leak.column == column)
    assert leak.first_row <= leak.cut
    with pytest.raises(GateError, match="the label's column"):
        report.raise_leaks()
