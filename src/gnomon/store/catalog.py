"""Names and versions: one manifest a version, whose creation is the only commit point of a put.

A manifest lies at `versions/<name>/<number>.json` and is never changed. Of several processes that want the next number
one creates it, the others take the one after: numbers are unique and have no gaps, without any lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace

from gnomon.core.errors import IntegrityError, NotFoundError, StoreError, unknown
from gnomon.core.hashing import hash_bytes
from gnomon.store.base import ArtifactVersion
from gnomon.store.records import Records
from gnomon.store.seals import seal, unseal

FORMAT = 1
LATEST = "latest"
_MANIFEST = re.compile(r"versions/([^/]+)/(\d{8})\.json")
_TOMBSTONE = re.compile(r"versions/([^/]+)/(\d{8})\.deleted\.json")


class Catalog:
    """All versions of all artifacts."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def add(self, draft: ArtifactVersion, *, label: str | None = None) -> ArtifactVersion:
        """Commits a draft as the next version of its name; `label` names that version in the caller's words.

        A label is given once: with the same bytes it returns the version that has it. Raises StoreError otherwise.
        """
        check_name(draft.name)
        while True:
            number = max(self._numbers(draft.name), default=0) + 1
            if label is not None:
                held = self._labelled(draft, label, number)
                if held is not None:
                    return held
            version = replace(draft, number=number, version=label or str(number))
            # A label is unique because whoever was faster has taken our number, and then we look again.
            if self.records.create(_key(draft.name, number), encode(version)):
                return version

    def find(self, name: str, version: str = LATEST) -> ArtifactVersion:
        """The version asked for: "latest", a number, or a label. StoreError says which there are."""
        check_name(name)
        deleted = self._deleted(name)
        numbers = self._numbers(name)
        living = [number for number in numbers if number not in deleted]
        if not living:
            raise NotFoundError(self._nothing(name, deleted=bool(numbers)))
        if version == LATEST:
            return self.read(name, living[-1])
        # A number is read alone, so that a damaged manifest takes no other version with it.
        if version.isdecimal() and int(version) in living:
            return self.read(name, int(version))
        for number in [] if version.isdecimal() else reversed(living):
            found = self.read(name, number)
            if found.version == version:
                return found
        if version.isdecimal() and int(version) in deleted:
            raise NotFoundError(f"{name} version {version} was deleted; versions: {_spell(living)}")
        raise NotFoundError(f"{name} has no version {version!r}; versions: {_spell(living)}")

    def read(self, name: str, number: int) -> ArtifactVersion:
        """One manifest, verified. IntegrityError when it was altered."""
        return self.read_key(_key(name, number))

    def read_key(self, key: str) -> ArtifactVersion:
        """The manifest under a key, verified: its own hash, and that it lies where it belongs."""
        place = f"{self.records.place}/{key}"
        try:
            version = decode(self.records.read(key))
        except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
            raise IntegrityError(
                f"the manifest {place} was altered ({error}); restore it, or `gnomon store verify`"
            ) from None
        if _key(version.name, version.number) != key:
            raise IntegrityError(f"the manifest {place} belongs to {version.name} version {version.number}")
        return version

    def all(self, *, name: str | None = None, deleted: bool = False) -> Iterator[ArtifactVersion]:
        """Every version, by name and number; those that were deleted only where asked for."""
        gone = set() if deleted else self.tombstones()
        for key in self.manifests("versions" if name is None else f"versions/{folder_of(name)}"):
            if key not in gone:
                yield self.read_key(key)

    def manifests(self, prefix: str = "versions") -> list[str]:
        """The keys of all manifests."""
        return [key for key in self.records.keys(prefix) if _MANIFEST.fullmatch(key)]

    def tombstones(self) -> set[str]:
        """The keys of the manifests whose version was deleted."""
        return {
            key.removesuffix(".deleted.json") + ".json"
            for key in self.records.keys("versions")
            if _TOMBSTONE.fullmatch(key)
        }

    def delete(self, version: ArtifactVersion, *, at: str) -> None:
        """Marks a version as deleted; its number is never given again."""
        tombstone = _key(version.name, version.number).removesuffix(".json") + ".deleted.json"
        self.records.create(tombstone, seal({"name": version.name, "number": version.number, "deleted_at": at}))

    def _labelled(self, draft: ArtifactVersion, label: str, number: int) -> ArtifactVersion | None:
        if label == LATEST or (label.isdecimal() and label != str(number)):
            raise StoreError(
                f"version={label!r} cannot be given to {draft.name}: the next number is {number}; "
                "leave `version` out for it, or choose a word such as '1.1.0'"
            )
        for version in self.all(name=draft.name, deleted=True):
            if version.version == label:
                if version.digest == draft.digest and _key(draft.name, version.number) not in self.tombstones():
                    return version
                raise StoreError(
                    f"{draft.name} version {label} exists with other bytes, and versions never change; choose another"
                )
        return None

    def _numbers(self, name: str) -> list[int]:
        found = (_MANIFEST.fullmatch(key) for key in self.records.keys(f"versions/{folder_of(name)}"))
        return sorted(int(match[2]) for match in found if match)

    def _deleted(self, name: str) -> set[int]:
        found = (_TOMBSTONE.fullmatch(key) for key in self.records.keys(f"versions/{folder_of(name)}"))
        return {int(match[2]) for match in found if match}

    def _nothing(self, name: str, *, deleted: bool) -> str:
        if deleted:
            return f"every version of {name!r} was deleted"
        return unknown("artifact", name, {version.name for version in self.all()}, where=self.records.place)


def encode(version: ArtifactVersion) -> bytes:
    """A manifest's bytes: canonical JSON that carries its own hash."""
    return seal({"format": FORMAT, **asdict(version)})


def decode(data: bytes) -> ArtifactVersion:
    """What `encode` wrote. Raises ValueError for bytes that it would not have written."""
    fields = unseal(data)
    found = fields.pop("format")
    if found != FORMAT:
        raise ValueError(f"format {found}, this Gnomon reads {FORMAT}")
    return ArtifactVersion(**fields)


def folder_of(name: str) -> str:
    """A folder for any name, on any file system: readable, and told apart by a hash where letters are not enough.

    >>> folder_of("Momentum/daily")
    'momentum-daily-c1108d46e627a9cc'
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{readable}-{hash_bytes(name.encode())[:16]}"


def check_name(name: str) -> None:
    """Refuses what is no name. Raises StoreError."""
    if not isinstance(name, str) or not name.strip() or name != name.strip() or len(name) > 500 or "\0" in name:
        raise StoreError(f"artifact name {name!r} is not 1 to 500 characters without blanks at its ends")


def _key(name: str, number: int) -> str:
    return f"versions/{folder_of(name)}/{number:08d}.json"


def _spell(numbers: list[int], most: int = 10) -> str:
    shown = ", ".join(str(number) for number in numbers[-most:])
    return f"..., {shown}" if len(numbers) > most else shown
