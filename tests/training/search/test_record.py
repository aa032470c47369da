"""The record of a search: what it was given comes back, whatever the settings are."""

from __future__ import annotations

from pathlib import Path

from gnomon.config import yaml
from gnomon.models.search_space import Choice, Real, SearchSpace
from gnomon.reporting.search import search_document, to_yaml
from gnomon.training.search.base import SearchResult, SearchTrial
from gnomon.training.search.record import SearchRecord
from gnomon.training.search.space import distributions

SPACE: SearchSpace = {"rates": Choice(values=((4, 1), (8, 4, 1))), "dropout": Real(low=0.0, high=0.5)}
TRIALS = [
    SearchTrial(
        number=number,
        params={"rates": rates, "dropout": 0.1 * number},
        state="complete",
        folds={"log_loss": (1.0, 0.5 - 0.1 * number)},
        seconds=1.5,
    )
    for number, rates in enumerate(((4, 1), (8, 4, 1), (4, 1)))
]


def record(folder: Path) -> SearchRecord:
    return SearchRecord(folder, study="s", metrics=("log_loss",), distributions=distributions(SPACE))


def test_settings_of_several_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    first = record(tmp_path)
    for trial in TRIALS[:2]:
        first.add(trial)
    assert record(tmp_path).trials() == TRIALS[:2]
    record(tmp_path).add(TRIALS[2])
    assert record(tmp_path).trials() == TRIALS


def test_settings_of_several_numbers_are_shown() -> None:
    result = SearchResult(
        study="s",
        name="nhits",
        model_type="nhits",
        metrics=("log_loss",),
        space=SPACE,
        records=tuple(TRIALS),
        importance={"rates": 1.0},
    )
    assert yaml.plain(yaml.parse(to_yaml(result)))["models"]["nhits"]["params"] == {"rates": [4, 1], "dropout": 0.2}
    assert result.trials["params_rates"].to_list() == ["(4, 1)", "(8, 4, 1)", "(4, 1)"]
    assert search_document(result).sections
