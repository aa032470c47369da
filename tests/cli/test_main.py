"""The door: help without imports, exit codes, one JSON object, no tracebacks for users' mistakes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer

from gnomon.cli import main as door
from gnomon.cli.base import Session, command
from gnomon.core.errors import ConfigError, DataError, GateError, StoreError


@pytest.fixture
def planted(monkeypatch):
    """Adds a command whose function the test gives."""

    def plant(function):
        app = typer.Typer()
        command(app, "planted")(function)
        monkeypatch.setitem(door.COMMANDS, "planted", door.Place("planted", "A planted command."))
        monkeypatch.setitem(sys.modules, "gnomon.cli.planted", type(sys)("gnomon.cli.planted"))
        sys.modules["gnomon.cli.planted"].app = app

    return plant


def test_help_lists_every_command_and_imports_none():
    program = (
        "import sys; from gnomon.cli.main import main; code = main(['--help']);"
        "heavy = [m for m in ('numpy', 'polars', 'pydantic', 'numba', 'rich') if m in sys.modules];"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in door.COMMANDS)


def test_every_listed_command_can_be_loaded():
    for name in door.COMMANDS:
        assert door.main([name, "--help"]) == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreError("x"), 1), (ConfigError("x"), 2), (DataError("x"), 3), (GateError("x"), 4), (OSError(28, "full"), 1)],
)
def test_a_failure_is_one_line_and_its_code(planted, capsys, error, code):
    def fail(session: Session) -> None:
        raise error

    planted(fail)
    assert door.main(["planted"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("gnomon: ")
    assert "Traceback" not in shown.err


def test_notes_of_an_error_are_shown(planted, capsys):
    def fail(session: Session) -> None:
        error = DataError("bad bars")
        error.add_note("in stage 'check'")
        raise error

    planted(fail)
    door.main(["planted"])
    assert "in stage 'check'" in capsys.readouterr().err


def test_json_holds_one_object_also_for_a_failure(planted, capsys):
    def fail(session: Session) -> None:
        raise ConfigError("unknown key 'sed'")

    planted(fail)
    assert door.main(["planted", "--json"]) == 2
    assert json.loads(capsys.readouterr().out) == {"error": "unknown key 'sed'", "exit_code": 2, "rows": []}


def test_json_of_a_result_refuses_nan_rather_than_write_what_is_no_json(planted, capsys):
    planted(lambda session: session.emit({"a": 1, "b": None}))
    assert door.main(["planted", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1, "b": None}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean 'run'?"),
        (["run", "--sett", "a=b"], "No such option: --sett"),
        (["runs", "shwo"], "No such command 'shwo'"),
        (["--versoin"], "No such option: --versoin"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(capsys, words, message):
    assert door.main(words) == 2
    assert message in capsys.readouterr().err


def test_a_fault_of_ours_is_called_one(planted, capsys):
    def fail(session: Session) -> None:
        raise ZeroDivisionError("oops")

    planted(fail)
    assert door.main(["planted"]) == 1
    assert "this is a fault in Gnomon: ZeroDivisionError: oops" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    from importlib.metadata import version

    assert door.main(["--version"]) == 0
    assert capsys.readouterr().out == f"gnomon {version('gnomon')}\n"


def test_a_group_without_a_command_shows_what_it_has_and_exits_with_2(capsys):
    assert door.main(["runs"]) == 2
    shown = capsys.readouterr()
    assert "reproduce" in shown.out
    assert "Traceback" not in shown.err


def test_a_person_who_stops_it_is_no_failure_of_the_work(planted, capsys):
    def stopped(session: Session) -> None:
        raise KeyboardInterrupt

    planted(stopped)
    assert door.main(["planted"]) == 130
    assert capsys.readouterr().err == "gnomon: stopped; what was done stays done\n"
    assert door.main(["planted", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["exit_code"] == 130


def test_a_fault_of_ours_shows_where_when_it_is_asked_to(planted, monkeypatch):
    def fail(session: Session) -> None:
        raise ZeroDivisionError("oops")

    planted(fail)
    monkeypatch.setenv("GNOMON_DEBUG", "1")
    with pytest.raises(ZeroDivisionError, match="oops"):
        door.main(["planted"])


def test_a_reader_that_goes_away_is_no_failure():
    """`gnomon features list | head -0`, as a shell does it: the pipe is closed before anything is read."""
    program = "import sys; from gnomon.cli.main import main; sys.argv = ['gnomon', 'config', 'schema']; main()"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 0, err
    assert b"Traceback" not in err
    assert b"Broken" not in err


def test_a_panic_of_a_library_shows_no_traceback(planted, capsys):
    import polars as pl

    assert not issubclass(pl.exceptions.PanicException, Exception), "otherwise nothing special is needed"

    def panics(session: Session) -> None:
        raise pl.exceptions.PanicException("index out of bounds")

    planted(panics)
    assert door.main(["planted"]) == 1
    assert "this is a fault in Gnomon: PanicException: index out of bounds" in capsys.readouterr().err
