"""What the store promises of versions, bytes and names, on a local folder."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.core.clock import FixedClock
from gnomon.core.errors import IntegrityError, StoreError
from gnomon.core.hashing import hash_file, hash_tree
from gnomon.store.base import ArtifactStoreBase, ArtifactType
from gnomon.store.local import LocalArtifactStore


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_folder_comes_back_byte_for_byte(store: LocalArtifactStore, model: Path) -> None:
    put = store.put(model, name="model/a", kind=ArtifactType.MODEL, metadata={"auc": 0.5, "t": (1, 2)}, tags={"s": "x"})
    got = store.get("model/a")
    assert hash_tree(got) == hash_tree(model) == put.digest
    assert put.version == "1"
    assert put.size == 5120 + 12
    assert put.created_at == "2024-01-02T03:04:05.000000+00:00"
    assert put.metadata == {"auc": 0.5, "t": [1, 2]}
    assert store.list() == [put] == store.list(name="model/a", kind="model", s="x")
    assert store.list(s="y") == store.list(kind="data") == []


def test_a_file_keeps_its_name_and_is_read_only(store: LocalArtifactStore, tmp_path: Path) -> None:
    source = write(tmp_path / "bars.parquet", b"abc")
    put = store.put(source, name="bars", kind="data")
    got = store.get("bars")
    assert (got.name, got.read_bytes(), got.stat().st_mode & 0o222) == ("bars.parquet", b"abc", 0)
    assert put.digest == hash_file(source)
    source.write_bytes(b"changed")
    assert store.get("bars", "1").read_bytes() == b"abc"


def test_versions_count_and_equal_bytes_are_kept_once(store: LocalArtifactStore, tmp_path: Path) -> None:
    for data in (b"one", b"two", b"one"):
        store.put(write(tmp_path / "f", data), name="f", kind="other")
    assert [v.version for v in store.list()] == ["1", "2", "3"]
    assert store.get("f").read_bytes() == b"one"
    assert store.get("f", "2").read_bytes() == b"two"
    usage = store.du()
    assert (usage.versions, usage.objects, usage.size, usage.logical, usage.kinds) == (3, 2, 6, 9, {"other": 9})


def test_lists_are_in_order_of_creation(store: LocalArtifactStore, tmp_path: Path, clock: FixedClock) -> None:
    for name in ("b", "a", "b"):
        store.put(write(tmp_path / "f", name.encode()), name=name, kind="other")
        clock.moment += timedelta(seconds=1)
    assert [(v.name, v.version) for v in store.list()] == [("b", "1"), ("a", "1"), ("b", "2")]


def test_users_words_save_and_load(store: LocalArtifactStore, model: Path, tmp_path: Path) -> None:
    saved = store.save_artifact(
        artifact_id="classifier",
        artifact_path=str(model),
        artifact_type=ArtifactType.MODEL,
        metadata={"note": "first"},
        tags=["baseline"],
        version="1.1.0",
    )
    assert (saved.version, saved.number, saved.tags) == ("1.1.0", 1, {"baseline": ""})
    loaded = store.load_artifact(artifact_id="classifier", version="1.1.0", destination_path=tmp_path / "out")
    assert loaded == tmp_path / "out"
    assert hash_tree(loaded) == hash_tree(model)
    (loaded / "weights.bin").write_bytes(b"mine to change")
    assert store.verify().ok
    assert store.list_artifacts(artifact_type="model", tags={"baseline": ""}) == [saved]
    assert store.load_artifact(artifact_id="classifier") == store.get("classifier", "1")
    with pytest.raises(StoreError, match="is not empty"):
        store.load_artifact(artifact_id="classifier", destination_path=tmp_path / "out")


def test_a_file_is_loaded_as_cp_would(store: LocalArtifactStore, tmp_path: Path) -> None:
    store.put(write(tmp_path / "a.txt", b"new"), name="a", kind="other")
    (tmp_path / "folder").mkdir()
    assert store.load_artifact(artifact_id="a", destination_path=tmp_path / "folder") == tmp_path / "folder" / "a.txt"
    target = write(tmp_path / "b.txt", b"old")
    assert store.load_artifact(artifact_id="a", destination_path=target).read_bytes() == b"new"


def test_a_label_is_given_once(store: LocalArtifactStore, tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", b"1"), write(tmp_path / "two", b"2")
    first = store.put(one, name="m", kind="model", version="1.0")
    assert store.put(one, name="m", kind="model", version="1.0") == first
    with pytest.raises(StoreError, match=r"m version 1\.0 exists with other bytes"):
        store.put(two, name="m", kind="model", version="1.0")
    for taken in ("latest", "7"):
        with pytest.raises(StoreError, match="the next number is 2"):
            store.put(two, name="m", kind="model", version=taken)
    assert store.put(two, name="m", kind="model", version="2").number == 2


def test_a_deleted_version_is_gone_and_its_number_stays_taken(store: LocalArtifactStore, tmp_path: Path) -> None:
    for data in (b"1", b"2"):
        store.put(write(tmp_path / "f", data), name="f", kind="other", version=data.decode() + ".x")
    store.delete("f", "2")
    assert store.get("f").read_bytes() == b"1"
    with pytest.raises(StoreError, match="f version 2 was deleted; versions: 1"):
        store.get("f", "2")
    with pytest.raises(StoreError, match=r"has no version '2\.x'; versions: 1"):
        store.get("f", "2.x")
    assert store.gc().objects == 1
    assert store.put(tmp_path / "f", name="f", kind="other").version == "3"
    assert store.verify().ok
    for version in ("1.x", "3"):
        store.delete("f", version)
    with pytest.raises(StoreError, match="every version of 'f' was deleted"):
        store.get("f")


def test_an_unknown_name_names_the_nearest(store: LocalArtifactStore, model: Path) -> None:
    store.put(model, name="momentum", kind="model")
    with pytest.raises(StoreError, match=r"unknown artifact 'momentun' .* did you mean 'momentum'"):
        store.get("momentun")


@pytest.mark.parametrize("name", ["", " x", "x ", "a\0b", "x" * 501])
def test_a_bad_name_is_refused(store: LocalArtifactStore, model: Path, name: str) -> None:
    with pytest.raises(StoreError, match="is not 1 to 500 characters"):
        store.put(model, name=name, kind="model")


def test_what_cannot_be_stored_is_refused_in_words(store: LocalArtifactStore, model: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        store.put(tmp_path / "nothing", name="x", kind="other")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="holds no files"):
        store.put(tmp_path / "empty", name="x", kind="other")
    with pytest.raises(StoreError, match="must be plain finite JSON values"):
        store.put(model, name="x", kind="other", metadata={"sharpe": float("nan")})
    (model / "link").symlink_to("weights.bin")
    with pytest.raises(StoreError, match="link is a link or a device"):
        store.put(model, name="x", kind="other")
    assert store.list() == []


def test_a_file_that_changes_while_it_is_read_is_refused(store: LocalArtifactStore, tmp_path: Path) -> None:
    from gnomon.core.files import observed

    source = write(tmp_path / "log", b"a" * 100)

    def append(operation: str, path: Path) -> None:
        if operation == "write" and "incoming" in path.name:
            with source.open("ab") as file:
                file.write(b"b")

    with observed(append), pytest.raises(StoreError, match="changed while it was being stored"):
        store.put(source, name="log", kind="other")
    assert store.list() == []
    assert store.gc().temporary == 0


def test_altered_bytes_are_never_handed_out_and_putting_again_mends_them(
    store: LocalArtifactStore, model: Path
) -> None:
    put = store.put(model, name="m", kind="model")
    store.get("m")
    victim = store.objects.fetch(put.files["weights.bin"])
    victim.chmod(0o644)
    victim.write_bytes(b"\1" + victim.read_bytes()[1:])
    with pytest.raises(IntegrityError, match=r"m version 1, file weights\.bin: .* was altered.*put the same bytes"):
        store.get("m")
    # The checkout shares its bytes with the object, so both are named.
    assert [finding.what for finding in store.verify().findings] == ["object", "checkout"]
    store.put(model, name="m", kind="model")
    assert hash_tree(store.get("m", "1")) == hash_tree(model)
    assert store.verify().ok
    victim = store.objects.fetch(put.files["weights.bin"])
    victim.unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        store.get("m")


def test_a_broken_checkout_is_made_again(store: LocalArtifactStore, model: Path) -> None:
    store.put(model, name="m", kind="model")
    folder = store.get("m")
    (folder / "weights.bin").unlink()
    assert "missing" in store.verify().findings[0].message
    assert hash_tree(store.get("m")) == hash_tree(model)


def test_without_hard_links_a_checkout_is_a_verified_copy(
    store: LocalArtifactStore, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    store.put(model, name="m", kind="model")
    monkeypatch.setattr("gnomon.store.content.os.link", refuse)
    copied = store.get("m") / "weights.bin"
    assert copied.stat().st_nlink == 1
    copied.chmod(0o644)
    copied.write_bytes(b"damaged")
    assert [finding.what for finding in store.verify().findings] == ["checkout"]
    assert hash_tree(store.get("m")) == hash_tree(model), "a damaged copy is replaced before it is handed out"


def test_a_deleted_version_leaves_no_checkout_and_an_altered_tombstone_is_found(
    store: LocalArtifactStore, model: Path, tmp_path: Path
) -> None:
    store.put(model, name="m", kind="model")
    store.get("m")
    store.delete("m", "1")
    (tombstone,) = (tmp_path / "store" / "versions").rglob("*.deleted.json")
    whole = tombstone.read_bytes()
    tombstone.chmod(0o644)
    tombstone.write_bytes(whole.replace(b'"number":1', b'"number":2'))
    assert "the tombstone" in store.verify().findings[0].message
    tombstone.write_bytes(whole)
    collected = store.gc()
    assert (collected.objects, collected.checkouts) == (2, 1)
    assert list((tmp_path / "store" / "checkouts").iterdir()) == []


def test_a_large_file_is_hashed_beside_its_copy(store: LocalArtifactStore, tmp_path: Path) -> None:
    from gnomon.core.seeds import generator

    source = write(tmp_path / "large", generator(7, "large").bytes(9_000_001))
    put = store.put(source, name="large", kind="data")
    assert put.digest == hash_file(source) == hash_file(store.get("large"))
    assert put.size == 9_000_001


def test_a_damaged_manifest_takes_no_other_version_with_it(store: LocalArtifactStore, tmp_path: Path) -> None:
    for data in (b"1", b"2"):
        store.put(write(tmp_path / "f", data), name="f", kind="other")
    manifest = next((tmp_path / "store" / "versions").glob("*/00000002.json"))
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(b'"other"', b'"model"'))
    with pytest.raises(IntegrityError, match=r"00000002\.json was altered"):
        store.get("f")
    assert store.get("f", "1").read_bytes() == b"1"
    with pytest.raises(IntegrityError, match="was altered"):
        store.gc()
    assert [finding.what for finding in store.verify().findings] == ["manifest"]
    manifest.write_bytes((manifest.parent / "00000001.json").read_bytes())
    with pytest.raises(IntegrityError, match="belongs to f version 1"):
        store.get("f")
    (manifest.parent / "00000001.json").unlink()
    assert any("00000001.json is missing" in finding.message for finding in store.verify().findings)
    with pytest.raises(IntegrityError, match="is missing"):
        store.verify().raise_errors()


def test_names_that_differ_only_in_case_or_signs_stay_apart(store: LocalArtifactStore, tmp_path: Path) -> None:
    names = ["A/b", "a/b", "a-b", "../a", ".", "ä", "a" * 500]
    for name in names:
        store.put(write(tmp_path / "f", name.encode()), name=name, kind="other")
    assert {name: store.get(name).read_bytes().decode() for name in names} == {name: name for name in names}
    assert not (tmp_path / "a").exists()
    assert store.verify().ok


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.text("abcXYZ äé.-_", min_size=1, max_size=8).filter(lambda s: s.strip(". ")),
        st.binary(max_size=50),
        min_size=1,
    )
)
def test_any_folder_comes_back(
    store: LocalArtifactStore, tmp_path_factory: pytest.TempPathFactory, files: dict
) -> None:
    folder = tmp_path_factory.mktemp("source")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    put = store.put(folder, name="any", kind="other")
    assert hash_tree(store.get("any", put.version)) == hash_tree(folder)


def test_the_alias_is_the_contract() -> None:
    from gnomon.store.base import ArtifactStore

    assert ArtifactStoreBase is ArtifactStore
