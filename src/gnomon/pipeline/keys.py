"""The products of the built-in stages: one name, one type and one way of being kept for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.hashing import canonical_json
from gnomon.data.base import BAR_SCHEMA
from gnomon.evaluation.base import Evaluation
from gnomon.labels.base import LABEL_SCHEMA
from gnomon.models.bundle import TrainedModel
from gnomon.pipeline.base import Key
from gnomon.pipeline.codecs import FolderCodec, FrameCodec, FramesCodec, JsonCodec
from gnomon.samples.base import Samples
from gnomon.samples.storage import load_samples, save_samples
from gnomon.simulation.base import Simulation
from gnomon.simulation.storage import load_simulation, save_simulation
from gnomon.splits.base import Fold

STAMP = {"timestamp": BAR_SCHEMA["timestamp"], "symbol": pl.String}
FORECAST_SCHEMA = {
    **STAMP,
    "horizon": pl.Int32,
    "probability_short": pl.Float64,
    "probability_flat": pl.Float64,
    "probability_long": pl.Float64,
}


def _save_fold(fold: Fold, folder: Path) -> None:
    for part in ("train", "valid", "test"):
        np.save(folder / f"{part}.npy", getattr(fold, part), allow_pickle=False)


def _load_fold(folder: Path) -> Fold:
    return Fold(**{part: np.load(folder / f"{part}.npy", allow_pickle=False) for part in ("train", "valid", "test")})


def _save_evaluation(evaluation: Evaluation, folder: Path) -> None:
    (folder / "evaluation.json").write_bytes(canonical_json(evaluation.to_json()))


def _load_evaluation(folder: Path) -> Evaluation:
    return Evaluation.from_json(json.loads((folder / "evaluation.json").read_bytes()))


RAW_BARS: Key[pl.DataFrame] = Key("bars.raw", FrameCodec(BAR_SCHEMA))
SOURCE: Key[Mapping[str, Any]] = Key("source", JsonCodec())
"""Where the bars came from: source, period, rows, symbols, version."""
BARS: Key[pl.DataFrame] = Key("bars", FrameCodec(BAR_SCHEMA))
CHECKS: Key[Mapping[str, Any]] = Key("checks", JsonCodec())
"""Findings, repairs and adjustments, as plain values."""
SIDE_TABLES: Key[Mapping[str, pl.DataFrame]] = Key("side_tables", FramesCodec())
FEATURES: Key[pl.DataFrame] = Key("features", FrameCodec(STAMP))
LABELS: Key[pl.DataFrame] = Key("labels", FrameCodec(LABEL_SCHEMA))
SAMPLES: Key[Samples] = Key("samples", FolderCodec(Samples, save=save_samples, load=load_samples))
FOLD: Key[Fold] = Key("fold", FolderCodec(Fold, save=_save_fold, load=_load_fold))
SPLIT: Key[Mapping[str, Any]] = Key("split", JsonCodec())
"""The spans of the fold in words and numbers, with the overlap audit's result."""
MODEL: Key[TrainedModel] = Key(
    "model",
    FolderCodec(
        TrainedModel,
        save=lambda trained, folder: trained.save(folder / "trained"),
        load=lambda folder: TrainedModel.load(folder / "trained"),
    ),
)
FIT: Key[Mapping[str, Any]] = Key("fit", JsonCodec())
"""What a fit did: iterations, curves, importance."""
FORECAST: Key[pl.DataFrame] = Key("forecast", FrameCodec({**FORECAST_SCHEMA, "part": pl.String}))
"""Forecasts on the validation and test rows; `part` says which."""
SIMULATION: Key[Simulation] = Key("simulation", FolderCodec(Simulation, save=save_simulation, load=load_simulation))
SELECTION: Key[Mapping[str, Any]] = Key("selection", JsonCodec())
"""Which candidate was chosen, without a test row, by what, and every candidate's score there."""
CROSS_VALIDATION: Key[Mapping[str, pl.DataFrame]] = Key("cross_validation", FramesCodec())
"""`scores` (a row a model and fold), `summary` (a row a model and score), `out_of_fold` (forecasts, with `model`).

Of all candidates. `CROSS_VALIDATION.of(name)`: of one, before any trading: `scores`, and `forecasts` with `fold`."""
VALIDATION: Key[Mapping[str, Any]] = Key("validation", JsonCodec())
"""Figures of trading on the validation span."""
TRIALS: Key[Mapping[str, Any]] = Key("trials", JsonCodec())
TRIAL_RETURNS: Key[Mapping[str, pl.DataFrame]] = Key("trial_returns", FramesCodec())
EVALUATION: Key[Evaluation] = Key(
    "evaluation",
    FolderCodec(
        Evaluation,
        save=_save_evaluation,
        load=_load_evaluation,
        as_loaded=lambda evaluation: Evaluation.from_json(json.loads(canonical_json(evaluation.to_json()))),
    ),
)
