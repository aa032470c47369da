"""A net in a run: rows right after an edge of the split are forecast with the rows before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import FIT, FOLD, FORECAST, MODEL, SAMPLES
from gnomon.samples.base import Forecast

NET = "models={net: {model_type: mlp, params: {window: 8, hidden: 8, epochs: 2}}}"


def test_rows_near_an_edge_are_forecast(copied: Path) -> None:
    context = ModelPipeline(workspace=open_workspace(copied, overrides=[NET])).run(until="forecast")
    samples, fold, trained = (context.value(key) for key in (SAMPLES, FOLD, MODEL.of("net")))
    frame = context.value(FORECAST.of("net")).drop("part")
    forecast = Forecast.from_frame(frame)
    judged = np.concatenate([fold.valid, fold.test])
    assert len(forecast) == len(judged)
    # Validation and test begin far behind the first rows, so no row has to do without a full window.
    assert forecast.allowed is not None
    assert forecast.allowed.all()
    whole = trained.predict(samples).to_frame()
    both = frame.join(whole, on=["timestamp", "symbol"], suffix="_whole")
    assert both["probability_long"].equals(both["probability_long_whole"], check_names=False)
    # The control: the test rows by themselves begin without a past.
    alone = trained.predict(samples.take(fold.test))
    assert alone.allowed is not None
    assert (~alone.allowed.any(axis=1)).sum() == 7 * len(samples.symbols)
    assert set(context.value(FIT.of("net"))["curves"]) >= {"gradient_norm", "gradient_noise_scale", "dead_units"}
