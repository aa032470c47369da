"""The artifact store: objects by content below, a catalog of versions above, read-only checkouts for readers.

A put writes objects first and its manifest last, so that a version is there with all its bytes or not at all. A get
hashes every byte before it hands out a path.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from gnomon.core.clock import Clock
from gnomon.core.errors import IntegrityError, LockedError, StoreError
from gnomon.core.files import atomic_folder, atomic_path, remove
from gnomon.core.hashing import canonical_json, hash_file, hash_value
from gnomon.store.base import ArtifactVersion
from gnomon.store.catalog import LATEST, Catalog, decode, encode
from gnomon.store.locks import lock, shared_lock
from gnomon.store.maintenance import Collected, Usage, VerifyReport, collect, measure, sweep, verify
from gnomon.store.objects import READ_ONLY, Objects, copy_hashed
from gnomon.store.records import Records

# Inside the class below `list` is its method.
Versions = list[ArtifactVersion]
REMOTE_GRACE = timedelta(days=1)
COLLECTION_WAIT_SECONDS = 600.0


class ContentStore:
    """An `ArtifactStore` over objects and records, wherever those are kept.

    `folder` is local: checkouts, and the lock that keeps a collection apart from puts. With `shared` the store is also
    written from elsewhere, where that lock does not reach, and a collection spares what is younger than a day.
    """

    def __init__(self, objects: Objects, records: Records, *, folder: Path, clock: Clock, shared: bool) -> None:
        self.objects = objects
        self.catalog = Catalog(records)
        self.folder = folder
        self.clock = clock
        self.shared = shared

    def put(
        self,
        path: Path,
        *,
        name: str,
        kind: str,
        metadata: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        version: str | None = None,
    ) -> ArtifactVersion:
        """Stores a copy of the file or folder as the next version of `name` ("1", "2", ... without gaps).

        `version` names it in the caller's words beside its number. Metadata are plain JSON values. Empty folders and
        times are not kept; links and devices are refused. Raises StoreError.
        """
        path = Path(path)
        metadata, tags = dict(metadata or {}), {tag: str(value) for tag, value in (tags or {}).items()}
        try:
            canonical_json([metadata, tags])
        except (TypeError, ValueError) as error:
            raise StoreError(f"metadata and tags of {name!r} must be plain finite JSON values: {error}") from None
        sources = _files_of(path)
        with self.writing(f"put {name}"):
            infos = {relative: self.objects.add(source) for relative, source in sources.items()}
            files = {relative: info.digest for relative, info in infos.items()}
            draft = ArtifactVersion(
                name=name,
                version="",
                kind=str(kind),
                digest=hash_value(files) if path.is_dir() else next(iter(files.values())),
                size=sum(info.size for info in infos.values()),
                files=files,
                created_at=self.clock.now().isoformat(timespec="microseconds"),
                folder=path.is_dir(),
                metadata=metadata,
                tags=tags,
            )
            # Read back as it stands on disk: tuples are lists there.
            return self.catalog.add(decode(encode(draft)), label=version)

    def get(self, name: str, version: str = LATEST) -> Path:
        """A local, verified, read-only copy. StoreError for an unknown name, IntegrityError for altered bytes.

        The path stays as long as the version does. It may share its bytes with the store (hard links): copy before
        writing, or use `load_artifact`.
        """
        found = self.catalog.find(name, str(version))
        objects = self._verified(found)
        folder = self.folder / "checkouts" / hash_value([found.folder, dict(found.files)])
        if not _is_checkout(folder, objects):
            self._check_out(folder, objects)
        return folder if found.folder else folder / next(iter(found.files))

    def find(self, name: str, version: str = LATEST) -> ArtifactVersion:
        """What is known of one version, without its bytes."""
        return self.catalog.find(name, str(version))

    def list(self, **filters: str) -> Versions:
        """Versions in order of creation; filters by `name`, `kind`, or any tag."""
        filters = {key: str(value) for key, value in filters.items()}
        name, kind = filters.pop("name", None), filters.pop("kind", None)
        found = [
            version
            for version in self.catalog.all(name=name)
            if kind in {None, version.kind} and all(version.tags.get(tag) == value for tag, value in filters.items())
        ]
        return sorted(found, key=lambda version: (version.created_at, version.name, version.number))

    def delete(self, name: str, version: str) -> ArtifactVersion:
        """Marks one version as deleted; its number stays taken, its bytes go with the next `gc`."""
        found = self.catalog.find(name, str(version))
        self.catalog.delete(found, at=self.clock.now().isoformat(timespec="microseconds"))
        return found

    def save_artifact(
        self,
        *,
        artifact_id: str,
        artifact_path: Path | str,
        artifact_type: str = "other",
        metadata: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | Iterable[str] | None = None,
        version: str | None = None,
    ) -> ArtifactVersion:
        """`put` in other words; plain words as tags are tags without a value."""
        pairs = tags if tags is None or isinstance(tags, Mapping) else dict.fromkeys(tags, "")
        return self.put(
            Path(artifact_path), name=artifact_id, kind=artifact_type, metadata=metadata, tags=pairs, version=version
        )

    def load_artifact(
        self, *, artifact_id: str, version: str | None = None, destination_path: Path | str | None = None
    ) -> Path:
        """A verified copy of one's own at `destination_path`, or without one what `get` gives.

        As with `cp`: a file goes into a destination that is a folder and replaces one that is a file; a folder becomes
        the destination, which must not exist or be empty. Nothing is there before every byte was verified.
        """
        if destination_path is None:
            return self.get(artifact_id, version or LATEST)
        found = self.catalog.find(artifact_id, str(version or LATEST))
        destination = Path(destination_path)
        objects = self._verified(found)
        if not found.folder:
            (relative,) = found.files
            target = destination / relative if destination.is_dir() else destination
            with atomic_path(target) as temporary:
                _copy(objects[relative], temporary, found.files[relative])
            return target
        if destination.is_dir() and any(destination.iterdir()):
            raise StoreError(
                f"{destination} is not empty, and nothing is overwritten; name a folder that does not exist"
            )
        with atomic_folder(destination) as temporary:
            for relative, source in objects.items():
                (temporary / relative).parent.mkdir(parents=True, exist_ok=True)
                _copy(source, temporary / relative, found.files[relative])
        return destination

    def list_artifacts(
        self, *, artifact_type: str | None = None, artifact_id: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Versions:
        """`list` in other words."""
        chosen = {"kind": artifact_type, "name": artifact_id}
        return self.list(**{key: str(value) for key, value in chosen.items() if value is not None}, **dict(tags or {}))

    def verify(self) -> VerifyReport:
        """Reads and hashes everything that is kept; what is wrong comes back as findings."""
        with self.writing("verify"):
            return verify(self.objects, self.catalog, self.folder / "checkouts")

    def gc(self, *, keep: Collection[str] = (), dry_run: bool = False) -> Collected:
        """Removes what dead writers left, and objects and checkouts of no living version.

        `keep`: hashes of objects that something besides a version needs (the pipeline's stage records).
        What a living process writes is never touched. While another process puts or collects, objects stay where they
        are, because no manifest may name them yet: the result says `deferred`.
        """
        older_than = self.clock.now() - REMOTE_GRACE if self.shared else None
        with ExitStack() as stack:
            try:
                stack.enter_context(lock(self._lock, "collect"))
            except LockedError:
                return sweep(self.folder, dry_run=dry_run)
            return collect(self.objects, self.catalog, self.folder, keep=keep, older_than=older_than, dry_run=dry_run)

    def du(self) -> Usage:
        """How much is kept: versions, objects, and the bytes of both."""
        with self.writing("measure"):
            return measure(self.objects, self.catalog)

    def writing(self, purpose: str) -> AbstractContextManager[None]:
        """Keeps collections away while objects are written that nothing names yet; many can hold it at once."""
        return nullcontext() if self.shared else shared_lock(self._lock, purpose, wait=COLLECTION_WAIT_SECONDS)

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    def _verified(self, version: ArtifactVersion) -> dict[str, Path]:
        """Local paths of the objects, each hashed just now."""
        paths = {}
        for relative, digest in version.files.items():
            try:
                paths[relative] = self.objects.fetch(digest)
            except IntegrityError as error:
                raise IntegrityError(
                    f"{version}, file {relative}: {error}; put the same bytes again to mend it, or use another version"
                ) from None
        return paths

    def _check_out(self, folder: Path, objects: Mapping[str, Path]) -> None:
        if folder.exists():
            # Damaged: one process takes it away, and the others look again before they take away its successor.
            with lock(self.folder / "checkouts.lock", "mend a checkout", wait=COLLECTION_WAIT_SECONDS):
                if not _is_checkout(folder, objects):
                    remove(folder)
        try:
            with atomic_folder(folder) as temporary:
                for relative, source in objects.items():
                    target = temporary / relative
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _link(source, target)
        except OSError:
            # Another reader was faster with the same bytes; anything else is a fault.
            if not _is_checkout(folder, objects):
                raise


def _files_of(path: Path) -> dict[str, Path]:
    """Relative name to file, sorted. StoreError for what cannot be stored."""
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        raise StoreError(f"{path} does not exist; give the file or folder to store")
    found = {}
    for entry in sorted(path.rglob("*")):
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise StoreError(f"{entry} is a link or a device; only files and folders of files can be stored")
        if entry.is_file():
            found[entry.relative_to(path).as_posix()] = entry
    if not found:
        raise StoreError(f"{path} holds no files; there is nothing to store")
    return found


def _is_checkout(folder: Path, objects: Mapping[str, Path]) -> bool:
    """Whether the folder holds exactly these objects."""
    if not folder.is_dir():
        return False
    present = {entry.relative_to(folder).as_posix() for entry in folder.rglob("*") if entry.is_file()}
    return present == set(objects) and all(_same(folder / relative, path) for relative, path in objects.items())


def _same(checked_out: Path, verified: Path) -> bool:
    # A hard link is the very file that was hashed; a copy is hashed by itself.
    return checked_out.samefile(verified) or hash_file(checked_out) == hash_file(verified)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Not every file system has hard links, and they have a largest number.
        shutil.copyfile(source, target)
        target.chmod(READ_ONLY)


def _copy(source: Path, target: Path, digest: str) -> None:
    """Copies a verified object, and hashes what it copies."""
    if copy_hashed(source, target)[0] != digest:
        raise IntegrityError(f"{source} was altered while it was being copied")
