"""Looking after a store: verify every byte, collect what nobody needs, measure."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gnomon.core.errors import IntegrityError
from gnomon.core.files import is_temporary, remove, writer_lives
from gnomon.core.hashing import hash_file, hash_value
from gnomon.store.base import ArtifactVersion
from gnomon.store.catalog import Catalog
from gnomon.store.objects import Objects
from gnomon.store.seals import unseal


@dataclass(frozen=True)
class StoreFinding:
    """One thing that is wrong: what it is, in words, and the versions that it takes with it."""

    what: str
    message: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerifyReport:
    """What was read, and everything that was not as it was written."""

    versions: int
    objects: int
    size: int
    findings: tuple[StoreFinding, ...]

    @property
    def ok(self) -> bool:
        """Whether every byte was right."""
        return not self.findings

    def raise_errors(self) -> None:
        """IntegrityError with every finding, one a line."""
        if self.findings:
            raise IntegrityError("\n".join(finding.message for finding in self.findings))


@dataclass(frozen=True)
class Collected:
    """What a collection removed (or would remove): unfinished writes, objects, checkouts; and the bytes set free.

    `deferred`: another process was at work, and only unfinished writes were looked at.
    """

    temporary: int = 0
    objects: int = 0
    checkouts: int = 0
    size: int = 0
    deferred: bool = False


@dataclass(frozen=True)
class Usage:
    """How much a store keeps. `size` is what its objects take; `logical` what the versions would take one by one."""

    versions: int
    objects: int
    size: int
    logical: int
    kinds: dict[str, int] = field(default_factory=dict)


def verify(objects: Objects, catalog: Catalog, checkouts: Path) -> VerifyReport:
    """Reads every manifest, object and checkout and compares each with its hash."""
    findings: list[StoreFinding] = []
    versions = list(_readable(catalog, findings))
    users: dict[str, list[str]] = defaultdict(list)
    for version in versions:
        for digest in version.files.values():
            users[digest].append(str(version))
    infos = {info.digest: info for info in objects.all()}
    for digest in sorted(set(users) | set(infos)):
        fault = objects.check(digest)
        if fault:
            findings.append(StoreFinding("object", fault, tuple(users.get(digest, ()))))
    findings += _numbering(catalog)
    findings += _checkouts(checkouts, versions)
    size = sum(info.size for info in infos.values())
    return VerifyReport(len(versions), len(infos), size, tuple(findings))


def sweep(folder: Path, *, dry_run: bool, beside: Path | None = None) -> Collected:
    """Removes the unfinished writes of dead processes, and nothing else: safe at any time.

    `beside`: a folder in it that is left out.
    """
    found = [path for path in _temporaries(folder, beside) if writer_lives(path) is not True]
    size = sum(_size(path) for path in found)
    for path in [] if dry_run else found:
        remove(path)
    return Collected(temporary=len(found), size=size, deferred=True)


def collect(
    objects: Objects,
    catalog: Catalog,
    folder: Path,
    *,
    keep: Collection[str],
    older_than: datetime | None,
    dry_run: bool,
) -> Collected:
    """Removes what no living version and no living writer needs. The caller holds the store's lock.

    With `older_than` objects that were written later are kept. Raises IntegrityError when a manifest cannot be read:
    then nobody knows what is needed, and nothing but unfinished writes is removed.
    """
    swept = sweep(folder, dry_run=dry_run)
    versions = list(catalog.all())
    needed = set(keep) | {digest for version in versions for digest in version.files.values()}
    spare = [
        info for info in objects.all() if info.digest not in needed and (not older_than or info.modified < older_than)
    ]
    kept = {_checkout_name(version) for version in versions}
    stale = [path for path in (folder / "checkouts").glob("*") if path.name not in kept and not is_temporary(path)]
    if not dry_run:
        for path in stale:
            remove(path)
        for info in spare:
            objects.discard(info.digest)
    return Collected(swept.temporary, len(spare), len(stale), swept.size + sum(info.size for info in spare))


def measure(objects: Objects, catalog: Catalog) -> Usage:
    """Counts what is kept."""
    kinds: dict[str, int] = defaultdict(int)
    versions = list(catalog.all())
    for version in versions:
        kinds[version.kind] += version.size
    sizes = [info.size for info in objects.all()]
    return Usage(len(versions), len(sizes), sum(sizes), sum(v.size for v in versions), dict(sorted(kinds.items())))


def _readable(catalog: Catalog, findings: list[StoreFinding]) -> Iterator[ArtifactVersion]:
    """The living versions whose manifest is whole; the others, and broken tombstones, become findings."""
    gone = catalog.tombstones()
    for key in catalog.manifests():
        try:
            version = catalog.read_key(key)
        except IntegrityError as error:
            findings.append(StoreFinding("manifest", str(error), (key,)))
            continue
        if key not in gone:
            yield version
    for key in sorted(gone):
        tombstone = key.removesuffix(".json") + ".deleted.json"
        try:
            unseal(catalog.records.read(tombstone))
        except ValueError as error:
            place = f"{catalog.records.place}/{tombstone}"
            findings.append(StoreFinding("manifest", f"the tombstone {place} was altered ({error})", (key,)))


def _numbering(catalog: Catalog) -> Iterable[StoreFinding]:
    """Numbers are given without gaps: one that is missing was taken away."""
    held: dict[str, set[int]] = defaultdict(set)
    for key in catalog.manifests():
        _, folder, name = key.split("/")
        held[folder].add(int(name.removesuffix(".json")))
    for folder, numbers in sorted(held.items()):
        for number in sorted(set(range(1, max(numbers) + 1)) - numbers):
            message = f"the manifest {catalog.records.place}/versions/{folder}/{number:08d}.json is missing"
            yield StoreFinding("manifest", message, (folder,))


def _checkouts(folder: Path, versions: list[ArtifactVersion]) -> Iterable[StoreFinding]:
    for version in {_checkout_name(version): version for version in versions}.values():
        root = folder / _checkout_name(version)
        for relative, digest in version.files.items() if root.is_dir() else ():
            path = root / relative
            if not path.is_file():
                yield StoreFinding("checkout", f"{path} is missing; the next get makes it again", (str(version),))
            elif hash_file(path) != digest:
                yield StoreFinding("checkout", f"{path} was altered", (str(version),))


def _checkout_name(version: ArtifactVersion) -> str:
    return hash_value([version.folder, dict(version.files)])


def _temporaries(folder: Path, beside: Path | None) -> Iterator[Path]:
    # `os.walk` passes over what vanishes meanwhile, as the folders of living processes do; `rglob` raises.
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files) if is_temporary(Path(name)))
        folders[:] = [name for name in folders if not is_temporary(Path(name)) and Path(place, name) != beside]


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
    return path.stat().st_size if path.exists() else 0
