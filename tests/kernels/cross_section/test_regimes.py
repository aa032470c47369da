from __future__ import annotations

import numpy as np

from gnomon.kernels.cross_section import regimes


def test_dispersion_and_index_by_numpy(dense: np.ndarray) -> None:
    logs = np.log(dense[0])
    out = regimes.dispersion.over(dense[0], params=(5, 1, 20))
    np.testing.assert_allclose(out[0, 0, 1:], np.diff(logs, axis=1).std(axis=0, ddof=1), rtol=1e-9)
    np.testing.assert_allclose(out[1, 4, 20:], (logs[:, 20:] - logs[:, :-20]).std(axis=0, ddof=1), rtol=1e-9)

    index = np.diff(logs, axis=1).mean(axis=0)
    out = regimes.market_index.over(dense[0], params=(5, 10))
    assert np.isnan(out[:, :, :10]).all()
    windows = np.lib.stride_tricks.sliding_window_view(index, 10)
    np.testing.assert_allclose(out[0, 3, 10:], windows.sum(axis=1), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(out[1, 3, 10:], windows.std(axis=1, ddof=1), rtol=1e-9)


def test_breadth_by_hand() -> None:
    nan = np.nan
    closes = np.array([[1.0, 2.0, 3.0, nan], [5.0, 4.0, 5.0, 4.0], [7.0, 7.0, 7.0, 7.0], [nan, nan, 2.0, 1.0]])
    rising = regimes.rising_share.over(closes, params=(2,))[0]
    np.testing.assert_allclose(rising[0], [nan, 0.5, 2.5 / 3.0, 0.5 / 3.0])
    above = regimes.above_average_share.over(closes, params=(2, 2))[0]
    np.testing.assert_allclose(above[3], [nan, 0.5, 2.5 / 3.0, 0.5 / 3.0])
    assert (rising == rising[0]).sum() == 12, "all symbols have it, those without a bar too"


def test_too_few_symbols_have_no_breadth(dense: np.ndarray) -> None:
    for kernel, params in ((regimes.rising_share, (10,)), (regimes.dispersion, (10, 1))):
        assert np.isnan(kernel.over(dense[0], params=params)).all()
