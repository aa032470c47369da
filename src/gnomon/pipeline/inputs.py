"""Bars and side tables for a command: the workspace's own, or a file that a person names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from gnomon.config.loader import load_config
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError
from gnomon.data.base import DataSourceBase, Query
from gnomon.data.chunks import CHUNK_ROWS, BarChunks, open_chunks
from gnomon.data.curate import curate
from gnomon.data.manager import DataManager, make_source, query_of, side_tables_of
from gnomon.data.read import as_source, read_bars
from gnomon.pipeline.spans import train_fraction
from gnomon.pipeline.workspace import CONFIG_FILE, open_workspace


class Given:
    """A configuration that stands for its own manager."""

    def __init__(self, config: PipelineConfig) -> None:
        self.config = config

    def get_config(self, key: str) -> object:
        """A section."""
        return getattr(self.config, key)


def configured(workspace: Path) -> PipelineConfig:
    """The workspace's configuration, the defaults where there is none."""
    return open_workspace(workspace).config if (workspace / CONFIG_FILE).is_file() else load_config()


LARGE = 200 * 1024 * 1024
"""Bytes of input files from which bars are read in chunks of time instead of whole."""


def open_inputs(
    workspace: Path, config: PipelineConfig, *, data: Path | None, stamp: str, rows: int | None, scratch: Path
) -> BarChunks | None:
    """The bars of a command in chunks of `rows`, for what is larger than memory; None where they are to be read whole.

    With `rows` None chunks are taken where the files are large. What changes or chooses bars by their whole history (a
    universe, actions, repairs) needs them whole: ConfigError where that is configured and `rows` is given.
    """
    settings = config.data
    whole = [name for name in ("universe", "actions", "repair") if getattr(settings, name)]
    if rows is not None and whole:
        raise ConfigError(
            f"data.{whole[0]} needs the whole history, which chunks of {rows} bars do not have; import the bars first "
            "(`gnomon data import`), or leave --chunk-rows out"
        )
    if data is not None:
        frequency = {} if settings.frequency is None else {"frequency": settings.frequency}
        source, query = as_source(data, stamp=stamp, **frequency), Query()
    elif (workspace / CONFIG_FILE).is_file():
        source, query = make_source(settings.source, root=workspace.resolve()), query_of(settings)
    else:
        return None
    files = source.inputs() if isinstance(source, DataSourceBase) else ()
    if rows is None and (whole or sum(file.stat().st_size for file in files) < LARGE):
        return None
    return open_chunks(source, rows=rows or CHUNK_ROWS, query=query, checks=settings.checks, scratch=scratch)


def load_inputs(
    workspace: Path, config: PipelineConfig, *, data: Path | None = None, stamp: str = "close"
) -> tuple[pl.DataFrame, Mapping[str, pl.DataFrame]]:
    """Checked bars from `data` (or from the configuration without it), and the configured side tables.

    Bars are restricted, adjusted and repaired as the configuration says, and refused with DataError where the checks
    find an error.
    """
    if data is not None:
        frequency = {} if config.data.frequency is None else {"frequency": config.data.frequency}
        return _curated(read_bars(data, checks=None, stamp=stamp, **frequency), config, root=workspace.resolve())
    if not (workspace / CONFIG_FILE).is_file():
        raise ConfigError(
            f"no bars are named: give a file with --data, or a workspace (no {CONFIG_FILE} stands in "
            f"{workspace.absolute()})"
        )
    return load_configured(config, root=workspace.resolve())


def load_configured(config: PipelineConfig, *, root: Path) -> tuple[pl.DataFrame, Mapping[str, pl.DataFrame]]:
    """Checked bars and side tables of the section `data`, relative paths from `root`; errors as of `load_inputs`."""
    return _curated(DataManager(config_manager=Given(config), root=root).load(), config, root=root)


def _curated(
    bars: pl.DataFrame, config: PipelineConfig, *, root: Path
) -> tuple[pl.DataFrame, Mapping[str, pl.DataFrame]]:
    curation = curate(bars, config.data, root=root, train=train_fraction(config))
    curation.report.raise_errors()
    return curation.bars, side_tables_of(config.data, root=root)
