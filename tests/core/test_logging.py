"""Logs go to stderr and to a rotated file, carry what is bound, and hold no secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.logging import RotatingLines, bound, configure_logging, get_logger
from gnomon.core.redaction import MASK, forget_secrets, register_secret

CLOCK = FixedClock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    level = logging.getLogger("gnomon").level
    yield
    forget_secrets()
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler).__module__ == "gnomon.core.logging":
            root.removeHandler(handler)
    logging.getLogger("gnomon").setLevel(level)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_event_in_json_worked_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(format="json", clock=CLOCK)
    with bound(run_id="r-1"):
        get_logger("gnomon.a").bind(stage="train").info("fold done", fold=3, sharpe=float("nan"), where=Path("x"))
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {
        "timestamp": "2026-01-02T03:04:05.000+00:00",
        "level": "info",
        "logger": "gnomon.a",
        "event": "fold done",
        "run_id": "r-1",
        "stage": "train",
        "fold": 3,
        "sharpe": "nan",
        "where": "PosixPath('x')",
    }


def test_the_console_gets_words_and_the_file_gets_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs" / "g.jsonl"
    configure_logging(format="console", file=path, clock=CLOCK)
    get_logger("gnomon.b").warning("stale bars", symbol="AAA", share="100%")
    assert "stale bars" in capsys.readouterr().err
    (event,) = lines(path)
    assert (event["event"], event["symbol"], event["share"]) == ("stale bars", "AAA", "100%")


def test_levels_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="warning", format="json")
    log = get_logger("gnomon.c")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["c", "d"]


def test_what_is_bound_ends_with_its_block_and_stays_in_its_thread(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(format="json")
    log = get_logger("gnomon.d")
    with bound(run_id="outer"), bound(stage="s"):
        other = threading.Thread(target=lambda: log.info("elsewhere"))
        other.start()
        other.join()
        log.info("inside")
    log.info("after")
    events = {event["event"]: event for event in map(json.loads, capsys.readouterr().err.splitlines())}
    assert (events["inside"]["run_id"], events["inside"]["stage"]) == ("outer", "s")
    assert "run_id" not in events["elsewhere"]
    assert "run_id" not in events["after"]


@pytest.mark.parametrize("format", ["console", "json"])
def test_secrets_are_masked_wherever_they_stand(
    format: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Client:
        def __repr__(self) -> str:
            return "Client(hunter2hunter2)"

    register_secret("hunter2hunter2")
    path = tmp_path / "g.jsonl"
    configure_logging(format=format, file=path)  # type: ignore[arg-type]
    log = get_logger("gnomon.e")
    log.info(
        "hunter2hunter2", api_key="unregistered", url="/?k=hunter2hunter2", deep={"a": ["hunter2hu"]}, client=Client()
    )
    logging.getLogger("other.library").warning("said %s", "hunter2hunter2")
    try:
        raise ValueError("hunter2hunter2 was refused")
    except ValueError:
        log.exception("failed")
        logging.getLogger("other.library").exception("failed too")
    seen = capsys.readouterr().err + path.read_text()
    assert "hunter2" not in seen
    assert "unregistered" not in seen
    assert seen.count(MASK) >= 12
    assert "ValueError" in seen
    assert "was refused" in seen


def test_control_an_unregistered_value_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(format="json")
    get_logger("gnomon.f").info("x", url="hunter2hunter2")
    assert "hunter2hunter2" in capsys.readouterr().err


def test_a_foreign_handler_gets_masked_text(caplog: pytest.LogCaptureFixture) -> None:
    register_secret("hunter2hunter2")
    with caplog.at_level(logging.INFO, logger="gnomon"):
        get_logger("gnomon.g").info("50% of hunter2hunter2", n=1)
    assert caplog.records[0].getMessage().startswith(f"50% of {MASK} n=1")


def test_the_file_is_rotated_and_no_line_is_lost_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    configure_logging(level="error", file=path, max_bytes=2_000, backups=3)
    log = get_logger("gnomon.h")
    sys_stderr, sys.stderr = sys.stderr, open("/dev/null", "w")  # noqa: SIM115, PTH123
    try:
        for number in range(120):
            log.error("line", number=number)
    finally:
        sys.stderr.close()
        sys.stderr = sys_stderr
    names = sorted(entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("."))
    assert names == ["g.jsonl", "g.jsonl.1", "g.jsonl.2", "g.jsonl.3"]
    assert all((tmp_path / name).stat().st_size <= 2_000 for name in names)
    kept = [event["number"] for name in reversed(names) for event in lines(tmp_path / name)]
    assert kept == list(range(120 - len(kept), 120)), "in order, without a gap, up to the last"


def test_without_backups_the_file_starts_anew(tmp_path: Path) -> None:
    handler = RotatingLines(tmp_path / "g.log", max_bytes=30, backups=0)
    for number in range(5):
        handler.emit(logging.makeLogRecord({"msg": f"{number} is a line of text"}))
    assert (tmp_path / "g.log").read_text() == "4 is a line of text\n"


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "g.jsonl"
    program = (
        "import sys, pathlib; from gnomon.core.logging import *\n"
        "configure_logging(level='info', file=pathlib.Path(sys.argv[1]), max_bytes=4000, backups=50)\n"
        "log = get_logger('gnomon.p')\n"
        "for n in range(60): log.info('line', who=sys.argv[2], n=n)\n"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), str(who)], stderr=subprocess.DEVNULL)
        for who in range(3)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    seen = sorted((e["who"], e["n"]) for entry in tmp_path.glob("g.jsonl*") for e in lines(entry))
    assert seen == sorted((str(who), n) for who in range(3) for n in range(60))


def test_a_disk_that_refuses_is_told_once_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "logs"
    handler = RotatingLines(path / "g.log", max_bytes=1_000_000, backups=1)
    (path / "g.log").mkdir()
    for _ in range(3):
        handler.emit(logging.makeLogRecord({"msg": "x"}))
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_configuring_twice_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(format="json")
    configure_logging(format="json")
    get_logger("gnomon.i").info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_library_is_silent_and_light_until_it_is_asked() -> None:
    program = (
        "import sys; from gnomon.core.logging import get_logger; log = get_logger('gnomon.x'); log.info('quiet');"
        "print([m for m in ('structlog', 'rich', 'pydantic') if m in sys.modules]); log.error('loud')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_traceback_goes_to_the_file_and_not_to_the_terminal(tmp_path, capsys):
    configure_logging(level="info", terminal="warning", file=tmp_path / "log.jsonl")
    log = get_logger("gnomon.test")
    log.info("quiet")
    try:
        raise ZeroDivisionError("oops")
    except ZeroDivisionError:
        log.error("stage failed", exc_info=True)
    shown = capsys.readouterr().err
    assert "stage failed" in shown
    assert "quiet" not in shown
    assert "Traceback" not in shown
    kept = (tmp_path / "log.jsonl").read_text()
    assert "quiet" in kept
    assert "ZeroDivisionError: oops" in kept
    configure_logging()
