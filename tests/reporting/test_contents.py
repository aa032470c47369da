"""What a report holds: all of an evaluation, and plain words where there is nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from gnomon.evaluation.base import Verdict
from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Callout, Document, Facts, Section, Text
from gnomon.reporting.sections.forecasting import curves_figure


def section(document: Document, name: str) -> Section:
    return next(one for one in document.sections if one.name == name)


def words(part: Section) -> str:
    return " ".join(block.text for block in part.blocks if isinstance(block, Text | Callout))


def test_all_sections_and_figures_are_there(noise: ReportContent) -> None:
    document = to_document(noise)
    assert [one.name for one in document.sections] == [
        "summary",
        "equity",
        "returns",
        "doubt",
        "costs",
        "exposure",
        "trades",
        "lag",
        "regimes",
        "risk",
        "forecasts",
        "models",
        "split",
        "data",
        "run",
        "limitations",
    ]
    assert set(document.figures) == {
        "equity",
        "yearly",
        "costs",
        "exposure",
        "trades",
        "regimes",
        "stress",
        "calibration",
        "reliability",
        "calibration_drift",
        "importance",
        "importance_2",
        "training",
    }
    assert document.subtitle == (
        "Out of sample 2 Jan 2018 to 16 May 2019",
        "500 bars (1.4 years)",
        "AAA, BBB",
        "daily bars",
        "after costs",
    )


@pytest.mark.parametrize("name", ["noise", "edge", "idle", "hostile"])
def test_names_are_unique_and_every_figure_says_what_it_shows(contents: dict[str, ReportContent], name: str) -> None:
    document = to_document(contents[name])
    blocks = [block for part in document.sections for block in part.blocks if hasattr(block, "name")]
    assert len({(type(block), block.name) for block in blocks}) == len(blocks)
    assert all(figure.alt and figure.title for figure in document.figures.values())
    assert all(part.lead for part in document.sections)


def test_the_headline_table_has_the_strategy_first_then_its_rivals(noise: ReportContent) -> None:
    table = to_document(noise).tables["headline"]
    assert [row["name"] for row in table.rows] == [
        "lightgbm",
        "logistic",
        *(name.replace("_", " ").capitalize() for name in noise.main.benchmarks),
    ]
    first = table.rows[0]
    assert first["kind"] == "chosen"
    assert first["total_return"] == noise.main.metrics["total_return"]
    assert first["sharpe"] is noise.main.doubt
    assert first["costs"] == pytest.approx(noise.main.metrics["costs"] / 1e6)


def test_thresholds_pass_and_fail(noise: ReportContent, edge: ReportContent) -> None:
    for content in (noise, edge):
        table = to_document(content).tables["thresholds"]
        assert [row["passed"] for row in table.rows] == [one.passed for one in content.main.thresholds]
        assert ("All limits are kept" in table.note) == content.main.passed
    for passed, said in ((True, "All limits are kept."), (False, "3 of 3 limits are not kept.")):
        results = tuple(replace(one, passed=passed) for one in noise.main.thresholds)
        main = replace(noise.main, thresholds=results)
        table = to_document(replace(noise, evaluations={**noise.evaluations, "lightgbm": main})).tables["thresholds"]
        assert table.note.startswith(said)


@pytest.mark.parametrize(
    ("change", "doubt", "heading", "tone"),
    [
        ({"edge": True, "short_record": False}, {}, "An edge", "edge"),
        (
            {"edge": False, "short_record": True},
            {"minimum_track_record": 900.0, "sharpe": 0.05},
            "Too short to tell",
            "unsure",
        ),
        ({"edge": False, "short_record": True}, {"minimum_track_record": math.inf, "sharpe": -0.05}, "No edge", "none"),
        (
            {"edge": False, "short_record": True},
            {"minimum_track_record": math.nan, "sharpe": math.nan},
            "No edge",
            "none",
        ),
        ({"edge": False, "short_record": False}, {"minimum_track_record": 90.0, "sharpe": 0.05}, "No edge", "none"),
    ],
)
def test_the_verdict_in_two_words(
    noise: ReportContent, change: dict[str, bool], doubt: dict[str, float], heading: str, tone: str
) -> None:
    verdict = Verdict(text=f"{heading}. The text.", reasons=("One reason.",), **change)
    main = replace(noise.main, verdict=verdict, doubt=replace(noise.main.doubt, **doubt))
    callout = to_document(replace(noise, evaluations={**noise.evaluations, "lightgbm": main})).verdict
    assert (callout.heading, callout.tone, callout.text, callout.items) == (
        heading,
        tone,
        "The text.",
        ("One reason.",),
    )


def test_an_account_that_never_traded_gets_sensible_words(idle: ReportContent) -> None:
    document = to_document(idle)
    assert document.verdict.heading == "No edge"
    assert words(section(document, "trades")) == "No trade was made."
    assert "Nothing was traded" in words(section(document, "costs"))
    assert "Nothing was traded" in words(section(document, "exposure"))
    assert "no scenario" in words(section(document, "risk"))
    assert not {"costs", "exposure", "trades", "regimes", "stress", "yearly"} & set(document.figures)
    assert "models" not in [part.name for part in document.sections]


def test_given_signals_have_no_models_and_no_split(edge: ReportContent) -> None:
    document = to_document(edge)
    names = [part.name for part in document.sections]
    assert "models" not in names
    assert "split" not in names
    assert "found nothing" in words(section(document, "data"))
    assert "no forecasts" in words(section(document, "forecasts"))


def test_monthly_returns_stand_in_their_cells_with_the_year_at_the_end(noise: ReportContent) -> None:
    rows = {row["year"]: row for row in to_document(noise).tables["monthly"].rows}
    for one in noise.main.monthly.to_dicts():
        assert rows[one["year"]][f"m{one['month']}"] == one["return"]
    for one in noise.main.yearly.to_dicts():
        assert rows[one["year"]]["total"] == one["return"]
    assert "m6" not in rows[2019]


def test_the_break_even_cost_is_marked_where_it_lies(noise: ReportContent) -> None:
    def figure(value: float) -> tuple[list[str], str]:
        main = replace(noise.main, break_even_bps=value)
        document = to_document(replace(noise, evaluations={**noise.evaluations, "lightgbm": main}))
        rules = document.figures["costs"].panels[0].rules
        return [rule.label for rule in rules if rule.label], words(section(document, "costs"))

    assert figure(6.5) == (
        ["paid", "break-even"],
        "It paid 2.0 bps of what was traded. The gain is gone at 6.5 bps: the break-even cost.",
    )
    assert figure(math.nan)[0] == ["paid"]
    assert "even at no cost at all there was no gain" in figure(math.nan)[1]
    assert "No cost that was looked at" in figure(math.inf)[1]
    assert figure(1e6)[0] == ["paid"]


def test_a_suspicious_lag_is_called_out(noise: ReportContent) -> None:
    assert noise.main.one_bar_lag is not None

    def shown(**change: Any) -> Section:
        lag = replace(noise.main.one_bar_lag, **change)
        main = replace(noise.main, one_bar_lag=lag)
        return section(to_document(replace(noise, evaluations={**noise.evaluations, "lightgbm": main})), "lag")

    suspicious = shown(kept=0.2, suspicious=True)
    assert isinstance(suspicious.blocks[0], Callout)
    assert "20.0% of the Sharpe ratio is left" in suspicious.blocks[0].text
    assert "nothing suspicious" in words(shown(kept=0.9, suspicious=False))
    assert "not above 0" in words(shown(kept=math.nan, suspicious=False))
    without = replace(noise, evaluations={**noise.evaluations, "lightgbm": replace(noise.main, one_bar_lag=None)})
    assert "not made" in words(section(to_document(without), "lag"))


def test_forecast_skill_is_not_sold_as_an_edge(noise: ReportContent) -> None:
    part = section(to_document(noise), "forecasts")
    assert "not an edge" in part.lead
    table = to_document(noise).tables["forecast_classes"]
    assert [(row["name"], row["split"]) for row in table.rows] == [
        ("lightgbm", "validation"),
        ("lightgbm", "test"),
        ("logistic", "validation"),
        ("logistic", "test"),
    ]
    assert table.strong == {1}


def test_every_doubt_is_explained_and_listed(noise: ReportContent) -> None:
    tables = to_document(noise).tables
    names = " ".join(row["name"] for row in tables["doubt"].rows)
    for figure in (
        "T",
        "Standard error",
        "autocorrelation",
        "PSR",
        "DSR",
        "N",
        "Effective",
        "Minimum track",
        "PBO",
        "SPA",
    ):
        assert figure in names
    assert all(row["means"].endswith(".") for row in tables["doubt"].rows)
    main = noise.main
    expected = 2 + len(main.benchmarks) + 1 + main.cost_sensitivity.height + main.regimes.height
    assert len(tables["all_doubts"].rows) == expected
    assert len(tables["trials"].rows) == 12


def test_many_tries_are_counted_though_only_the_last_are_listed(noise: ReportContent) -> None:
    count = 250
    rows = [
        {"number": i + 1, "name": "a", "kind": "search", "config": "c", "sharpe": None, "bars": 0} for i in range(count)
    ]
    evaluations = {
        name: replace(one, doubt=replace(one.doubt, trials=count)) for name, one in noise.evaluations.items()
    }
    content = replace(
        noise, evaluations=evaluations, trials={"count": count, "effective": 12.0, "rows": rows, "head": "f" * 64}
    )
    table = to_document(content).tables["trials"]
    assert table.title == "The last 100 of 250 tries"
    assert (table.rows[0]["number"], table.rows[-1]["number"]) == (151, 250)
    assert table.rows[0]["sharpe"] == "not known"
    assert "ffffffffffffffff" in words(section(to_document(content), "doubt"))


def test_what_was_mended_is_counted_and_what_was_found_before(noise: ReportContent) -> None:
    checks = {
        "issues": [],
        "issues_before": [{"check": "gap", "severity": "error", "count": 4, "message": "4 bars miss", "rows": []}],
        "universe": [{"symbol": "AAA", "rows": 3}],
        "adjusted": [{"method": "back", "bars": 7}],
    }
    tables = to_document(replace(noise, checks=checks)).tables
    assert tables["universe"].rows[0]["rows"] == 3
    assert tables["adjusted"].rows[0]["bars"] == 7
    assert tables["issues_before"].rows[0]["count"] == 4
    assert "repairs" not in tables


def test_overlaps_are_not_hidden(noise: ReportContent) -> None:
    clean = words(section(to_document(noise), "split"))
    assert clean.startswith("No training label reaches")
    found = words(section(to_document(replace(noise, split={**noise.split, "overlaps": 3})), "split"))
    assert found.startswith("3 training labels reach")


def test_a_market_without_regimes_or_falls_and_a_bare_content(noise: ReportContent) -> None:
    main = replace(
        noise.main,
        regimes=noise.main.regimes.head(0),
        drawdowns=noise.main.drawdowns.head(0),
        benchmarks={},
        thresholds=(),
    )
    content = replace(
        noise,
        evaluations={"lightgbm": main},
        source={},
        checks={},
        execution={},
        config="",
        versions={},
        limitations=(),
    )
    document = to_document(content)
    assert "cut into regimes" in words(section(document, "regimes"))
    assert document.tables["drawdowns"].empty == "The account never fell below a peak."
    assert "thresholds" not in document.tables
    assert document.tables["headline"].rows[0]["costs"] == pytest.approx(main.metrics["costs"] / 1e6)
    assert words(section(document, "limitations")) == "None were recorded."
    facts = next(block for block in section(document, "summary").blocks if isinstance(block, Facts))
    assert facts.facts[0].remark.startswith("1,000,000 became")


def test_intraday_names_days_where_days_were_judged(noise: ReportContent) -> None:
    main = replace(noise.main, judged_on="days")
    document = to_document(replace(noise, evaluations={**noise.evaluations, "lightgbm": main}))
    assert document.tables["risk"].title == "Value at risk, one day"
    assert "joins the bars to days" in document.tables["doubt"].note


def test_thousands_of_symbols_are_cut_short(noise: ReportContent) -> None:
    source = {**noise.source, "symbols": [f"S{i}" for i in range(398)], "frequency": "4h"}
    document = to_document(replace(noise, source=source))
    assert "S0, S1, S2, S3, S4, S5 and 392 more symbols" in document.subtitle
    assert "4h bars" in document.subtitle
    named = next(row for row in document.tables["source"].rows if row["name"].startswith("Symbols"))
    assert named["name"] == "Symbols (398)"
    assert named["value"].endswith("S19 and 378 more")


def test_a_candidate_may_be_named_for_what_it_seeks(noise: ReportContent) -> None:
    names = dict(zip(("max_sharpe", "max sharpe"), noise.evaluations.values(), strict=True))
    fits = dict(zip(names, noise.fits.values(), strict=True))
    content = replace(noise, evaluations=names, chosen="max_sharpe", fits=fits, validation={})
    figures = to_document(content).figures
    assert figures["importance"].title == "Feature importance, max_sharpe"
    assert figures["importance_2"].title == "Feature importance, max sharpe"


def test_exposure_and_costs_add_up(noise: ReportContent) -> None:
    panels = to_document(noise).figures["exposure"].panels
    assert panels[2].marks[0].y[-1] == pytest.approx(noise.main.metrics["costs"] / 1e6)
    turned = (noise.main.equity["turnover"] / noise.main.equity["equity"]).sum()
    assert sum(value or 0.0 for value in panels[1].marks[0].y) == pytest.approx(turned)
    assert isinstance(noise.main.equity, pl.DataFrame)


def test_a_net_s_curves_stand_apart_where_they_are_of_another_kind() -> None:
    """Losses together; a norm a step, or a share of units, has axes of its own. A curve under two names is one."""
    curves = {
        "train_loss": [0.9001, 0.8],
        "train_log_loss": [0.9, 0.8],
        "valid_log_loss": [1.0, 1.1],
        "valid_loss": [1.0, 2.0],
        "gradient_norm": [0.1, 0.2, 0.3, 0.4],
        "dead_units": [0.0, 0.0],
        "gradient_noise_scale": [{"float": "nan"}, {"float": "nan"}],
    }
    figure = curves_figure({"net": {"curves": curves}})
    assert figure is not None
    panels = {panel.title: [mark.name for mark in panel.marks] for panel in figure.panels}
    assert panels == {
        "net": ["Train log loss", "Valid log loss", "Valid loss"],
        "net: dead units": ["Dead units"],
        "net: gradient norm by step": ["Gradient norm"],
    }
    assert curves_figure({"net": {"curves": {"dead_units": [0.0]}}}) is None
