"""`probe_lookahead`: a function of bars is called again and again on data whose future was changed.

Whatever it says about a moment must not depend on what came after: if it does, in any row, at any cut, by a single bit,
the column looks ahead. The probe needs to know nothing of what the function computes, and believes nothing of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import TIMESTAMP
from gnomon.data.probe.base import ProbeReport
from gnomon.data.probe.compare import as_polars, is_pandas
from gnomon.data.probe.cuts import choose_cuts
from gnomon.data.probe.perturb import Data
from gnomon.data.probe.rounds import probe_changes


def probe_lookahead(
    function: Callable[..., Any],
    bars: Any,
    cuts: int | Literal["all"] = 64,
    *,
    tables: Mapping[str, Any] | None = None,
    keys: Sequence[str] = ("timestamp", "symbol"),
    edges: Sequence[datetime] = (),
    tolerance: float = 0.0,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> ProbeReport:
    """Whether any value that `function` gives depends on data that became known after it.

    `function` takes bars (polars or pandas, as given) and returns a frame with `timestamp`, `symbol` and value columns,
    of any number of rows, each known at its `timestamp`. With side `tables` (by name, each with `known_at`) it is
    called as `function(bars, tables)`, and they are probed too.

    First it must give the same bits twice. Then, for each cut t, bars that close after t and rows of tables that were
    published after t are multiplied by ten, made NaN, shuffled, turned in sign, and left out altogether; every row up
    to t, the last one included, must hold the bits that it holds on the whole data. `cuts` is a number of moments,
    spread over hours, weekdays, ends of months, changes of clocks, large moves and publications (`choose_cuts`), or
    "all": a leak that shows at one bar in the whole history is found only then. `edges` are moments at which the
    function begins something anew (a refit, a rebalancing): cuts are made there first.

    `tolerance` (relative) is for functions whose sums depend on the length of an array, such as a Fourier transform or
    a net: 1e-12 and no more. `keys` tell the rows of the result apart.

    What it cannot see: a source that was itself written with hindsight (adjusted or revised values, stamps that are too
    early), and a function that keeps what it learned in its first call. A function that raises under a test is not
    judged by that test: `report.refused`. DataError for bars that cannot be probed, or when it raises in most runs.

    >>> from datetime import UTC
    >>> days = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 31)]
    >>> bars = pl.DataFrame({"timestamp": days, "symbol": "A", "close": [100.0 + day for day in range(30)]})
    >>> tomorrow = lambda b: b.select("timestamp", "symbol", peek=pl.col("close").shift(-1), level=pl.col("close"))
    >>> [(leak.column, leak.test, leak.value, leak.changed) for leak in probe_lookahead(tomorrow, bars).leaks]
    [('peek', 'x10', 101.0, 1010.0)]
    """
    known = _checked(as_polars(bars, what="the frame of bars"), cuts)
    own = _in_the_form_of(bars)
    side = None if tables is None else {name: _side_table(table, name) for name, table in tables.items()}
    data = Data(known, side, seed)
    last = int(known["timestamp"].dt.epoch("us").max())  # type: ignore[arg-type]
    chosen = choose_cuts(known, known.height if cuts == "all" else cuts, tables=side, edges=edges, seed=seed)

    def call(frame: pl.DataFrame, side: dict[str, pl.DataFrame] | None) -> pl.DataFrame:
        given: list[Any] = [own(frame)]
        if side is not None:
            given.append({name: t.to_pandas() if is_pandas(bars) else t for name, t in side.items()})
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Negative prices make any logarithm complain, and it is we who made them.
            warnings.simplefilter("ignore", RuntimeWarning)
            return as_polars(function(*given))

    return probe_changes(
        lambda changed: call(*changed),
        whole=(known, side),
        after=data.after,
        cuts=chosen,
        last=last,
        keys=keys,
        tolerance=tolerance,
        progress=progress,
    )


def _checked(bars: pl.DataFrame, cuts: int | str) -> pl.DataFrame:
    if cuts != "all" and (isinstance(cuts, bool) or not isinstance(cuts, int) or cuts < 1):
        raise ConfigError(f"cuts must be a number of 1 or more, or 'all', was {cuts!r}")
    if bars["timestamp"].null_count() or bars["symbol"].null_count():
        raise DataError("columns 'timestamp' and 'symbol' of the bars must not hold nulls")
    if bars["timestamp"].n_unique() < 2:
        raise DataError(f"{bars.height} bars at one moment have no future to change; bring a longer history")
    return bars


def _in_the_form_of(bars: Any) -> Callable[[pl.DataFrame], Any]:
    """What turns our frames into the caller's: polars or pandas, the same type of moment, the same index."""
    if not is_pandas(bars):
        kind = bars.lazy().collect_schema()["timestamp"]
        if kind == TIMESTAMP:
            return lambda frame: frame
        if kind.time_zone is None:
            return lambda frame: frame.with_columns(pl.col("timestamp").dt.replace_time_zone(None).cast(kind))
        return lambda frame: frame.with_columns(pl.col("timestamp").cast(kind))
    names = list(bars.index.names)
    indexed = not {"timestamp", "symbol"} <= set(bars.columns)
    keys = [name or "timestamp" for name in names]
    stamps = bars["timestamp"] if "timestamp" in bars.columns else bars.index.get_level_values(keys.index("timestamp"))
    kind, zone = stamps.dtype, getattr(stamps.dtype, "tz", None)

    def as_pandas(frame: pl.DataFrame) -> Any:
        made = frame.to_pandas()
        if zone is None:
            made["timestamp"] = made["timestamp"].dt.tz_localize(None)
        made["timestamp"] = made["timestamp"].astype(kind)
        return made.set_index(keys).rename_axis(names) if indexed else made

    return as_pandas


def _side_table(table: Any, name: str) -> pl.DataFrame:
    frame: pl.DataFrame = pl.from_pandas(table) if is_pandas(table) else table
    kind = frame.schema.get("known_at")
    if not isinstance(kind, pl.Datetime) or frame["known_at"].null_count():
        raise DataError(
            f"side table {name!r} must say when each row was published, by a moment in `known_at`; "
            f"it has {', '.join(f'{column} ({dtype})' for column, dtype in frame.schema.items())}"
        )
    return frame
