"""What has been made: products by content, and a record for every stage key that led to them.

A product is a folder of files, each kept once under its SHA-256. The record of a stage is the only commit point: until
it stands, nothing of the stage is visible; once it stands, all of it is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gnomon.core.errors import IntegrityError, StageError
from gnomon.core.files import atomic_path, remove, temporary_for, write_atomic
from gnomon.core.hashing import canonical_json, hash_file, hash_value
from gnomon.pipeline.base import Codec, Key
from gnomon.store.objects import Objects

T = TypeVar("T")


@dataclass(frozen=True)
class Product:
    """One product: its files (relative path to SHA-256), and one hash over all of them."""

    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Hash of the names and contents."""
        return hash_value(dict(self.files))


@dataclass(frozen=True)
class Record:
    """That a stage was done under a key, and what it made: products by key name."""

    stage: str
    key: str
    products: Mapping[str, Product]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        products = {name: dict(product.files) for name, product in sorted(self.products.items())}
        return {"stage": self.stage, "key": self.key, "products": products}


class ProductStore:
    """Records in a folder, files in the object store."""

    def __init__(self, objects: Objects, folder: Path, scratch: Path) -> None:
        self.objects = objects
        self.folder = folder
        self.scratch = scratch

    def find(self, key: str) -> Record | None:
        """The record under a stage key, when it and every file it names are there.

        Raises IntegrityError when the record's bytes were altered.
        """
        path = self._path(key)
        if not path.exists():
            return None
        record = self._read(path)
        return record if self.complete(record) else None

    def complete(self, record: Record) -> bool:
        """Whether every file that a record names is in the store; its bytes are verified when they are read."""
        return all(self.objects.has(d) for product in record.products.values() for d in product.files.values())

    def digests(self) -> Iterator[str]:
        """Every object that a record needs."""
        for record in self.records():
            for product in record.products.values():
                yield from product.files.values()

    def save(self, stage: str, key: str, values: Mapping[Key[Any], Any]) -> Record:
        """Checks and keeps every value, then commits the record."""
        products = {}
        for written, value in values.items():
            if fault := written.codec.check(value):
                raise StageError(f"stage {stage!r} wrote a bad {written.name!r}: {fault}")
            products[written.name] = self.put(value, written.codec)
        record = Record(stage, key, products)
        body = record.to_json()
        write_atomic(self._path(key), canonical_json({**body, "digest": hash_value(body)}))
        return record

    def put(self, value: T, codec: Codec[T]) -> Product:
        """Keeps one value."""
        with self.workbench() as folder:
            codec.save(value, folder)
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            return Product({path.relative_to(folder).as_posix(): self.objects.add(path).digest for path in files})

    def load(self, product: Product, codec: Codec[T]) -> T:
        """Reads one value back; every byte is verified first."""
        with self.workbench() as folder:
            self.materialise(product, folder)
            return codec.load(folder)

    def materialise(self, product: Product, folder: Path) -> None:
        """Writes a product's verified files into a folder."""
        for name, digest in product.files.items():
            destination = folder / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            verified = self.objects.fetch(digest)
            try:
                # A second name for the same read-only bytes: nothing is copied.
                destination.hardlink_to(verified)
            except OSError:
                shutil.copyfile(verified, destination)

    def copy_out(self, product: Product, folder: Path, *, only: str = "") -> list[Path]:
        """Copies a product's files whose names begin with `only` to a place of the user's; returns where they are.

        A file that is there with the same bytes is left alone; another is replaced by rename.
        """
        written = []
        for name, digest in product.files.items():
            if not name.startswith(only):
                continue
            destination = folder / name
            if not destination.exists() or hash_file(destination) != digest:
                with atomic_path(destination) as temporary:
                    shutil.copyfile(self.objects.fetch(digest), temporary)
            written.append(destination)
        return written

    def records(self) -> Iterator[Record]:
        """Every record, in the order of their keys."""
        for path in sorted(self.folder.glob("*/*.json")):
            yield self._read(path)

    @contextmanager
    def workbench(self) -> Iterator[Path]:
        """An empty temporary folder, removed afterwards."""
        folder = temporary_for(self.scratch / "work")
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def midway(self, key: str) -> Path:
        """The folder in which a stage that is not done keeps how far it is; it need not exist."""
        return self.scratch / "midway" / key

    def unfinished(self) -> list[Path]:
        """The folders that stages left midway, of runs at work and of those that were killed and not started again."""
        return sorted((self.scratch / "midway").glob("*"))

    def forget_midway(self, key: str) -> None:
        """Removes what a stage kept midway: it is done."""
        if (folder := self.midway(key)).exists():
            remove(folder)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def _read(self, path: Path) -> Record:
        try:
            body = json.loads(path.read_bytes())
            digest = body.pop("digest")
            products = {name: Product(files) for name, files in body["products"].items()}
            record = Record(body["stage"], body["key"], products)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise IntegrityError(
                f"the stage record {path} cannot be read ({error}); delete it to redo the stage"
            ) from None
        if digest != hash_value(body) or record.key != path.stem:
            raise IntegrityError(
                f"the stage record {path} was altered after it was written; delete it to redo the stage"
            )
        return record
