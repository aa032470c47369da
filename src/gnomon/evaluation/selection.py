"""Choosing among many: whether the best of a table of returns is better than luck makes the best of so many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.seeds import generator
from gnomon.evaluation.base import SharpeDoubt
from gnomon.evaluation.doubt import Tries, sharpe_doubt
from gnomon.metrics.returns import sharpe_ratio
from gnomon.metrics.significance import effective_trials, probability_of_backtest_overfitting
from gnomon.metrics.superiority import superior_predictive_ability


@dataclass(frozen=True, kw_only=True)
class SelectionResult:
    """The best by Sharpe ratio, its doubt among all, and the names that StepM finds better than the benchmark."""

    best: str
    doubt: SharpeDoubt
    superior: tuple[str, ...]
    significance: float

    @property
    def passed(self) -> bool:
        """Whether the best is truly better, at the significance."""
        return self.best in self.superior and self.doubt.spa_pvalue <= self.significance


@dataclass(frozen=True, kw_only=True)
class ModelSelectionTester:
    """Tests a choice among models by their returns, out of sample.

    `blocks` are those of PBO; it is NaN where there are fewer than two rows a block.
    """

    significance: float = 0.05
    periods_per_year: float = 252.0
    blocks: int = 16
    seed: int = 7

    def test(self, returns: pl.DataFrame, *, benchmark: str | None = None) -> SelectionResult:
        """`returns`: one column of returns per bar a model (a `timestamp` is passed over), NaN and null as 0.

        `benchmark` names the column that the others have to beat; without one it is cash. DataError where there is no
        model, or a benchmark that is not a column.
        """
        names = [name for name in returns.columns if name not in ("timestamp", benchmark)]
        if not names or (benchmark is not None and benchmark not in returns.columns):
            raise DataError(
                f"returns need a column a model and the benchmark {benchmark!r}; they have {returns.columns}"
            )
        matrix = np.column_stack([_filled(returns[name]) for name in names])
        excess = matrix if benchmark is None else matrix - _filled(returns[benchmark])[:, None]
        test = superior_predictive_ability(excess, rng=generator(self.seed, "selection"), level=self.significance)
        sharpes = np.nan_to_num([sharpe_ratio(column) for column in excess.T], posinf=0.0, neginf=0.0)
        best = int(np.argmax(sharpes))
        several = len(names) > 1
        enough = several and len(matrix) >= 2 * self.blocks
        tries = Tries(
            count=len(names),
            effective=effective_trials(excess),
            variance=float(np.var(sharpes, ddof=1)) if several else float("nan"),
            pbo=probability_of_backtest_overfitting(excess, blocks=self.blocks) if enough else float("nan"),
            spa_pvalue=test.pvalue,
        )
        return SelectionResult(
            best=names[best],
            doubt=sharpe_doubt(excess[:, best], periods_per_year=self.periods_per_year, tries=tries),
            superior=tuple(names[column] for column in test.superior),
            significance=self.significance,
        )


def _filled(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
