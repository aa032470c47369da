"""Killed, starved, damaged and crowded: the store's and the ledger's promises (R1, R5, R6), with their controls."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.errors import GnomonError, IntegrityError
from gnomon.core.files import is_temporary, step
from gnomon.core.hashing import hash_tree
from gnomon.store import objects
from gnomon.store.local import LocalArtifactStore
from gnomon.store.trials import TrialLedger
from gnomon.testing import faults

MOMENT = datetime(2024, 1, 2, tzinfo=UTC)


def open_at(root: Path) -> LocalArtifactStore:
    return LocalArtifactStore(root, clock=FixedClock(MOMENT))


def write_model(folder: Path, token: bytes) -> Path:
    """Two files that belong together: a reader can tell a mixture."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.bin").write_bytes(token * 2000)
    (folder / "b.bin").write_bytes(token * 3000)
    return folder


def token_of(folder: Path) -> bytes:
    a, b = (folder / "a.bin").read_bytes(), (folder / "b.bin").read_bytes()
    token = a[: len(a) // 2000]
    if a != token * 2000 or b != token * 3000:
        raise AssertionError(f"a mixture: {a[:4]!r} and {b[:4]!r}")
    return token


def kept(root: Path) -> str:
    """Hash over everything that counts: objects and manifests."""
    return hash_tree(root / "objects") + hash_tree(root / "versions")


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    return write_model(tmp_path / "old", b"old!"), write_model(tmp_path / "new", b"new!")


# R1: kill anywhere, start again, same bytes


def killed_puts(tmp_path: Path, sources: tuple[Path, Path], kills: Callable[[Path], Iterator[faults.Outcome]]) -> int:
    """Kills a second put at each step; after each the store is whole, goes on, and ends in the same bytes."""
    old, new = sources
    untouched = open_at(tmp_path / "untouched")
    untouched.put(old, name="m", kind="model")
    untouched.put(new, name="m", kind="model")
    root = tmp_path / "store"
    open_at(root).put(old, name="m", kind="model")
    count = 0
    for outcome in kills(root):
        store = open_at(root)
        versions = [version.version for version in store.list()]
        assert versions in (["1"], ["1", "2"])
        assert token_of(store.get("m")) == (b"new!" if len(versions) == 2 else b"old!")
        assert store.verify().ok
        if len(versions) == 1:
            store.put(new, name="m", kind="model")
        store.gc()
        assert not [path for path in root.rglob("*") if is_temporary(path)]
        assert kept(root) == kept(untouched.folder), f"after a kill at {outcome}"
        count += outcome.fired
        # The next step begins where this one did: without version 2 and its objects.
        for path in (root / "versions").rglob("00000002.json"):
            path.unlink()
        store.gc()
    return count


def test_a_put_that_is_killed_anywhere_goes_on_and_ends_in_the_same_bytes(
    tmp_path: Path, sources: tuple[Path, Path]
) -> None:
    kills = killed_puts(
        tmp_path, sources, lambda at: faults.kill_forks(lambda: open_at(at).put(sources[1], name="m", kind="model"))
    )
    assert kills >= 12, "2 objects of write, fsync, rename, fsync each, and the manifest"


def test_no_reader_ever_meets_half_a_version(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    root = tmp_path / "store"
    open_at(root).put(sources[0], name="m", kind="model")

    def read() -> None:
        store = open_at(root)
        assert token_of(store.get("m")) in {b"old!", b"new!"}
        assert token_of(store.get("m", "1")) == b"old!"

    with faults.polled(read) as raised:
        for _ in faults.kill_forks(lambda: open_at(root).put(sources[1], name="m", kind="model")):
            open_at(root).gc()
    assert raised == []


PUT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from gnomon.core.clock import FixedClock
from gnomon.store.local import LocalArtifactStore
store = LocalArtifactStore(sys.argv[1], clock=FixedClock(datetime(2024, 1, 2, tzinfo=UTC)))
store.put(Path(sys.argv[2]), name="m", kind="model")
"""


@pytest.mark.torture
def test_a_put_that_is_killed_at_any_system_call(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    script = ["-c", PUT]
    kills = killed_puts(tmp_path, sources, lambda root: faults.kill_everywhere([*script, str(root), str(sources[1])]))
    assert kills >= 12


@pytest.mark.parametrize("count", [3, pytest.param(200, marks=pytest.mark.torture)])
def test_a_put_that_is_killed_at_random_instants(tmp_path: Path, sources: tuple[Path, Path], count: int) -> None:
    def kills(root: Path) -> Iterator[faults.Outcome]:
        for number in range(count):
            yield from faults.kill_at_instants(
                ["-c", PUT, str(root), str(sources[1])], count=1, longest=1.0, seed=number, after=lambda _outcome: None
            )

    killed_puts(tmp_path, sources, kills)


def test_the_control_a_put_without_rename_is_caught(
    tmp_path: Path, sources: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(self: objects.LocalObjects, source: Path) -> objects.ObjectInfo:
        """Writes the object under its own name from the first byte on, and flushes nothing."""
        digest = objects.hash_file(source)
        target = self.path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        data = source.read_bytes()
        with target.open("wb", buffering=0) as file:
            for start in range(0, len(data), 4000):
                step("write", target)
                file.write(data[start : start + 4000])
        return objects.ObjectInfo(digest, len(data), MOMENT)

    monkeypatch.setattr(objects.LocalObjects, "add", add)
    with pytest.raises(AssertionError):
        killed_puts(
            tmp_path, sources, lambda at: faults.kill_forks(lambda: open_at(at).put(sources[1], name="m", kind="model"))
        )


def test_an_append_that_is_killed_anywhere_goes_on_and_ends_in_the_same_bytes(tmp_path: Path) -> None:
    def ledger_in(folder: Path) -> TrialLedger:
        return TrialLedger(folder / "trials.jsonl", clock=FixedClock(MOMENT))

    def append(folder: Path, number: int) -> None:
        ledger_in(folder).append(dataset="d", config=str(number), name="m", kind="train", returns=[0.1, number / 10])

    for number in range(2):
        append(tmp_path / "untouched", number)
    kills, folders = 0, [tmp_path / "0"]
    append(folders[-1], 0)
    for outcome in faults.kill_forks(lambda: append(folders[-1], 1)):
        folder = folders[-1]
        assert ledger_in(folder).verify().count in (1, 2)
        append(folder, 1)
        ledger, untouched = ledger_in(folder), ledger_in(tmp_path / "untouched")
        assert ledger.verify().count == 2
        assert ledger.path.read_bytes() == untouched.path.read_bytes()
        assert ledger.head_path.read_bytes() == untouched.head_path.read_bytes()
        kills += outcome.fired
        folders.append(tmp_path / f"{len(folders)}")
        append(folders[-1], 0)
    assert kills >= 8


# R5: disk faults are loud and harmless


@pytest.mark.parametrize(("fault", "lasting"), [("ENOSPC", False), ("ENOSPC", True), ("EIO", False), ("short", False)])
def test_a_failing_disk_leaves_the_old_version_served(
    tmp_path: Path, sources: tuple[Path, Path], fault: str, *, lasting: bool
) -> None:
    old, new = sources
    root, tries = tmp_path / "store", 0
    open_at(root).put(old, name="m", kind="model")
    for outcome in faults.fail_everywhere(
        lambda: open_at(root).put(new, name="m", kind="model"), fault, lasting=lasting
    ):
        store = open_at(root)
        whole = outcome.error is None
        if outcome.fired and fault != "short":
            assert isinstance(outcome.error, OSError | GnomonError), "a fault that was met is never silent"
        # The one fault after the commit point: the new version stands, though its put was reported as failed.
        assert len(store.list()) in ({2} if whole else {1, 2})
        assert token_of(store.get("m", "1")) == b"old!"
        assert store.verify().ok
        assert not [path for path in root.rglob("*") if is_temporary(path)]
        for path in (root / "versions").rglob("00000002.json"):
            path.unlink()
        store.gc()
        tries += 1
    assert tries > 12


@pytest.mark.torture
def test_a_full_disk_is_loud_and_harmless(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        store = open_at(disk / "store")
        store.put(sources[0], name="m", kind="model")
        (tmp_path / "large").write_bytes(os.urandom(1 << 20))
        with pytest.raises(OSError, match="No space left"):
            store.put(tmp_path / "large", name="m", kind="model")
        assert token_of(store.get("m")) == b"old!"
        assert store.put(sources[1], name="m", kind="model").version == "2"
        assert store.verify().ok
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.torture)])
def test_every_flipped_bit_is_found_before_use(tmp_path: Path, sources: tuple[Path, Path], count: int) -> None:
    store = open_at(tmp_path / "store")
    for source in sources:
        store.put(source, name="m", kind="model", metadata={"note": "x" * 50}, version=source.name)
    store.get("m", "1")

    def met_in_use() -> bool:
        try:
            for version in ("1", "2"):
                token_of(store.get("m", version))
        except IntegrityError:
            return True
        return False

    for check in (lambda: not store.verify().ok, met_in_use):
        flips = faults.flip_bits(store.folder, check, count=count, seed=7)
        assert [flip for flip in flips if not flip.found] == []
        assert len({flip.path.suffix for flip in flips}) > 1, "objects and manifests"
    assert store.verify().ok


def test_the_control_a_store_that_looks_at_sizes_finds_few_flips(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    store = open_at(tmp_path / "store")
    store.put(sources[0], name="m", kind="model")
    size = sum(path.stat().st_size for path in store.folder.rglob("*"))
    check = lambda: sum(path.stat().st_size for path in store.folder.rglob("*")) != size  # noqa: E731
    assert not any(flip.found for flip in faults.flip_bits(store.folder, check, count=20, seed=7))


# R6: several processes, one store


def _crowd(root: Path, source: Path, worker: int, rounds: int) -> None:
    store = LocalArtifactStore(root)
    for turn in range(rounds):
        token = f"{worker}{turn:03d}".encode()
        put = store.put(write_model(source / f"{worker}", token), name="m", kind="model", tags={"by": str(worker)})
        assert token_of(store.get("m", put.version)) == token
        token_of(store.get("m"))
        if turn % 2 == worker % 2:
            store.gc()


@pytest.mark.parametrize("rounds", [4, pytest.param(50, marks=pytest.mark.torture)])
def test_four_processes_share_a_store(tmp_path: Path, rounds: int) -> None:
    fork = multiprocessing.get_context("fork")
    root = tmp_path / "store"
    workers = [fork.Process(target=_crowd, args=(root, tmp_path / "source", n, rounds)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    store = LocalArtifactStore(root)
    versions = sorted(int(version.version) for version in store.list())
    assert versions == list(range(1, 4 * rounds + 1)), "unique and without gaps"
    assert {token_of(store.get("m", str(number))) for number in versions} == {
        f"{worker}{turn:03d}".encode() for worker in range(4) for turn in range(rounds)
    }
    assert store.verify().ok
    assert store.gc().objects == 0


def test_the_control_numbers_taken_without_exclusion_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnomon.core.files import write_atomic
    from gnomon.store.records import LocalRecords

    def create(self: LocalRecords, key: str, data: bytes) -> bool:
        write_atomic(self.root / key, data)
        return True

    monkeypatch.setattr(LocalRecords, "create", create)
    fork = multiprocessing.get_context("fork")
    root = tmp_path / "store"
    barrier = fork.Barrier(2)

    def put(worker: int) -> None:
        store = LocalArtifactStore(root)
        for turn in range(10):
            barrier.wait()
            store.put(write_model(tmp_path / f"{worker}", f"{worker}{turn:03d}".encode()), name="m", kind="model")

    workers = [fork.Process(target=put, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(LocalArtifactStore(root).list()) < 20


def test_a_collection_spares_what_a_living_process_writes(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    from gnomon.core.files import observed

    store = open_at(tmp_path / "store")
    seen = []

    def collect(operation: str, path: Path) -> None:
        # The put is between its objects and its manifest: nothing names them yet.
        if operation == "write" and path.suffix == ".json":
            seen.append(open_at(store.folder).gc())

    with observed(collect):
        store.put(sources[0], name="m", kind="model")
    assert [(found.deferred, found.objects, found.temporary) for found in seen] == [(True, 0, 0)]
    assert token_of(store.get("m")) == b"old!"
    assert store.verify().ok


def test_a_collection_removes_what_the_dead_left(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    root = tmp_path / "store"
    store = open_at(root)
    store.put(sources[0], name="m", kind="model")
    with contextlib.suppress(RuntimeError):
        list(faults.kill_forks(lambda: open_at(root).put(sources[1], name="n", kind="model"), most=9))
    before = store.gc(dry_run=True)
    assert before.temporary > 0
    assert before.objects > 0
    assert store.gc() == before
    assert store.gc().size == 0
    assert store.gc(keep=["0" * 64]).objects == 0
    assert token_of(store.get("m")) == b"old!"
