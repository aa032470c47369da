"""The search: what users call, the same trials by any number of workers, going on after a kill, and what it may see."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.config import ConfigManager
from gnomon.core.errors import ConfigError, IntegrityError, LockedError, TrainingError
from gnomon.models.base import ModelRegistry
from gnomon.store.trials import market_of, trial_ledger
from gnomon.training import HPOptimizer, HyperparameterOptimizer, Prepared, SearchResult, TrainingEngine
from gnomon.training.search import campaign as campaign_file
from gnomon.training.search.samplers import make_sampler

CONFIG = """
seed: 3
data:
  source: {kind: synthetic, symbols: 1, start: 2015-01-01, end: 2017-01-01, calendar: 24/7, seed: 5}
features: {set: none, include: [log_return, rsi]}
labels: {kind: triple_barrier, horizons: [3]}
split: {kind: holdout, embargo_bars: 2}
models:
  trees: {model_type: lightgbm, params: {rounds: 5, early_stopping_rounds: null}}
  plain: {model_type: logistic_regression}
search:
  trials: 10
  splitter: {kind: purged_kfold, folds: 3}
  spaces:
    trees:
      num_leaves: {low: 2, high: 16}
      learning_rate: {low: 0.05, high: 0.5, log: true}
      min_rows_in_leaf: {low: 5, high: 60}
      feature_fraction: null
      row_fraction: null
      l1: null
      l2: null
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "gnomon.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "gnomon.yaml").write_text(CONFIG)
    return TrainingEngine(config_manager=ConfigManager(folder)).prepare()


def searched(folder: Path, prepared: Prepared, model: str = "trees", **settings: Any) -> SearchResult:
    manager = ConfigManager(folder)
    section = manager.config.search.model_dump()
    search = {**{key: value for key, value in section.items() if key != "pruner"}, **settings}
    engine = TrainingEngine(config_manager=manager)
    return HPOptimizer(engine, manager).optimize(model_type=model, search=search, prepared=prepared)


def table(result: SearchResult) -> pl.DataFrame:
    """What may not differ from one run to another: everything but time."""
    return result.trials.drop("seconds")


def test_the_call_that_users_write(workspace: Path) -> None:
    manager = ConfigManager(workspace)
    engine = TrainingEngine(config_manager=manager)
    result = HPOptimizer(training_engine=engine, config_manager=manager).optimize(
        model_type="trees", search_space_config_key="search.spaces.trees", data_config=None
    )
    assert HyperparameterOptimizer is HPOptimizer
    assert result.best_params == result.best_trial.params
    assert set(result.best_params) == {"num_leaves", "learning_rate", "min_rows_in_leaf"}
    assert result.fixed == {"rounds": 5, "early_stopping_rounds": None}
    assert result.trials.height == 10
    assert result.trials["number"].to_list() == list(range(10))
    complete = result.trials.filter(state="complete")
    assert result.best_value == complete["log_loss"].min()
    assert sum(result.importance.values()) == pytest.approx(1.0)
    assert set(result.importance) == set(result.space)
    # The search begins at what an earlier one found, as far as the ranges hold it.
    tuned = ModelRegistry.models.get("lightgbm").Config.tuned
    assert tuned["min_rows_in_leaf"] > 60
    begun = {"learning_rate": tuned["learning_rate"], "min_rows_in_leaf": 60, "num_leaves": tuned["num_leaves"]}
    assert result.records[0].params == begun


@pytest.mark.parametrize("settings", [{}, {"pruner": "none"}, {"pruner": "hyperband", "sampler": "random"}])
def test_two_workers_find_what_one_does(tmp_path: Path, prepared: Prepared, settings: dict[str, Any]) -> None:
    found = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        (folder / "gnomon.yaml").write_text(CONFIG)
        found.append(searched(folder, prepared, trials=14, workers=workers, **settings))
    assert_frame_equal(table(found[0]), table(found[1]), check_exact=True)
    assert found[0].importance == found[1].importance
    if settings.get("pruner") != "none":
        assert "pruned" in found[0].trials["state"].to_list()


def test_a_sampler_that_is_not_reseeded_is_found_out(
    workspace: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: chance that belongs to the process and not to the trial gives other trials when it goes on."""
    import optuna

    first = searched(workspace, prepared, trials=6)
    carried = optuna.samplers.RandomSampler(seed=1)
    monkeypatch.setattr(campaign_file, "make_sampler", lambda *_args, **_kwargs: carried)
    with pytest.raises(IntegrityError, match="other settings than are asked for now"):
        searched(workspace, prepared, trials=10)
    monkeypatch.setattr(campaign_file, "make_sampler", make_sampler)
    longer = searched(workspace, prepared, trials=10)
    assert_frame_equal(table(longer).head(6), table(first), check_exact=True)


CHILD = """
import sys, time
from pathlib import Path
from gnomon.config import ConfigManager
from gnomon.training import HPOptimizer, TrainingEngine
from gnomon.training.search import evaluate

if __name__ == "__main__":
    manager = ConfigManager(Path(sys.argv[1]))
    fit = evaluate.score_fold
    def slow(*args):
        time.sleep(0.05)
        return fit(*args)
    evaluate.score_fold = slow
    HPOptimizer(TrainingEngine(config_manager=manager), manager).optimize(
        model_type="trees", progress=lambda done, of, best: print(done, flush=True)
    )
"""


def test_a_search_that_was_killed_goes_on_to_the_same_table(tmp_path: Path, prepared: Prepared) -> None:
    script = tmp_path / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    for name in ("killed", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gnomon.yaml").write_text(CONFIG)
    killed = tmp_path / "killed"
    child = subprocess.Popen(
        [sys.executable, str(script), str(killed)], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 5:
            # The next batch is under way.
            time.sleep(0.1)
            child.send_signal(signal.SIGKILL)
            break
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    (journal,) = killed.glob(".gnomon/search/*/journal.log")
    before = journal.read_bytes()
    assert 5 <= before.count(b"params") < 10
    # A kill in the middle of a write leaves half a line too.
    journal.write_bytes(before + b'{"op_code": 4, "tri')

    went_on, whole = (
        searched(killed, prepared, pruner="median"),
        searched(tmp_path / "whole", prepared, pruner="median"),
    )
    assert_frame_equal(table(went_on), table(whole), check_exact=True)
    assert journal.read_bytes().startswith(before)
    study = open_with_optuna(journal)
    assert [trial.state.is_finished() for trial in study.trials] == [True] * 10
    ledgers = [trial_ledger(tmp_path / name) for name in ("killed", "whole")]
    rows = [[(t.config, t.sharpe, t.returns, t.repeats) for t in ledger.rows()] for ledger in ledgers]
    assert rows[0] == rows[1]


def open_with_optuna(journal: Path) -> Any:
    """As anybody would: by Optuna alone."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    return optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(JournalFileBackend(str(journal))))


def test_a_finished_search_is_not_done_again(
    workspace: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = searched(workspace, prepared, trials=4)
    monkeypatch.setattr("gnomon.training.search.optimizer.score_trial", None)
    assert_frame_equal(searched(workspace, prepared, trials=4).trials, first.trials, check_exact=True)


def test_every_try_is_a_row_of_the_trial_ledger(workspace: Path, prepared: Prepared) -> None:
    result = searched(workspace, prepared, trials=6)
    ledger = trial_ledger(workspace)
    market = market_of(prepared.bars["symbol"].unique().to_list(), "1d")
    rows = ledger.trials(market)
    assert [row.name for row in rows] == [f"trees {number}" for number in range(6)]
    assert {row.kind for row in rows} == {"tune"}
    assert len({row.config for row in rows}) == 6
    assert rows[2].metrics["log_loss"] == result.records[2].value
    stamps, _ = ledger.returns(rows[0])
    seen = prepared.samples.known_at[np.concatenate([prepared.fold.train, prepared.fold.valid])]
    test = prepared.samples.known_at[prepared.fold.test]
    assert stamps.max() <= seen.max() < test.min()
    assert ledger.panel(market).returns.shape[1] == 6


def spoiled(prepared: Prepared, rows: np.ndarray) -> Prepared:
    """Other features, labels and prices on these rows, as if the market had gone another way."""
    x, y = prepared.samples.x.copy(), prepared.samples.y.copy()
    x[rows], y[rows] = x[rows] * -3.0, -y[rows]
    stamps = prepared.samples.known_at[rows]
    at = pl.col("timestamp").to_physical().is_between(int(stamps.min()), int(stamps.max()))
    prices = [
        pl.when(at).then(pl.col(name) * 2.0).otherwise(name).alias(name) for name in ("open", "high", "low", "close")
    ]
    return replace(prepared, samples=replace(prepared.samples, x=x, y=y), bars=prepared.bars.with_columns(prices))


def test_no_test_row_enters(tmp_path: Path, prepared: Prepared) -> None:
    """Test rows, and test bars, may be anything. The control: validation rows may not."""
    tables = []
    for name, data in (
        ("as_is", prepared),
        ("test", spoiled(prepared, prepared.fold.test)),
        ("valid", spoiled(prepared, prepared.fold.valid)),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gnomon.yaml").write_text(CONFIG)
        result = searched(tmp_path / name, data, trials=3)
        ledger = trial_ledger(tmp_path / name)
        tables.append((table(result), [row.returns for row in ledger.rows()], result.study))
    assert_frame_equal(tables[0][0], tables[1][0], check_exact=True)
    assert tables[0][1:] == tables[1][1:]
    assert tables[0][1] != tables[2][1]
    assert not tables[0][0]["log_loss"].equals(tables[2][0]["log_loss"])


def test_a_trial_that_fails_is_recorded_with_its_cause_and_never_wins(
    workspace: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gnomon.training.search import evaluate

    fit = evaluate.score_fold

    def brittle(work: Any, name: str, section: Any, number: int) -> Any:
        result = fit(work, name, section, number)
        if section.params["num_leaves"] < 6:
            raise RuntimeError("the library fell over")
        if section.params["num_leaves"] < 10:
            return replace(result, scores={**result.scores, "log_loss": float("nan")})
        return result

    monkeypatch.setattr(evaluate, "score_fold", brittle)
    result = searched(workspace, prepared, trials=14, pruner="none")
    failed = result.trials.filter(state="failed")
    assert failed["log_loss"].null_count() == failed.height
    causes = set(failed["cause"])
    assert causes == {"RuntimeError: the library fell over", "log_loss is nan on fold 1 of 3"}
    assert result.best_trial.state == "complete"
    assert result.best_params["num_leaves"] >= 10
    assert trial_ledger(workspace).count() == 14 - failed.height
    # It goes on from its record just so.
    assert_frame_equal(searched(workspace, prepared, trials=14, pruner="none").trials, result.trials, check_exact=True)


def test_where_every_trial_fails_the_first_cause_is_told(workspace: Path, prepared: Prepared) -> None:
    spaces = {"trees": {"num_leaves": {"low": 2, "high": 4}}}
    hopeless = replace(prepared, samples=replace(prepared.samples, x=np.full_like(prepared.samples.x, np.inf)))
    with pytest.raises(
        TrainingError, match="none of 2 trials of trees gave a figure; the first failed with: DataError"
    ):
        searched(workspace, hopeless, trials=2, spaces=spaces)


def test_several_metrics_give_a_front(workspace: Path, prepared: Prepared) -> None:
    result = searched(workspace, prepared, trials=12, metrics=["log_loss", "ic"], sampler="nsga2")
    front = result.front
    assert result.best_trial in front
    points = [(-trial.values["log_loss"], trial.values["ic"]) for trial in front]
    assert all(not (a[0] > b[0] and a[1] > b[1]) for a in points for b in points)
    assert {"log_loss", "ic"} <= set(result.trials.columns)


@pytest.mark.parametrize("sampler", ["gp", "cmaes", "random", "nsga2"])
def test_a_search_by_any_sampler_goes_on_as_if_never_stopped(tmp_path: Path, prepared: Prepared, sampler: str) -> None:
    pytest.importorskip({"gp": "torch", "cmaes": "cmaes"}.get(sampler, "optuna"))
    for name in ("halted", "whole"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gnomon.yaml").write_text(CONFIG)
    # Nine: the batch that was cut short is asked again with all its fellows.
    searched(tmp_path / "halted", prepared, "plain", trials=9, sampler=sampler, pruner="none")
    halted = searched(tmp_path / "halted", prepared, "plain", trials=14, sampler=sampler, pruner="none")
    whole = searched(tmp_path / "whole", prepared, "plain", trials=14, sampler=sampler, pruner="none")
    assert_frame_equal(table(halted), table(whole), check_exact=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"spaces": {"trees": {"num_leafs": {"low": 2, "high": 4}}}}, "did you mean 'num_leaves'"),
        ({"spaces": {"trees": {"num_leaves": {"low": 1, "high": 4}}}}, "search.spaces.trees.num_leaves"),
        ({"spaces": {"trees": {"num_leaves": {"low": 2.5, "high": 4}}}}, "takes whole numbers"),
        ({"spaces": {"trees": {"num_leaves": {"low": 4, "high": 4}}}}, "must rise from low to high"),
        ({"metrics": ["log_los"]}, "did you mean 'log_loss'"),
        ({"metrics": ["log_loss", "log_loss"]}, "names a score twice"),
        ({"metrics": ["log_loss", "ic"], "sampler": "cmaes"}, "cmaes"),
        ({"metrics": ["log_loss", "ic"], "pruner": "median"}, "goes by one metric"),
        ({"splitter": {"kind": "purged_kfolds"}}, "did you mean 'purged_kfold'"),
        ({"trials": 0}, "search.trials"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    workspace: Path, prepared: Prepared, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        searched(workspace, prepared, **settings)


def test_a_model_without_a_space_and_a_model_that_nobody_knows(workspace: Path, prepared: Prepared) -> None:
    with pytest.raises(ConfigError, match=r"majority has no settings to search for; name ranges at search\.spaces"):
        searched(workspace, prepared, "majority")
    with pytest.raises(ConfigError, match="did you mean 'lightgbm'"):
        searched(workspace, prepared, "lightgmb")


def test_one_search_at_a_time_on_one_study(workspace: Path, prepared: Prepared) -> None:
    study = searched(workspace, prepared, trials=1).study
    path = workspace / ".gnomon" / "search" / f"{study}.lock"
    holder = (
        "from gnomon.store.locks import lock; from pathlib import Path\n"
        f"with lock(Path({str(path)!r}), 'x'): print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LockedError):
            searched(workspace, prepared, trials=2)
        other.communicate("\n")


def test_time_that_is_up_ends_the_search_after_a_batch(workspace: Path, prepared: Prepared) -> None:
    result = searched(workspace, prepared, trials=1000, timeout=0.2)
    assert 0 < len(result.records) < 1000
    assert len(result.records) % 4 == 0


def test_without_a_folder_nothing_is_written(prepared: Prepared) -> None:
    optimizer = HPOptimizer(config_manager=ConfigManager(overrides=["search.trials=2", "seed=3"]))
    result = optimizer.optimize(model_type="logistic_regression", prepared=prepared)
    assert len(result.records) == 2
    assert optimizer.folder is None
    assert optimizer.ledger is None


def test_a_record_that_was_altered_is_refused(workspace: Path, prepared: Prepared) -> None:
    searched(workspace, prepared, trials=2)
    (journal,) = workspace.glob(".gnomon/search/*/journal.log")
    journal.write_bytes(b"{nonsense\n" + journal.read_bytes())
    with pytest.raises(IntegrityError, match="line 1 of"):
        searched(workspace, prepared, trials=2)
