"""The artifact store in a folder, and the one door that opens a store from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from gnomon.core.clock import Clock, SystemClock
from gnomon.core.hashing import hash_bytes
from gnomon.store.content import ContentStore
from gnomon.store.objects import LocalObjects, RemoteObjects
from gnomon.store.records import LocalRecords, RemoteRecords
from gnomon.store.remote import RemoteFiles


class LocalArtifactStore(ContentStore):
    """Artifacts in a folder of this machine, or of a file system that it mounts.

    The folder holds `objects/` (bytes by hash), `versions/` (manifests), `checkouts/` (what `get` hands out).
    """

    def __init__(self, storage_root: Path | str, *, clock: Clock | None = None) -> None:
        root = Path(storage_root).absolute()
        super().__init__(
            LocalObjects(root / "objects"),
            LocalRecords(root),
            folder=root,
            clock=clock or SystemClock(),
            shared=False,
        )


class StoreSettings(Protocol):
    """What `store` says in the configuration (`gnomon.config.models.StoreConfig`)."""

    @property
    def url(self) -> str:
        """A folder, relative to the workspace, or an fsspec URL."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """What the fsspec file system takes: endpoint, key, secret, ..."""
        ...


def open_store(settings: StoreSettings, workspace: Path, *, clock: Clock | None = None) -> ContentStore:
    """The store that the configuration names. A remote one keeps its local copies in `.gnomon/cache`.

    Raises ConfigError for a URL that nothing here can open.
    """
    scheme, separator, rest = settings.url.partition("://")
    if not separator or scheme in {"file", "local"}:
        return LocalArtifactStore(workspace / (rest if separator else settings.url), clock=clock)
    options = {key: _revealed(value) for key, value in settings.options.items()}
    url = f"{scheme}://{rest.rstrip('/')}"
    cache = workspace.absolute() / ".gnomon" / "cache" / hash_bytes(url.encode())[:16]
    files = RemoteFiles(url, options)
    return ContentStore(
        RemoteObjects(files, cache=LocalObjects(cache / "objects")),
        RemoteRecords(files),
        folder=cache,
        clock=clock or SystemClock(),
        shared=True,
    )


def _revealed(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
