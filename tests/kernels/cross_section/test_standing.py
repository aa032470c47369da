"""Ranks and scores are those of polars over each moment, of values that each symbol has alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gnomon.kernels.cross_section import standing
from gnomon.kernels.indicators.returns import log_return

LEAST = 4


def expected(frame: pl.DataFrame, value: pl.Expr, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rank and z-score over each moment by polars, as arrays [symbols, bars]."""
    known = frame.with_columns(value=value.over("symbol")).with_columns(pl.col("value").fill_nan(None))
    count = pl.col("value").count()
    rank = (pl.col("value").rank("average") - 1.0) / (count - 1.0)
    score = (pl.col("value") - pl.col("value").mean()) / pl.col("value").std()
    table = known.with_columns(
        rank=pl.when(count >= LEAST).then(rank).over("timestamp"),
        score=pl.when(count >= LEAST).then(score).over("timestamp"),
    )
    arrays = []
    for name in ("rank", "score"):
        array = np.full(shape, np.nan)
        array[table["symbol"].to_numpy(), table["timestamp"].to_numpy()] = table[name].cast(pl.Float64).to_numpy()
        arrays.append(array)
    return arrays[0], arrays[1]


def own(kernel, *columns: str, params: tuple[float, ...]) -> pl.Expr:
    """A kernel over one symbol's own bars."""
    return pl.map_groups(
        [pl.col(name) for name in columns],
        lambda parts: pl.Series(kernel.over(*(part.to_numpy() for part in parts), params=params)[0]),
        return_dtype=pl.Float64,
        returns_scalar=False,
    )


CLOSE, VOLUME = pl.col("close"), pl.col("volume")


@pytest.mark.parametrize(
    ("kernel", "params", "value"),
    [
        (standing.growth_standing, (1, 0), own(log_return, "close", params=(1,))),
        (standing.growth_standing, (20, 0), own(log_return, "close", params=(20,))),
        (standing.growth_standing, (20, 5), (CLOSE.shift(5) / CLOSE.shift(20)).log()),
        (standing.volatility_standing, (10,), (CLOSE / CLOSE.shift(1)).log().rolling_std(10)),
        (standing.volume_standing, (10,), VOLUME / VOLUME.rolling_mean(10)),
        (standing.liquidity_standing, (10,), (CLOSE * VOLUME).rolling_mean(10).log()),
    ],
    ids=["return", "return 20", "skipped", "volatility", "volume", "liquidity"],
)
def test_polars_gives_the_same(kernel, params, value, panel: np.ndarray, frame: pl.DataFrame) -> None:
    inputs = {"price": panel[0], "volume": panel[1]}
    out = kernel.over(*(inputs[name] for name in kernel.columns), params=(LEAST, 0, *params))
    rank, score = expected(frame, value, panel.shape[1:])
    assert np.isfinite(rank).mean() > 0.6
    # Where symbols stand still, what polars carries differs in its last digits and so do ties.
    quiet = slice(60, 90)
    for mine, theirs in ((out[0], rank), (out[1], score)):
        a, b = np.delete(mine, quiet, axis=1), np.delete(theirs, quiet, axis=1)
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7)


def test_robust_scores_are_about_the_median(dense: np.ndarray) -> None:
    moves = np.log(dense[0, :, 1:] / dense[0, :, :-1])
    out = standing.growth_standing.over(dense[0], params=(LEAST, 1, 1, 0))
    middle = np.median(moves, axis=0)
    spread = np.median(np.abs(moves - middle), axis=0) * 1.4826022185056018
    np.testing.assert_allclose(out[1, :, 1:], (moves - middle) / spread, rtol=1e-9)


def test_a_lone_wild_value_hardly_moves_the_others_robust_scores(dense: np.ndarray) -> None:
    wild = dense[0].copy()
    wild[4, 100] *= 50.0
    plain = [standing.growth_standing.over(p, params=(LEAST, 0, 1, 0))[1, 0, 100] for p in (dense[0], wild)]
    robust = [standing.growth_standing.over(p, params=(LEAST, 1, 1, 0))[1, 0, 100] for p in (dense[0], wild)]
    assert abs(robust[1] - robust[0]) < 1.0
    assert abs(plain[1] - plain[0]) > 0.3 * abs(plain[0])
