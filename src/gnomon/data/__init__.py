"""Market data: sources, checks, repair, as-of joins, calendars, versions, synthetic markets."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BAR_SCHEMA": "base",
    "SOURCES": "base",
    "TABLES": "base",
    "DataSource": "base",
    "DataSourceBase": "base",
    "Query": "base",
    "TableSource": "base",
    "ApiDataSource": "sources.http_json",
    "CsvDataSource": "sources.csv",
    "EmbeddedDataSource": "sources.embedded",
    "FrameDataSource": "sources.frame",
    "JsonDataSource": "sources.json",
    "ParquetDataSource": "sources.parquet",
    "SqliteDataSource": "sources.sqlite",
    "SyntheticDataSource": "sources.synthetic",
    "Reading": "reading",
    "to_bars": "bars",
    "read_bars": "read",
    "hash_bars": "digest",
    "DataCache": "cache",
    "DataVersion": "versions",
    "DataVersions": "versions",
    "Market": "synthetic",
    "market_bars": "synthetic",
    "DataManager": "manager",
    "DataTransformer": "manager",
    "DataValidator": "manager",
    "check_bars": "checks",
    "CheckReport": "issues",
    "Issue": "issues",
    "REPAIRS": "repair",
    "repair_bars": "repair",
    "join_asof": "asof",
    "Leak": "probe",
    "ProbeReport": "probe",
    "probe_lookahead": "probe",
    "probe_resampling": "probe",
    "resample_bars": "resample",
    "expected_stamps": "calendars",
    "infer_frequency": "calendars",
    "periods_per_year": "calendars",
    "session_closes": "calendars",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
