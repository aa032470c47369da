"""What an artifact store is: bytes by content hash, plus names, versions and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol


class ArtifactType(StrEnum):
    """Kinds of artifact; a kind that is not listed is written as its own word."""

    DATA = "data"
    FEATURES = "features"
    LABELS = "labels"
    SAMPLES = "samples"
    MODEL = "model"
    FORECAST = "forecast"
    SIMULATION = "simulation"
    EVALUATION = "evaluation"
    REPORT = "report"
    CONFIG = "config"
    PACKAGE = "package"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class ArtifactVersion:
    """One version of a named artifact: what it is and which bytes.

    `number` counts 1, 2, ... without gaps; `version` is that number as text, or the word that the caller chose
    ("1.1.0"). `files` maps relative path to SHA-256. `digest` is the SHA-256 of a single file, or the tree hash
    (`gnomon.core.hashing.hash_tree`) of a folder. `size` is in bytes, `created_at` in ISO 8601, UTC.
    """

    name: str
    version: str
    kind: str
    digest: str
    size: int
    files: Mapping[str, str]
    created_at: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    number: int = 1
    folder: bool = True

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


class ArtifactStore(Protocol):
    """Keeps artifacts (a file or a folder each); what it gives back is verified against its hash."""

    def put(
        self,
        path: Path,
        *,
        name: str,
        kind: str,
        metadata: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ArtifactVersion:
        """Stores a copy of the file or folder as the next version of `name` ("1", "2", ... without gaps)."""
        ...

    def get(self, name: str, version: str = "latest") -> Path:
        """A local, verified, read-only copy. StoreError for an unknown name, IntegrityError for altered bytes."""
        ...

    def list(self, **filters: str) -> list[ArtifactVersion]:
        """Versions in order of creation; filters by `name`, `kind`, or any tag."""
        ...


ArtifactStoreBase = ArtifactStore
