"""What every labeler owes: the table, labels that stay once given, an end that is the last bar used, clear refusals.

A labeler that joins the registry meets this by itself.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.probe import probe_lookahead
from gnomon.labels import LABEL_SCHEMA, LABELERS, Labeler, fixed_horizon, trend_scan, trend_scanning, triple_barrier

KEYS = ["symbol", "timestamp", "horizon"]
HORIZONS = [4, 9]
BARS = 90
VARIANTS: dict[str, dict[str, Any]] = {
    "barriers, uniqueness": {"kind": "triple_barrier", "volatility_warmup": 5},
    "barriers by path, return": {
        "kind": "triple_barrier",
        "touch": "high_low",
        "weighting": "return",
        "volatility_warmup": 5,
    },
    "fixed, volatilities": {"kind": "fixed_horizon", "volatility_warmup": 5},
    "fixed, bps, at the close": {"kind": "fixed_horizon", "unit": "bps", "threshold": 30, "entry": "close"},
    "trends": {"kind": "trend_scanning"},
    "trends, return, at the close": {"kind": "trend_scanning", "weighting": "return", "entry": "close"},
}


def test_every_labeler_is_tried() -> None:
    assert {fields["kind"] for fields in VARIANTS.values()} == set(LABELERS.names())


def labeler(variant: str, horizons: list[int] = HORIZONS) -> Labeler:
    return LABELERS.from_config({**VARIANTS[variant], "horizons": horizons}, where="labels")


def decided(labels: pl.DataFrame) -> pl.DataFrame:
    return labels.filter(pl.col("label").is_not_null())


def same_rows(labels: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    return labels.join(rows.select(KEYS), on=KEYS, how="semi", maintain_order="left")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_table_is_what_the_contract_says(variant: str, random_walk: Any) -> None:
    bars = random_walk(BARS, 1, "AB", holes=True)
    labels = labeler(variant).label(bars)
    assert labels.schema == pl.Schema(LABEL_SCHEMA)
    assert labels.height == bars.height * 2
    assert_frame_equal(labels, labels.sort(KEYS))
    known = decided(labels)
    assert set(known["label"]) <= {-1, 0, 1}
    assert {-1, 1} <= set(known["label"])
    later = known["label_end"] - known["timestamp"]
    assert (later > timedelta()).all()
    assert (later <= known.select(pl.duration(hours="horizon")).to_series()).all()
    assert known["forward_return"].is_finite().all()
    assert (known["weight"] >= 0).all()
    unknown = labels.filter(pl.col("label").is_null())
    assert unknown.height > 0
    assert unknown.select(pl.col("label_end", "forward_return").is_null().all()).row(0) == (True, True)
    assert (unknown["weight"] == 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
@given(cut=st.integers(10, BARS - 1), seed=st.integers(0, 5), holes=st.booleans())
def test_a_label_that_was_given_never_changes_with_later_bars(
    variant: str, random_walk: Any, cut: int, seed: int, holes: bool
) -> None:
    bars = random_walk(BARS, seed, holes=holes)
    whole, part = labeler(variant).label(bars), decided(labeler(variant).label(bars.head(cut)))
    assert_frame_equal(same_rows(whole, part), part, check_exact=True)
    # All that could be known by then is known: nothing waits for bars that it does not use.
    by_then = whole.filter(pl.col("label_end") <= bars["timestamp"][cut - 1])
    assert_frame_equal(by_then, part, check_exact=True)


@pytest.mark.parametrize("variant", VARIANTS)
@given(row=st.integers(20, BARS - 12), seed=st.integers(0, 5), factor=st.sampled_from([0.5, 0.97, 1.03, 2.0]))
def test_the_end_is_the_last_bar_used(variant: str, random_walk: Any, row: int, seed: int, factor: float) -> None:
    bars = random_walk(BARS, seed)
    columns = ("open", "high", "low", "close")
    labels = labeler(variant, [9]).label(bars)
    end = labels.join(bars.select("timestamp").with_row_index("bar"), left_on="label_end", right_on="timestamp")
    last = int(end.filter(pl.col("timestamp") == bars["timestamp"][row])["bar"].item())

    def changed_from(bar: int) -> dict[str, Any]:
        spoilt = bars.with_row_index("bar").with_columns(
            pl.when(pl.col("bar") >= bar).then(pl.col(name) * factor).otherwise(name).alias(name) for name in columns
        )
        return labeler(variant, [9]).label(spoilt.drop("bar")).row(row, named=True)

    before = labels.row(row, named=True)
    assert changed_from(last + 1) == before, "nothing after the end counts"
    assert changed_from(last) != before, "the end itself does"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_probe_sees_labels_look_ahead_and_end_when_they_say(variant: str, random_walk: Any) -> None:
    bars = random_walk(BARS, 6, "AB")

    def labels(frame: Any) -> pl.DataFrame:
        made = decided(labeler(variant).label(frame))
        return made.select("timestamp", "symbol", "horizon", "label", "forward_return")

    def by_end(frame: Any) -> pl.DataFrame:
        made = decided(labeler(variant).label(frame))
        entry = pl.col("timestamp").dt.epoch("us").alias("entry")
        return made.select(entry, "symbol", "horizon", "label", "forward_return", timestamp="label_end")

    found = probe_lookahead(labels, bars, 16, keys=("timestamp", "symbol", "horizon"))
    assert "forward_return" in found.leaking, "control: labels look ahead, and the probe sees it"
    told = probe_lookahead(by_end, bars, 16, keys=("timestamp", "symbol", "horizon", "entry"))
    assert told.clean, str(told)


@pytest.mark.parametrize("variant", VARIANTS)
def test_symbols_do_not_touch_each_other(variant: str, random_walk: Any) -> None:
    bars = random_walk(BARS, 2, "ABC", holes=True).sample(fraction=1.0, shuffle=True, seed=1)
    together = labeler(variant).label(bars)
    for symbol in "ABC":
        alone = labeler(variant).label(bars.filter(pl.col("symbol") == symbol))
        assert_frame_equal(together.filter(pl.col("symbol") == symbol), alone, check_exact=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_side_makes_meta_labels(variant: str, random_walk: Any) -> None:
    bars = random_walk(BARS, 3)
    chosen = bars.select("timestamp", "symbol")[30:70]
    for side in (1, -1):
        bets = labeler(variant).label(bars, chosen.with_columns(side=pl.lit(side)))
        market = labeler(variant).label(bars, chosen)
        assert set(bets["label"]) == {0, 1}
        if "triple" in VARIANTS[variant]["kind"]:
            continue  # the barriers of a bet are its own
        np.testing.assert_allclose(bets["forward_return"], side * market["forward_return"].to_numpy())
        assert bets["label"].to_list() == [int(label == side) for label in market["label"]]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_horizon_longer_than_the_data_is_refused(variant: str, random_walk: Any) -> None:
    bars = pl.concat([random_walk(20, 1, "A"), random_walk(9, 1, "B")])
    with pytest.raises(DataError, match=r"horizon 20 needs 21 bars of a symbol, and the longest, A, has 20; shorten"):
        labeler(variant, [5, 20]).label(bars)
    assert labeler(variant, [5, 19]).label(bars).height == 2 * bars.height
    assert labeler(variant, [5, 20]).label(bars.clear()).is_empty()


@pytest.mark.parametrize("function", [fixed_horizon, trend_scanning, triple_barrier])
def test_pandas_frames_are_labelled_like_polars_ones(function: Any, random_walk: Any) -> None:
    bars = random_walk(BARS, 3, "AB")
    entries = bars.select("timestamp", "symbol", side=pl.lit(-1))[40:60]
    frame, sided = bars.to_pandas(), entries.to_pandas()
    assert_frame_equal(function(frame.set_index("timestamp")), function(bars), check_exact=True)
    assert_frame_equal(function(frame, entries=sided), function(bars, entries=entries), check_exact=True)


@pytest.mark.parametrize(
    ("function", "fields", "message"),
    [
        (fixed_horizon, {"unit": "percent"}, "unit must be 'volatility' or 'bps', was 'percent'"),
        (fixed_horizon, {"entry": "open"}, "entry must be 'next_open' or 'close'"),
        (trend_scanning, {"weighting": "none"}, "weighting must be 'uniqueness' or 'return' or 'equal'"),
        (trend_scanning, {"horizons": 5}, "horizons must be .* were 5"),
    ],
)
def test_a_misspelt_choice_in_a_call_is_refused(
    function: Any, fields: dict[str, Any], message: str, random_walk: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        function(random_walk(BARS, 1), **fields)


def test_an_unknown_labeler_is_told_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'trend_scanning'"):
        LABELERS.from_config({"kind": "trend_scaning"}, where="labels")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "fixed_horizon", "threshold": -1.0}, "threshold must be a number of at least 0"),
        ({"kind": "fixed_horizon", "unit": "percent"}, "unit"),
        ({"kind": "fixed_horizon", "cost_bps": 1e5}, "cost_bps"),
        ({"kind": "fixed_horizon", "horizons": [5, 3]}, "horizons must rise"),
        ({"kind": "fixed_horizon", "volatility_span": 1}, "volatility_span"),
        ({"kind": "trend_scanning", "shortest": 1}, "shortest must be 2"),
        ({"kind": "trend_scanning", "horizons": [2]}, "at least the shortest window of 3"),
        ({"kind": "trend_scanning", "minimum_t": float("nan")}, "minimum_t"),
        ({"kind": "trend_scanning", "weighting": "none"}, "weighting"),
    ],
)
def test_wrong_settings_are_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(named)):
        LABELERS.from_config(fields, where="labels")


def test_the_control_the_end_of_the_chosen_trend_sees_later_bars(random_walk: Any) -> None:
    """Were `label_end` the end of the chosen window, as in the book, labels would change with bars after it."""
    bars = random_walk(BARS, 4)
    close = bars["close"].to_numpy()
    whole, window = trend_scan(close, longest=9)
    changed = 0
    for row in range(20, 70):
        spoilt = close.copy()
        spoilt[row + window[row] + 1 :] *= 1.1
        after, _ = trend_scan(spoilt, longest=9)
        changed += bool(np.sign(after[row]) != np.sign(whole[row]))
    assert changed > 5
