"""Nets: what the data path, Lightning and one forecast cost; what transfer saves.

Times are processor seconds of one thread. Windows of 64 bars over a million rows; a net of the issue's size.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gnomon.core.seeds import generator
from gnomon.models import ModelRegistry, NeuralModel
from gnomon.models.export import export_onnx
from gnomon.models.neural.data import Schedule, Windows
from gnomon.models.supervised import labels_of
from gnomon.samples import Samples
from gnomon.testing.models import mean_log_loss, planted_samples

ROWS, FEATURES, WINDOW, BATCH = 1_000_000, 32, 64, 256
EXPORTED = {
    "lstm": "LSTM",
    "patchtst": "PatchTST",
    "tcn": "TCN",
    "nhits": "N-HiTS",
    "state_space:s4d": "S4D",
}
"""Nets whose graphs are timed, and how they are called."""


def large() -> Windows:
    """A million rows, and a window at each that has one."""
    samples = planted_samples(ROWS, features=FEATURES, symbols=4)
    labels = labels_of(samples, 5)
    kept = labels.only(np.isin(labels.rows, samples.windows(WINDOW).rows))
    return Windows.of(samples.x, kept, WINDOW, 10.0)


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Processor seconds of the fastest of some rounds."""
    spent = []
    for _ in range(rounds):
        gc.collect()
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def data_path() -> dict[str, dict[str, Any]]:
    """Memory of a batch, and the share of an LSTM's training steps that gathering takes."""
    torch.set_num_threads(1)
    schedule = Schedule(large(), BATCH, seed=0)
    schedule.at(0)
    tracemalloc.start()
    batch = schedule.at(1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    net = ModelRegistry.create("lstm", window=WINDOW)
    assert isinstance(net, NeuralModel)
    net.feature_names = tuple(f"feature_{i}" for i in range(FEATURES))
    network = net._network(FEATURES, WINDOW)
    head = torch.nn.Linear(network.width, 3)
    optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()])
    steps = 20

    def learn() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(head(network(batch.x)), batch.y).backward()
            optimizer.step()

    loading = seconds(lambda: [schedule.at(1 + i) for i in range(steps)])
    learning = seconds(learn)
    return {
        "memory of a batch, by its own size": {
            "value": peak / batch.x.numpy().nbytes,
            "target": 1.5,
            "better": "lower",
            "unit": "x",
            "rows": ROWS,
        },
        "data loading, of an LSTM's epoch": {
            "value": loading / (loading + learning),
            "target": 0.10,
            "better": "lower",
            "unit": "",
            "milliseconds_a_batch": 1e3 * loading / steps,
            "milliseconds_a_step": 1e3 * learning / steps,
        },
    }


def lightning_against_a_bare_loop() -> dict[str, dict[str, Any]]:
    """The whole fit against a plain loop over the same batches, for a tiny net and for an LSTM of the default size."""
    found = {}
    for what, name, params in (
        ("a tiny MLP", "mlp", {"hidden": 16, "window": 1, "batch_size": 128}),
        ("an LSTM of 64 cells", "lstm", {"window": 32, "batch_size": 256}),
    ):
        samples = planted_samples(6_000)
        settings = {**params, "epochs": 2, "dropout": 0.0}

        def ours(name: str = name, settings: dict[str, Any] = settings, samples: Samples = samples) -> None:
            ModelRegistry.create(name, **settings).fit(samples)

        def bare(name: str = name, settings: dict[str, Any] = settings, samples: Samples = samples) -> None:
            net = ModelRegistry.create(name, **settings)
            assert isinstance(net, NeuralModel)
            network = net._network(6, settings["window"])
            head = torch.nn.Linear(network.width, 3)
            optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()])
            schedule = Schedule(
                Windows.of(samples.x, net._labels(samples, 5), settings["window"], 10.0), settings["batch_size"], 0
            )
            for step in range(2 * schedule.steps):
                batch = schedule.at(step)
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(head(network(batch.x)), batch.y).backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()

        ours()
        mine, theirs = seconds(ours), seconds(bare)
        found[f"fit of {what} by a bare loop's"] = {
            "value": mine / theirs,
            "better": "lower",
            "unit": "x",
            "seconds": mine,
            "bare_seconds": theirs,
        }
    return found


def one_row() -> dict[str, dict[str, Any]]:
    """A forecast of one window by ONNX Runtime, of nets of the default size; of the LSTM also by the model's state."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    window = np.ascontiguousarray(planted_samples(WINDOW, features=FEATURES, symbols=1).x[None])
    found: dict[str, dict[str, Any]] = {}
    for name, called in EXPORTED.items():
        net = fitted(name)
        with tempfile.TemporaryDirectory() as folder:
            difference = export_onnx(net, Path(folder) / "net.onnx")
            session = onnxruntime.InferenceSession(Path(folder) / "net.onnx", options)
        graph = quantiles(lambda session=session: session.run(None, {"x": window}), 2_000)  # type: ignore[misc]
        found[f"one-row {called} by ONNX Runtime"] = {
            "value": graph[0] * 1e3,
            **({"target": 1.0} if name in {"lstm", "patchtst"} else {}),
            "better": "lower",
            "unit": "ms",
            "p99_ms": graph[1] * 1e3,
            "largest_difference": difference,
        }
    net = fitted("lstm")
    live, state = planted_samples(400, features=FEATURES, symbols=1), net.initial_state()
    rows = iter(range(400))
    own = quantiles(lambda: net.predict(live.take(np.array([next(rows)])), state=state), 400)
    found["one-row LSTM by the model"] = {
        "value": own[0] * 1e3,
        "better": "lower",
        "unit": "ms",
        "p99_ms": own[1] * 1e3,
    }
    return found


def fitted(name: str) -> NeuralModel:
    """A net of the default size after an epoch; what it learned does not matter here."""
    kind, _, core = name.partition(":")
    net = ModelRegistry.create(kind, window=WINDOW, epochs=1, batch_size=512, **({"core": core} if core else {}))
    assert isinstance(net, NeuralModel)
    net.fit(planted_samples(2_000, features=FEATURES))
    return net


def quantiles(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and 99th percentile of the wall time."""
    spent = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent), float(np.quantile(spent, 0.99))


def lagged(rows: int, part: str, strength: float) -> Samples:
    """Labels by the first feature three rows before."""
    samples = planted_samples(rows, features=8, part=part)
    score = strength * np.roll(samples.x[:, 0], 3) + generator(5, "lagged", part).logistic(size=rows)
    y = np.where(score > 1, 1, np.where(score < -1, -1, 0)).astype(np.int8)
    return replace(samples, y=y[:, None], forward_return=(0.01 * score)[:, None])


def transfer() -> dict[str, dict[str, Any]]:
    """Rows of a related market that reach the loss of all of them, from weights that another market gave."""
    settings: dict[str, Any] = {"window": 8, "hidden": 16, "batch_size": 64, "learning_rate": 0.005, "epochs": 6}
    source = ModelRegistry.create("gru", **settings)
    source.fit(lagged(8_000, "source", 2.0))
    fresh, whole = lagged(8_000, "fresh", 1.5), lagged(4_000, "train", 1.5)

    def loss(rows: int, start: Any) -> float:
        net = ModelRegistry.create("gru", **settings)
        assert isinstance(net, NeuralModel)
        net.fit(whole.take(np.concatenate([np.arange(rows // 2), 2_000 + np.arange(rows // 2)])), init_from=start)
        return mean_log_loss(net.predict(fresh).probability, fresh)

    cold = loss(4_000, None)
    needed = next((rows for rows in (250, 500, 1_000, 2_000, 4_000) if loss(rows, source) <= cold), 8_000)
    return {
        "rows that transfer needs, of those without": {
            "value": needed / 4_000,
            "target": 0.5,
            "better": "lower",
            "unit": "",
            "loss_without": cold,
            "loss_with_as_many": loss(4_000, source),
        }
    }


def run() -> dict[str, dict[str, Any]]:
    """All figures."""
    return {**data_path(), **lightning_against_a_bare_loop(), **one_row(), **transfer()}


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
