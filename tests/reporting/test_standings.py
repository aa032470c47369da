"""Every model at every horizon: what the table and the figure say, and that nothing stands without its doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gnomon.evaluation.base import ForecastQuality, SharpeDoubt
from gnomon.metrics.resampled import Interval
from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Document, Figure, Section, Table, Text
from gnomon.reporting.html import to_html
from gnomon.reporting.standings import Standing, in_families, standing, standing_blocks
from gnomon.reporting.static import to_picture


def stand(quality: ForecastQuality, doubt: SharpeDoubt, model: str, family: str, horizon: int, **more) -> Standing:
    return standing(quality, doubt, model=model, family=family, horizon=horizon, **{"chosen": False, **more})


@pytest.fixture
def several(calibrated: ForecastQuality, noise: ReportContent) -> list[Standing]:
    doubt = noise.main.doubt
    interval = Interval(low=-1.25, high=2.0)
    return [
        stand(calibrated, doubt, model, family, horizon, chosen=model == "trees", interval=interval)
        for horizon in (10, 5)
        for model, family in (("blend", "ensemble"), ("trees", "boosting"), ("linear", "classical"))
    ]


def test_it_takes_the_figures_with_their_errors(calibrated, noise):
    one = stand(calibrated, noise.main.doubt, "trees", "boosting", 5)
    assert set(one.figures) == {"macro_f1", "log_loss", "calibration_error", "information_coefficient"}
    assert one.figures["log_loss"].value == pytest.approx(calibrated.metrics["log_loss"])
    assert 0.0 < one.figures["log_loss"].error < 0.1
    assert one.base["log_loss"] == 1.0


def test_families_stand_in_their_order_at_each_horizon(several):
    assert [(one.horizon, one.model) for one in in_families(several)] == [
        (bars, model) for bars in (5, 10) for model in ("linear", "trees", "blend")
    ]


def test_the_words_count_what_is_told_from_nothing(several, noise):
    words, figure, forecasts, accounts = standing_blocks(several)
    assert isinstance(words, Text)
    assert isinstance(figure, Figure)
    assert isinstance(forecasts, Table)
    assert isinstance(accounts, Table)
    assert words.text.startswith("Of 6 models and horizons, ")
    assert f"over all {noise.main.doubt.trials} tries (SPA)" in words.text
    sure = replace(noise.main.doubt, annual_sharpe=9.0)
    one_of = [replace(several[0], doubt=sure), *several[1:]]
    assert "and 1 a Sharpe ratio more than two standard errors above 0" in standing_blocks(one_of)[0].text
    assert "and 0 a Sharpe ratio" in words.text
    assert len(forecasts.strong) == len(accounts.strong) == 2
    assert accounts.rows[0]["interval"] == "-1.25 to 2.00"
    # Models of a horizon stand beside each other, in no line.
    marks = figure.panels[0].marks
    assert sorted(x for mark in marks for x in mark.x) == pytest.approx(
        [5 - 7 / 6, 5, 5 + 7 / 6, 10 - 7 / 6, 10, 10 + 7 / 6]
    )
    assert not any(mark.joined for panel in figure.panels for mark in panel.marks)
    assert [panel.title for panel in figure.panels] == ["Macro F1", "IC", "Sharpe a year"]
    assert to_picture(figure, "svg").startswith(b"<?xml")


def test_one_horizon_has_its_models_by_name(several):
    figure = standing_blocks(several[:3])[1]
    assert isinstance(figure, Figure)
    assert figure.x_form == "text"
    assert figure.panels[0].marks[0].x == ["linear", "trees", "blend"]
    assert standing_blocks(several[:3])[0].text.startswith("Of 3 models, ")
    assert len(standing_blocks(several[:1])) == 3
    assert standing_blocks([]) == []


def test_a_report_of_several_candidates_has_them_side_by_side(noise):
    facts = {name: {"family": "classical", "horizon": 5} for name in noise.evaluations}
    tables = to_document(replace(noise, models=facts)).tables
    assert [row["model"] for row in tables["standings"].rows] == list(noise.evaluations)
    assert tables["standings"].strong == {0}
    # Without an interval there is no empty column.
    assert [column.key for column in tables["standings_accounts"].columns] == [
        *("horizon", "family", "model", "sharpe", "psr", "dsr")
    ]
    assert "standings" not in to_document(noise).tables


def test_signs_of_an_interval_are_set_as_others_are(several, noise):
    blocks = tuple(standing_blocks(several))
    section = Section(name="s", title="s", lead="s", blocks=blocks)
    page = to_html(Document(title="t", subtitle=(), verdict=to_document(noise).verdict, sections=(section,)))
    assert "\N{MINUS SIGN}1.25 to 2.00" in page
