"""Every kind of side table is held to its model: units, whom it is about, vectors, dates announced ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gnomon.data.sources  # noqa: F401
from gnomon.config.models import SideTableConfig, TableKind
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.asof import join_asof
from gnomon.data.side_tables import as_side_table, load_side_table
from gnomon.data.table_models import TABLE_MODELS, bounds
from gnomon.features import FEATURES

START = datetime(2020, 1, 1, tzinfo=UTC)
UTC_US = pl.Datetime("us", "UTC")
DAY = 86_400e6


def config(**fields: Any) -> SideTableConfig:
    return SideTableConfig(**{"source": {"kind": "csv", "path": "unused.csv"}, **fields})


def table(days: tuple[float, ...] = (0, 1), **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"known_at": [START + timedelta(days=day) for day in days], **columns}).cast(
        {"known_at": UTC_US}
    )


def test_every_table_that_a_feature_reads_has_a_model() -> None:
    assert set(get_args(TableKind)) == set(TABLE_MODELS)
    read: dict[str, set[str]] = {}
    for spec in FEATURES.values():
        for name in spec.inputs:
            kind, dot, column = name.partition(".")
            if dot:
                read.setdefault(kind, set()).add(column)
    assert set(read) == set(TABLE_MODELS)
    added = {"calendar": {"released_at", "next_at"}, "news": {f"embedding_{k}" for k in range(8)}}
    for kind, columns in read.items():
        assert columns - {"known_at"} == (added.get(kind) or columns & set(TABLE_MODELS[kind].columns)), kind


BOUNDED = [
    (kind, name, value)
    for kind, model in TABLE_MODELS.items()
    for name, column in model.columns.items()
    for value in (
        *([] if column.low is None else [column.low - max(1.0, abs(column.low))]),
        *([] if column.high is None else [2.0 * column.high + 1.0]),
    )
]


@pytest.mark.parametrize(("kind", "name", "value"), BOUNDED)
def test_another_unit_is_refused(kind: str, name: str, value: float) -> None:
    good = TABLE_MODELS[kind].columns[name].low or 0.0
    assert as_side_table(kind, table(**{name: [max(good, 0.05), None]}), config()).height == 2
    with pytest.raises(DataError, match=rf"'{kind}' is refused \(1 rows\): .*{name} must be") as refused:
        as_side_table(kind, table(**{name: [max(good, 0.05), value]}), config())
    assert refused.value.rows[name].to_list() == [value]
    assert as_side_table("mine", table(**{name: [1.0, value]}), config()).height == 2, "control: no kind, no bounds"
    with pytest.raises(DataError, match="must be"):
        as_side_table("mine", table(**{name: [max(good, 0.05), value]}), config(kind=kind))


def test_bounds_in_words() -> None:
    assert bounds(TABLE_MODELS["cpi"].columns["cpi"]) == "above 0 (index)"
    assert bounds(TABLE_MODELS["releases"].columns["actual"]) == ""
    assert bounds(TABLE_MODELS["wti"].columns["wti"]) == "from -100 (dollars a barrel)"


@pytest.mark.parametrize("kind", [kind for kind, model in TABLE_MODELS.items() if model.per_symbol is False])
def test_a_table_of_the_market_has_no_symbol(kind: str) -> None:
    [*names] = TABLE_MODELS[kind].columns
    values = {name: [20.0, 20.0] if name not in {"market", "size", "value"} else [0.1, 0.1] for name in names}
    own = table(symbol=["VIX", "VIX"], **(values or {"x": [1.0, 2.0]}))
    with pytest.raises(ConfigError, match=rf"holds for the whole market.*data\.side_tables\.{kind}\.per_symbol: false"):
        as_side_table(kind, own, config())
    assert "symbol" not in as_side_table(kind, own, config(per_symbol=False)).columns
    assert "symbol" in as_side_table(kind, own, config(per_symbol=True)).columns


def test_whom_a_table_is_about() -> None:
    own = table(days=(0, 0), symbol=["A", "B"], rate=[0.01, 0.02])
    assert as_side_table("funding", own, config()).height == 2
    with pytest.raises(DataError, match="share known_at"):
        as_side_table("funding", own, config(per_symbol=False))
    with pytest.raises(ConfigError, match=r"per_symbol is true, but the table has no column symbol"):
        as_side_table("funding", own.drop("symbol"), config(per_symbol=True))
    with pytest.raises(ConfigError, match=r"'sectors' is per symbol .*, and has no column symbol"):
        as_side_table("sectors", table(sector=[1, 2]), config())


def test_a_symbol_that_no_bar_has_would_hide_the_whole_table() -> None:
    """Control: what the refusal is for."""
    bars = pl.DataFrame({"timestamp": [START + timedelta(days=2)], "symbol": ["AAPL"]}).cast({"timestamp": UTC_US})
    own = table(symbol=["VIX", "VIX"], vix=[15.0, 16.0])
    hidden = join_asof(bars, as_side_table("vix", own, config(per_symbol=True)), prefix="vix")
    assert hidden["vix.vix"].to_list() == [None]
    seen = join_asof(bars, as_side_table("vix", own, config(per_symbol=False)), prefix="vix")
    assert seen["vix.vix"].to_list() == [16.0]


def test_vectors_become_columns() -> None:
    lists = table(embedding=[[1.0, 2.0, 3.0], None])
    found = as_side_table("news", lists, config())
    assert found.columns == ["known_at", "embedding_0", "embedding_1", "embedding_2"]
    assert found.row(0)[1:] == (1.0, 2.0, 3.0)
    assert found.row(1)[1:] == (None, None, None)
    arrays = table(embedding=pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int32, 2)), count=[1, 2])
    assert as_side_table("news", arrays, config(columns=["embedding"])).columns == [
        "known_at",
        "embedding_0",
        "embedding_1",
    ]
    assert as_side_table("news", arrays, config(columns=["embedding_1"])).columns == ["known_at", "embedding_1"]
    with pytest.raises(DataError, match=r"vectors in 'embedding' must all be as long as each other, found \[1, 2\]"):
        as_side_table("news", table(embedding=[[1.0], [2.0, 3.0]]), config())
    with pytest.raises(DataError, match="NaN or infinite"):
        as_side_table("news", table(embedding=[[1.0], [float("nan")]]), config())


def test_a_schedule_by_hand() -> None:
    own = as_side_table("calendar", table(days=(0, 10, 50)), config(schedule="20d"))
    days = own.select(
        known=(pl.col("known_at") - START).dt.total_days(),
        last=(pl.col("released_at") - START.timestamp() * 1e6) / DAY,
        following=(pl.col("next_at") - START.timestamp() * 1e6) / DAY,
    )
    assert days.rows() == [(-20, None, 0), (0, 0, 10), (10, 10, None), (30, 10, 50), (50, 50, None)]
    with pytest.raises(ConfigError, match=r"calendar\.schedule must be above zero"):
        as_side_table("calendar", table(), config(schedule="0d"))
    with pytest.raises(ConfigError, match=r"'calendar' is a calendar: state data\.side_tables\.calendar\.schedule"):
        as_side_table("calendar", table(), config())


def test_events_of_one_moment_are_one_release() -> None:
    own = table(days=(0, 0, 5), event=["payrolls", "unemployment", "payrolls"])
    assert as_side_table("calendar", own, config(schedule="30d"))["released_at"].to_list()[1:] == [
        START.timestamp() * 1e6,
        START.timestamp() * 1e6 + 5 * DAY,
    ]


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=10, unique=True).map(sorted),
    st.integers(1, 120),
    st.booleans(),
)
def test_a_date_is_known_as_long_ahead_as_stated_and_no_longer(days: list[int], lead: int, per_symbol: bool) -> None:
    own = table(days=tuple(days), **({"symbol": ["A"] * len(days)} if per_symbol else {}))
    moments = [START + timedelta(days=day, hours=1) for day in range(-150, 420, 7)]
    bars = pl.DataFrame({"timestamp": moments, "symbol": "A"}).cast({"timestamp": UTC_US})
    scheduled = as_side_table("calendar", own, config(schedule=f"{lead}d"))
    joined = join_asof(bars, scheduled, prefix="c")
    for moment, last, following in joined.select("timestamp", "c.released_at", "c.next_at").iter_rows():
        now = (moment - START) / timedelta(days=1)
        past = [day for day in days if day <= now]
        ahead = [day for day in days if day > now][:1]
        told = [day for day in ahead if day - lead <= now]
        start = START.timestamp() * 1e6
        assert last == (start + past[-1] * DAY if past else None)
        assert following == (start + told[0] * DAY if told else None)


def test_the_real_calendar_and_vix_load(real_data: Path) -> None:
    source = {"kind": "parquet", "path": str(real_data / "C_side" / "econ_calendar_utc_2001_2016.parquet")}
    own = load_side_table(
        "calendar",
        SideTableConfig(source=source, delay="0d", schedule="30d", where={"country": "US", "impact": "high"}),
    )
    known = own.filter(pl.col("known_at") > datetime(2008, 1, 1, tzinfo=UTC))["next_at"]
    assert known.null_count() < 0.05 * len(known)
    vix = {"kind": "parquet", "path": str(real_data / "C_side" / "macro_vix_daily_1990_2026.parquet")}
    settings = {"delay": "1d", "columns": ["close"], "source": vix}
    with pytest.raises(ConfigError, match="holds for the whole market"):
        load_side_table("vix", SideTableConfig(**settings))
    assert load_side_table("vix", SideTableConfig(per_symbol=False, **settings))["close"].is_finite().all()
