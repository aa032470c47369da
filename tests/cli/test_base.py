"""Results and failures as a person and as a program see them."""

from __future__ import annotations

import io
import json

import pytest
import typer
from rich.console import Console

from gnomon.cli.base import Lines, Session, count, facts, table
from gnomon.core.errors import GateError


def drawn(columns, rows, **options) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    table(console, columns, rows, **options)
    return console.file.getvalue()


def test_figures_stand_to_the_right_and_words_and_moments_to_the_left():
    text = drawn(("name", "figure", "started"), [("a", 1.5, "2024-01-02"), ("bcd", 12345.678, "2024-01-03")])
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines[2].startswith(" a            1.5   2024-01-02")
    assert lines[3].startswith(" bcd    1.235e+04   2024-01-03")


def test_a_hash_that_begins_with_a_digit_is_no_figure():
    text = drawn(("hash", "n"), [("1521ec68989d", 1), ("abc", 22)])
    assert " abc " in text
    assert text.splitlines()[4].startswith(" abc            22")


def test_percent_and_sizes_are_figures():
    lines = drawn(("x", "size"), [("1.0%", "5 bytes"), ("-10.8%", "1.2 MB")]).splitlines()
    assert lines[3].startswith("   1.0%   5 bytes")


def test_a_column_without_a_value_is_drawn():
    assert "nothing" in drawn(("a", "nothing"), [("x", None), ("y", None)])


def test_a_line_stands_after_the_rows_of_the_first_part():
    rows = [("a", 1), ("b", 2), ("c", 3)]
    with_rule, without = (drawn(("x", "n"), rows, rule=n).splitlines() for n in (1, 0))
    assert len(with_rule) == len(without) + 1


def test_counts_and_facts_are_words():
    assert (count(0, "run"), count(1, "run"), count(1234, "run")) == ("0 runs", "1 run", "1,234 runs")
    console = Console(file=io.StringIO(), width=100)
    facts(console, {"run_id": None, "inputs": ["a", "b"], "params": {"window": 14}, "tags": {}})
    assert console.file.getvalue() == "run id: none\ninputs: a, b\nparams: window 14\ntags: none\n"


def test_a_failure_after_a_result_is_in_the_one_object(capsys, tmp_path):
    with pytest.raises(typer.Exit) as caught:
        Session(tmp_path, json=True).emit({"edge": False}, failure=GateError("no edge"))
    assert caught.value.exit_code == 4
    assert json.loads(capsys.readouterr().out) == {"edge": False, "error": "no edge", "exit_code": 4}


def test_a_failure_after_a_result_follows_it(capsys, tmp_path):
    with pytest.raises(GateError, match="no edge"):
        Session(tmp_path).emit({"edge": False}, failure=GateError("no edge"))
    assert capsys.readouterr().out == "edge: False\n"


def test_nan_is_refused_rather_than_written_as_what_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        Session(tmp_path, json=True).emit({"a": float("nan")})


def test_a_narrow_terminal_cuts_no_figure():
    said = io.StringIO()
    figures = [f"1,234,{n:03}" for n in range(12)]
    table(Console(file=said, width=40, soft_wrap=True), [f"column {n}" for n in range(12)], [["a name", *figures[1:]]])
    assert all(figure in said.getvalue() for figure in figures[1:])


def test_a_log_gets_a_line_of_progress_now_and_then():
    moments, said = iter([0.0, 10.0, 15.0, 20.0, 100.0]), io.StringIO()
    update = Lines(said, seconds=15.0, clock=lambda: next(moments))
    for text, share in (("a", 0.1), ("b", 0.2), ("c", 0.3), ("d", 0.9)):
        update(text, share)
    assert said.getvalue() == "0:15   20%  b\n1:40   90%  d\n"


def test_progress_is_drawn_on_a_terminal_and_nowhere_else(monkeypatch, capsys, tmp_path):
    for session in (Session(tmp_path, json=True), Session(tmp_path)):
        with session.progress("reading") as update:
            update("half", 0.5)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Session(tmp_path).progress("reading") as update:
        update("half way", 0.5)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "reading" in shown.err or "half way" in shown.err
