"""The long runs: every bar of 2,000 as a cut, on the levels that fit models and keep accounts (`make torture`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from gnomon.data.probe import probe_resampling
from gnomon.data.resample import resample_bars
from gnomon.data.synthetic import Market, market_bars
from gnomon.honesty import levels
from gnomon.honesty.labels import probe_labels
from gnomon.honesty.orders import probe_orders
from gnomon.honesty.refits import probe_refits
from gnomon.splits.walk_forward import WalkForward
from gnomon.training.refits import Refits

pytestmark = pytest.mark.torture
BARS = 2_000


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    market = Market(symbols=1, start=date(2024, 1, 1), end=date(2024, 4, 1), frequency="1h", calendar="24/7", seed=5)
    return market_bars(market).head(BARS)


def test_resampling(bars):
    assert probe_resampling(lambda part: resample_bars(part, "4h"), bars, "all").clean


def test_labels(bars):
    for labeler in levels.CLEAN_LABELERS.values():
        assert probe_labels(labeler, bars, "all").clean


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize("model", [levels.RIDGE, levels.BOOSTED], ids=lambda section: section.model_type)
def test_refits(bars, anchored, model):
    splitter = WalkForward(train_bars=500, test_bars=250, valid_bars=60, anchored=anchored)
    refits = Refits(model=model, splitter=splitter, training=levels.TRAINING)
    report = probe_refits(refits, levels.refits_to_orders().samples(bars), "all")
    assert report.clean, str(report)
    assert len(report.cuts) > 1_400


def test_orders(bars):
    # Anchored: a model that learns from a tenfold jump alone finds nothing to tell apart, and would end the run.
    splitter = WalkForward(train_bars=500, test_bars=500, valid_bars=60, anchored=True)
    refits = Refits(model=levels.RIDGE, splitter=splitter, training=levels.TRAINING)
    report = probe_orders(replace(levels.refits_to_orders(), refits=refits), bars, "all")
    assert report.clean, str(report)
    assert len(report.cuts) > 1_400
