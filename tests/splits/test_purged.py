"""Purged k-fold: worked by hand, equal to its slow twin, with controls that leak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits import SPLITTERS, Fold, PurgedKFold, audit_fold, audited
from gnomon.splits.ranges import FoldRanges, Span, Timeline

shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_ten_rows_worked_by_hand() -> None:
    # Groups 0-2, 3-5, 6-8 of nine moments; labels end one bar later, that of row 0 only at 6.
    known_at = np.arange(9)
    label_end = known_at + 1
    label_end[0] = 6
    first, second, third = PurgedKFold(folds=3).split(known_at, label_end)
    assert first.test.tolist() == [0, 1, 2]
    assert first.train.tolist() == [7, 8]  # the label of row 0 is judged until 6
    assert second.test.tolist() == [3, 4, 5]
    assert second.train.tolist() == [1, 7, 8]  # 0 and 2 end inside, 6 begins as the label of 5 ends
    assert third.test.tolist() == [6, 7, 8]
    assert third.train.tolist() == [1, 2, 3, 4]  # 0 and 5 end as the test begins


def test_the_embargo_begins_when_the_last_tested_label_has_ended() -> None:
    known_at = np.arange(0, 120, 10)
    first, second, _ = PurgedKFold(folds=3, embargo_bars=2).split(known_at, known_at + 15)
    # Tested until 30; its label ends at 45: 50 and 60 are under the embargo.
    assert known_at[first.train].tolist() == [70, 80, 90, 100, 110]
    assert known_at[second.train].tolist() == [0, 10, 20, 110]


def test_all_symbols_are_cut_at_the_same_moments() -> None:
    # A long and a short history, sorted by symbol and then time.
    known_at = np.concatenate([np.arange(100), np.arange(60, 100)])
    folds = list(PurgedKFold(folds=5).split(known_at, known_at))
    assert [fold.test.size for fold in folds] == [20, 20, 20, 40, 40]
    for number, fold in enumerate(folds):
        assert set(known_at[fold.test]) == set(range(20 * number, 20 * number + 20))
        assert (np.diff(fold.test) > 0).all()
        assert (np.diff(fold.train) > 0).all()
        assert fold.valid.size == 0


def test_rows_without_a_label_are_tested_and_never_trained_on() -> None:
    known_at = np.arange(30)
    label_end = known_at + 3
    label_end[[4, 29]] = UNKNOWN_END
    first, second, third = PurgedKFold(folds=3).split(known_at, label_end)
    assert 4 in first.test
    assert 29 in third.test
    assert not {4, 29} & {*first.train, *second.train, *third.train}
    # An undecided label in the test does not purge everything after it: it counts for as long as the longest.
    assert first.train.tolist() == list(range(13, 29))


@shared_fixtures
@given(
    seed=st.integers(0, 10_000), folds=st.integers(2, 7), embargo=st.integers(0, 4), undecided=st.sampled_from([0, 0.1])
)
def test_the_splits_are_those_of_the_slow_twin(
    seed: int, folds: int, embargo: int, undecided: float, make_rows: Callable[..., Any], slow_twin: Callable[..., Any]
) -> None:
    rows = make_rows(seed, undecided=undecided)
    made = list(PurgedKFold(folds=folds, embargo_bars=embargo).split(*rows))
    assert len(made) == folds
    for fold in made:
        assert fold.train.tolist() == slow_twin(rows, fold.test, embargo_bars=embargo)
        assert audit_fold(fold, *rows).clean
        # Whole moments are tested, in one run of the history.
        inside = (rows.known_at >= rows.known_at[fold.test].min()) & (rows.known_at <= rows.known_at[fold.test].max())
        assert np.flatnonzero(inside).tolist() == fold.test.tolist()
    assert np.sort(np.concatenate([fold.test for fold in made])).tolist() == list(range(rows.known_at.size))
    sizes = [np.unique(rows.known_at[fold.test]).size for fold in made]
    assert max(sizes) - min(sizes) <= 1


@shared_fixtures
@given(seed=st.integers(0, 10_000))
def test_the_order_of_the_rows_does_not_matter(seed: int, make_rows: Callable[..., Any]) -> None:
    rows = make_rows(seed)
    order = np.argsort(rows.known_at, kind="stable")
    shuffled = list(PurgedKFold(embargo_bars=1).split(*rows))
    sorted_ = list(PurgedKFold(embargo_bars=1).split(rows.known_at[order], rows.label_end[order]))
    for a, b in zip(shuffled, sorted_, strict=True):
        for part in ("train", "test"):
            assert getattr(a, part).tolist() == np.sort(order[getattr(b, part)]).tolist()


@pytest.mark.parametrize("purge_bars", [0, 3])
def test_control_no_purge_and_purging_by_a_count_are_caught(purge_bars: int) -> None:
    known_at = np.arange(100)
    label_end = known_at + 3
    label_end[30] = 60  # one label that lives long, as those of a barrier do
    test = np.arange(40, 60)
    by_count = np.concatenate([np.arange(40 - purge_bars), np.arange(60 + purge_bars, 100)])
    overlaps = audit_fold(Fold(train=by_count, test=test), known_at, label_end).overlaps["train", "test"]
    assert 30 in overlaps
    (_, _, purged, _, _) = PurgedKFold(folds=5).split(known_at, label_end)
    assert 30 not in purged.train
    assert 29 in purged.train


def test_a_fold_that_leaks_is_not_handed_out() -> None:
    timeline = Timeline.of(np.arange(10), np.arange(10) + 2)
    unpurged = FoldRanges(timeline=timeline, train=(Span(0, 5, UNKNOWN_END),), test=(Span(5, 10),))
    assert unpurged.unaudited().train.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(GateError, match="2 labels of train overlap labels of test"):
        unpurged.fold()


def test_a_splitter_of_ones_own_is_audited() -> None:
    class Shuffled:
        def split(self, known_at: Any, label_end: Any) -> Any:
            order = np.random.default_rng(0).permutation(known_at.size)
            yield Fold(train=np.sort(order[10:]), test=np.sort(order[:10]))

    known_at = np.arange(50)
    with pytest.raises(GateError, match="the split leaks"):
        list(audited(Shuffled()).split(known_at, known_at + 2))
    clean = audited(PurgedKFold())
    assert audited(clean) is clean
    assert len(list(clean.split(known_at, known_at + 2))) == 5


def test_moments_may_be_columns_of_a_table() -> None:
    stamps = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 20), "1d", time_zone="UTC", eager=True)
    ends = stamps.dt.offset_by("2d").scatter(19, None)
    folds = [fold.train.tolist() for fold in PurgedKFold(folds=4).split(stamps, ends)]
    plain = np.arange(20), np.where(np.arange(20) == 19, UNKNOWN_END, np.arange(20) + 2)
    assert folds == [fold.train.tolist() for fold in PurgedKFold(folds=4).split(*plain)]
    assert folds == [fold.train.tolist() for fold in PurgedKFold(folds=4).split(stamps.to_pandas(), ends.to_pandas())]


@pytest.mark.parametrize(
    ("splitter", "known_at", "label_end", "said"),
    [
        ({"folds": 5}, np.arange(4), np.arange(4), "4 rows at 4 distinct timestamps cannot be cut into 5 groups"),
        ({"folds": 2}, np.zeros(9, int), np.zeros(9, int), "9 rows at 1 distinct timestamps"),
        ({"folds": 2}, np.arange(10), np.arange(10) + 9, "no row is left in train of fold 1 of 2.*longest lives"),
        ({"embargo_bars": 10}, np.arange(10), np.arange(10), "no row is left in train of fold 1 of 5"),
        ({}, np.arange(10), np.full(10, UNKNOWN_END), r"no row is left in train.*no label \(10 rows"),
        ({}, np.arange(10), np.arange(9), "known_at has 10 rows and label_end 9"),
        ({}, np.arange(0), np.arange(0), "there are no rows to split"),
        ({}, np.arange(10), np.arange(10) - 1, "label_end lies before known_at in 10 rows, first in row 0"),
        ({}, np.arange(10.0), np.arange(10), "known_at is float64"),
        ({}, np.array(["a", "b"], object), np.arange(2), "known_at holds no times"),
        ({}, np.zeros((2, 2), int), np.arange(2), r"known_at must have one dimension.*\(2, 2\)"),
        ({}, np.array(["2024-01-01", "NaT"], "M8[us]"), np.arange(2), "known_at is missing in 1 rows, first in row 1"),
        ({}, pl.Series([None], dtype=pl.Datetime("us")), np.arange(1), "known_at has no time zone"),
    ],
)
def test_what_cannot_be_split_is_refused_before_the_first_fold(
    splitter: dict[str, Any], known_at: Any, label_end: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        PurgedKFold(**splitter).split(known_at, label_end)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"folds": 1}, "split.folds = 1|folds must be a whole number of 2 or more, was 1"),
        ({"embargo_bars": -1}, "embargo_bars must be a whole number of 0 or more, was -1"),
        ({"embargo": 3}, "embargo_bars"),
        ({"folds": 2.5}, "folds"),
    ],
)
def test_wrong_settings_are_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SPLITTERS.from_config({"kind": "purged_kfold", **fields}, where="split")


def test_settings_given_in_python_are_checked_too() -> None:
    with pytest.raises(ValueError, match=r"folds must be a whole number of 2 or more, was 2\.5"):
        PurgedKFold(folds=2.5)  # type: ignore[arg-type]
