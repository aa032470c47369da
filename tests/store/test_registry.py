"""Registered versions name artifacts by hash; a promotion is on record, and an interrupted one is old or new."""

from __future__ import annotations

from pathlib import Path

import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.errors import IntegrityError, LockedError, StoreError
from gnomon.store.base import ArtifactVersion
from gnomon.store.local import LocalArtifactStore
from gnomon.store.locks import lock
from gnomon.store.registry import ModelVersions


@pytest.fixture
def registry(workspace: Path, clock: FixedClock) -> ModelVersions:
    return ModelVersions(workspace=workspace, clock=clock)


@pytest.fixture
def artifacts(store: LocalArtifactStore, model: Path) -> list[ArtifactVersion]:
    first = store.put(model, name="model/a", kind="model")
    (model / "weights.bin").write_bytes(b"second")
    return [first, store.put(model, name="model/a", kind="model")]


def test_versions_aliases_and_acts(registry: ModelVersions, artifacts: list[ArtifactVersion]) -> None:
    assert registry.list() == []
    with pytest.raises(StoreError, match="no model is registered yet, so none is called 'a'"):
        registry.show("a")
    one = registry.register("a", artifacts[0], tags={"family": "boosting"})
    assert (one.version, one.artifact, one.artifact_version, one.digest) == ("1", "model/a", "1", artifacts[0].digest)
    assert one.tags == {"family": "boosting"}
    assert registry.register("a", artifacts[0]) == one, "equal bytes keep their version"
    assert registry.register("a", artifacts[1]).version == "2"

    first = registry.promote("a", "1", by="ann", reason="the first")
    assert (first.old, first.new, first.alias, first.at) == (None, "1", "champion", "2024-01-02T03:04:05.000000+00:00")
    second = registry.promote("a", "latest", by="bob")
    assert (second.number, second.old, second.new) == (2, "1", "2")
    assert registry.promote("a", "2", by="bob").number == 3, "nothing moved"
    registry.promote("a", "1", alias="challenger", by="bob")
    assert [(act.old, act.new, act.alias, act.done) for act in registry.history("a")] == [
        (None, "1", "champion", True),
        ("1", "2", "champion", True),
        (None, "1", "challenger", True),
    ]
    assert registry.history("b") == []
    assert registry.show("a", "champion").version == "2"
    assert [(version.version, version.aliases) for version in registry.list()] == [
        ("1", ("challenger",)),
        ("2", ("champion",)),
    ]
    with pytest.raises(StoreError, match="no version or alias 'candidate'; known: 1, 2, challenger, champion"):
        registry.show("a", "candidate")
    for alias in ("latest", "7", "v7", "a b"):
        with pytest.raises(StoreError, match="is not a word"):
            registry.promote("a", "1", alias=alias, by="bob")
    with pytest.raises(StoreError, match="quotation mark"):
        registry.list("a'b")


class _Killed(BaseException):
    """Stands for a kill: nothing in the registry catches it."""


@pytest.mark.parametrize("moved", [False, True])
def test_an_interrupted_promotion_is_old_or_new_and_the_record_says_which(
    registry: ModelVersions, artifacts: list[ArtifactVersion], monkeypatch: pytest.MonkeyPatch, *, moved: bool
) -> None:
    for artifact in artifacts:
        registry.register("a", artifact)
    registry.promote("a", "1", by="ann")
    client = registry._client()
    whole = type(client).set_registered_model_alias

    def killed(self: object, *arguments: str) -> None:
        if moved:
            whole(self, *arguments)
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(client), "set_registered_model_alias", killed)
        with pytest.raises(_Killed):
            registry.promote("a", "2", by="bob")
    assert registry.show("a", "champion").version == ("2" if moved else "1")
    assert [act.done for act in registry.history()] == [True, moved]
    registry.promote("a", "2", by="bob", reason="again")
    assert registry.show("a", "champion").version == "2"


def test_an_altered_record_is_found(registry: ModelVersions, artifacts: list[ArtifactVersion], workspace: Path) -> None:
    registry.register("a", artifacts[0])
    registry.promote("a", "1", by="ann")
    record = workspace / ".gnomon" / "promotions" / "00000001.json"
    record.write_bytes(record.read_bytes().replace(b"ann", b"bob"))
    with pytest.raises(IntegrityError, match=r"promotion 1 in .* was altered"):
        registry.history()


def test_only_one_promotes_at_a_time(
    registry: ModelVersions, artifacts: list[ArtifactVersion], workspace: Path
) -> None:
    registry.register("a", artifacts[0])
    held = lock(workspace / ".gnomon" / "registry.lock", "promote b")
    with held, pytest.raises(LockedError, match=r"cannot promote a: .* \(promote b\)"):
        registry.promote("a", "1", by="ann")


def test_a_registry_that_is_away_is_an_error_in_words(tmp_path: Path, artifacts: list[ArtifactVersion]) -> None:
    registry = ModelVersions("http://me:secret@127.0.0.1:9", workspace=tmp_path)
    with pytest.raises(
        StoreError, match=r"could not list the models at http://\*\*\*@127.0.0.1:9: .*check tracking.uri"
    ):
        registry.list()
