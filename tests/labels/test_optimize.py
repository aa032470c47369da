"""The search for barriers: what it scores, that it sees training rows alone, and that it can be repeated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import optuna
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.labels import TripleBarrier, optimize
from gnomon.labels.optimize import (
    OBJECTIVES,
    BarrierTrial,
    Ground,
    SearchSpace,
    non_dominated,
    optimize_barriers,
    score,
    simple_features,
)

BARS, TRAIN = 300, 220
LABELER = TripleBarrier(horizons=(5, 10), cost_bps=5.0)


@pytest.fixture(scope="module")
def bars(random_walk: Any) -> pl.DataFrame:
    return random_walk(BARS, 1, "AB")


@pytest.fixture(scope="module")
def train_end(bars: pl.DataFrame) -> datetime:
    end = bars["timestamp"][TRAIN]
    assert isinstance(end, datetime)
    return end


def search(bars: pl.DataFrame, train_end: datetime, **settings: Any) -> Any:
    return optimize_barriers(
        bars, train_end=train_end, **{"labeler": LABELER, "trials": 24, "population": 8, **settings}
    )


def spoilt_after(bars: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """The bars with other prices after a moment."""
    later = pl.col("timestamp") > moment
    noise = 1.0 + pl.int_range(pl.len()) % 7 / 20
    names = ("open", "high", "low", "close")
    return bars.with_columns(pl.when(later).then(pl.col(name) * noise).otherwise(name).alias(name) for name in names)


def test_later_bars_are_never_seen(bars: pl.DataFrame, train_end: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, spoilt = search(bars, train_end), search(spoilt_after(bars, train_end), train_end)
    assert_frame_equal(whole.trials, spoilt.trials, check_exact=True)
    assert whole.labeler == spoilt.labeler
    cut = search(bars.filter(pl.col("timestamp") <= train_end), train_end)
    assert_frame_equal(whole.trials, cut.trials, check_exact=True)
    # The same holds of features that are handed in.
    features = simple_features(bars)
    later = features.with_columns(
        return_5=pl.when(pl.col("timestamp") > train_end).then(9.0).otherwise(pl.col("return_5"))
    )
    one, two = (search(bars, train_end, features=table, trials=4) for table in (features, later))
    assert_frame_equal(one.trials, two.trials, check_exact=True)
    frame = search(bars.to_pandas().set_index("timestamp"), train_end)
    assert_frame_equal(whole.trials, frame.trials, check_exact=True)
    # The training end itself is seen, to the bar.
    before = search(spoilt_after(bars, train_end - timedelta(hours=1)), train_end)
    assert not whole.trials.equals(before.trials)
    # The control: a search that does not cut is caught.
    monkeypatch.setattr(optimize, "_training", lambda frame, _: frame)
    assert not search(bars, train_end).trials.equals(search(spoilt_after(bars, train_end), train_end).trials)


def test_the_same_seed_gives_the_same_front(bars: pl.DataFrame, train_end: datetime) -> None:
    one, again, other = (search(bars, train_end, seed=seed) for seed in (1, 1, 2))
    assert_frame_equal(one.trials, again.trials, check_exact=True)
    assert one.labeler == again.labeler
    assert not one.trials.equals(other.trials)


def test_every_trial_is_handed_over_as_it_is_scored(bars: pl.DataFrame, train_end: datetime) -> None:
    recorded: list[BarrierTrial] = []
    found = search(bars, train_end, record=recorded.append)
    assert [one.number for one in recorded] == found.trials["trial"].to_list() == list(range(24))
    for one, row in zip(recorded, found.trials.iter_rows(named=True), strict=True):
        assert {name: row[name] for name in OBJECTIVES} == one.scores
        assert (row["upper"], row["lower"], row["volatility_span"]) == (
            one.labeler.upper,
            one.labeler.lower,
            one.labeler.volatility_span,
        )
        assert (one.labeler.horizons, one.labeler.cost_bps) == (LABELER.horizons, LABELER.cost_bps)

    class StoppedError(Exception):
        pass

    def stop(one: BarrierTrial) -> None:
        if one.number == 3:
            raise StoppedError

    spoken = optuna.logging.get_verbosity()
    with pytest.raises(StoppedError):
        search(bars, train_end, record=stop)
    assert optuna.logging.get_verbosity() == spoken


def test_the_front_is_what_nothing_beats_and_the_choice_lies_on_it(bars: pl.DataFrame, train_end: datetime) -> None:
    found = search(bars, train_end, trials=40)
    rows = found.trials.select(OBJECTIVES).rows()
    for number, (row, on_front) in enumerate(zip(rows, found.trials["front"], strict=True)):
        beaten = any(all(a >= b for a, b in zip(other, row, strict=True)) and other != row for other in rows)
        assert on_front == (not beaten and rows.index(row) == number)
    assert found.chosen in found.front["trial"].to_list()
    assert found.labeler.upper == found.trials["upper"][found.chosen]
    assert 0 < found.front.height < 40


def test_non_dominated_by_hand() -> None:
    scores = np.array([[1.0, 1.0], [2.0, 0.0], [1.0, 0.0], [0.0, 2.0], [2.0, 0.0]])
    assert non_dominated(scores).tolist() == [True, True, False, True, False]


def test_noise_does_not_choose() -> None:
    # The third tells a ten-thousandth more and is far worse otherwise; where it tells much it is chosen.
    scores = np.array([[0.9, 0.0, 100.0], [0.8, 0.0, 140.0], [0.3, 0.0001, 90.0]])
    everything = np.ones(3, bool)
    assert optimize._nearest_to_best(scores, everything) == 1
    scores[2] = 0.85, 0.2, 90.0
    assert optimize._nearest_to_best(scores, everything) == 2


def test_the_search_stays_within_its_space(bars: pl.DataFrame, train_end: datetime) -> None:
    space = SearchSpace(upper=(1.0, 1.2), lower=(2.0, 2.0), volatility_span=(30, 40))
    trials = search(bars, train_end, space=space).trials
    assert trials["upper"].is_between(1.0, 1.2).all()
    assert (trials["lower"] == 2.0).all()
    assert trials["volatility_span"].is_between(30, 40).all()
    for wrong in ({"upper": (0.0, 1.0)}, {"lower": (2.0, 1.0)}, {"volatility_span": (1, 9)}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must run from a number above"):
            SearchSpace(**wrong)


def test_scores_worked_by_hand(make_bars: Any) -> None:
    # Up a hundredth, down a hundredth, in turn: one bar ahead the label is the turn, and so is the bar's own return.
    close = np.tile([100.0, 101.0], 60)
    bars = make_bars(close)
    labeler = TripleBarrier(horizons=(1,), upper=0.5, lower=0.5, entry="close", cost_bps=10.0, volatility_warmup=2)
    turn = bars.select("timestamp", "symbol", turn=(pl.int_range(pl.len()) % 2).cast(pl.Float64))
    scores = score(bars, Ground.of(bars, turn), labeler)
    labels = labeler.label(bars).drop_nulls()
    ups, downs = (labels["label"] == 1).sum(), (labels["label"] == -1).sum()
    assert ups + downs == labels.height
    share = ups / labels.height
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert scores["balance"] == pytest.approx(entropy / np.log(3))
    # The feature tells all there is, less what two by two cells tell by chance.
    assert scores["separability"] == pytest.approx(1 - 1 / (2 * labels.height) / entropy)
    gains = (ups * (101 / 100 - 1) + downs * (1 - 100 / 101)) / labels.height  # every label is a call
    assert scores["payoff_bps"] == pytest.approx(gains * 1e4 - 10.0)
    # With the sign at the horizon there are two classes to balance.
    by_sign = TripleBarrier(horizons=(1,), upper=0.5, lower=0.5, entry="close", at_horizon="sign", volatility_warmup=2)
    assert score(bars, Ground.of(bars, turn), by_sign)["balance"] == pytest.approx(entropy / np.log(2))


def test_chance_tells_nothing(random_walk: Any) -> None:
    bars = random_walk(2000, 3)
    draw = np.random.default_rng(1)
    features = bars.select(
        "timestamp", "symbol", noise=pl.Series(draw.normal(size=2000)), empty=pl.lit(None, pl.Float64)
    )
    labeler = TripleBarrier(horizons=(5,))
    assert score(bars, Ground.of(bars, features), labeler)["separability"] < 0.01
    # Tomorrow's return is a feature that tells much: the measure sees it.
    seen = bars.select("timestamp", "symbol", cheat=pl.col("close").shift(-3) / pl.col("close"))
    assert score(bars, Ground.of(bars, seen), labeler)["separability"] > 0.2


def test_a_search_that_cannot_be_made_is_refused(bars: pl.DataFrame, train_end: datetime) -> None:
    with pytest.raises(ConfigError, match="needs 1 trial and a population of 2"):
        search(bars, train_end, trials=0)
    with pytest.raises(ConfigError, match="has no time zone"):
        search(bars, train_end.replace(tzinfo=None))
    with pytest.raises(DataError, match="no bar stands at or before the training end 2001"):
        search(bars, datetime(2001, 1, 1, tzinfo=UTC))
    with pytest.raises(DataError, match="horizon 10 needs 11 bars"):
        search(bars, bars["timestamp"][8])
    with pytest.raises(DataError, match=r"no label is decided by the training end .* within 30 bars"):
        search(bars, bars["timestamp"][14])
    with pytest.raises(DataError, match="features need timestamp, symbol and a column"):
        search(bars, train_end, features=bars.select("timestamp", "symbol"))
    features = simple_features(bars)
    with pytest.raises(DataError, match="features repeat a symbol and moment"):
        search(bars, train_end, features=pl.concat([features, features]))


def test_a_try_that_labels_nothing_scores_nothing(bars: pl.DataFrame) -> None:
    silent = TripleBarrier(horizons=(5,), volatility_warmup=10_000)
    assert score(bars, Ground.of(bars, simple_features(bars)), silent) == dict.fromkeys(OBJECTIVES, 0.0)
