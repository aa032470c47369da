"""A market on which TA-Lib's numbers are its own best: no still stretches, where its conventions differ from ours."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest


@pytest.fixture(scope="session")
def market() -> SimpleNamespace:
    chance = np.random.default_rng(20)
    bars = 3000
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.01, bars)))
    open_ = close * np.exp(chance.normal(0.0, 0.003, bars))
    high = np.maximum(open_, close) * np.exp(np.abs(chance.normal(0.0, 0.005, bars)))
    low = np.minimum(open_, close) * np.exp(-np.abs(chance.normal(0.0, 0.005, bars)))
    return SimpleNamespace(open=open_, high=high, low=low, close=close, volume=chance.lognormal(10.0, 1.0, bars))


@pytest.fixture(scope="session")
def agrees():
    """Asserts equality to 1e-9 relative, and that both are NaN in the same bars."""

    def check(ours, theirs, *, scale: float | None = None) -> None:
        assert (np.isnan(ours) == np.isnan(theirs)).all()
        assert np.isfinite(ours).any()
        floor = 0.0 if scale is None else 1e-9 * scale
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=floor)

    return check
