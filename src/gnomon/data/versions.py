"""Which data it was: versions of bars by content, with where they came from, recorded once and never changed.

`.gnomon/data/versions/<id>.json` is one record, named by the hash of what it says; `.gnomon/data/bars/<hash>/` holds
imported bars as Parquet, cut by time and inside by symbol, so that a period is read without the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.clock import Clock
from gnomon.core.errors import ConfigError, DataError, IntegrityError, unknown
from gnomon.core.files import atomic_folder, step, write_atomic
from gnomon.core.hashing import canonical_json, hash_bytes
from gnomon.core.redaction import redact_values
from gnomon.data.calendars import infer_frequency, parse_frequency
from gnomon.data.digest import hash_bars
from gnomon.data.sources.parquet import DIGEST


@dataclass(frozen=True, kw_only=True)
class DataVersion:
    """One record. `digest` is the hash of the bars' values; `start` and `end` are the first and last stamp."""

    digest: str
    source: Mapping[str, Any]
    start: str
    end: str
    rows: int
    symbols: tuple[str, ...]
    columns: tuple[str, ...]
    frequency: str | None
    recorded_at: str
    parent: str | None = None
    """The digest of the bars that these were made from."""
    repairs: tuple[Mapping[str, Any], ...] = ()
    """What was done to the parent's bars."""


@dataclass(frozen=True)
class DataVersions:
    """The versions of a workspace, in its folder `.gnomon/data`."""

    folder: Path
    clock: Clock

    def record(
        self,
        bars: pl.DataFrame,
        *,
        source: Mapping[str, Any],
        parent: str | None = None,
        repairs: Sequence[Mapping[str, Any]] = (),
    ) -> DataVersion:
        """Writes down a version of the bars; the record that says the same, where there is one already."""
        if bars.is_empty():
            raise DataError("no bars: there is nothing to record")
        version = describe_bars(bars, source=source, parent=parent, repairs=repairs, recorded_at=self._now())
        for held in self.list():
            if _same(held, version):
                return held
        body = canonical_json(asdict(version))
        write_atomic(self.folder / "versions" / f"{hash_bytes(body)}.json", body)
        return version

    def list(self) -> Sequence[DataVersion]:
        """Every version, the oldest first. IntegrityError for a record that was altered."""
        return sorted(
            (_read_record(path) for path in (self.folder / "versions").glob("*.json")),
            key=lambda version: (version.recorded_at, version.digest, version.parent or ""),
        )

    def get(self, digest: str) -> DataVersion:
        """The latest record of a digest, or of its first digits. ConfigError when none or several match."""
        found = {version.digest: version for version in self.list() if version.digest.startswith(digest)}
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            raise ConfigError(f"data version {digest!r} is ambiguous: {', '.join(key[:12] for key in found)}")
        raise ConfigError(unknown("data version", digest, [version.digest[:12] for version in self.list()]))

    def lineage(self, digest: str) -> Sequence[DataVersion]:
        """A version and what it was made from, back to the first."""
        line = [self.get(digest)]
        while (parent := line[-1].parent) is not None and all(parent != version.digest for version in line):
            line.append(self.get(parent))
        return line

    def keep(self, bars: pl.DataFrame) -> Path:
        """Writes bars as Parquet (a file a month, a year for bars of an hour or more) and returns their folder."""
        folder = self.folder / "bars" / hash_bars(bars)
        if not folder.exists():
            with atomic_folder(folder) as temporary:
                write_partitions(bars, temporary)
        return folder

    def _now(self) -> str:
        return self.clock.now().isoformat(timespec="seconds")


def describe_bars(
    bars: pl.DataFrame,
    *,
    source: Mapping[str, Any],
    recorded_at: str,
    parent: str | None = None,
    repairs: Sequence[Mapping[str, Any]] = (),
) -> DataVersion:
    """The version that bars are, not written anywhere."""
    try:
        frequency = infer_frequency(bars)
    except DataError:
        frequency = None
    first, last = bars["timestamp"].min(), bars["timestamp"].max()
    return DataVersion(
        digest=hash_bars(bars),
        source=redact_values(dict(source)),
        start=first.isoformat(),  # type: ignore[union-attr]
        end=last.isoformat(),  # type: ignore[union-attr]
        rows=bars.height,
        symbols=tuple(bars["symbol"].unique().sort()),
        columns=tuple(bars.columns),
        frequency=frequency,
        recorded_at=recorded_at,
        parent=parent,
        repairs=tuple(redact_values(dict(repair)) for repair in repairs),
    )


def write_partitions(bars: pl.DataFrame, folder: Path) -> None:
    """Bars as Parquet files by month, or by year for an hour or more; each carries the hash of its own bars."""
    try:
        long = parse_frequency(infer_frequency(bars)).total_seconds() >= 3600
    except DataError:
        long = True
    period = bars["timestamp"].dt.strftime("%Y" if long else "%Y-%m").alias("period")
    for (name,), part in (
        bars.with_columns(period).partition_by("period", as_dict=True, include_key=False, maintain_order=True).items()
    ):
        path = folder / f"{name}.parquet"
        step("write", path)
        part.write_parquet(path, compression="zstd", metadata={DIGEST: hash_bars(part)})


def _same(held: DataVersion, version: DataVersion) -> bool:
    first, second = asdict(held), asdict(version)
    return canonical_json({**first, "recorded_at": ""}) == canonical_json({**second, "recorded_at": ""})


def _read_record(path: Path) -> DataVersion:
    body = path.read_bytes()
    if hash_bytes(body) != path.stem:
        raise IntegrityError(f"the record {path} was altered: its content is not what its name says")
    fields = json.loads(body)
    return DataVersion(
        **{
            **fields,
            "symbols": tuple(fields["symbols"]),
            "columns": tuple(fields["columns"]),
            "repairs": tuple(fields["repairs"]),
        }
    )
