"""Every trial counts: no row of the ledger can be deleted, altered, moved or cut off unseen."""

from __future__ import annotations

import json
import logging
import multiprocessing
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.errors import IntegrityError
from gnomon.core.files import observed
from gnomon.core.seeds import generator
from gnomon.store.trials import GENESIS, Head, TrialLedger


@pytest.fixture
def ledger(tmp_path: Path, clock: FixedClock) -> TrialLedger:
    return TrialLedger(tmp_path / "trials.jsonl", clock=clock)


def score(ledger: TrialLedger, number: int, dataset: str = "d1", sharpe: float | None = None) -> None:
    ledger.append(
        dataset=dataset,
        config={"model": number},
        name=f"model {number}",
        kind="train",
        sharpe=number / 100 if sharpe is None else sharpe,
        bars=250,
    )


def reopened(ledger: TrialLedger) -> TrialLedger:
    return TrialLedger(ledger.path, clock=FixedClock(datetime(2024, 1, 2, tzinfo=UTC)))


def test_a_row_says_all_of_a_trial(ledger: TrialLedger) -> None:
    returns = [0.01, -0.02, 0.03, 0.0]
    trial = ledger.append(
        dataset="d1",
        config={"b": 1, "a": [2]},
        name="first",
        kind="backtest",
        returns=returns,
        timestamps=[10, 20, 30, 40],
        metrics={"turnover": 2.5, "odd": float("inf")},
    )
    # Mean .005, sum of squares .0013 in deviations, divided by 3.
    assert trial.sharpe == pytest.approx(0.005 / (0.0013 / 3) ** 0.5, rel=1e-12)
    assert (trial.number, trial.bars, trial.previous, trial.repeats) == (1, 4, GENESIS, None)
    assert trial.metrics == {"odd": None, "turnover": 2.5}
    assert trial.time == "2024-01-02T03:04:05.000000+00:00"
    row = json.loads(ledger.path.read_text())
    assert (row["hash"], row["name"], row["config"]) == (trial.hash, "first", trial.config)
    assert ledger.head == Head(1, trial.hash)
    stamps, values = reopened(ledger).returns(trial)
    assert (stamps.tolist(), values.tolist()) == ([10, 20, 30, 40], returns)


def test_the_same_configuration_on_the_same_data_is_one_trial(ledger: TrialLedger) -> None:
    for number in (1, 2, 1):
        score(ledger, number)
    score(ledger, 1, dataset="d2")
    assert [row.number for row in ledger.rows()] == [1, 2, 3]
    score(ledger, 2, sharpe=0.5)
    assert [(row.number, row.repeats) for row in ledger.rows()][3:] == [(4, 2)]
    assert (ledger.count(), ledger.count("d1"), ledger.count("d2"), ledger.count("d3")) == (3, 2, 1, 0)
    assert [trial.sharpe for trial in ledger.trials("d1")] == [0.01, 0.5]
    assert reopened(ledger).trials() == ledger.trials()


def test_variance_is_of_the_trials_sharpes_on_that_data(ledger: TrialLedger) -> None:
    assert ledger.variance() == 0.0
    for number, sharpe in enumerate([0.1, 0.2, 0.6]):
        score(ledger, number, sharpe=sharpe)
    score(ledger, 9, dataset="d2", sharpe=5.0)
    ledger.append(dataset="d1", config="never traded", name="flat", kind="train", returns=np.zeros(50))
    assert ledger.trials("d1")[-1].sharpe is None
    assert ledger.variance("d1") == pytest.approx(0.07, rel=1e-12)


def test_equal_trials_count_as_one_and_independent_ones_as_many(ledger: TrialLedger) -> None:
    draws = generator(7, "trials").standard_normal((20, 2000)) / 100
    for number in range(10):
        ledger.append(dataset="same", config=f"{number}", name="same", kind="search", returns=draws[0] * (1 + number))
        ledger.append(dataset="apart", config=f"{number}", name="apart", kind="search", returns=draws[number])
    assert ledger.effective_count("same") == pytest.approx(1.0, abs=1e-9)
    assert 9.5 < ledger.effective_count("apart") <= 10.0
    score(ledger, 1, dataset="same")
    assert ledger.effective_count("same") == pytest.approx(2.0, abs=1e-9), "a trial without returns counts in full"
    assert ledger.effective_count("nothing") == 0.0


def test_series_meet_on_the_union_of_their_bars(ledger: TrialLedger) -> None:
    ledger.append(dataset="d", config="a", name="a", kind="train", returns=[0.1, 0.2], timestamps=[1, 2])
    ledger.append(dataset="d", config="b", name="b", kind="train", returns=[0.3, np.nan], timestamps=[2, 3])
    panel = ledger.panel("d")
    assert panel.timestamps.tolist() == [1, 2, 3]
    assert panel.returns.tolist() == [[0.1, 0.0], [0.2, 0.3], [0.0, 0.0]]
    with pytest.raises(ValueError, match="must increase"):
        ledger.append(dataset="d", config="c", name="c", kind="train", returns=[0.1, 0.2], timestamps=[2, 2])
    with pytest.raises(ValueError, match="need as many timestamps"):
        ledger.append(dataset="d", config="c", name="c", kind="train", returns=[0.1, 0.2], timestamps=[2])
    score(ledger, 1)
    with pytest.raises(IntegrityError, match="without its returns"):
        ledger.returns(ledger.trials()[-1])


def tamper(path: Path, how: str, row: int, chance: random.Random) -> None:
    rows = path.read_bytes().splitlines(keepends=True)
    if how == "delete":
        del rows[row]
    elif how == "swap":
        other = chance.choice([n for n in range(len(rows)) if n != row])
        rows[row], rows[other] = rows[other], rows[row]
    elif how == "cut the end":
        del rows[row:]
    elif how == "cut inside":
        rows[row:] = [rows[row][: chance.randrange(1, len(rows[row]))]]
    elif how == "flip":
        place = chance.randrange(len(rows[row]))
        flipped = rows[row][place] ^ (1 << chance.randrange(8))
        rows[row] = rows[row][:place] + bytes([flipped]) + rows[row][place + 1 :]
    elif how == "repeat":
        rows.insert(row, rows[row])
    elif how == "better":
        rows[row] = rows[row].replace(b'"sharpe":0.', b'"sharpe":1.')
    path.write_bytes(b"".join(rows))


WAYS = ("delete", "swap", "cut the end", "cut inside", "flip", "repeat", "better")


def find_tampering(ledger: TrialLedger, rounds: int, ways: tuple[str, ...] = WAYS) -> int:
    """How many of `rounds` seeded acts of tampering `verify` finds."""
    whole, chance, found = ledger.path.read_bytes(), random.Random(7), 0
    for turn in range(rounds):
        tamper(ledger.path, ways[turn % len(ways)], chance.randrange(whole.count(b"\n")), chance)
        assert ledger.path.read_bytes() != whole
        try:
            reopened(ledger).verify()
        except IntegrityError:
            found += 1
        ledger.path.write_bytes(whole)
    return found


def test_all_tampering_is_found(ledger: TrialLedger) -> None:
    for number in range(12):
        score(ledger, number)
    head = ledger.verify()
    assert find_tampering(ledger, 100) == 100
    assert reopened(ledger).verify() == head, "no alarm about a ledger that is whole"


def test_the_control_a_ledger_without_a_head_does_not_find_a_cut_end(
    ledger: TrialLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        score(ledger, number)

    def believe_the_rows(self: TrialLedger, size: int) -> tuple[Head, int]:
        rows = [json.loads(row) for row in self.path.read_bytes().splitlines()]
        return Head(len(rows), rows[-1]["hash"] if rows else GENESIS), size

    monkeypatch.setattr(TrialLedger, "_read_head", believe_the_rows)
    assert find_tampering(ledger, 20, ways=("cut the end",)) == 0


def test_a_head_in_a_report_finds_a_ledger_that_was_replaced(ledger: TrialLedger, tmp_path: Path) -> None:
    for number in range(3):
        score(ledger, number)
    in_the_report = ledger.head
    score(ledger, 3)
    assert ledger.verify([in_the_report]).count == 4
    better = TrialLedger(tmp_path / "better" / "trials.jsonl")
    score(better, 2)
    with pytest.raises(IntegrityError, match="not the ledger that a report was made from"):
        better.verify([in_the_report])


def test_a_head_that_is_gone_or_altered_is_found(ledger: TrialLedger) -> None:
    score(ledger, 1)
    whole = ledger.head_path.read_bytes()
    ledger.head_path.write_bytes(whole.replace(b'"count":1', b'"count":0'))
    with pytest.raises(IntegrityError, match="was altered"):
        reopened(ledger).verify()
    ledger.head_path.unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        reopened(ledger).count()
    ledger.head_path.write_bytes(whole)
    ledger.path.unlink()
    with pytest.raises(IntegrityError, match="rows were cut off"):
        reopened(ledger).count()


def test_altered_returns_are_found(ledger: TrialLedger) -> None:
    trial = ledger.append(dataset="d", config="a", name="a", kind="train", returns=[0.1, 0.2])
    victim = ledger.series.path(str(trial.returns))
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1] + b"\0")
    with pytest.raises(IntegrityError, match=r"returns of trial 1 \(a\): .* was altered"):
        ledger.verify()


class _Killed(BaseException):
    """Stands for a kill: nothing of the ledger catches it."""


@pytest.mark.parametrize("part", [1, 40, -1])
def test_half_a_row_after_a_crash_is_cut_off_loudly(
    ledger: TrialLedger, part: int, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(2):
        score(ledger, number)
    head = ledger.head
    next_row = ledger.path.read_bytes().splitlines()[-1]
    with ledger.path.open("ab") as file:
        file.write(next_row[:part])
    with caplog.at_level(logging.WARNING):
        assert reopened(ledger).verify() == head
    assert "cut off half a trial" in caplog.text
    torn = ledger.path.with_name(f"trials.torn-{ledger.path.stat().st_size}")
    assert torn.read_bytes() == next_row[:part], "what was cut off is kept"
    score(ledger, 7)
    assert reopened(ledger).verify().count == 3


def test_a_crash_between_row_and_head_loses_nothing(ledger: TrialLedger, caplog: pytest.LogCaptureFixture) -> None:
    score(ledger, 1)

    def kill(operation: str, path: Path) -> None:
        if path == ledger.head_path:
            raise _Killed

    with observed(kill), pytest.raises(_Killed):
        score(ledger, 2)
    again = reopened(ledger)
    with caplog.at_level(logging.WARNING):
        assert again.count() == 2
    assert "took in the trial" in caplog.text
    assert again.verify().count == 2
    score(again, 2)
    assert again.verify().count == 2, "the interrupted trial, scored again, is still one trial"


def _append_many(path: Path, worker: int) -> None:
    ledger = TrialLedger(path)
    for number in range(5):
        score(ledger, 100 * worker + number)
        score(ledger, 7777)


def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(path, worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    ledger = TrialLedger(path)
    assert ledger.verify().count == 21
    assert ledger.count() == 21
