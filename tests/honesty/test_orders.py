"""What was decided, filled and booked stands, whatever comes; what could not be had is told."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import gnomon
from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.data.probe.perturb import TESTS
from gnomon.honesty import levels
from gnomon.honesty.orders import Future, probe_orders

BOOKED = {
    *("target", "fill_quantity", "fill_price", "fill_fee", "position"),
    *("equity", "cash", "gross", "net", "turnover", "costs"),
}
FILLED = {"fill_quantity_at_open", "fill_price_at_open", "fill_fee_at_open"}


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return levels.small_bars()


def test_the_whole_path_is_clean(bars):
    """Features, refits, a sizer that looks back, guardrails, costs: every target, fill and amount."""
    report = gnomon.probe_orders(levels.refits_to_orders(), bars, 2)
    assert report.clean, str(report)
    assert report.refused == {}
    assert set(report.columns) == BOOKED | FILLED
    assert report.empty == ()
    assert report.level == "orders"


def test_a_rule_is_clean_at_many_cuts(bars):
    report = probe_orders(levels.CLEAN_ORDERS["follows_a_days_move"], bars, 8)
    assert report.clean, str(report)
    assert report.refused == {}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("sized_by_whole_volatility", {"target", "equity", "fill_quantity"}),
        ("guardrail_that_peeks", {"equity", "fill_quantity"}),
        ("filled_at_the_low", {"fill_price_at_open"}),
        ("filled_at_its_own_close", {"fill_price_at_open"}),
        ("decided_a_bar_early", {"target"}),
    ],
)
def test_control_paths_that_peek_are_told_by_row_and_cut(name, columns, bars):
    report = probe_orders(levels.ORDERS[name][1], bars, 4)
    assert columns <= set(report.leaking)
    if name.startswith("filled"):
        assert set(report.leaking) <= FILLED, "its own bar is known by the close: only the second question tells"
    assert all(leak.first_row <= leak.cut for leak in report.leaks)
    with pytest.raises(GateError, match="the account"):
        report.raise_leaks()


def test_the_future_has_prices(bars):
    future = Future(bars, None, 0)
    cut = int(future.moments[200])
    past = pl.col("timestamp").dt.epoch("us") <= cut
    for test in TESTS:
        made, _ = future.after(cut, test)
        assert_frame_equal(made.filter(past), bars.filter(past))
        assert made["open"].min() > 0
        assert made.filter(~past).equals(bars.filter(~past)) is False
        assert (made["volume"] >= 0).all()


def test_mirrored_by_hand():
    """100, then 110: a rise of a tenth becomes a fall to 100 * 100 / 110; its high becomes the low."""
    stamps = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2)]
    frame = pl.DataFrame(
        {"timestamp": stamps, "symbol": "A", "open": [100.0, 100.0], "high": [100.0, 125.0], "low": [100.0, 80.0],
         "close": [100.0, 110.0], "volume": [1.0, 2.0]}
    ).cast({"timestamp": pl.Datetime("us", "UTC")})  # fmt: skip
    made, _ = Future(frame, None, 0).after(int(stamps[0].timestamp() * 1e6), "sign")
    assert made.row(1)[2:] == (100.0, 125.0, 80.0, pytest.approx(1e4 / 110.0), 2.0)


def test_the_next_bar_has_opened(bars):
    future = Future(bars, None, 0)
    cut, opening = (int(future.moments[place]) for place in (200, 201))
    now = pl.col("timestamp").dt.epoch("us") == opening
    for test in TESTS:
        made = future.after_the_open(cut, test)[0]
        assert_frame_equal(made.filter(now).select("open", "volume"), bars.filter(now).select("open", "volume"))
        assert not made.filter(now)["close"].equals(bars.filter(now)["close"])
    last = future.after_the_open(cut, "truncated")[0].filter(now)
    assert last["close"].equals(last["open"].alias("close"))


def test_a_path_that_decides_nothing_is_refused(bars):
    with pytest.raises(DataError, match="nothing is decided on 200 bars"):
        probe_orders(levels.refits_to_orders(), bars.head(200))
    with pytest.raises(ConfigError, match="cuts must be"):
        probe_orders(levels.refits_to_orders(), bars, 0)


def test_side_tables_are_probed_by_publication(bars):
    """A signal that is known a day late trades clean; read by the day that it is about, it is told."""
    days = (
        bars.filter(pl.col("symbol") == "SYN001").group_by_dynamic("timestamp", every="1d").agg(pl.col("close").last())
    )
    table = days.select(about="timestamp", known_at=pl.col("timestamp").dt.offset_by("2d"), level="close").sort(
        "known_at"
    )

    def follow(key: str):
        def path(part: pl.DataFrame, side: dict[str, pl.DataFrame]) -> object:
            signal = side["levels"].select(pl.col(key).alias("timestamp"), "level").drop_nulls().sort("timestamp")
            joined = part.sort("timestamp").join_asof(signal, on="timestamp", strategy="backward")
            target = pl.when(pl.col("level") > 90.0).then(0.4).otherwise(-0.4)
            targets = joined.filter(pl.col("level").is_not_null()).select("timestamp", "symbol", target=target)
            return gnomon.simulate(part, targets, levels.COSTS)

        return path

    assert probe_orders(follow("known_at"), bars, 3, tables={"levels": table}).clean
    assert "target" in probe_orders(follow("about"), bars, 3, tables={"levels": table}).leaking
