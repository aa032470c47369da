"""What a strategy has to be held against: each benchmark makes targets, which go through the same ledger and costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import polars as pl

from gnomon.core.registry import Registry
from gnomon.core.seeds import generator
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate

TARGET_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "timestamp": pl.Datetime("us", "UTC"),
    "symbol": pl.String,
    "target": pl.Float64,
}


class Benchmark(Protocol):
    """Makes the targets of a simple strategy over the period of a simulation."""

    description: ClassVar[str]

    def targets(self, bars: pl.DataFrame, simulation: Simulation, *, rng: np.random.Generator) -> pl.DataFrame:
        """timestamp, symbol, target; decided at closes of the simulation's own bars. `bars` may begin before it."""
        ...


BENCHMARKS: Registry[Benchmark] = Registry("benchmark")


@BENCHMARKS.register(name="buy_and_hold")
@dataclass(frozen=True, kw_only=True)
class BuyAndHold:
    """Every symbol that trades at the start is bought with an equal part, once, and held.

    Symbols whose first bar is more than `start_bars` after the period's first were not there to buy.
    """

    description: ClassVar[str] = "every symbol bought at the start, in equal parts, and held"
    start_bars: int = 20

    def targets(self, bars: pl.DataFrame, simulation: Simulation, *, rng: np.random.Generator) -> pl.DataFrame:  # noqa: ARG002
        """One row a symbol, at its first bar."""
        grid = simulation.equity["timestamp"]
        first = within(bars, simulation).group_by("symbol").agg(pl.col("timestamp").min()).sort("symbol")
        latest = grid[min(self.start_bars, len(grid) - 1)]
        held = first.filter(pl.col("timestamp") <= latest)
        return held.select("timestamp", "symbol", pl.lit(1.0 / max(held.height, 1)).alias("target"))


@BENCHMARKS.register(name="equal_weight")
@dataclass(frozen=True, kw_only=True)
class EqualWeight:
    """Every symbol that has a bar is held in equal parts, put right again at the first bar of each `every`."""

    description: ClassVar[str] = "every symbol in equal parts, put right again each month"
    every: str = "1mo"

    def targets(self, bars: pl.DataFrame, simulation: Simulation, *, rng: np.random.Generator) -> pl.DataFrame:  # noqa: ARG002
        """At each rebalance, one row a symbol: an equal part, or 0 for one that has no bar there."""
        held = within(bars, simulation).select("timestamp", "symbol")
        times = held.select(pl.col("timestamp").unique().sort())
        period = (pl.col("timestamp") - pl.duration(microseconds=1)).dt.truncate(self.every)
        decided = times.group_by(period.alias("period"), maintain_order=True).agg(pl.col("timestamp").first())
        symbols = held.select(pl.col("symbol").unique().sort())
        trading = held.join(decided.select("timestamp"), on="timestamp", how="semi").with_columns(
            (1.0 / pl.len().over("timestamp")).alias("target")
        )
        return (
            decided.select("timestamp")
            .join(symbols, how="cross")
            .join(trading, on=["timestamp", "symbol"], how="left")
            .with_columns(pl.col("target").fill_null(0.0))
            .sort("timestamp", "symbol")
        )


@BENCHMARKS.register(name="moving_average_cross")
@dataclass(frozen=True, kw_only=True)
class MovingAverageCross:
    """Each symbol is held, with its equal part, while its mean close of `fast` bars is above that of `slow` bars."""

    description: ClassVar[str] = "each symbol held while its fast moving average is above its slow one"
    fast: int = 50
    slow: int = 200

    def __post_init__(self) -> None:
        if not 1 <= self.fast < self.slow:
            raise ValueError(f"fast must be 1 or more and below slow, was {self.fast} and {self.slow}")

    def targets(self, bars: pl.DataFrame, simulation: Simulation, *, rng: np.random.Generator) -> pl.DataFrame:  # noqa: ARG002
        """Rows where a symbol's signal changes; the averages may reach back before the period."""
        start, end = simulation.equity["timestamp"][0], simulation.equity["timestamp"][-1]
        part = 1.0 / max(bars["symbol"].n_unique(), 1)
        mean = {name: pl.col("close").rolling_mean(bars_).over("symbol") for name, bars_ in self._windows()}
        return (
            bars.select("timestamp", "symbol", "close")
            .sort("symbol", "timestamp")
            .with_columns((mean["fast"] > mean["slow"]).fill_null(value=False).alias("held"))
            .filter(pl.col("timestamp").is_between(start, end))
            .with_columns(pl.col("held").shift(1, fill_value=False).over("symbol").alias("before"))
            .filter(pl.col("held") != pl.col("before"))
            .select("timestamp", "symbol", pl.when("held").then(part).otherwise(0.0).alias("target"))
            .sort("timestamp", "symbol")
        )

    def _windows(self) -> tuple[tuple[str, int], tuple[str, int]]:
        return ("fast", self.fast), ("slow", self.slow)


@BENCHMARKS.register(name="cash")
@dataclass(frozen=True, kw_only=True)
class Cash:
    """Nothing is ever bought."""

    description: ClassVar[str] = "nothing is ever bought"

    def targets(self, bars: pl.DataFrame, simulation: Simulation, *, rng: np.random.Generator) -> pl.DataFrame:  # noqa: ARG002
        """No row."""
        return pl.DataFrame(schema=TARGET_SCHEMA)


@BENCHMARKS.register(name="random")
@dataclass(frozen=True, kw_only=True)
class RandomTiming:
    """The strategy's own targets at a random other time: the same turnover and exposure, without the timing.

    The whole table of targets is moved by a random number of bars, and what falls off the end comes back at the start.
    The evaluation makes many such runs; what it shows is the median one and the share of runs that earned less.
    """

    description: ClassVar[str] = "the strategy's own targets at a random other time (median of many runs)"
    runs: int | None = None
    """None: as many as stay quick, between 20 and 200."""

    def targets(self, bars: pl.DataFrame, simulation: Simulation, *, rng: np.random.Generator) -> pl.DataFrame:  # noqa: ARG002
        """The targets of one run."""
        grid = simulation.equity["timestamp"]
        offset = random_offsets(len(grid), 1, rng)[0]
        place = grid.search_sorted(simulation.targets["timestamp"]).to_numpy()
        moved = grid.gather((place + offset) % len(grid))
        return simulation.targets.with_columns(moved.alias("timestamp")).sort("timestamp", "symbol")

    def count(self, cells: int) -> int:
        """How many runs to make over a table of so many bars times symbols."""
        return self.runs if self.runs is not None else int(np.clip(30_000_000 // max(cells, 1), 20, 200))


def random_offsets(bars: int, runs: int, rng: np.random.Generator) -> np.ndarray:
    """Bars to move by, at least a twentieth of the period either way, so that the timing is truly another."""
    least = max(1, bars // 20)
    return rng.integers(least, max(bars - least, least) + 1, size=runs) if bars > 2 else np.zeros(runs, np.int64)


@dataclass(frozen=True, kw_only=True)
class BenchmarkManager:
    """Benchmarks by name, each through the same ledger and costs as the strategy.

    >>> sorted(BenchmarkManager.of(["cash", "buy_and_hold"]).benchmarks)
    ['buy_and_hold', 'cash']
    """

    benchmarks: Mapping[str, Benchmark]
    seed: int = 7

    @classmethod
    def of(cls, names: Iterable[str] | None = None, *, seed: int = 7) -> BenchmarkManager:
        """Those of the registry with these names, with their defaults; all without names."""
        chosen = BENCHMARKS.names() if names is None else names
        return cls(
            benchmarks={name: BENCHMARKS.create(name, where="evaluation.benchmarks") for name in chosen}, seed=seed
        )

    def run(
        self,
        name: str,
        simulation: Simulation,
        *,
        bars: pl.DataFrame,
        execution: ExecutionConfig | None = None,
        funding: pl.DataFrame | None = None,
    ) -> Simulation:
        """The benchmark over the period of `simulation`; `bars` may begin before it, `execution` is its own."""
        targets = self.benchmarks[name].targets(
            bars, simulation, rng=generator(self.seed, "evaluation", "benchmark", name)
        )
        own = within(bars, simulation)
        return simulate(own, targets, simulation.execution if execution is None else execution, funding=funding)


def within(bars: pl.DataFrame, simulation: Simulation) -> pl.DataFrame:
    """The bars of the simulation's period."""
    return bars.filter(
        pl.col("timestamp").is_between(simulation.equity["timestamp"][0], simulation.equity["timestamp"][-1])
    )
