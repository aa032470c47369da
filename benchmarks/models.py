"""Models through Gnomon against the bare libraries: fits, forecasts of a million rows, and of one row.

The samples have the shape of the real ones: 87,094 training rows, 107 features, 3 classes. A fit is one of 50 rounds,
as the packaged training section makes it. Ours and the library take turns in one process, and the fastest of some
rounds counts; memory is the peak of a process that does one fit. Forecasts are those of a model that was saved and
loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.config.models import ModelConfig
from gnomon.models import TrainedModel
from gnomon.samples.base import Samples
from gnomon.testing.models import planted_samples
from gnomon.training import fit_model

ROWS, FEATURES, ROUNDS = 87_094, 107, 50
"""Where real forecasts stop early; the fewer the trees, the more what surrounds them weighs."""
PARAMS: dict[str, dict[str, Any]] = {name: {"rounds": ROUNDS} for name in ("lightgbm", "xgboost", "catboost")}


def samples(rows: int = ROWS, part: str = "train") -> Samples:
    """Planted samples of the real shape."""
    return planted_samples(rows, features=FEATURES, part=part)


def ours(name: str, train: Samples) -> TrainedModel:
    """A fit through Gnomon."""
    return fit_model(ModelConfig(model_type=name, params=PARAMS[name]), train)[0]


def bare(name: str, x: np.ndarray, y: np.ndarray) -> Any:
    """The same fit by the library alone, with the same settings."""
    from gnomon.models import ModelRegistry

    settings = ModelRegistry.create(name, **PARAMS[name])._params()  # type: ignore[attr-defined]
    if name == "lightgbm":
        import lightgbm

        data = lightgbm.Dataset(x, y, params=settings)
        return lightgbm.train(settings, data, num_boost_round=ROUNDS, valid_sets=[data])
    if name == "xgboost":
        import xgboost

        data = xgboost.QuantileDMatrix(x, y, max_bin=256, nthread=1)
        return xgboost.train(settings, data, num_boost_round=ROUNDS, evals=[(data, "train")], verbose_eval=False)
    import catboost

    model = catboost.CatBoost(settings)
    model.fit(catboost.Pool(x, y))
    return model


def seconds(*works: Callable[[], object], rounds: int = 5) -> list[float]:
    """Processor seconds of each, the fastest of some rounds in turn."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for i, work in enumerate(works):
            begin = time.process_time()
            work()
            best[i] = min(best[i], time.process_time() - begin)
    return best


def peak(what: str, name: str) -> float:
    """Peak memory (MB) of a process that imports what it needs, makes the samples and does one fit."""
    code = (
        "import json, resource, sys; from benchmarks import models as m; train = m.samples();"
        "import lightgbm, xgboost, catboost;"
        "what, name = sys.argv[1:];"
        "y = (train.y[:, 0] + 1).astype('int64');"
        "m.ours(name, train) if what == 'ours' else m.bare(name, train.x, y) if what == 'bare' else None;"
        "print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))"
    )
    done = subprocess.run([sys.executable, "-c", code, what, name], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def one_row(trained: TrainedModel, rows: np.ndarray, calls: int = 20_000) -> np.ndarray:
    """Microseconds of each of many forecasts of one row."""
    spent = np.empty(calls)
    for i in range(calls):
        row = rows[i % len(rows)]
        begin = time.perf_counter_ns()
        trained.row(row)
        spent[i] = time.perf_counter_ns() - begin
    return spent / 1e3


def run() -> dict[str, dict[str, object]]:
    """Ratios to the libraries, and microseconds a row."""
    train = samples()
    y = (train.y[:, 0] + 1).astype(np.int64)
    figures: dict[str, dict[str, object]] = {}
    for name in PARAMS:
        mine, theirs = seconds(lambda name=name: ours(name, train), lambda name=name: bare(name, train.x, y))
        figures[f"fit_{name}_over_bare"] = {
            "value": mine / theirs, "target": 1.03, "better": "lower", "seconds": mine, "bare_seconds": theirs,
            "rounds": ROUNDS, "load": os.getloadavg()[0],
        }  # fmt: skip
        memory = {what: peak(what, name) for what in ("bare", "ours")}
        figures[f"memory_{name}_over_bare"] = {
            "value": memory["ours"] / memory["bare"], "target": 1.3, "better": "lower",
            "mb": memory["ours"], "bare_mb": memory["bare"],
        }  # fmt: skip
    trained, _ = fit_model(ModelConfig(model_type="lightgbm", params={"rounds": 100}), train.take(np.arange(20_000)))
    with tempfile.TemporaryDirectory() as folder:
        trained.save(Path(folder) / "model")
        loaded = TrainedModel.load(Path(folder) / "model")
    spent = one_row(loaded, train.x[:1000])
    figures["one_row_p50_us"] = {"value": float(np.percentile(spent, 50)), "target": 25.0, "better": "lower"}
    figures["one_row_p99_us"] = {"value": float(np.percentile(spent, 99)), "target": 200.0, "better": "lower"}
    many = samples(1_000_000, part="many")
    booster = loaded.model._booster  # type: ignore[attr-defined]
    mine, theirs = seconds(lambda: loaded.predict(many), lambda: booster.predict(many.x, num_threads=1), rounds=2)
    figures["forecast_million_rows_over_bare"] = {
        "value": mine / theirs, "target": 1.10, "better": "lower", "seconds": mine, "bare_seconds": theirs,
    }  # fmt: skip
    return figures


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
