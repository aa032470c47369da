"""PROMISES R1 and R5 for the whole pipeline: killed or starved anywhere, it goes on and ends in the same bytes.

The short forms strike a few operations; `make torture` strikes every one, and 200 random instants.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gnomon.core import files
from gnomon.core.errors import GnomonError, IntegrityError, StageError
from gnomon.core.files import is_temporary, observed
from gnomon.core.hashing import canonical_json, hash_file, hash_value
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline import products as products_module
from gnomon.pipeline.products import ProductStore
from gnomon.testing.faults import Striker, flip_bits, kill_at_instants, kill_everywhere, strike_layer

TINY = """\
project: tiny
data:
  source: {kind: synthetic, symbols: 1, start: "2015-01-01", end: "2017-06-01", seed: 5}
  frequency: 1d
  calendar: XNYS
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2}
models:
  logistic: {model_type: logistic_regression}
report: {formats: [md]}
evaluation: {benchmarks: [buy_and_hold, cash]}
tracking: {enabled: false}
executor: {workers: 1}
"""
RUN = "import sys; from pathlib import Path; from gnomon.pipeline import ModelPipeline; \
ModelPipeline(workspace=Path(sys.argv[1])).run()"
APART = ("logs/", "cache/", "run.lock", "store/lock", "store/versions/", "trials/", "tmp")
"""Not part of the comparison: logs, caches, locks, and what carries the time of day (the rows of trials without it are
compared by themselves)."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A run that nothing disturbed, and how many operations on the disk it took."""
    folder = workspace(tmp_path_factory.mktemp("whole") / "w")
    counter = Striker(10**9, "kill")
    with observed(counter):
        ModelPipeline(workspace=folder).run()
    return folder, counter.seen


def workspace(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gnomon.yaml").write_text(TINY)
    return folder


def tree(folder: Path) -> dict[str, str]:
    """Everything that a run makes, by name: what must be equal to the last bit."""
    made = folder / ".gnomon"
    files = {p.relative_to(made).as_posix(): p for p in sorted(made.rglob("*")) if p.is_file()}
    hashes = {n: hash_file(p) for n, p in files.items() if not n.startswith(APART) and not n.endswith("state.json")}
    rows = [json.loads(line) for line in (made / "trials" / "trials.jsonl").read_bytes().splitlines()]
    timeless = [{k: v for k, v in row.items() if k not in {"time", "hash", "previous"}} for row in rows]
    return {**hashes, "trials": hash_value(json.loads(canonical_json(timeless)))}


def settle(folder: Path, whole: Path) -> list[str]:
    """Runs again after a fault; returns what was computed. The result must be the undisturbed one."""
    done = recorded(folder)
    context = ModelPipeline(workspace=folder).run()
    computed = [name for name in context.outcome.computed if name != "trials"]
    assert not set(computed) & done, "work that was committed was done again"
    context.run.verify()
    open_workspace(folder).collect()
    left = [path for path in (folder / ".gnomon").rglob("*") if is_temporary(path)]
    assert not left
    assert tree(folder) == tree(whole)
    return computed


def recorded(folder: Path) -> set[str]:
    """Stages that were committed; reading them proves that no half record can be read."""
    return {record.stage for record in open_workspace(folder).products.records()} - {"trials"}


def struck(folder: Path, step: int) -> None:
    done = subprocess.run(strike_layer(["-c", RUN, str(folder)], step, "kill"), capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()[-2000:]


@pytest.mark.parametrize("place", [0.02, 0.3, 0.55, 0.8, 0.999])
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(whole, tmp_path, place):
    untouched, operations = whole
    folder = workspace(tmp_path / "w")
    struck(folder, max(1, round(place * operations)))
    settle(folder, untouched)


def test_a_run_stopped_in_process_at_many_operations_goes_on(whole, tmp_path):
    untouched, operations = whole
    folder = workspace(tmp_path / "w")
    for step in range(2, operations, max(operations // 8, 1)):
        shutil.rmtree(folder / ".gnomon", ignore_errors=True)
        with observed(Striker(step, "EIO")), pytest.raises((OSError, GnomonError)):
            ModelPipeline(workspace=folder).run()
        settle(folder, untouched)


@pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
def test_a_failing_disk_is_one_line_and_the_old_run_still_stands(whole, tmp_path, fault):
    untouched, _ = whole
    folder = tmp_path / "w"
    shutil.copytree(untouched, folder)
    before = open_workspace(folder).runs.get().manifest()
    changed = open_workspace(folder, overrides=["execution.fee_bps=3.0"])
    for step in (1, 5, 20):
        with observed(Striker(step, fault, lasting=True)), pytest.raises((OSError, StageError)) as caught:
            ModelPipeline(workspace=changed).run()
        assert "\n" not in str(caught.value)
        old = open_workspace(folder).runs.get(before["run"])
        old.verify()
        assert old.manifest() == before
    ModelPipeline(workspace=changed).run()


def test_short_writes_lose_nothing(whole, tmp_path):
    untouched, _ = whole
    folder = workspace(tmp_path / "w")
    with observed(lambda operation, _path: 7 if operation == "write" else None):
        ModelPipeline(workspace=folder).run(until="trials")
    ModelPipeline(workspace=folder).run()
    assert tree(folder) == tree(untouched)


def test_a_flipped_bit_is_found_before_it_is_used(whole, tmp_path):
    untouched, _ = whole
    folder = tmp_path / "w"
    shutil.copytree(untouched, folder)
    opened = open_workspace(folder)

    def noticed() -> bool:
        try:
            if not opened.store.verify().ok:
                return True
            list(opened.products.records())
        except (IntegrityError, GnomonError):
            return True
        return False

    def spare(path: Path) -> bool:
        return not any(part in path.parts for part in ("objects", "stages"))

    flips = flip_bits(folder / ".gnomon", noticed, count=60, seed=1, spare=spare)
    assert [flip for flip in flips if not flip.found] == []


def test_the_harness_catches_a_store_that_writes_in_place(whole, tmp_path, monkeypatch):
    """The control: records written without a temporary name and a rename are read half, and the harness says so."""
    untouched, _ = whole

    def in_place(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data[: len(data) // 2])
        files.step("write", path)
        path.write_bytes(data)

    monkeypatch.setattr(products_module, "write_atomic", in_place)
    assert caught(tmp_path, untouched, operations=120)


def test_the_harness_catches_a_stage_that_commits_before_its_bytes_are_there(whole, tmp_path, monkeypatch):
    """Another control: a record that stands before the files it names is taken for done work."""
    untouched, _ = whole
    monkeypatch.setattr(ProductStore, "complete", lambda self, record: True)
    folder = workspace(tmp_path / "w")
    ModelPipeline(workspace=folder).run(until="features")
    for path in (folder / ".gnomon" / "store" / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(GnomonError):
        settle(folder, untouched)


def caught(tmp_path: Path, untouched: Path, *, operations: int) -> bool:
    """Whether any strike shows the fault of a broken writer."""
    folder = workspace(tmp_path / "w")
    for step in range(1, operations):
        shutil.rmtree(folder / ".gnomon", ignore_errors=True)
        try:
            with observed(Striker(step, "EIO")):
                ModelPipeline(workspace=folder).run(until="check")
        except (OSError, GnomonError):
            pass
        try:
            recorded(folder)
        except IntegrityError:
            return True
    return False


@pytest.mark.torture
def test_killed_at_every_operation(whole, tmp_path):
    untouched, operations = whole
    for step in range(1, operations + 1):
        folder = workspace(tmp_path / "w")
        struck(folder, step)
        settle(folder, untouched)
        shutil.rmtree(folder)


@pytest.mark.torture
def test_killed_at_every_tenth_system_call(whole, tmp_path):
    untouched, _ = whole
    folder = workspace(tmp_path / "w")
    for outcome in kill_everywhere(["-c", RUN, str(folder)], stride=10):
        if outcome.fired:
            settle(folder, untouched)
        shutil.rmtree(folder / ".gnomon")


@pytest.mark.torture
def test_killed_at_200_instants(whole, tmp_path):
    untouched, _ = whole
    folder = workspace(tmp_path / "w")

    def after(_outcome: object) -> None:
        settle(folder, untouched)
        shutil.rmtree(folder / ".gnomon")

    kill_at_instants(["-c", RUN, str(folder)], count=200, longest=6.0, seed=11, after=after)
