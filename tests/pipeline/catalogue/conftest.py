"""One tiny sweep for all tests of the catalogue: two data sets, a model of each kind, one that fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gnomon.config.loader import load_config
from gnomon.config.models import PipelineConfig
from gnomon.core.clock import FixedClock
from gnomon.data.synthetic import Market, market_bars
from gnomon.pipeline.catalogue import Candidate, Catalogue, DataSet, Sweep, SweepReport
from gnomon.pipeline.trial_record import trial_ledger

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


def bars_set(name: str, seed: int) -> DataSet:
    """A synthetic market of one symbol and two years."""
    market = Market(symbols=(name.upper(),), start=date(2015, 1, 1), end=date(2017, 1, 1), seed=seed)
    return DataSet(name=name, asset_class="synthetic", bars=market_bars(market))


@dataclass(frozen=True)
class Tiny:
    """A sweep and what it works on."""

    folder: Path
    config: PipelineConfig

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.folder / "catalogue" / "models.parquet")

    @property
    def sets(self) -> list[DataSet]:
        return [bars_set("left", 5), bars_set("right", 6)]

    @property
    def candidates(self) -> list[Candidate]:
        return [
            Candidate(model="majority"),
            Candidate(model="logistic_regression"),
            Candidate(model="random_forest", params={"trees": 3, "max_depth": 2}, depth=2),
            Candidate(model="logistic_regression", params={"c": -1.0}),
        ]

    def sweep(self, *, resume: bool = True) -> Sweep:
        return Sweep(
            catalogue=self.catalogue,
            ledger=trial_ledger(self.folder, clock=FixedClock(NOON)),
            config=self.config,
            clock=FixedClock(NOON),
            resume=resume,
        )


@pytest.fixture(scope="session")
def tiny_config() -> PipelineConfig:
    return load_config(overrides=["features.set=basic", "execution.fee_bps=1"])


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory, tiny_config: PipelineConfig) -> tuple[Tiny, SweepReport]:
    """The sweep, done; read it only."""
    tiny = Tiny(tmp_path_factory.mktemp("catalogue"), tiny_config)
    return tiny, tiny.sweep().run(tiny.sets, [3], tiny.candidates)
