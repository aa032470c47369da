"""Finding the files of a source, and what their names say."""

from __future__ import annotations

import glob
import re
from pathlib import Path

from gnomon.core.errors import ConfigError, DataError, nearest

SUFFIXES = (".gz", ".zip", ".csv", ".tsv", ".txt", ".parquet", ".json")


def find_files(path: str, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    """The files of a path, a glob or a folder (then all below it with one of the suffixes), sorted by name.

    DataError when there are none; it names the nearest file.
    """
    if any(sign in path for sign in "*?["):
        found = [Path(name) for name in sorted(glob.glob(path, recursive=True))]  # noqa: PTH207 - takes absolute globs
        files = [name for name in found if name.is_file()]
        if not files:
            raise DataError(f"no file matches {path}")
        return tuple(files)
    place = Path(path)
    if place.is_dir():
        files = sorted(name for name in place.rglob("*") if name.name.endswith(suffixes) and name.is_file())
        if not files:
            raise DataError(f"{path} holds no file that ends in {' or '.join(suffixes)}")
        return tuple(files)
    if not place.is_file():
        beside = [name.name for name in place.parent.iterdir()] if place.parent.is_dir() else []
        close = nearest(place.name, beside)
        hint = f"did you mean {place.with_name(close)}?" if close else "check the path"
        raise DataError(f"there is no file {path}; {hint}")
    return (place,)


def stem(path: Path) -> str:
    """A file's name without its folder and its known suffixes: EURUSD for a/EURUSD.csv.gz."""
    name = path.name
    while name.endswith(SUFFIXES):
        name = name[: name.rindex(".")]
    return name


def from_name(pattern: str, path: Path, *, what: str) -> str:
    """What a pattern's group (or the whole match) finds in a file's name. DataError when it finds nothing."""
    match = re.search(pattern, stem(path))
    if match is None:
        raise DataError(f"{path}: {what} {pattern!r} finds nothing in the name {stem(path)!r}")
    return match[1] if match.re.groups else match[0]


def check_pattern(pattern: str, *, what: str) -> None:
    """ConfigError when a pattern is no regular expression with at most one group."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ConfigError(f"{what} = {pattern!r} is no regular expression: {error}") from None
    if groups > 1:
        raise ConfigError(f"{what} = {pattern!r} has {groups} groups; mark one part, others with (?:...)")
