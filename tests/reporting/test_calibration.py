"""The calibration part of the report: what is shown before and after, and what is left out where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from gnomon.evaluation.base import ForecastQuality
from gnomon.evaluation.plain import from_plain, to_plain
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Figure, Table
from gnomon.reporting.sections.calibration import calibration_blocks, drift_figure, reliability_figure


def with_quality(content: ReportContent, quality: ForecastQuality) -> ReportContent:
    """The content with one candidate, whose test rows are of this quality."""
    evaluation = replace(content.main, forecast={"test": quality})
    return replace(content, evaluations={content.chosen: evaluation})


@pytest.fixture
def content(noise: ReportContent, calibrated: ForecastQuality) -> ReportContent:
    return with_quality(noise, calibrated)


def tables(content: ReportContent) -> dict[str, Table]:
    return {block.name: block for block in calibration_blocks(content) if isinstance(block, Table)}


def test_both_stages_stand_beside_each_other_with_their_errors(content: ReportContent) -> None:
    table = tables(content)["calibration_scores"]
    assert [row["stage"] for row in table.rows] == ["as used", "before calibration"]
    scores = content.main.forecast["test"].scores
    own = scores.filter(pl.col("figure") == "log_loss", pl.col("stage") == "uncalibrated").to_dicts()[0]
    assert table.rows[1]["log_loss"] == f"{own['value']:.4f} ± {own['error']:.4f}"
    assert table.strong == {0, 1}


def test_sets_and_quantiles_are_shown_where_there_are_some(content: ReportContent, plain: ForecastQuality) -> None:
    found = tables(content)
    assert found["sets"].rows[0]["set_coverage"].count("%") == 2
    assert found["quantiles"].rows[0]["interval_level"] == "80.0%"
    assert found["quantiles"].rows[0]["interval_width"].startswith("400.0 bps")
    bare = with_quality(content, plain)
    assert set(tables(bare)) == {"calibration_scores", "brier_parts"}
    assert "stage" not in [column.key for column in tables(bare)["calibration_scores"].columns]


def test_the_figures_carry_their_errors(content: ReportContent) -> None:
    quality = content.main.forecast["test"]
    reliability, drift = reliability_figure("a", quality), drift_figure("a", quality)
    assert [panel.title for panel in reliability.panels] == ["Bins of equal width", "Bins of equal mass"]
    for figure in (reliability, drift):
        for panel in figure.panels:
            assert [mark.name for mark in panel.marks] == ["before calibration", "as used"]
            assert all(len(mark.error) == len(mark.y) == len(mark.x) > 2 for mark in panel.marks)
    assert "before calibration" in reliability.alt


def test_nothing_is_shown_where_nothing_was_kept(content: ReportContent, plain: ForecastQuality) -> None:
    empty = replace(plain, scores=pl.DataFrame(), reliability=pl.DataFrame(), drift=pl.DataFrame())
    assert calibration_blocks(with_quality(content, empty)) == []
    short = replace(plain, drift=plain.drift.head(1))
    figures = [block.name for block in calibration_blocks(with_quality(content, short)) if isinstance(block, Figure)]
    assert figures == ["reliability"]


def test_the_figures_survive_metrics_json(calibrated: ForecastQuality) -> None:
    again = from_plain(ForecastQuality, to_plain(calibrated))
    for name in ("scores", "reliability", "drift"):
        assert getattr(again, name).equals(getattr(calibrated, name), null_equal=True)
