"""The probe finds what looks ahead, names the row and the cut, and leaves alone what does not."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

import gnomon
from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.data.probe import rounds
from gnomon.data.probe.lookahead import probe_lookahead

C = pl.col("close")


def per_symbol(**columns: pl.Expr):
    """A function of bars that computes each column within its symbol."""
    return lambda bars: bars.select("timestamp", "symbol", *(e.over("symbol").alias(n) for n, e in columns.items()))


def days(count: int) -> pl.DataFrame:
    stamps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(count)]
    return pl.DataFrame({"timestamp": stamps, "symbol": "A", "close": [100.0 + n for n in range(count)]})


def test_the_next_close_worked_by_hand():
    (leak,) = probe_lookahead(per_symbol(peek=C.shift(-1), level=C), days(4)).leaks
    assert (leak.column, leak.test, leak.symbol) == ("peek", "x10", "A")
    assert leak.cut == leak.first_row == datetime(2024, 1, 1, tzinfo=UTC)
    assert (leak.value, leak.changed) == (101.0, 1010.0)


def test_the_first_row_is_the_earliest_that_the_cut_shows():
    """Closes of three days ahead: the cut at day 0 shows row 0; a leak from day 5 on only shows row 5."""
    late = pl.when(pl.int_range(pl.len()) >= 5).then(C.shift(-3)).otherwise(0.0)
    (leak,) = probe_lookahead(per_symbol(late=late), days(12), "all").leaks
    assert leak.first_row == leak.cut == datetime(2024, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("leak", "test"),
    [
        (C.shift(-1), "x10"),
        (C.is_nan().shift(-1, fill_value=False), "nan"),
        ((C.shift(-2) / C.shift(-1)), "nan"),
        (C.sign().shift(-1), "nan"),
        # The next moment is no number that could be changed: only leaving it out shows that it was read.
        ((pl.col("timestamp").shift(-1) - pl.col("timestamp")).dt.total_seconds().cast(pl.Float64), "truncated"),
        (pl.len().cast(pl.Float64), "truncated"),
    ],
)
def test_each_way_of_changing_the_future_finds_what_others_miss(leak, test, few):
    report = probe_lookahead(per_symbol(leak=leak), few)
    assert [found.test for found in report.leaks] == [test]


def test_a_clean_function_is_called_clean(hours):
    clean = per_symbol(mean=C.rolling_mean(20), last=C.shift(1), wave=C.ewm_mean(span=9), top=C.cum_max())
    report = probe_lookahead(clean, hours)
    assert report.leaks == ()
    assert report.clean
    assert len(report.cuts) == 64
    assert report.runs == 2 + 64 * 5
    report.raise_leaks()


def test_it_is_offered_at_the_top():
    assert gnomon.probe_lookahead is probe_lookahead


def test_the_gate_names_feature_row_and_cut(few):
    with pytest.raises(
        GateError,
        match=r"feature 'peek' looks ahead: column 'peek' of SYN001 at 2024-02-26 00:00:00 is .* cut 2024-02-26 00:0",
    ) as told:
        probe_lookahead(per_symbol(peek=C.shift(-1)), few).raise_leaks()
    assert told.value.exit_code == 4


def test_pandas_in_and_out_and_an_index_of_keys(few):
    def function(bars):
        bars = bars.sort_values(["symbol", "timestamp"])
        bars["peek"] = bars.groupby("symbol")["close"].shift(-1)
        bars["mean"] = bars.groupby("symbol")["close"].transform(lambda x: x.rolling(5).mean())
        bars["count"] = bars.groupby("symbol").cumcount()
        return bars.set_index(["timestamp", "symbol"])[["peek", "mean", "count"]]

    assert probe_lookahead(function, few.to_pandas()).leaking == ("peek",)


def test_a_function_gets_moments_and_index_in_the_form_that_was_given(few):
    naive = few.with_columns(pl.col("timestamp").dt.replace_time_zone(None).cast(pl.Datetime("ns")))
    indexed = naive.to_pandas().set_index("timestamp")
    seen = []

    def function(bars):
        seen.append((bars.index.name, str(bars.index.dtype), list(bars.columns)))
        return bars.assign(peek=bars.groupby("symbol")["close"].shift(-1), now=bars["close"] * 2)[
            ["symbol", "peek", "now"]
        ]

    assert probe_lookahead(function, indexed, 4).leaking == ("peek",)
    assert set(map(str, seen)) == {str(("timestamp", "datetime64[ns]", list(indexed.columns)))}

    nameless = naive.to_pandas().set_index("timestamp").rename_axis(None)
    names = []
    probe_lookahead(lambda bars: names.append(bars.index.name) or bars[["symbol", "close"]], nameless, 4)
    assert set(names) == {None}

    kinds = []
    probe_lookahead(lambda bars: kinds.append(bars.schema["timestamp"]) or bars, naive, 4)
    assert set(kinds) == {pl.Datetime("ns")}


def test_rows_are_matched_by_moment_and_symbol(few):
    """Rows dropped, in another order, and fewer than the bars: none of it is a leak by itself."""

    def daily(bars):
        whole = bars.with_columns(mean=C.rolling_mean(24).over("symbol")).filter(pl.col("timestamp").dt.hour() == 0)
        return whole.drop_nulls().select("timestamp", "symbol", "mean").sort("mean")

    assert probe_lookahead(daily, few).clean

    def left_edge(bars):
        grouped = bars.sort("timestamp").group_by_dynamic("timestamp", every="6h", group_by="symbol")
        return grouped.agg(high=pl.col("high").max()).select("timestamp", "symbol", "high")

    assert probe_lookahead(left_edge, few).leaking == ("high",)


def test_a_row_that_the_future_takes_away_is_a_leak(few):
    dropped = lambda bars: bars.filter(C.shift(-1).over("symbol") > C).select("timestamp", "symbol", "volume")  # noqa: E731
    (leak,) = probe_lookahead(dropped, few).leaks
    assert leak.column == "volume"


def test_chance_is_told_before_anything_else(few):
    state = itertools.count()
    function = lambda bars: bars.select("timestamp", "symbol", chance=pl.lit(float(next(state))), level=C)  # noqa: E731
    (leak,) = probe_lookahead(function, few).leaks
    assert (leak.column, leak.test) == ("chance", "repeat")
    assert "differs between two runs" in str(leak)


def at(hour: int) -> datetime:
    return datetime(2024, 2, 26, tzinfo=UTC) + timedelta(hours=hour)


def test_side_tables_go_by_publication(few):
    """The figure of hour 10 comes out at hour 16: a join on the figure's own hour is found, one on known_at is not."""
    table = pl.DataFrame(
        {"about": [at(0), at(10), at(40)], "known_at": [at(6), at(16), at(46)], "value": [1.0, 2.0, 3.0]}
    ).cast({"about": pl.Datetime("us", "UTC"), "known_at": pl.Datetime("us", "UTC")})

    def joined(key):
        def function(bars, tables):
            side = tables["figures"].select(timestamp=key, value="value").sort("timestamp")
            return bars.sort("timestamp").join_asof(side, on="timestamp").select("timestamp", "symbol", "value")

        return function

    assert probe_lookahead(joined("known_at"), few, tables={"figures": table}).clean
    (leak,) = probe_lookahead(joined("about"), few, tables={"figures": table}).leaks
    assert leak.column == "value"
    assert leak.first_row == at(0)
    assert at(0) <= leak.cut < at(6)


def test_every_bar_finds_what_shows_at_one(few):
    """A single bar of a hundred that looks one ahead: 8 cuts chosen without knowing it pass by, all cuts do not."""
    moment = few["timestamp"][77]
    one = pl.when(pl.col("timestamp") == moment).then(C.shift(-1)).otherwise(0.0)
    assert probe_lookahead(per_symbol(one=one), few, 8).clean
    (leak,) = probe_lookahead(per_symbol(one=one), few, "all").leaks
    assert leak.first_row == moment == leak.cut


def test_a_refusal_is_told_and_the_rest_is_judged(few):
    def strict(bars):
        if bars["close"].is_nan().any():
            raise ValueError("no NaN please")
        return per_symbol(peek=C.shift(-1))(bars)

    report = probe_lookahead(strict, few)
    assert report.leaking == ("peek",)
    clean = probe_lookahead(lambda bars: strict(bars).select("timestamp", "symbol", x=pl.lit(1.0)), few)
    assert clean.refused == {"nan": "ValueError: no NaN please"}
    assert "nan refused" in str(clean)


def test_a_function_that_always_raises_is_no_clean_one(few):
    known = few.height

    def fussy(bars):
        if bars.height != known or not bars.equals(few):
            raise ValueError("not my bars")
        return per_symbol(x=C)(bars)

    with pytest.raises(DataError, match=r"raised in 3\d\d of 320 runs"):
        probe_lookahead(fussy, few)


def test_columns_without_values_are_told(few):
    report = probe_lookahead(per_symbol(never=C.rolling_mean(5000), x=C), few, 4)
    assert report.empty == ("never",)


def test_a_tolerance_is_for_sums_that_depend_on_length(few):
    def nearly(bars):
        return bars.select("timestamp", "symbol", x=C * (1.0 + 1e-15 * (pl.len() % 7)))

    assert not probe_lookahead(nearly, few).clean
    assert probe_lookahead(nearly, few, tolerance=1e-12).clean


def test_what_is_no_number_is_probed_too(few):
    columns = per_symbol(
        next_up=C.shift(-1) > C,
        count=pl.int_range(pl.len(), dtype=pl.Int64),
        word=pl.when(C.shift(1) < C).then(pl.lit("up")).otherwise(pl.lit("down")),
        next_word=pl.when(C.shift(-1) > C).then(pl.lit("up")).otherwise(pl.lit("down")),
        pair=pl.concat_list(C, C.shift(-1)),
    )
    assert probe_lookahead(columns, few).leaking == ("next_up", "next_word", "pair")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda bars: bars.select("timestamp", "close"), "no column 'symbol'"),
        (lambda bars: bars.select("timestamp", "symbol"), "no value columns"),
        (lambda bars: pl.concat([bars, bars]), "share timestamp and symbol"),
        (
            lambda bars: bars["close"].to_numpy(),
            "the function's result: a frame is a polars or pandas DataFrame, not ndarray",
        ),
        (lambda bars: bars.with_columns(timestamp=pl.lit(1.0)), "must hold moments"),
    ],
)
def test_a_result_that_is_none_is_refused(result, message, few):
    with pytest.raises(DataError, match=message):
        probe_lookahead(result, few)


def test_bad_requests_are_refused(few):
    for cuts in (0, -3, "some", 2.5, True):
        with pytest.raises(ConfigError, match="cuts must be"):
            probe_lookahead(per_symbol(x=C), few, cuts)
    with pytest.raises(DataError, match="no future to change"):
        probe_lookahead(per_symbol(x=C), few.head(1))
    with pytest.raises(DataError, match="known_at"):
        probe_lookahead(per_symbol(x=C), few, tables={"cpi": pl.DataFrame({"value": [1.0]})})


def test_two_probes_say_the_same(few):
    function = per_symbol(peek=C.shift(-1), centred=C.rolling_mean(5, center=True))
    assert probe_lookahead(function, few) == probe_lookahead(function, few)
    assert probe_lookahead(function, few).to_frame()["column"].to_list() == ["peek", "centred"]


def test_the_input_is_never_changed(few):
    copy = few.clone()

    def spoils(bars):
        bars["close"] = 0.0
        return bars[["timestamp", "symbol", "close"]]

    given = few.to_pandas()
    probe_lookahead(spoils, given, 4)
    assert pl.from_pandas(given)["close"].equals(copy["close"])


@pytest.mark.parametrize(
    ("test", "leak"), [("nan", C.is_nan().shift(-1, fill_value=False)), ("truncated", pl.len().cast(pl.Float64))]
)
def test_control_a_probe_without_one_of_its_tests_misses_a_leak(test, leak, few, monkeypatch):
    monkeypatch.setattr(rounds, "TESTS", tuple(t for t in rounds.TESTS if t != test))
    assert probe_lookahead(per_symbol(leak=leak), few).clean


def test_control_one_cut_misses_what_many_find(hours):
    friday = (pl.col("timestamp").dt.weekday() == 5) & (pl.col("timestamp").dt.hour() >= 12)
    leak = per_symbol(leak=pl.when(friday).then(C.shift(-1)).otherwise(0.0))
    assert probe_lookahead(leak, hours, 1).clean
    assert not probe_lookahead(leak, hours).clean


def test_progress_is_reported(few):
    seen: list[float] = []
    probe_lookahead(per_symbol(x=C), few, 4, progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_rounding_noise_is_no_leak_of_windows(few):
    """Rolling sums of a library that carries them are the same bits on any prefix."""

    def windows(bars):
        values = bars["close"].to_numpy().astype(np.float64)
        return bars.select("timestamp", "symbol", x=pl.Series(np.cumsum(values)))

    assert probe_lookahead(windows, few.filter(pl.col("symbol") == few["symbol"][0])).clean


def test_rows_of_no_moment_are_known_at_none(few):
    """What a function cannot date is compared at no cut, and stops nothing."""

    def undated(bars):
        dated = pl.when(pl.int_range(pl.len()) > 0).then("timestamp").alias("timestamp")
        return bars.select(dated, "symbol", x=C.last() + pl.int_range(pl.len())).head(1)

    assert probe_lookahead(undated, few, 4).clean
