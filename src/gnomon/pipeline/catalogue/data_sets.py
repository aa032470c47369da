"""Data sets that models are compared on, of several asset classes: embedded, synthetic, a workspace's, a file's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qsl

import polars as pl

from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.data.calendars import infer_frequency
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars
from gnomon.data.synthetic import Market, market_bars
from gnomon.pipeline.inputs import configured, load_inputs
from gnomon.pipeline.trial_record import market_of
from gnomon.pipeline.workspace import CONFIG_FILE


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """Checked bars under a name, with the side tables that features may read."""

    name: str
    asset_class: str
    bars: pl.DataFrame
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """The content hash of the bars."""
        return hash_bars(self.bars)

    @cached_property
    def frequency(self) -> str:
        """The usual step between bars."""
        return infer_frequency(self.bars)

    @cached_property
    def symbols(self) -> list[str]:
        """Whose bars they are."""
        return sorted(self.bars["symbol"].unique().to_list())

    @property
    def market(self) -> str:
        """Under which the trial ledger counts what was tried on them."""
        return market_of(self.symbols, self.frequency)


SYNTHETIC = Market(symbols=2, start=date(2012, 1, 1), end=date(2020, 1, 1), seed=7)
OWN = "workspace"
IN_THE_BOX: Mapping[str, tuple[str, Callable[[], pl.DataFrame]]] = {
    "sp500": ("index", lambda: read_bars("embedded", symbols=["SP500"])),
    "nasdaq": ("index", lambda: read_bars("embedded", symbols=["NASDAQ"])),
    "synthetic": ("synthetic", lambda: market_bars(SYNTHETIC)),
}
"""Data sets that need no file: their asset class, and how they are made."""


def find_data_sets(
    names: Sequence[str], *, workspace: Path = Path(), symbols: int | None = None, rows: int | None = None
) -> list[DataSet]:
    """The data sets by name: sp500, nasdaq, synthetic; workspace (its own data section); or a file of bars.

    Before a name may stand its asset class, behind a file how it is to be read, as in
    `crypto:bars/btc.parquet?stamp=open&frequency=4h`. `symbols` keeps the first so many of each set by name, `rows` the
    latest moments that make at most so many bars. ConfigError or DataError says what is wrong before any work.
    """
    made = [_limited(_find(name, workspace), symbols, rows) for name in dict.fromkeys(names)]
    repeated = [one.name for one in made if [other.name for other in made].count(one.name) > 1]
    if repeated:
        raise ConfigError(f"two data sets are called {repeated[0]!r}; name each file differently")
    return made


def _find(text: str, workspace: Path) -> DataSet:
    head, colon, rest = text.partition(":")
    named = bool(colon) and head.isidentifier() and len(head) > 1
    own_class, name = (head, rest) if named else ("", text)
    if name in IN_THE_BOX:
        asset_class, load = IN_THE_BOX[name]
        return DataSet(name=name, asset_class=own_class or asset_class, bars=load())
    if name == OWN:
        if not (workspace / CONFIG_FILE).is_file():
            raise ConfigError(f"the data set {OWN!r} is a workspace's own, and no {CONFIG_FILE} stands in {workspace}")
        config: PipelineConfig = configured(workspace)
        bars, tables = load_inputs(workspace, config)
        return DataSet(name=config.project, asset_class=own_class or OWN, bars=bars, tables=tables)
    place, _, query = name.partition("?")
    if not place or not Path(place).exists():
        raise ConfigError(f"{unknown('data set', name, [*IN_THE_BOX, OWN])}; and there is no such file")
    bars = read_bars(Path(place), **dict(parse_qsl(query)))
    return DataSet(name=Path(place).name.partition(".")[0], asset_class=own_class or "file", bars=bars)


def _limited(data_set: DataSet, symbols: int | None, rows: int | None) -> DataSet:
    bars = data_set.bars
    if symbols is not None and symbols < len(data_set.symbols):
        bars = bars.filter(pl.col("symbol").is_in(data_set.symbols[:symbols]))
    if rows is not None and rows < bars.height:
        moments = bars.group_by("timestamp").len().sort("timestamp", descending=True)
        kept = moments.filter(pl.col("len").cum_sum() <= rows)["timestamp"]
        if kept.is_empty():
            raise DataError(f"{data_set.name} has more than {rows} bars at one moment; allow more rows")
        bars = bars.filter(pl.col("timestamp") >= kept.min())
    if bars.height == data_set.bars.height:
        return data_set
    return DataSet(name=data_set.name, asset_class=data_set.asset_class, bars=bars, tables=data_set.tables)
