"""The file of the catalogue: whole or not at all, a row a key, and a schema that says its version."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from gnomon.core.errors import IntegrityError
from gnomon.core.files import observed
from gnomon.pipeline.catalogue.base import ADDED, METADATA, SCHEMA, VERSION, Catalogue


def row(model: str, horizon: int = 5, *, f1: float = 0.3, status: str = "scored") -> dict[str, object]:
    key = {"data_version": "d", "model": model, "config_hash": "c", "horizon": horizon, "code_version": "v"}
    return {**key, "data_set": "sp500", "status": status, "f1": f1, "time": datetime(2024, 1, 1, tzinfo=UTC)}


def test_rows_are_kept_and_a_key_stands_once(tmp_path):
    catalogue = Catalogue(tmp_path / "new" / "models.parquet")
    assert catalogue.read().height == 0
    catalogue.add([row("a"), row("b"), row("b", f1=0.4)])
    catalogue.add([row("a", f1=0.5), row("a", 10)])
    held = catalogue.read()
    assert dict(held.schema) == SCHEMA
    assert held.select("model", "horizon", "f1").rows() == [("a", 5, 0.5), ("b", 5, 0.4), ("a", 10, 0.3)]
    assert catalogue.scored() == {("d", m, "c", h, "v") for m, h in (("a", 5), ("b", 5), ("a", 10))}
    assert pl.read_parquet_metadata(catalogue.path)[METADATA] == str(VERSION)


def test_what_failed_is_not_done(tmp_path):
    catalogue = Catalogue(tmp_path / "models.parquet")
    catalogue.add([row("a", status="failed")])
    assert catalogue.scored() == set()


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    catalogue = Catalogue(tmp_path / "models.parquet")
    catalogue.add([row("a")])
    before = catalogue.path.read_bytes()

    def full(operation, path):
        if operation == "rename" and path == catalogue.path:
            raise OSError(28, "no space left", str(path))

    with observed(full), pytest.raises(OSError, match="no space"):
        catalogue.add([row("b")])
    assert catalogue.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models.lock", "models.parquet"]


def test_foreign_and_newer_files_are_refused(tmp_path):
    catalogue = Catalogue(tmp_path / "models.parquet")
    catalogue.path.write_bytes(b"no parquet")
    with pytest.raises(IntegrityError, match="no catalogue"):
        catalogue.read()
    pl.DataFrame({"a": [1]}).write_parquet(catalogue.path)
    with pytest.raises(IntegrityError, match="no catalogue"):
        catalogue.add([row("a")])
    pl.DataFrame({"a": [1]}).write_parquet(catalogue.path, metadata={METADATA: str(VERSION + 1)})
    with pytest.raises(IntegrityError, match="update Gnomon"):
        catalogue.read()
    pl.DataFrame({"a": [1]}).write_parquet(catalogue.path, metadata={METADATA: str(VERSION)})
    with pytest.raises(IntegrityError, match="columns"):
        catalogue.read()


def test_a_catalogue_of_the_first_schema_is_read_and_goes_on_in_the_newest(tmp_path):
    catalogue = Catalogue(tmp_path / "models.parquet")
    newer = ADDED[2]
    first = pl.DataFrame([row("a")], schema={name: kind for name, kind in SCHEMA.items() if name not in newer})
    first.write_parquet(catalogue.path, metadata={METADATA: "1"})
    held = catalogue.read()
    assert dict(held.schema) == SCHEMA
    assert held.select(newer).null_count().row(0) == (1,) * len(newer)
    catalogue.add([row("b")])
    assert catalogue.read()["model"].to_list() == ["a", "b"]
    assert pl.read_parquet_metadata(catalogue.path)[METADATA] == str(VERSION)
    first.drop("model").write_parquet(catalogue.path, metadata={METADATA: "1"})
    with pytest.raises(IntegrityError, match="columns"):
        catalogue.read()
