"""Where bars and side tables come from; importing this package registers every kind."""

from gnomon.data.sources import csv, embedded, frame, http_json, json, parquet, sqlite, synthetic, tables

__all__ = ["csv", "embedded", "frame", "http_json", "json", "parquet", "sqlite", "synthetic", "tables"]
