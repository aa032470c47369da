"""Ray Tune runs the same search: the same trials as in process, and no cluster left behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from gnomon.config import ConfigManager
from gnomon.core.errors import ConfigError
from gnomon.store.trials import trial_ledger
from gnomon.training import HPOptimizer, SearchResult
from gnomon.training.search.ray_tune import QUIET

CONFIG = """
data:
  source: {kind: synthetic, symbols: 1, start: 2015-01-01, end: 2017-01-01, calendar: 24/7, seed: 5}
features: {set: none, include: [log_return, rsi]}
labels: {kind: triple_barrier, horizons: [3]}
split: {kind: holdout, embargo_bars: 2}
search:
  trials: 7
  splitter: {kind: purged_kfold, folds: 2}
"""

ray = pytest.importorskip("ray")


def searched(folder: Path, *overrides: str) -> SearchResult:
    folder.mkdir(exist_ok=True)
    (folder / "gnomon.yaml").write_text(CONFIG)
    manager = ConfigManager(folder, overrides=overrides)
    return HPOptimizer(config_manager=manager).optimize(model_type="logistic_regression")


def test_tune_finds_what_one_worker_in_process_finds(tmp_path: Path) -> None:
    by_tune = searched(tmp_path / "ray", "search.compute=ray", "search.workers=2")
    assert not ray.is_initialized()
    assert not set(QUIET) & set(os.environ)
    here = searched(tmp_path / "here")
    assert_frame_equal(by_tune.trials.drop("seconds"), here.trials.drop("seconds"), check_exact=True)
    assert by_tune.study == here.study
    rows: list[Any] = [
        [(t.config, t.returns, t.metrics) for t in trial_ledger(tmp_path / name).rows()] for name in ("ray", "here")
    ]
    assert len(rows[0]) == 7
    assert rows[0] == rows[1]


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: Any) -> None:
        raise ConnectionError("refused")

    monkeypatch.setattr(ray, "init", refused)
    with pytest.raises(ConfigError, match=r"search\.address: no Ray cluster answers at 'nowhere:1'"):
        searched(tmp_path / "ray", "search.compute=ray", "search.address=nowhere:1")
