"""Features of any number of bars, straight to Parquet: chunk by chunk, so that memory does not grow with history.

One file (a row group or more each chunk) or a folder of files (one each chunk); both appear under their name when they
are whole. Rows stand in the order of the chunks: by time, and within a chunk by symbol and time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.files import atomic_folder, atomic_path
from gnomon.features.missing import Missing
from gnomon.features.sets import FeatureSet

Compression = Literal["lz4", "zstd", "none"]
COMPRESSIONS: tuple[str, ...] = get_args(Compression)


def write_features(
    features: FeatureSet,
    chunks: Iterable[pl.DataFrame],
    path: Path,
    tables: Mapping[str, pl.DataFrame] | None = None,
    *,
    folder: bool = False,
    compression: Compression = "lz4",
    threads: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Missing:
    """Computes the features of bars that come in chunks of time, and writes them as Parquet; returns what is missing.

    `chunks` are those of `FeatureSet.advance` (`gnomon.data.chunks.open_chunks` makes them); `tables` are whole side
    tables. With `folder` each chunk is a file `part-00000.parquet` of a folder that must be new. `progress` is told the
    rows that have been computed. A chunk is written while the next one is computed, so two of them are in memory.

    Raises ConfigError for a folder that is there already, DataError for no bars, and as `advance` does; nothing is
    written then.
    """
    if folder and path.exists():
        raise ConfigError(f"{path} exists already; name a new folder, or remove it")
    state, missing = features.start(), Missing()
    with _sink(path, folder, compression) as write, ThreadPoolExecutor(1) as writer:
        pending: Future[None] | None = None
        for bars in chunks:
            seen = {symbol: state.bars_seen(symbol) for symbol in state.symbols}
            # The state keeps what of the tables is still to come.
            computed = features.advance(state, bars, None if state.moment is not None else tables, threads=threads)
            missing.add(features, bars, computed, seen)
            if pending is not None:
                pending.result()
            pending = writer.submit(write, computed)
            progress(missing.rows)
        if pending is None:
            raise DataError("there are no bars to compute features of")
        pending.result()
    return missing


@contextlib.contextmanager
def _sink(path: Path, folder: bool, compression: Compression) -> Iterator[Callable[[pl.DataFrame], None]]:
    """What takes the chunks in turn; `path` appears when the block ends well."""
    import pyarrow.parquet as pq

    # Of float32 outputs a dictionary never pays, and statistics cost more than they save; times and symbols keep them.
    settings: dict[str, Any] = {
        "compression": compression,
        "compression_level": 1 if compression == "zstd" else None,
        "use_dictionary": ["symbol"],
        "write_statistics": ["timestamp", "symbol"],
    }

    if folder:
        with atomic_folder(path) as temporary:
            numbers = iter(range(10**9))

            def write_part(frame: pl.DataFrame) -> None:
                name = f"part-{next(numbers):05}.parquet"
                pq.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), temporary / name, **settings)

            yield write_part
        return
    with atomic_path(path) as temporary, contextlib.ExitStack() as stack:
        writers: list[pq.ParquetWriter] = []

        def write_group(frame: pl.DataFrame) -> None:
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            if not writers:
                writers.append(stack.enter_context(pq.ParquetWriter(temporary, table.schema, **settings)))
            writers[0].write_table(table)

        yield write_group
