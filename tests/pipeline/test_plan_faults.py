"""What a plan refuses is told with the file and line of the key, before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from gnomon.core.errors import ConfigError
from gnomon.pipeline.workspace import open_workspace

MODEL = "models: {a: {model_type: logistic_regression}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("features: {include: [rsi_]}\n", ":1:12: unknown feature 'rsi_' at features.include; did you mean 'rsi'?"),
        ("features: {params: {rsi: {windw: 3}}}\n", ":1:27: unknown key 'windw' at features.params.rsi.windw; did"),
        ("data: {frequency: 1x}\n", ":1:8: data.frequency: frequency '1x' cannot be read; write a number and s, m"),
        ("data: {calendar: XNYSE}\n", ":1:8: data.calendar: unknown calendar 'XNYSE'; did you mean 'XNYS'?"),
        (
            "data:\n  side_tables:\n    vix: {source: {kind: embedded, table: vix}, delay: 1x}\n",
            ":3:49: data.side_tables.vix.delay = '1x': write a whole number and",
        ),
        (
            "data:\n  side_tables:\n    vix: {source: {kind: embedded, table: vix}, tolerance: old}\n",
            ":3:49: data.side_tables.vix.tolerance = 'old': write a whole number and",
        ),
        (MODEL + "training: {horizon: 7}\n", ":2:12: training.horizon = 7 is not one of labels.horizons: [5, 10"),
        (MODEL + "evaluation: {benchmarks: [cahs]}\n", ":2:27: unknown benchmark 'cahs' at evaluation.benchmarks[0]"),
        ("split: {kind: holdout, embargo_bars: -1}\n", ":1:1: split = {'embargo_bars': -1}: embargo_bars must be 0"),
        (
            MODEL + "sizing: {kind: fixed, abstain: true}\n",
            ":2:23: sizing.abstain = True: there are no sets to abstain",
        ),
        (MODEL + "training: {calibration: platt}\n", ":2:12: training.calibration = 'platt'"),
        ("split: {kind: purged_kfold}\n", ":1:9: split.kind = 'purged_kfold' makes several folds, and one model is"),
        (
            "split: {kind: combinatorial_purged_kfold}\n",
            ":1:9: split.kind = 'combinatorial_purged_kfold' makes several",
        ),
        ("split: {kind: walk_forward}\n", ":1:9: split.kind = 'walk_forward' makes several folds"),
        (
            MODEL + "training: {projection: {kind: pac, columns: x}}\n",
            ":2:12: unknown projection 'pac' at training.projection; did you mean 'pca'?",
        ),
        ("plugins: [nowhere.py]\n", ":1:11: plugins[0]: no Python file"),
    ],
)
def test_a_wrong_value_is_found_before_any_work(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "gnomon.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        open_workspace(tmp_path).plan()
    assert str(error.value).startswith(f"{tmp_path / 'gnomon.yaml'}{message}")


def test_a_walk_of_one_fold_is_a_holdout(tmp_path: Path) -> None:
    (tmp_path / "gnomon.yaml").write_text(MODEL + "split: {kind: walk_forward, folds: 1}\n")
    assert "split" in [planned.name for planned in open_workspace(tmp_path).plan().stages]


def test_a_right_value_of_each_passes(tmp_path: Path) -> None:
    (tmp_path / "gnomon.yaml").write_text(
        MODEL + "features: {include: [rsi], params: {rsi: {window: 3}}}\ndata:\n  frequency: 1d\n  calendar: XNYS\n"
        "  side_tables:\n    vix: {source: {kind: embedded, table: vix}, delay: 1d, tolerance: 30d}\n"
        "training: {horizon: 10}\nevaluation: {benchmarks: [cash]}\n"
    )
    assert len(open_workspace(tmp_path).plan().stages) > 5
