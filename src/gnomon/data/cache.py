"""Fetched bars on disk, found again by what was asked and by the bytes that answered.

A local file's entry is keyed by the file's content, so a changed file is read anew. A remote answer is asked for each
time; its copy is kept for when the network is not there, and used when the source says `offline: true`.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.clock import Clock
from gnomon.core.errors import DataError, IntegrityError
from gnomon.core.files import atomic_path, step, write_atomic
from gnomon.core.hashing import canonical_json, hash_file, hash_value
from gnomon.core.logging import get_logger
from gnomon.data.base import DataSource, DataSourceBase, NetworkError, Query
from gnomon.data.describe import describe_query, describe_source
from gnomon.data.digest import hash_bars

log = get_logger(__name__)


@dataclass(frozen=True)
class DataCache:
    """A folder of bars (`objects/<hash>.parquet`) and of what was asked for them (`asked/<key>.json`)."""

    folder: Path
    clock: Clock

    def fetch(self, source: DataSource, query: Query) -> pl.LazyFrame:
        """The source's bars, from the cache where that gives the same.

        DataError for a remote source out of reach; it says when the cached copy was fetched and how to use it.
        """
        if not isinstance(source, DataSourceBase) or not (source.cached or source.remote):
            return source.fetch(query)
        key = cache_key(source, query)
        entry = self._entry(key)
        if source.remote:
            return self._remote(source, query, key, entry)
        if entry is not None:
            try:
                return self._read(entry).lazy()
            except IntegrityError as error:
                log.warning("the cached copy is damaged and is made again", cause=str(error))
        return self._store(source, query, key).lazy()

    def _remote(self, source: DataSourceBase, query: Query, key: str, entry: Mapping[str, Any] | None) -> pl.LazyFrame:
        if source.offline:
            if entry is None:
                raise DataError(f"{source} is offline and nothing is cached for this query; fetch it once online")
            log.info("using the cached copy", source=str(source), fetched_at=entry["fetched_at"])
            return self._read(entry).lazy()
        try:
            return self._store(source, query, key).lazy()
        except NetworkError as error:
            if entry is None:
                raise
            raise NetworkError(
                f"{error}; a copy fetched at {entry['fetched_at']} is cached: "
                "say `offline: true` in data.source to use it"
            ) from error

    def _entry(self, key: str) -> Mapping[str, Any] | None:
        path = self.folder / "asked" / f"{key}.json"
        if not path.is_file():
            return None
        try:
            entry: dict[str, Any] = json.loads(path.read_bytes())
        except ValueError:
            log.warning("a cache entry is damaged and is made again", file=str(path))
            return None
        return entry

    def _object(self, digest: str) -> Path:
        return self.folder / "objects" / f"{digest}.parquet"

    def _read(self, entry: Mapping[str, Any]) -> pl.DataFrame:
        path = self._object(entry["digest"])
        try:
            bars = pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise IntegrityError(f"the cached copy {path} cannot be read: {error}") from None
        if hash_bars(bars) != entry["digest"]:
            raise IntegrityError(f"the cached copy {path} was altered; delete it and fetch again")
        return bars

    def _store(self, source: DataSourceBase, query: Query, key: str) -> pl.DataFrame:
        bars = source.fetch(query).collect()
        digest = hash_bars(bars)
        path = self._object(digest)
        with atomic_path(path) as temporary:
            step("write", path)
            bars.write_parquet(temporary, compression="zstd")
        entry = {
            "digest": digest,
            "fetched_at": self.clock.now().isoformat(timespec="seconds"),
            "rows": bars.height,
            "source": describe_source(source),
            "query": describe_query(query),
        }
        write_atomic(self.folder / "asked" / f"{key}.json", canonical_json(entry))
        return bars


def cache_key(source: DataSourceBase, query: Query) -> str:
    """Hash of the source's fields (secrets masked), the query, its files' bytes, and the code that reads them."""
    return hash_value(
        {
            "source": {key: value for key, value in describe_source(source).items() if key != "offline"},
            "query": describe_query(query),
            "inputs": {str(path): hash_file(path) for path in source.inputs()},
            "code": _code(),
        }
    )


@cache
def _code() -> str:
    """Hash of this room's code and of the library that parses: another reading of the same bytes is another entry."""
    here = Path(__file__).parent
    files = {path.relative_to(here).as_posix(): hash_file(path) for path in sorted(here.rglob("*.py"))}
    return hash_value({"files": files, "polars": importlib.metadata.version("polars")})
