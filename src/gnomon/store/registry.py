"""Registered model versions in MLflow, and the acts that promote them.

The registry is an index: a version names an artifact of the store and its hash, and the aliases `champion` and
`challenger` name a version. Moving an alias is one transaction of MLflow, so that it is the old or the new version and
never none; each move is an act on record, written before it is done and marked when it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gnomon.core.clock import Clock, SystemClock
from gnomon.core.errors import IntegrityError, NotFoundError, StoreError, unknown
from gnomon.store.base import ArtifactVersion
from gnomon.store.locks import Owner, lock
from gnomon.store.mlflow_client import connect, default_uri, failures, without_password
from gnomon.store.records import LocalRecords
from gnomon.store.seals import seal, unseal

CHAMPION, CHALLENGER, LATEST = "champion", "challenger", "latest"
_ALIAS = re.compile(r"(?!v?\d+$)(?!latest$)[A-Za-z0-9_-]{1,100}")
_TAG = "gnomon."


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One registered version of a model: which artifact it is, and which aliases point at it."""

    name: str
    version: str
    artifact: str
    artifact_version: str
    digest: str
    created_at: str
    aliases: tuple[str, ...] = ()
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """An act: who moved which alias from which version to which, when and why. `old` is None for the first.

    `done`: False where the act was recorded and then interrupted before the alias moved.
    """

    number: int
    model: str
    alias: str
    old: str | None
    new: str
    by: str
    reason: str
    at: str
    done: bool = True


# Inside the class below `list` is its method.
Versions = list[ModelVersion]
Acts = list[Promotion]
Numbers = list[int]


class ModelVersions:
    """The model registry: register, list, show, promote."""

    def __init__(self, uri: str | None = None, *, workspace: Path | str = ".", clock: Clock | None = None) -> None:
        self.workspace = Path(workspace)
        self.uri = uri or default_uri(self.workspace)
        self._acts = LocalRecords(self.workspace / ".gnomon" / "promotions")
        self._clock = clock or SystemClock()

    def register(
        self,
        name: str,
        artifact: ArtifactVersion,
        *,
        run_id: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> ModelVersion:
        """Registers an artifact as a model's next version; bytes that are registered already keep theirs."""
        with self._lock(f"register {name}"), self._in_words("register a model"):
            client = self._client()
            for held in self._versions(client, name):
                if (held.digest, held.artifact) == (artifact.digest, artifact.name):
                    return held
            if not client.search_registered_models(filter_string=f"name = '{_quoted(name)}'"):
                client.create_registered_model(name)
            facts = {"artifact": artifact.name, "version": artifact.version, "digest": artifact.digest}
            made = client.create_model_version(
                name,
                source=f"gnomon://{artifact.name}/{artifact.version}",
                run_id=run_id,
                tags={**{f"{_TAG}{key}": value for key, value in facts.items()}, **(tags or {})},
            )
            return _from_mlflow(made, ())

    def list(self, name: str | None = None) -> Versions:
        """Every version of a model, or of all; by name and number."""
        with self._in_words("list the models"):
            client = self._client()
            names = [name] if name else sorted(model.name for model in _pages(client.search_registered_models))
            return [version for one in names for version in self._versions(client, one)]

    def show(self, name: str, version: str = LATEST) -> ModelVersion:
        """One version: "latest", a number, or an alias. StoreError says which there are."""
        versions = self.list(name)
        if not versions:
            held = {found.name for found in self.list()}
            if not held:
                raise NotFoundError(
                    f"no model is registered yet, so none is called {name!r}; `gnomon run` registers its own"
                )
            raise NotFoundError(unknown("model", name, held, where="the registry"))
        for found in versions:
            if version == found.version or version in found.aliases:
                return found
        if version == LATEST:
            return versions[-1]
        known = [*(found.version for found in versions), *(alias for found in versions for alias in found.aliases)]
        raise NotFoundError(f"model {name} has no version or alias {version!r}; known: {', '.join(known)}")

    def promote(self, name: str, version: str, *, alias: str = CHAMPION, by: str, reason: str = "") -> Promotion:
        """Points an alias at a version, on record. One transaction: readers see the old version or the new one.

        Raises StoreError for an unknown version or a bad alias, LockedError while another process promotes.
        """
        if not _ALIAS.fullmatch(alias):
            raise StoreError(f"alias {alias!r} is not a word of letters, digits, - and _; use champion or challenger")
        with self._lock(f"promote {name}"):
            self._settle()
            new = self.show(name, version)
            old = self._pointed_at(name, alias)
            act = Promotion(
                number=len(self._numbers()) + 1,
                model=name,
                alias=alias,
                old=old,
                new=new.version,
                by=by,
                reason=reason,
                at=self._clock.now().isoformat(timespec="microseconds"),
            )
            if old == new.version:
                return act
            fields = asdict(act)
            del fields["done"]
            self._acts.create(f"{act.number:08d}.json", seal(fields))
            with self._in_words("move the alias"):
                self._client().set_registered_model_alias(name, alias, new.version)
            self._outcome(act.number, done=True)
            return act

    def history(self, name: str | None = None) -> Acts:
        """Every act of promotion, in order."""
        with self._lock("read the promotions"):
            self._settle()
            acts = [self._act(number) for number in self._numbers()]
        return [act for act in acts if name in {None, act.model}]

    def _settle(self) -> None:
        """Decides what became of an act that a crash interrupted: the alias itself tells."""
        for number in self._numbers():
            if not self._has_outcome(number):
                act = self._act(number)
                self._outcome(number, done=self._pointed_at(act.model, act.alias) == act.new)

    def _numbers(self) -> Numbers:
        return sorted(int(key[:8]) for key in self._acts.keys("") if re.fullmatch(r"\d{8}\.json", key))

    def _has_outcome(self, number: int) -> bool:
        return (self._acts.root / f"{number:08d}.outcome.json").exists()

    def _outcome(self, number: int, *, done: bool) -> None:
        self._acts.create(f"{number:08d}.outcome.json", seal({"number": number, "done": done}))

    def _act(self, number: int) -> Promotion:
        try:
            fields = unseal(self._acts.read(f"{number:08d}.json"))
            done = not self._has_outcome(number) or unseal(self._acts.read(f"{number:08d}.outcome.json"))["done"]
        except ValueError as error:
            raise IntegrityError(f"promotion {number} in {self._acts.place} was altered ({error})") from None
        return Promotion(**fields, done=done)

    def _pointed_at(self, name: str, alias: str) -> str | None:
        return next((found.version for found in self.list(name) if alias in found.aliases), None)

    def _versions(self, client: Any, name: str) -> Versions:
        query = f"name = '{_quoted(name)}'"
        models = client.search_registered_models(filter_string=query)
        aliases = dict(models[0].aliases) if models else {}
        found = _pages(client.search_model_versions, filter_string=query)
        return [
            _from_mlflow(version, tuple(sorted(a for a, v in aliases.items() if str(v) == str(version.version))))
            for version in sorted(found, key=lambda version: int(version.version))
        ]

    def _client(self) -> Any:
        return connect(self.uri, self.workspace)

    def _lock(self, purpose: str) -> AbstractContextManager[Owner]:
        return lock(self.workspace / ".gnomon" / "registry.lock", purpose)

    @contextmanager
    def _in_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except failures() as error:
            place = without_password(self.uri)
            raise StoreError(f"could not {what} at {place}: {error}; check tracking.uri") from error


def _from_mlflow(version: Any, aliases: tuple[str, ...]) -> ModelVersion:
    own = {key.removeprefix(_TAG): value for key, value in version.tags.items() if key.startswith(_TAG)}
    return ModelVersion(
        name=version.name,
        version=str(version.version),
        artifact=own.get("artifact", version.source or ""),
        artifact_version=own.get("version", ""),
        digest=own.get("digest", ""),
        created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).isoformat(timespec="milliseconds"),
        aliases=aliases,
        run_id=version.run_id or None,
        tags={key: value for key, value in version.tags.items() if not key.startswith(_TAG)},
    )


def _pages(search: Any, **query: Any) -> list[Any]:
    found, token = [], None
    while True:
        page = search(page_token=token, **query)
        found += list(page)
        token = page.token
        if not token:
            return found


def _quoted(name: str) -> str:
    if "'" in name:
        raise StoreError(f"model name {name!r} holds a quotation mark; choose a name without")
    return name
