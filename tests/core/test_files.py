from __future__ import annotations

import os
from pathlib import Path

import pytest

from gnomon.core import files
from gnomon.core.files import (
    append_durable,
    atomic_folder,
    atomic_path,
    create_atomic,
    is_temporary,
    make_folder,
    observed,
    remove,
    temporary_for,
    write_atomic,
    writer_lives,
)


class Recorder:
    """Remembers each operation, and fails the one at which it is told to."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.steps: list[tuple[str, str]] = []
        self.fail_at = fail_at

    def __call__(self, operation: str, path: Path) -> None:
        self.steps.append((operation, path.name))
        if len(self.steps) - 1 == self.fail_at:
            raise OSError(5, f"planted fault at {operation}")


def test_bytes_are_whole_and_replace_the_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.bin"
    write_atomic(path, b"first")
    write_atomic(path, (piece for piece in (b"sec", b"ond")))
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_the_order_is_write_flush_rename_flush(tmp_path: Path) -> None:
    recorder = Recorder()
    with observed(recorder):
        write_atomic(tmp_path / "file", b"bytes")
    operations = [operation for operation, _ in recorder.steps]
    assert operations == ["write", "fsync", "rename", "fsync"]
    assert recorder.steps[-1] == ("fsync", tmp_path.name)


def test_long_bytes_are_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 10)
    recorder = Recorder()
    with observed(recorder):
        write_atomic(tmp_path / "file", b"x" * 35)
    assert [step for step, _ in recorder.steps].count("write") == 4
    assert (tmp_path / "file").read_bytes() == b"x" * 35


def test_short_writes_lose_nothing(tmp_path: Path) -> None:
    with observed(lambda operation, path: 3 if operation == "write" else None):
        write_atomic(tmp_path / "file", b"0123456789")
        append_durable(tmp_path / "log", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"
    assert (tmp_path / "log").read_bytes() == b"0123456789"


def naive_write(path: Path, data: bytes) -> None:
    """The control: the way that everybody writes files first."""
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), 4):
            files.step("write", path)
            file.write(data[start : start + 4])
    files.sync(path)


def torn_after_faults(write, path: Path) -> int:
    """Fails every operation in turn; counts how often a reader would then see neither old nor new bytes."""
    torn, fail_at = 0, 0
    while True:
        path.write_bytes(b"old bytes")
        recorder = Recorder(fail_at)
        with observed(recorder):
            try:
                write(path, b"the new bytes")
            except OSError as error:
                assert "planted" in str(error)  # noqa: PT017 - most rounds raise, the last does not
            else:
                return torn
        torn += path.read_bytes() not in {b"old bytes", b"the new bytes"}
        leftovers = [entry.name for entry in path.parent.iterdir() if entry != path]
        assert leftovers == []
        fail_at += 1
        assert fail_at < 50


def test_a_fault_at_any_step_leaves_old_or_new_bytes_and_nothing_else(tmp_path: Path) -> None:
    assert torn_after_faults(write_atomic, tmp_path / "file") == 0


def test_the_fault_test_catches_a_writer_that_is_not_atomic(tmp_path: Path) -> None:
    assert torn_after_faults(naive_write, tmp_path / "file") > 0


def test_every_fault_is_reached(tmp_path: Path) -> None:
    reached = set()
    for fail_at in range(4):
        recorder = Recorder(fail_at)
        with observed(recorder), pytest.raises(OSError, match="planted"):
            write_atomic(tmp_path / f"file{fail_at}", b"bytes")
        reached.add(recorder.steps[-1][0])
        # After the rename the bytes are there, whatever becomes of the last flush.
        assert (tmp_path / f"file{fail_at}").exists() == (fail_at == 3)
    assert reached == {"write", "fsync", "rename"}


def test_observers_leave_when_their_block_ends(tmp_path: Path) -> None:
    outer, inner = Recorder(), Recorder()
    with observed(outer):
        with observed(inner):
            write_atomic(tmp_path / "a", b"")
        seen = len(inner.steps)
        write_atomic(tmp_path / "b", b"")
    with pytest.raises(RuntimeError), observed(inner):
        raise RuntimeError
    write_atomic(tmp_path / "c", b"")
    assert len(inner.steps) == seen
    assert len(outer.steps) == 2 * seen


def test_the_smallest_limit_of_several_observers_counts() -> None:
    with observed(lambda *_: 7), observed(lambda *_: None), observed(lambda *_: 5):
        assert files.step("write", Path("x")) == 5
    assert files.step("write", Path("x")) is None


def fail_half_way(path: Path) -> None:
    path.write_text("half")
    raise ValueError("half way")


def test_a_library_that_writes_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_path(path) as temporary:
        temporary.write_text("by a library")
        assert is_temporary(temporary)
        assert not path.exists()
    assert path.read_text() == "by a library"
    with pytest.raises(ValueError, match="half way"), atomic_path(path) as temporary:
        fail_half_way(temporary)
    assert path.read_text() == "by a library"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with atomic_folder(path) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "file").write_text("x")
        assert not path.exists()
    assert (path / "sub" / "file").read_text() == "x"
    with pytest.raises(ValueError, match="half way"), atomic_folder(tmp_path / "other") as temporary:
        fail_half_way(temporary / "file")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError), atomic_folder(path) as temporary:  # noqa: PT011 - which one is the system's choice
        (temporary / "file").write_text("second")
    assert sorted(p.name for p in path.rglob("*")) == ["file", "sub"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_survives_a_fault_at_any_step(tmp_path: Path) -> None:
    for fail_at in range(4):
        with observed(Recorder(fail_at)), pytest.raises(OSError, match="planted"), atomic_folder(tmp_path / "f") as new:
            (new / "file").write_text("x")
        if (tmp_path / "f").exists():
            assert (tmp_path / "f" / "file").read_text() == "x"
            break
        assert list(tmp_path.iterdir()) == []
    assert fail_at == 3


def test_of_two_that_create_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "once"
    assert create_atomic(path, b"first")
    assert not create_atomic(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_appending_takes_a_failed_write_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append_durable(path, b"one\n")
    with observed(Recorder(1)), pytest.raises(OSError, match="planted"):
        append_durable(path, b"two\n")
    assert path.read_bytes() == b"one\n"
    append_durable(path, b"three\n")
    assert path.read_bytes() == b"one\nthree\n"


def test_removing(tmp_path: Path) -> None:
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    recorder = Recorder()
    with observed(recorder):
        remove(tmp_path / "link")
        assert (tmp_path / "folder" / "sub").is_dir()
        remove(tmp_path / "folder")
        remove(tmp_path / "file")
        remove(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []
    assert {operation for operation, _ in recorder.steps} == {"remove"}


def test_temporary_names_are_fresh_fit_and_carry_their_writer(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 60)
    names = {temporary_for(path) for _ in range(20)}
    assert len(names) == 20
    for name in names:
        assert is_temporary(name)
        assert name.parent == tmp_path
        assert len(name.name.encode()) < 255
        assert writer_lives(name) is True
    assert not is_temporary(path)
    assert writer_lives(tmp_path / ".file.nobody~0000.gnomon-tmp") is None


def test_new_folders_are_flushed_into_those_above(tmp_path: Path) -> None:
    recorder = Recorder()
    with observed(recorder):
        make_folder(tmp_path / "a" / "b")
        make_folder(tmp_path / "a" / "b")
    assert recorder.steps == [("fsync", tmp_path.name), ("fsync", "a")]


def test_files_get_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    write_atomic(tmp_path / "file", b"x")
    assert os.stat(tmp_path / "file").st_mode == os.stat(tmp_path / "plain").st_mode  # noqa: PTH116
