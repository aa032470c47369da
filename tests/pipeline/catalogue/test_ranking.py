"""Ranks worked by hand, and intervals that say how much of them may be luck."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.pipeline.catalogue.base import SCHEMA
from gnomon.pipeline.catalogue.page import catalogue_page, told_apart
from gnomon.pipeline.catalogue.ranking import in_errors, latest, rank
from gnomon.reporting.document import Figure
from gnomon.reporting.html import to_html


def row(
    model: str,
    data_set: str = "sp500",
    horizon: int = 5,
    *,
    sharpe: float | None = 0.0,
    error: float = 0.01,
    day: int = 1,
    **more: object,
) -> dict[str, object]:
    return {
        "data_version": f"{data_set}-1",
        "model": model,
        "family": "boosting",
        "baseline": False,
        "params": "{}",
        "config_hash": "c",
        "horizon": horizon,
        "code_version": "v",
        "data_set": data_set,
        "status": "scored",
        "sharpe": sharpe,
        "annual_sharpe": sharpe,
        "standard_error": error,
        "periods_per_year": 252.0,
        "n": 500,
        "trials": 3,
        "dsr": 0.1,
        "total_return": 0.1,
        "log_loss": 0.9,
        "prior_log_loss": 1.0,
        "fit_seconds": 1.0,
        "time": datetime(2024, 1, day, tzinfo=UTC),
        **more,
    }


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_mean_ranks_by_hand():
    # In the first block a, b, c; in the second b before a, and c failed: last.
    rows = frame(
        row("a", sharpe=0.3), row("b", sharpe=0.2), row("c", sharpe=0.1),
        row("a", "nasdaq", sharpe=0.1), row("b", "nasdaq", sharpe=0.4),
        row("c", "nasdaq", sharpe=None, status="failed"),
    )  # fmt: skip
    ranked = rank(rows)
    assert ranked.select("label", "mean_rank", "blocks").rows() == [("a", 1.5, 2), ("b", 1.5, 2), ("c", 3.0, 1)]
    assert ranked["mean_skill"].to_list() == pytest.approx([0.1] * 3)


def test_a_figure_that_is_better_when_lower_is_ranked_so():
    rows = frame(row("a", log_loss=0.9), row("b", log_loss=0.8), row("a", "x", log_loss=0.9), row("b", "x", log_loss=1))
    assert rank(rows, by="log_loss")["label"].to_list() == ["a", "b"]
    assert rank(rows, by="log_loss")["mean_rank"].to_list() == [1.5, 1.5]
    assert rank(rows.filter(pl.col("data_set") == "sp500"), by="log_loss")["label"].to_list() == ["b", "a"]
    with pytest.raises(ConfigError, match="did you mean 'sharpe'"):
        rank(rows, by="sharp")


def test_the_interval_widens_with_the_error_of_the_sharpe_ratio():
    sure = rank(frame(row("a", sharpe=0.3, error=0.01), row("b", sharpe=0.2, error=0.01)))
    unsure = rank(frame(row("a", sharpe=0.3, error=0.5), row("b", sharpe=0.2, error=0.5)))
    assert sure.select("low", "high").rows() == [(1.0, 1.0), (2.0, 2.0)]
    assert unsure.select("low", "high").rows() == [(1.0, 2.0), (1.0, 2.0)]
    assert told_apart(sure)["label"].to_list() == ["b"]
    assert told_apart(unsure).is_empty()


def test_one_data_set_gives_no_interval_of_what_has_no_error():
    ranked = rank(frame(row("a", f1=0.4), row("b", f1=0.3)), by="f1")
    assert all(math.isnan(value) for value in [*ranked["low"], *ranked["high"]])


def test_one_data_set_gives_an_interval_of_what_has_an_error():
    ranked = rank(frame(row("a", f1=0.4, f1_error=0.1), row("b", f1=0.3, f1_error=0.1)), by="f1")
    assert ranked.select("low", "high").rows() == [(1.0, 2.0), (1.0, 2.0)]


def test_who_never_traded_has_a_sharpe_ratio_of_zero():
    rows = frame(row("idle", sharpe=None, error=float("nan")), row("loser", sharpe=-0.5), row("winner", sharpe=0.5))
    assert rank(rows)["label"].to_list() == ["winner", "idle", "loser"]
    assert [in_errors(one) for one in rows.to_dicts()] == [0.0, -50.0, 50.0]


def test_the_latest_row_of_the_latest_data_counts():
    rows = frame(
        row("a", sharpe=0.1, code_version="old"),
        row("a", sharpe=0.2, day=2),
        row("b", sharpe=0.3, day=1, data_version="sp500-0"),
        row("b", sharpe=0.4, day=2),
    )
    assert latest(rows)["sharpe"].to_list() == [0.2, 0.4]


def test_variants_of_a_model_are_told_apart():
    rows = frame(
        row("net", params='{"layers":1}', depth=1, config_hash="1"),
        row("net", params='{"layers":2}', depth=2, config_hash="2"),
        row("net", params='{"layers":2,"hidden":8}', depth=2, config_hash="3"),
        row("plain"),
    )
    assert latest(rows)["label"].to_list() == ["net 1 deep", "net 2 deep #2", "net 2 deep #3", "plain"]


def test_the_page_shows_every_sharpe_ratio_with_its_doubt(swept):
    tiny, _ = swept
    document = catalogue_page(tiny.catalogue.read())
    assert {"luck", "data", "ranking", "map", "skill", "rows", "doubt", "failures"} == set(document.tables)
    assert document.tables["map"].columns[1].title == "left, 3"
    keys = {column.key for column in document.tables["doubt"].columns}
    assert {"doubt", "adjusted_annual_sharpe", "psr", "dsr", "dsr_effective", "trials", "effective_trials"} < keys
    assert {"minimum_track_record", "pbo", "spa_pvalue"} < keys
    page = to_html(document)
    assert page == to_html(catalogue_page(tiny.catalogue.read()))
    assert "best mean rank" in page
    assert "greater than 0" in page


def test_no_sharpe_ratio_stands_on_the_page_without_its_error_and_n():
    rows = frame(row("a", sharpe=41.41, error=0.5, asset_class="fx"), row("b", "y", sharpe=42.42, asset_class="crypto"))
    document = catalogue_page(rows)
    text = " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", to_html(document), flags=re.DOTALL).split())
    shown = [text[found.start() :] for found in re.finditer(r"4[12]\.4[12]", text)]
    # In the table of the best, and in that of every row with its doubt.
    assert len(shown) == 6
    for words in shown:
        assert re.match(r"[\d.]+ ± [\d.]+ \(T 500, N 3\)", words), words[:40]
    for table in document.tables.values():
        assert not {"sharpe", "annual_sharpe"} & {column.key for column in table.columns}, table.name
    for figure in (block for section in document.sections for block in section.blocks if isinstance(block, Figure)):
        marks = [mark for panel in figure.panels for mark in panel.marks if panel.form == "sharpe"]
        assert all(len(mark.error) == len(mark.y) for mark in marks)


def test_the_page_says_whether_anything_beats_luck():
    null = [row("a", name, spa_pvalue=p, pbo=0.5) for name, p in (("sp500", 0.04), ("fx", 0.4))]
    document = catalogue_page(frame(*null))
    assert document.verdict.tone == "none"
    assert document.verdict.heading == "Nothing here beats luck: p = 0.080"
    assert "0.040, on sp500, 0.080 allowing for 2 data sets" in document.verdict.text
    assert [one["adjusted"] for one in document.tables["luck"].rows] == [0.4, 0.08]
    found = catalogue_page(frame(*null, row("a", "gold", spa_pvalue=0.001))).verdict
    assert (found.tone, found.heading) == ("note", "On gold the best is more than luck")
    assert "on the 2 other data sets nothing beats luck" in found.text
    assert catalogue_page(frame(row("a", spa_pvalue=None))).verdict.tone == "unsure"


def test_what_always_says_one_class_is_told():
    rows = [row("majority", f1=0.25, baseline=True), row("gru", f1=0.25), row("tcn", f1=0.3)]
    said = catalogue_page(frame(*rows)).verdict.items
    assert any("1 of 2 rows of models have to the last digit the F1" in item for item in said)
    assert not any("last digit" in item for item in catalogue_page(frame(*rows[1:])).verdict.items)


def test_ranks_within_each_asset_class():
    rows = frame(
        row("a", "btc", asset_class="crypto", sharpe=0.3), row("b", "btc", asset_class="crypto", sharpe=0.2),
        row("a", "eur", asset_class="fx", sharpe=0.1), row("b", "eur", asset_class="fx", sharpe=0.2),
    )  # fmt: skip
    table = catalogue_page(rows).tables["classes"]
    assert [column.title for column in table.columns] == ["model", "crypto", "fx"]
    cells = {one["label"]: (one["crypto"], one["fx"]) for one in table.rows}
    assert cells == {"a": ("1.0 (1–1)", "2.0 (2–2)"), "b": ("2.0 (2–2)", "1.0 (1–1)")}
    one_class = frame(row("a", asset_class="fx"), row("b", asset_class="fx"))
    assert "classes" not in catalogue_page(one_class).tables


def test_an_empty_catalogue_has_a_page():
    document = catalogue_page(frame())
    assert document.verdict.heading == "Nothing is scored yet"
    assert "gnomon bench models" in to_html(document)


def test_failures_alone_have_a_page():
    document = catalogue_page(frame(row("a", status="failed", cause="no weights", sharpe=None)))
    assert document.tables["failures"].rows[0]["cause"] == "no weights"
