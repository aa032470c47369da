"""A report's content refuses what cannot make an honest report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gnomon.core.errors import DataError
from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document


@pytest.mark.parametrize(
    "trials", [{}, {"count": None}, {"count": 0}, {"count": True}, {"count": 2.0}, {"count": "12"}]
)
def test_no_report_without_the_count_of_tries(noise: ReportContent, trials: dict[str, object]) -> None:
    with pytest.raises(DataError, match="trial ledger"):
        replace(noise, trials=trials)


def test_no_report_whose_evaluation_counts_fewer_tries_than_the_ledger(noise: ReportContent) -> None:
    with pytest.raises(DataError, match="counts 12 tries, the trial ledger 13"):
        replace(noise, trials={**noise.trials, "count": 13})
    one = replace(noise.main, doubt=replace(noise.main.doubt, trials=1))
    with pytest.raises(DataError, match="'logistic' counts 1 tries"):
        replace(noise, evaluations={**noise.evaluations, "logistic": one})


def test_control_the_full_count_makes_a_report_that_shows_it(noise: ReportContent) -> None:
    document = to_document(replace(noise, trials={"count": 12}))
    assert "12 configurations were ever scored" in next(s.lead for s in document.sections if s.name == "doubt")


def test_the_chosen_one_is_among_the_evaluations(noise: ReportContent) -> None:
    with pytest.raises(ValueError, match="'other' is not one of the evaluations: lightgbm, logistic"):
        replace(noise, chosen="other")
    assert noise.main is noise.evaluations["lightgbm"]
