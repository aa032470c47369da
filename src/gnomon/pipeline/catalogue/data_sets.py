"""Data sets that models are compared on, of several asset classes: embedded, synthetic, a workspace's, a file's.

One that needs more than a file's name to be said (checks, repairs, side tables, costs of its own market) is declared in
a YAML file of data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import polars as pl

from gnomon.config import yaml
from gnomon.config.loader import layers, resolve
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.data.calendars import infer_frequency
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars
from gnomon.data.synthetic import Market, market_bars
from gnomon.pipeline.inputs import configured, load_configured, load_inputs
from gnomon.pipeline.trial_record import market_of
from gnomon.pipeline.workspace import CONFIG_FILE
from gnomon.simulation.workflow import execution_from_config


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """Checked bars under a name, with the side tables that features may read and what trading costs there."""

    name: str
    asset_class: str
    bars: pl.DataFrame
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    execution: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the section `execution` that this market has of its own: its fees, its spread."""

    def config(self, common: PipelineConfig) -> PipelineConfig:
        """The configuration that the data sets have in common, with what is this market's own."""
        return common.model_copy(update={"execution": {**common.execution, **self.execution}})

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
YAML = (".yaml", ".yml")
SECTIONS = ("data", "execution")
"""Sections of the configuration that a declared data set has of its own."""
DECLARED = ("asset_class", "rows", *SECTIONS)
IN_THE_BOX: Mapping[str, tuple[str, Callable[[], pl.DataFrame]]] = {
    "sp500": ("index", lambda: read_bars("embedded", symbols=["SP500"])),
    "nasdaq": ("index", lambda: read_bars("embedded", symbols=["NASDAQ"])),
    "synthetic": ("synthetic", lambda: market_bars(SYNTHETIC)),
}
"""Data sets that need no file: their asset class, and how they are made."""


def find_data_sets(
    names: Sequence[str], *, workspace: Path = Path(), symbols: int | None = None, rows: int | None = None
) -> list[DataSet]:
    """The data sets by name: sp500, nasdaq, synthetic; workspace (its own data section); a file of bars; a YAML file.

    Before a name may stand its asset class, behind a file how it is to be read, as in
    `crypto:bars/btc.parquet?stamp=open&frequency=4h`. A YAML file declares any number of data sets:

        bitcoin:
          asset_class: crypto
          rows: 6000
          data: {source: {kind: parquet, path: btc.parquet, stamp: open}, frequency: 1h, calendar: 24/7}
          execution: {fee_bps: 10}

    `data` is the section of a workspace's configuration, relative to the file; `execution` stands in place of the
    common costs. `symbols` keeps the first so many of each set by name, `rows` (its own, where it declares some) the
    latest moments that make at most so many bars. ConfigError or DataError says which data set is wrong, and how,
    before any work.
    """
    made = [_limited(one, symbols, rows) for name in dict.fromkeys(names) for one in _found(name, workspace)]
    repeated = [one.name for one in made if [other.name for other in made].count(one.name) > 1]
    if repeated:
        raise ConfigError(f"two data sets are called {repeated[0]!r}; name each file differently")
    return made


def _found(text: str, workspace: Path) -> Iterator[DataSet]:
    head, colon, rest = text.partition(":")
    named = bool(colon) and head.isidentifier() and len(head) > 1
    own_class, name = (head, rest) if named else ("", text)
    place, _, query = name.partition("?")
    if name in IN_THE_BOX:
        asset_class, load = IN_THE_BOX[name]
        yield DataSet(name=name, asset_class=own_class or asset_class, bars=load())
    elif name == OWN:
        if not (workspace / CONFIG_FILE).is_file():
            raise ConfigError(f"the data set {OWN!r} is a workspace's own, and no {CONFIG_FILE} stands in {workspace}")
        config: PipelineConfig = configured(workspace)
        bars, tables = load_inputs(workspace, config)
        yield DataSet(name=config.project, asset_class=own_class or OWN, bars=bars, tables=tables)
    elif not place or not Path(place).exists():
        raise ConfigError(f"{unknown('data set', name, [*IN_THE_BOX, OWN])}; and there is no such file")
    elif Path(place).suffix in YAML:
        yield from _declared(Path(place), own_class)
    else:
        yield _of_file(Path(place), own_class or "file", query)


def _of_file(place: Path, asset_class: str, query: str) -> DataSet:
    fields = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        fields[key] = yaml.plain(yaml.parse(value, file=f"{place}?{key}", layer="--data"))
    try:
        bars = read_bars(place, **fields)
    except ConfigError as error:
        raise ConfigError(
            f"the data set {place}: {error}; behind the file's name that is written `?stamp=open&frequency=1h` or "
            "`?session_close=XNYS`"
        ) from None
    except DataError as error:
        raise DataError(
            f"the data set {place}: {error}; fields of its reading stand behind its name (`?off_session=drop`), checks "
            "and repairs in a YAML file of data sets",
            rows=error.rows,
        ) from None
    return DataSet(name=place.name.partition(".")[0], asset_class=asset_class, bars=bars)


def _declared(file: Path, own_class: str) -> Iterator[DataSet]:
    tree = yaml.read(file, layer="data sets")
    if not isinstance(tree, yaml.Mapping) or not tree.entries:
        raise ConfigError(f"{file}: declares no data set; write `NAME: {{asset_class: ..., data: {{source: ...}}}}`")
    for name, entry in tree.entries.items():
        if not isinstance(entry, yaml.Mapping):
            raise ConfigError(f"{tree.keys[name]}: the data set {name!r} is a section with the keys {_KEYS}")
        for key, mark in entry.keys.items():
            if key not in DECLARED:
                raise ConfigError(f"{mark}: {unknown('key', key, DECLARED, where=name)}")
        if "data" not in entry.entries:
            raise ConfigError(f"{entry.mark}: the data set {name!r} has no section `data`; its keys are {_KEYS}")
        asset_class = _scalar(entry, "asset_class", own_class or "declared")
        if not isinstance(asset_class, str) or not asset_class:
            raise ConfigError(f"{entry.keys['asset_class']}: asset_class is a word, such as crypto")
        rows = _scalar(entry, "rows", None)
        if rows is not None and (not isinstance(rows, int) or isinstance(rows, bool) or rows < 1):
            raise ConfigError(f"{entry.keys['rows']}: rows is a whole number of 1 and more, was {rows!r}")
        own = {key: node for key, node in entry.entries.items() if key in SECTIONS}
        layer = yaml.Mapping(own, {key: entry.keys[key] for key in own}, entry.mark)
        config = resolve([*layers(), layer]).config
        try:
            execution_from_config(config.execution)
            bars, tables = load_configured(config, root=file.parent.resolve())
        except ConfigError as error:
            raise ConfigError(f"the data set {name!r} of {file}: {error}") from None
        except DataError as error:
            raise DataError(f"the data set {name!r} of {file}: {error}", rows=error.rows) from None
        execution = config.execution if "execution" in own else {}
        found = DataSet(name=name, asset_class=asset_class, bars=bars, tables=tables, execution=execution)
        yield _limited(found, None, rows)


_KEYS = ", ".join(DECLARED)


def _scalar(entry: yaml.Mapping, key: str, otherwise: Any) -> Any:
    return yaml.plain(entry.entries[key]) if key in entry.entries else otherwise


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
    return replace(data_set, bars=bars)
