"""The files that a run shows to people, as one product: relative path to bytes on disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from gnomon.pipeline.base import Codec, Key


class FilesCodec(Codec[Mapping[str, Path]]):
    """Files by the name that they shall have."""

    def save(self, value: Mapping[str, Path], folder: Path) -> None:
        """Copies each file under its name."""
        for name, path in value.items():
            destination = folder / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, destination)

    def load(self, folder: Path) -> Mapping[str, Path]:
        """Every file of the folder by its relative path; they live as long as the folder does."""
        return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}

    def check(self, value: object) -> str | None:
        """Every file is there."""
        if not isinstance(value, Mapping):
            return f"expected files by name, got {type(value).__name__}"
        return next((f"file {path} is missing" for path in value.values() if not path.is_file()), None)


PUBLISHED: Key[Mapping[str, Path]] = Key("published", FilesCodec())
"""What the last stage of a pipeline hands to the run's folder."""

SCALED: Key[Mapping[str, Path]] = Key("scaled", FilesCodec())
"""Scaled tables for the run's folder, where `samples.export_scaled` asks for them."""
