"""The same store on object storage: a local S3 server, and fsspec's memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from gnomon.config.models import StoreConfig
from gnomon.core.clock import FixedClock, SystemClock
from gnomon.core.errors import ConfigError, IntegrityError, StoreError
from gnomon.core.hashing import hash_tree
from gnomon.store.content import ContentStore
from gnomon.store.local import LocalArtifactStore, open_store


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, Any]]:
    """A local S3 server with one bucket; yields the options that reach it."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    try:
        host, port = server.get_host_and_port()
        options = {"key": "someone", "secret": "something", "endpoint_url": f"http://{host}:{port}"}
        fsspec.filesystem("s3", **options).mkdir("bucket")
        yield options
    finally:
        server.stop()


@pytest.fixture(params=["s3", "memory"])
def settings(request: pytest.FixtureRequest) -> StoreConfig:
    if request.param == "memory":
        return StoreConfig(url=f"memory://gnomon/{request.node.name}")
    options = dict(request.getfixturevalue("s3"))
    return StoreConfig(
        url=f"s3://bucket/{request.node.name}", options={**options, "secret": SecretStr(options["secret"])}
    )


@pytest.fixture
def remote(settings: StoreConfig, tmp_path: Path, clock: FixedClock) -> ContentStore:
    return open_store(settings, tmp_path / "one", clock=clock)


def test_what_one_machine_puts_another_gets(
    remote: ContentStore, settings: StoreConfig, tmp_path: Path, model: Path
) -> None:
    put = remote.put(model, name="model/a", kind="model", tags={"a": "b"}, version="1.1.0")
    elsewhere = open_store(settings, tmp_path / "two")
    assert hash_tree(elsewhere.get("model/a", "1.1.0")) == hash_tree(model)
    assert elsewhere.list(a="b") == [put]
    assert elsewhere.put(model, name="model/a", kind="model").version == "2"
    assert [version.version for version in remote.list()] == ["1.1.0", "2"]
    assert remote.find("model/a").version == "2"
    usage = remote.du()
    assert (usage.versions, usage.objects, usage.size) == (2, 2, put.size)
    assert remote.verify().ok


def test_altered_and_missing_bytes_are_found(
    remote: ContentStore, settings: StoreConfig, tmp_path: Path, model: Path
) -> None:
    remote.put(model, name="m", kind="model")
    files: Any = remote.objects.files  # type: ignore[attr-defined]
    (entry,) = [e for e in files.find("objects") if e.size == 12]
    files._fs.pipe_file(files._path(entry.key), b'{"depth": 4}')
    elsewhere = open_store(settings, tmp_path / "two")
    with pytest.raises(IntegrityError, match=r"m version 1, file deep/config\.json: .* was altered"):
        elsewhere.get("m")
    assert [finding.versions for finding in remote.verify().findings] == [("m version 1",)]
    assert hash_tree(remote.get("m")) == hash_tree(model), "this machine's own verified copy is good"
    files.remove(entry.key)
    with pytest.raises(IntegrityError, match="is missing"):
        elsewhere.get("m")
    assert "is missing" in remote.verify().findings[0].message
    remote.put(model, name="m", kind="model")
    assert hash_tree(elsewhere.get("m", "1")) == hash_tree(model)


def test_a_cached_copy_is_hashed_before_use_and_fetched_again(remote: ContentStore, model: Path) -> None:
    remote.put(model, name="m", kind="model")
    for cached in [path for path in (remote.folder / "objects").rglob("*") if path.is_file()]:
        cached.chmod(0o644)
        cached.write_bytes(b"damaged")
    assert hash_tree(remote.get("m")) == hash_tree(model)


def test_only_one_of_several_creates_a_key(remote: ContentStore) -> None:
    records = remote.catalog.records
    assert records.create("versions/a/1", b"first")
    assert not records.create("versions/a/1", b"second")
    assert records.read("versions/a/1") == b"first"
    assert records.keys("versions") == ["versions/a/1"]
    with pytest.raises(FileNotFoundError):
        records.read("versions/a/2")


def test_a_collection_spares_the_young(remote: ContentStore, model: Path, clock: FixedClock) -> None:
    clock.moment = SystemClock().now()
    remote.put(model, name="m", kind="model")
    remote.delete("m", "1")
    assert remote.gc().objects == 0, "another machine may be writing a manifest that names them"
    clock.moment += timedelta(days=2)
    assert remote.gc().objects == 2
    assert remote.du().objects == 0
    assert list(remote.objects.all()) == []
    assert not remote.objects.has("0" * 64)


def test_a_server_that_is_away_is_an_error_in_words(tmp_path: Path, model: Path) -> None:
    pytest.importorskip("s3fs")
    retries = {"config_kwargs": {"retries": {"max_attempts": 1}, "connect_timeout": 1}}
    options = {"key": "a", "secret": "b", "endpoint_url": "http://127.0.0.1:9", **retries}
    store = open_store(StoreConfig(url="s3://bucket/x", options=options), tmp_path)
    with pytest.raises(StoreError, match=r"the store at s3://bucket/x failed: .*check store\.url"):
        store.list()


def test_a_bucket_that_is_not_there_is_an_error_in_words(s3: dict[str, Any], tmp_path: Path, model: Path) -> None:
    store = open_store(StoreConfig(url="s3://nowhere/x", options=s3), tmp_path)
    with pytest.raises(StoreError, match=r"the store at s3://nowhere/x failed: .*bucket"):
        store.put(model, name="m", kind="model")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense://bucket/x", "cannot be opened"),
        ("memory://", "names no folder"),
        ("dropbox://bucket/x", "needs a package that is not installed"),
    ],
)
def test_a_url_that_nothing_can_open_is_refused(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        open_store(StoreConfig(url=url), tmp_path)


@pytest.mark.parametrize("form", ["folder", "absolute", "file"])
def test_a_folder_is_opened_from_the_workspace(tmp_path: Path, form: str) -> None:
    url = {"folder": "kept/here", "absolute": f"{tmp_path}/kept/here", "file": f"file://{tmp_path}/kept/here"}[form]
    store = open_store(SimpleNamespace(url=url, options={}), tmp_path)
    assert isinstance(store, LocalArtifactStore)
    assert store.folder == tmp_path / "kept" / "here"
