"""Every planted leak is found by the probe that is there for its kind, and no clean work is accused."""

from __future__ import annotations

import json
from typing import get_args

import polars as pl
import pytest

from gnomon.cli.main import main
from gnomon.core.errors import GateError
from gnomon.data.probe.base import Level
from gnomon.honesty import corpus, leaky
from gnomon.honesty.base import Case, CorpusReport, Verdict
from gnomon.honesty.corpus import run_corpus


@pytest.fixture(scope="module")
def report() -> CorpusReport:
    return run_corpus()


def test_all_leaks_are_found_and_nothing_clean_is_accused(report):
    assert report.missed == ()
    assert report.false_alarms == ()
    report.raise_wrong()


def test_the_corpus_is_as_large_as_promised(report):
    """At least 40 leaks of many kinds; at least 60 clean functions of bars, folds and fits not counted."""
    cases = [verdict.case for verdict in report.verdicts]
    assert report.planted >= 40
    assert len({case.kind for case in cases if case.leaks}) >= 25
    assert sum(case.finder == "probe" and not case.leaks for case in cases) >= 60
    assert {case.finder for case in cases if case.leaks} == {"probe", "overlap audit", "row ids", "one-bar lag"}
    assert {case.finder for case in cases if not case.leaks} == {"probe", "overlap audit", "row ids", "one-bar lag"}
    assert {case.level for case in cases if case.leaks} == set(get_args(Level))
    assert {case.level for case in cases if not case.leaks} == set(get_args(Level))
    assert len({case.name for case in cases}) == len(cases)


def test_what_is_found_is_shown(report):
    for verdict in report.verdicts:
        assert bool(verdict.evidence) == verdict.found, verdict
        assert verdict.right


def test_the_named_kinds_are_there(report):
    kinds = {verdict.case.kind for verdict in report.verdicts}
    assert {
        *("off by one", "centred window", "global scaling", "back-fill", "resample to the left edge"),
        *("as-of join on the event", "open higher bar", "whole-sample PCA", "whole-sample quantile", "target encoding"),
        *("shuffled folds", "no purge", "embargo zero", "early stopping on test", "revised data", "only sometimes"),
    } <= kinds


def _case(name: str, *, leaks: bool) -> Case:
    return Case(name=name, kind="x", finder="probe", leaks=leaks)


def test_a_missed_leak_and_a_false_alarm_fail_the_gate():
    report = CorpusReport(
        verdicts=(
            Verdict(case=_case("seen", leaks=True), found=True, evidence="row"),
            Verdict(case=_case("hidden", leaks=True), found=False, evidence=""),
            Verdict(case=_case("innocent", leaks=False), found=True, evidence="row"),
        )
    )
    assert (report.planted, report.clean) == (2, 1)
    with pytest.raises(GateError) as told:
        report.raise_wrong()
    assert str(told.value) == (
        "1 of 2 planted leaks were missed: hidden; 1 of 1 pieces of clean work were accused: innocent"
    )


def test_a_case_without_any_value_is_no_case():
    function = lambda bars: bars.select("timestamp", "symbol", x=pl.lit(None, dtype=pl.Float64))  # noqa: E731
    seen = corpus.probe_lookahead(function, corpus.corpus_bars().head(50), 2)
    with pytest.raises(AssertionError, match="it would pass without being seen"):
        corpus._by_probe("blank", "off by one", seen, None)


@pytest.fixture
def only_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus of a few functions, for tests of what stands around it."""
    monkeypatch.setattr(leaky, "EXPRESSIONS", {k: leaky.EXPRESSIONS[k] for k in ("next_close", "clock_change")})
    monkeypatch.setattr(leaky, "FUNCTIONS", {})
    monkeypatch.setattr(corpus.clean, "EXPRESSIONS", {"close": pl.col("close")})
    monkeypatch.setattr(corpus.clean, "FUNCTIONS", {})
    for part in ("_features", "_resamplings", "_labels", "_refits", "_orders"):
        monkeypatch.setattr(corpus, part, lambda _: iter(()))


@pytest.mark.usefixtures("only_functions")
def test_the_command_shows_and_judges(capsys):
    assert main(["honesty", "leaks", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["planted"] == found["found"] == len([case for case in found["cases"] if case["leaks"]])
    assert found["missed"] == found["false_alarms"] == []
    assert main(["honesty", "leaks"]) == 0
    out = capsys.readouterr().out
    assert "clock_change" in out
    assert "MISSED" not in out
    assert "0 of" in out


@pytest.mark.usefixtures("only_functions")
def test_control_with_one_cut_the_command_misses_and_exits_4(capsys):
    """The control: a probe that cuts once finds the leak at every bar, and not the one on the day clocks change."""
    assert main(["honesty", "leaks", "--cuts", "1", "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["missed"] == ["clock_change"]
    assert found["exit_code"] == 4
    assert main(["honesty", "leaks", "--cuts", "1"]) == 4
    out, err = capsys.readouterr()
    assert "MISSED" in out
    assert "planted leaks were missed: clock_change" in err
