"""Products by content, records as the only commit point."""

from __future__ import annotations

import json

import pytest

from gnomon.core.errors import IntegrityError, StageError
from gnomon.pipeline.base import Key
from gnomon.pipeline.codecs import JsonCodec
from gnomon.pipeline.products import Product, ProductStore
from gnomon.store.objects import LocalObjects

A, B = Key("a", JsonCodec()), Key("b", JsonCodec())
K = "ab" + "0" * 62


@pytest.fixture
def store(tmp_path) -> ProductStore:
    return ProductStore(LocalObjects(tmp_path / "objects"), tmp_path / "stages", tmp_path / "tmp")


def test_nothing_is_found_before_it_is_saved_and_all_of_it_after(store):
    assert store.find(K) is None
    record = store.save("one", K, {A: {"x": 1}, B: [2]})
    assert store.find(K) == record
    assert store.load(record.products["a"], A.codec) == {"x": 1}
    assert store.load(record.products["b"], B.codec) == [2]
    assert list(store.records()) == [record]


def test_equal_values_are_one_object(store):
    record = store.save("one", K, {A: {"x": 1}, B: {"x": 1}})
    assert record.products["a"].digest == record.products["b"].digest
    assert len(list(store.objects.all())) == 1
    assert set(store.digests()) == {info.digest for info in store.objects.all()}


def test_a_digest_is_over_names_and_contents():
    assert Product({"x": "1" * 64}).digest != Product({"y": "1" * 64}).digest
    assert Product({"x": "1" * 64}).digest != Product({"x": "2" * 64}).digest


def test_a_bad_value_is_refused_before_anything_is_committed(store):
    with pytest.raises(StageError, match="stage 'one' wrote a bad 'b'"):
        store.save("one", K, {A: 1, B: float("nan")})
    assert store.find(K) is None


def test_a_record_without_its_bytes_is_work_to_be_done_again(store):
    record = store.save("one", K, {A: 1})
    (digest,) = record.products["a"].files.values()
    store.objects.discard(digest)
    assert store.find(K) is None


@pytest.mark.parametrize("damage", ["cut", "altered", "moved", "no object"])
def test_a_damaged_record_is_told_with_the_way_out(store, damage):
    store.save("one", K, {A: 1})
    path = store.folder / "ab" / f"{K}.json"
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:20])
        case "altered":
            path.write_text(json.dumps({**json.loads(path.read_bytes()), "stage": "two"}))
        case "moved":
            path.rename(path.with_name("ab" + "1" * 62 + ".json"))
        case _:
            path.write_text("[]")
    with pytest.raises(IntegrityError, match="delete it to redo the stage"):
        list(store.records())


def test_altered_bytes_are_never_loaded(store):
    record = store.save("one", K, {A: 1})
    (victim,) = [path for path in store.objects.root.rglob("*") if path.is_file()]
    victim.chmod(0o644)
    victim.write_bytes(b"2")
    with pytest.raises(IntegrityError, match="was altered"):
        store.load(record.products["a"], A.codec)


def test_files_are_copied_out_by_the_beginning_of_their_name_and_left_alone_when_equal(store, tmp_path):
    product = store.put({"x": 1}, A.codec)
    assert store.copy_out(product, tmp_path / "out", only="nothing") == []
    (path,) = store.copy_out(product, tmp_path / "out", only="value")
    assert json.loads(path.read_bytes()) == {"x": 1}
    stamp = path.stat().st_mtime_ns
    store.copy_out(product, tmp_path / "out")
    assert path.stat().st_mtime_ns == stamp
    path.write_bytes(b"mine")
    store.copy_out(product, tmp_path / "out")
    assert json.loads(path.read_bytes()) == {"x": 1}


def test_a_copy_that_is_edited_never_reaches_the_store(store, tmp_path):
    product = store.put({"x": 1}, A.codec)
    (path,) = store.copy_out(product, tmp_path / "out")
    path.write_bytes(b"edited")
    assert store.load(product, A.codec) == {"x": 1}


def test_a_workbench_leaves_nothing_behind(store):
    def work(folder):
        (folder / "half").write_text("x")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.workbench() as folder:
        work(folder)
    assert [path for path in store.scratch.rglob("*") if path.is_file()] == []
