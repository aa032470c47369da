"""The page of a search: places on axes by hand, one line a trial, settings that parse back."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from gnomon.config import yaml
from gnomon.models.search_space import Choice, Integer, Real
from gnomon.reporting.html import to_html
from gnomon.reporting.search import convergence, parallel_coordinates, position, search_document, to_yaml
from gnomon.training import SearchResult, SearchTrial

SPACE = {"c": Real(low=0.01, high=1.0, log=True), "depth": Integer(low=2, high=10), "kernel": Choice(values=("a", "b"))}


def trial(
    number: int, value: float | None, *, c: float = 0.1, depth: int = 4, kernel: str = "a", state: str = "complete"
):
    return SearchTrial(
        number=number,
        params={"c": c, "depth": depth, "kernel": kernel},
        state=state,
        folds={"f1": () if value is None else (value, value)},
        seconds=0.5,
        cause="f1 is nan on fold 1 of 2" if value is None else None,
    )


@pytest.fixture
def result() -> SearchResult:
    return SearchResult(
        study="trees-1",
        name="trees",
        model_type="lightgbm",
        metrics=("f1",),
        space=SPACE,
        records=(
            trial(0, 0.3),
            trial(1, None, state="failed"),
            trial(2, 0.5, c=1.0, depth=10, kernel="b"),
            trial(3, 0.9, state="pruned"),
            trial(4, 0.4, c=0.01, depth=2),
        ),
        importance={"c": 0.7, "depth": 0.2, "kernel": 0.1},
        fixed={"rounds": 30},
        rows=900,
    )


def test_a_sharpe_ratio_has_its_error_and_says_where_its_doubt_stands(result):
    folds = {"sharpe": (0.1, 0.3)}
    records = tuple(replace(trial, folds={} if trial.cause else folds) for trial in result.records)
    document = search_document(replace(result, metrics=("sharpe",), records=records))
    (said,) = document.verdict.items
    for word in ("T,", "PSR", "DSR", "effective N", "minimum track record", "PBO", "SPA"):
        assert word in said
    shown = {row["number"]: row.get("sharpe") for row in document.tables["trials"].rows}
    assert shown == {0: "0.2000 ± 0.1000 (2 folds)", 1: None, **dict.fromkeys((2, 3, 4), shown[0])}
    assert not search_document(result).verdict.items


def test_places_on_the_axes_by_hand(result):
    assert position(0.01, SPACE["c"]) == 0.0
    assert position(4, SPACE["depth"]) == 0.25
    assert position("b", SPACE["kernel"]) == 1.0
    figure = parallel_coordinates(result)
    lines = {mark.name.split(":")[0]: mark for mark in figure.panels[0].marks}
    assert list(lines) == ["trial 0", "trial 4", "trial 2"]
    assert list(lines["trial 0"].y) == pytest.approx([0.5, 0.25, 0.0, 0.0])
    assert list(lines["trial 2"].y) == pytest.approx([1.0, 1.0, 1.0, 1.0])
    assert lines["trial 2"].role == "chosen"


def test_the_best_so_far_never_falls_and_knows_complete_trials_only(result):
    points, line = convergence(result).panels[0].marks
    assert list(points.y) == [0.3, None, 0.5, None, 0.4]
    assert list(line.y) == [0.3, 0.3, 0.5, 0.5, 0.5]


def test_the_best_is_by_the_score_s_own_direction(result):
    assert result.best_trial.number == 2
    assert math.isnan(result.records[1].value)
    assert result.trials["f1"].to_list() == [0.3, None, 0.5, 0.9, 0.4]
    assert result.trials["intermediate"].to_list()[0] == [0.3, 0.3]


def test_the_settings_parse_back(result):
    node = yaml.parse(to_yaml(result), file="best.yaml", layer="base")
    assert yaml.plain(node) == {
        "models": {"trees": {"model_type": "lightgbm", "params": {"rounds": 30, "c": 1.0, "depth": 10, "kernel": "b"}}}
    }


def test_the_page_holds_figures_causes_and_the_doubt(result):
    page = to_html(search_document(result))
    for said in ("looks better than it is", "f1 is nan on fold 1 of 2", "convergence", "importance"):
        assert said in page
    assert page == to_html(search_document(result))
