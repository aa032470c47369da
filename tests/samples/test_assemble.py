"""Tables to arrays: worked by hand, whatever the order of the rows, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.data.base import PRICES
from gnomon.samples import UNKNOWN_END, Samples, build_samples
from gnomon.samples.assemble import assemble

HOUR = 3_600_000_000


def assert_equal(a: Samples, b: Samples) -> None:
    for field in fields(Samples):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right, err_msg=field.name)
        else:
            assert left == right


def test_two_symbols_worked_by_hand(tables: Any) -> None:
    assembly = assemble(*tables)
    samples = assembly.samples
    assert assembly.cold == {"A": 2, "B": 1}
    assert assembly.undecided == {2: 4, 4: 8}
    assert len(samples) == 17
    assert (samples.symbols, samples.feature_names, samples.horizons) == (("A", "B"), ("fast", "slow"), (2, 4))
    assert samples.x.dtype == np.float32
    assert samples.x.tolist() == [[i, i] for i in [*range(2, 10), *range(11, 20)]]
    assert samples.symbol.tolist() == [0] * 8 + [1] * 9
    assert samples.segment.tolist() == [0] * 8 + [1] * 9
    assert (np.diff(samples.known_at[:8]) == HOUR).all()
    assert samples.price_names == ("open", "high", "low", "close")
    assert samples.prices[0].tolist() == [101.5, 103.0, 101.0, 102.0]
    assert samples.y[:8, 0].tolist() == [1, -1, 0, 1, -1, 0, 0, 0]
    assert samples.label_end[0].tolist() == [samples.known_at[0] + 2 * HOUR, samples.known_at[0] + 4 * HOUR]
    assert samples.label_end[7].tolist() == [UNKNOWN_END, UNKNOWN_END]
    assert samples.weight[:, 1].tolist() == [0.5] * 4 + [0.0] * 4 + [0.5] * 5 + [0.0] * 4
    assert samples.forward_return[0].tolist() == [0.02, 0.02]
    assert np.isnan(samples.forward_return[7]).all()


def test_the_order_of_rows_does_not_matter(tables: Any) -> None:
    shuffled = [table.sample(fraction=1.0, shuffle=True, seed=i) for i, table in enumerate(tables)]
    assert_equal(build_samples(*shuffled), build_samples(*tables))


def test_labels_of_some_bars_leave_the_others_undecided(tables: Any) -> None:
    some = tables.labels.filter(pl.col("symbol") == "B")
    samples = build_samples(tables.features, some, tables.bars)
    assert (samples.label_end[samples.symbol == 0] == UNKNOWN_END).all()
    assert (samples.weight[samples.symbol == 0] == 0).all()
    assert (samples.label_end[samples.symbol == 1] != UNKNOWN_END).any()


def test_without_labels_there_are_no_horizons(tables: Any) -> None:
    samples = build_samples(tables.features, None, tables.bars)
    assert samples.horizons == ()
    assert samples.y.shape == (17, 0)
    np.testing.assert_array_equal(samples.last_label_end, samples.known_at)


def test_horizons_can_be_chosen(tables: Any) -> None:
    samples = build_samples(*tables, horizons=[4])
    assert samples.horizons == (4,)
    assert samples.y.shape == (17, 1)
    with pytest.raises(DataError, match=r"no labels at the horizons \[3\]; the labels have \[2, 4\]"):
        build_samples(*tables, horizons=[3])


def test_later_holes_stay_and_are_not_cold(tables: Any) -> None:
    holes = tables.features.with_columns(fast=pl.when(pl.col("fast") == 5).then(None).otherwise(pl.col("fast")))
    samples = build_samples(holes, tables.labels, tables.bars)
    assert len(samples) == 17
    assert np.isnan(samples.x).sum() == 1


def test_a_gap_breaks_a_segment_and_a_weekend_does_not(tables: Any) -> None:
    def shifted(table: pl.DataFrame, hours: int) -> pl.DataFrame:
        late = (pl.col("symbol") == "A") & (pl.col("timestamp").dt.hour() >= 6) & (pl.col("timestamp").dt.day() == 1)
        stamps = [
            pl.when(late).then(pl.col(name) + timedelta(hours=hours)).otherwise(pl.col(name))
            for name in ("timestamp", "label_end")
            if name in table.columns
        ]
        return table.with_columns(stamps)

    near = build_samples(*(shifted(table, 3) for table in tables))
    assert near.segment.tolist() == [0] * 8 + [1] * 9
    far = build_samples(*(shifted(table, 30) for table in tables))
    assert far.segment.tolist() == [0] * 4 + [1] * 4 + [2] * 9
    patient = build_samples(*(shifted(table, 30) for table in tables), gap_steps=50)
    assert patient.segment.tolist() == near.segment.tolist()


def test_what_is_a_gap_does_not_hang_on_what_comes_later() -> None:
    """A history of days that goes on in minutes: by the median of all, every day would be a gap."""
    days = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(6)]
    minutes = [days[-1] + timedelta(minutes=n) for n in range(1, 400)]
    stamps = pl.Series("timestamp", days + minutes).cast(pl.Datetime("us", "UTC"))
    bars = pl.DataFrame({"timestamp": stamps, "symbol": "A", **dict.fromkeys(PRICES, 1.0)})
    features = bars.select("timestamp", "symbol", fast=pl.lit(1.0))
    whole = build_samples(features, None, bars).segment
    for rows in (6, 7, 60, 300):
        prefix = build_samples(features.head(rows), None, bars.head(rows)).segment
        assert prefix.tolist() == whole[:rows].tolist()
    assert whole.tolist() == [0] * len(stamps)
    back = minutes[-1] + timedelta(days=1)
    later = pl.concat([bars, bars.tail(1).with_columns(timestamp=pl.lit(back).cast(pl.Datetime("us", "UTC")))])
    again = build_samples(later.select("timestamp", "symbol", fast=pl.lit(1.0)), None, later).segment
    assert again.tolist() == [*whole.tolist(), 1], "after hours of minutes a day is a gap"


def test_tables_that_do_not_fit_are_refused(tables: Any) -> None:
    features, labels, bars = tables
    with pytest.raises(DataError, match="1 rows of the features have no bars, first B"):
        build_samples(features, labels, bars.head(19))
    with pytest.raises(DataError, match="no features"):
        build_samples(features.select("timestamp", "symbol"), labels, bars)
    with pytest.raises(DataError, match=r"the features lack the columns \['symbol'\]"):
        build_samples(features.drop("symbol"), labels, bars)
    with pytest.raises(DataError, match="1 rows of the bars repeat a moment, first A"):
        build_samples(features, labels, pl.concat([bars, bars.head(1)]))
    with pytest.raises(DataError, match="not Datetime"):
        build_samples(features.with_columns(pl.col("timestamp").dt.replace_time_zone(None)), labels, bars)
    with pytest.raises(DataError, match="feature 'slow' is String"):
        build_samples(features.with_columns(slow=pl.lit("x")), labels, bars)
    with pytest.raises(DataError, match="repeat a symbol and moment"):
        build_samples(features, pl.concat([labels, labels.head(1)]), bars)


def test_no_rows_are_refused_in_words(tables: Any) -> None:
    features, labels, bars = tables
    with pytest.raises(DataError, match="the features hold no rows"):
        build_samples(features.clear(), labels, bars)


def test_a_feature_that_never_warms_is_named(tables: Any) -> None:
    never = tables.features.with_columns(dead=pl.lit(None, pl.Float32))
    with pytest.raises(DataError, match=r"no row of 20 is warm: the features \['dead'\] have no value at all"):
        build_samples(never, tables.labels, tables.bars)
    halves = tables.features.with_columns(
        x=pl.when(pl.col("symbol") == "A").then(1.0), y=pl.when(pl.col("symbol") == "B").then(1.0)
    )
    with pytest.raises(DataError, match="no symbol has a value of every feature"):
        build_samples(halves, tables.labels, tables.bars)
    only_b = tables.features.with_columns(x=pl.when(pl.col("symbol") == "B").then(1.0))
    assembly = assemble(only_b, tables.labels, tables.bars)
    assert assembly.cold == {"A": 10, "B": 1}
    assert set(assembly.samples.symbol) == {1}


def test_an_infinite_feature_is_refused_with_its_rows(tables: Any) -> None:
    broken = tables.features.with_columns(fast=pl.when(pl.col("fast") == 5).then(np.inf).otherwise(pl.col("fast")))
    with pytest.raises(DataError, match="feature 'fast' is infinite in 1 rows, first for A at") as caught:
        build_samples(broken, tables.labels, tables.bars)
    assert caught.value.rows is not None
    assert caught.value.rows.height == 1
