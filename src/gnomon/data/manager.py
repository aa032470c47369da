"""The names that users bring: DataManager, DataValidator, DataTransformer, over the functions of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from gnomon.config.models import ChecksConfig, DataConfig
from gnomon.core.clock import Clock, SystemClock
from gnomon.data.base import SOURCES, DataSource, Query
from gnomon.data.cache import DataCache
from gnomon.data.side_tables import load_side_tables

if TYPE_CHECKING:
    from gnomon.data.issues import CheckReport
    from gnomon.data.repair import RepairCount
    from gnomon.store.base import ArtifactStore


class Configured(Protocol):
    """Whatever answers for a section of the configuration."""

    def get_config(self, key: str) -> Any:
        """The section at a dotted key."""
        ...


@dataclass(frozen=True)
class DataManager:
    """Bars and side tables as a configuration names them.

    With `root`, a workspace's folder, relative paths start there and fetches are cached in its `.gnomon/cache`. Without
    it, the folder that the configuration was read from is taken.
    """

    config_manager: Configured
    artifact_store: ArtifactStore | None = None
    root: Path | None = None
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        folder = getattr(self.config_manager, "config_dir", None)
        if self.root is None and isinstance(folder, Path) and folder.is_dir():
            object.__setattr__(self, "root", folder.resolve())

    @property
    def config(self) -> DataConfig:
        """The section `data`."""
        section = self.config_manager.get_config("data")
        return section if isinstance(section, DataConfig) else DataConfig.model_validate(section)

    def load(self) -> pl.DataFrame:
        """The bars, neither checked nor repaired."""
        config = self.config
        source = make_source(config.source, root=self.root)
        query = query_of(config)
        if self.root is None or not config.cache:
            return source.fetch(query).collect()
        return DataCache(self.root / ".gnomon" / "cache" / "data", self.clock).fetch(source, query).collect()

    def check(self, bars: pl.DataFrame) -> CheckReport:
        """What the configured checks find."""
        config = self.config
        return DataValidator(config.checks, frequency=config.frequency, calendar=config.calendar).validate(bars)

    def side_tables(self) -> dict[str, pl.DataFrame]:
        """The configured side tables by name."""
        return side_tables_of(self.config, root=self.root)


@dataclass(frozen=True)
class DataValidator:
    """The checks of a config over bars."""

    checks: ChecksConfig = field(default_factory=ChecksConfig)
    frequency: str | None = None
    calendar: str | None = None

    def validate(self, bars: pl.DataFrame) -> CheckReport:
        """What the checks find; `.raise_errors()` refuses bars with errors."""
        from gnomon.data.checks import check_bars

        return check_bars(bars, self.checks, frequency=self.frequency, calendar=self.calendar)


@dataclass(frozen=True)
class DataTransformer:
    """The repairs of a config over bars: only those that it names, each with what it changed."""

    steps: Sequence[Mapping[str, Any]]

    def transform(
        self, bars: pl.DataFrame, *, train_end: datetime | None = None
    ) -> tuple[pl.DataFrame, list[RepairCount]]:
        """The repaired bars and the counts; statistics come from rows before `train_end`."""
        from gnomon.data.repair import repair_bars

        return repair_bars(bars, [dict(step) for step in self.steps], train_end=train_end)


def make_source(section: Mapping[str, Any], *, root: Path | None = None, where: str = "data.source") -> DataSource:
    """The source of a config section; a relative `path` starts at `root`, the workspace."""
    return SOURCES.from_config(rooted(section, root), where=where)


def rooted(section: Mapping[str, Any], root: Path | None) -> dict[str, Any]:
    """The section with its `path` made to start at `root`."""
    path = section.get("path")
    return {**section, "path": str(root / path)} if root is not None and isinstance(path, str) else dict(section)


def side_tables_of(config: DataConfig, *, root: Path | None = None) -> dict[str, pl.DataFrame]:
    """The configured side tables by name; relative paths start at `root`, the workspace."""
    return load_side_tables(
        {
            name: table.model_copy(update={"source": rooted(table.source, root)})
            for name, table in config.side_tables.items()
        }
    )


def query_of(config: DataConfig) -> Query:
    """The query of the section `data`; a start or end without a zone is UTC."""
    moments = {"start": config.start, "end": config.end}
    return Query(
        symbols=None if config.symbols is None else tuple(config.symbols),
        **{
            name: moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
            for name, moment in moments.items()
        },
    )
