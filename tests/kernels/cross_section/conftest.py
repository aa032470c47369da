"""A small panel of made-up prices and volumes with holes, as arrays and as a long frame."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gnomon.testing.panels import synthetic_panel


@pytest.fixture(scope="package")
def panel() -> np.ndarray:
    """[close and volume, 9 symbols, 160 bars] with holes."""
    return synthetic_panel(("close", "volume"), symbols=9, bars=160, seed=3)


@pytest.fixture(scope="package")
def dense() -> np.ndarray:
    """The same without holes, moving from the first bar to the last."""
    chance = np.random.default_rng(8)
    market = chance.normal(0.0, 0.01, 160)
    moves = np.linspace(0.4, 1.6, 9)[:, None] * market + chance.normal(0.0, 0.01, (9, 160))
    return np.stack([100.0 * np.exp(np.cumsum(moves, axis=1)), chance.lognormal(10.0, 1.0, (9, 160))])


@pytest.fixture(scope="package")
def frame(panel: np.ndarray) -> pl.DataFrame:
    """The panel as a long frame: timestamp, symbol, close, volume; no row where there is a hole."""
    symbols, bars = panel.shape[1:]
    return pl.DataFrame(
        {
            "timestamp": np.tile(np.arange(bars), symbols),
            "symbol": np.repeat(np.arange(symbols), bars),
            "close": panel[0].ravel(),
            "volume": panel[1].ravel(),
        }
    ).filter(pl.col("close").is_not_nan())
