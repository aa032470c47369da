"""Positions at the closes, from fills alone."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.ledger_positions import positions


def test_positions_by_hand() -> None:
    nan = np.nan
    bars = np.array([[10.0, 20.0, 11.0, 21.0], [12.0, nan, 13.0, nan], [nan, 22.0, nan, nan]])
    fills = np.array(
        [[1.0, 0.0, 5.0, 12.0, 0.0, 5.0], [1.0, 1.0, -2.0, 21.0, 0.0, -2.0], [2.0, 1.0, 2.0, 22.0, 0.0, 0.0]]
    )
    out = positions(fills, bars, np.array([0, 1]), np.array([2, 3]))
    assert out.tolist() == [[1.0, 0.0, 5.0, 13.0], [1.0, 1.0, -2.0, 21.0], [2.0, 0.0, 5.0, 13.0]]
    assert positions(fills[:0], bars, np.array([0, 1]), np.array([2, 3])).shape == (0, 4)
