"""A file system behind an fsspec URL, reduced to what the store needs, and with its failures in our words."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from gnomon.core.errors import ConfigError, GnomonError, StoreError

BUFFER = 4 << 20

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class RemoteEntry:
    """One file: its key, its length in bytes, and when it was written."""

    key: str
    size: int
    modified: datetime


def _in_words(*expected: type[Exception]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turns whatever a service's library raises into a StoreError, but for what the caller expects."""
    let_through: tuple[type[Exception], ...] = (GnomonError, *expected)

    def wrap(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(*args, **kwargs)
            except let_through:
                raise
            except Exception as error:
                url = cast("RemoteFiles", args[0]).url
                raise StoreError(
                    f"the store at {url} failed: {type(error).__name__}: {error}; check store.url and store.options"
                ) from error

        return call

    return wrap


class RemoteFiles:
    """Files by key below a URL. A put is atomic, as object stores have it: a reader sees the whole or nothing."""

    # For file systems without a conditional put: safe at least between the threads of this process.
    _creating = threading.Lock()

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        import fsspec

        self.url = url
        try:
            self._fs, root = fsspec.core.url_to_fs(url, **{"use_listings_cache": False, **options})
        except ImportError as error:
            raise ConfigError(f"store.url = {url!r} needs a package that is not installed: {error}") from None
        except (ValueError, TypeError) as error:
            raise ConfigError(f"store.url = {url!r} cannot be opened: {error}") from None
        self._root = root.rstrip("/")
        if not self._root:
            raise ConfigError(f"store.url = {url!r} names no folder; write one behind it, as in s3://bucket/gnomon")

    @_in_words(FileNotFoundError)
    def read(self, key: str) -> bytes:
        """The bytes of one file. Raises FileNotFoundError."""
        data: bytes = self._fs.cat_file(self._path(key))
        return data

    @_in_words()
    def create(self, key: str, data: bytes) -> bool:
        """Puts bytes under a new key; False, with nothing changed, when the key is taken.

        S3 and GCS decide between several processes at once (a conditional put).
        """
        try:
            with self._creating:
                self._fs.pipe_file(self._path(key), data, mode="create")
        except FileExistsError:
            return False
        return True

    @_in_words()
    def put(self, source: Path, key: str) -> int:
        """Sends a file; returns the length that the service has afterwards."""
        self._fs.put_file(str(source), self._path(key))
        return int(self._fs.info(self._path(key))["size"])

    @_in_words(FileNotFoundError)
    def get(self, key: str, target: Path) -> None:
        """Fetches a file. Raises FileNotFoundError."""
        self._fs.get_file(self._path(key), str(target))

    def pieces(self, key: str) -> Iterator[bytes]:
        """The bytes of a file in pieces. Raises FileNotFoundError."""
        file = self._open(key)
        with file:
            while piece := self._read(file):
                yield piece

    @_in_words()
    def find(self, prefix: str = "") -> list[RemoteEntry]:
        """Every file below a key, sorted by key."""
        self._fs.invalidate_cache()
        found = self._fs.find(self._path(prefix).rstrip("/"), detail=True)
        entries = (
            RemoteEntry(path[len(self._root) + 1 :], int(info["size"]), self._modified(path, info))
            for path, info in found.items()
        )
        return sorted(entries, key=lambda entry: entry.key)

    @_in_words()
    def exists(self, key: str) -> bool:
        """Whether there is a file under the key."""
        return bool(self._fs.exists(self._path(key)))

    @_in_words()
    def remove(self, key: str) -> None:
        """Removes a file."""
        self._fs.rm_file(self._path(key))

    @_in_words(FileNotFoundError)
    def _open(self, key: str) -> Any:
        return self._fs.open(self._path(key), "rb", block_size=BUFFER)

    @_in_words(FileNotFoundError)
    def _read(self, file: Any) -> bytes:
        data: bytes = file.read(BUFFER)
        return data

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _modified(self, path: str, info: Mapping[str, Any]) -> datetime:
        # Each service has its own word; asking again for each file would cost a round trip.
        for word in ("LastModified", "last_modified", "updated", "mtime", "created"):
            if isinstance(info.get(word), datetime):
                return cast("datetime", info[word]).astimezone(UTC)
        return cast("datetime", self._fs.modified(path)).astimezone(UTC)
