"""`gnomon data` from the outside: what is printed, what is written, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gnomon.cli.main import main

TEXT = (
    "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1,2,0.5,1.75,10\n2020-01-06,1,2,0.5,1.5,9\n"
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.csv").write_text(TEXT)
    return tmp_path


READING = ["prices.csv", "--session-close", "XNYS", "--symbol", "X", "--column", "timestamp=Date"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert main(["data", *arguments, "--json"]) == code
    out = capsys.readouterr().out
    found: dict[str, Any] = json.loads(out)
    return found


def test_import_keeps_bars_and_records_their_version(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run(capsys, "import", *READING)
    assert done["rows"] == 3
    assert len(list((place / done["path"]).glob("*.parquet"))) == 1
    (version,) = run(capsys, "versions")["versions"]
    assert version["digest"] == done["digest"]
    again = run(capsys, "describe", done["path"])
    assert again["digest"] == done["digest"]
    assert again["symbols"][0]["bars"] == 3
    assert main(["data", "versions"]) == 0
    assert main(["data", "import", *READING]) == 0
    assert main(["data", "describe", *READING]) == 0
    assert "data: {source: {kind: parquet" in capsys.readouterr().out


def test_check_refuses_with_exit_3_and_writes_the_rows(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", *READING)["passed"]
    (place / "prices.csv").write_text(TEXT.replace("1,2,0.5,1.75", "1,2,0.5,5"))
    found = run(capsys, "check", *READING, "--rows", "rows.parquet", code=3)
    assert [issue["check"] for issue in found["issues"] if issue["severity"] == "error"] == ["ohlc"]
    assert "ohlc" in pl.read_parquet(place / "rows.parquet")["check"].to_list()
    assert "ohlc" in run(capsys, "import", *READING, code=3)["error"]
    assert run(capsys, "import", *READING, "--no-check")["rows"] == 3
    assert main(["data", "check", *READING]) == 3


def test_a_workspace_s_own_source_is_used(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no source" in run(capsys, "describe", code=2)["error"]
    (place / "ws").mkdir()
    (place / "prices.csv").rename(place / "ws" / "prices.csv")
    source = "{kind: csv, path: prices.csv, session_close: XNYS, symbol: X, columns: {timestamp: Date}}"
    (place / "ws" / "gnomon.yaml").write_text(f"data:\n  source: {source}\n")
    assert run(capsys, "describe", "--workspace", "ws")["rows"] == 3
    assert run(capsys, "describe", "--workspace", "ws")["rows"] == 3
    (place / "ws" / "gnomon.yaml").write_text(f"data:\n  cache: false\n  source: {source}\n")
    assert run(capsys, "check", "--workspace", "ws")["rows"] == 3


def test_named_repairs_make_a_child_of_what_was_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "prices.csv").write_text(TEXT.replace("1,2,0.5,1.75", "1,2,0.5,5"))
    source = "{kind: csv, path: prices.csv, session_close: XNYS, symbol: X, columns: {timestamp: Date}}"
    repair = "[{kind: drop, checks: [ohlc]}]"
    (place / "gnomon.yaml").write_text(f"data:\n  source: {source}\n  repair: {repair}\n")
    done = run(capsys, "import")
    assert done["rows"] == 2
    assert [step["count"] for step in done["repairs"]] == [1]
    digests = {version["digest"]: version["rows"] for version in run(capsys, "versions")["versions"]}
    assert digests == {done["parent"]: 3, done["digest"]: 2}


@pytest.mark.parametrize(
    ("arguments", "code", "fault"),
    [
        (["describe", "prices.cvs", "--stamp", "close"], 2, "nothing says what"),
        (["describe", "price.csv", "--stamp", "close"], 3, "did you mean prices.csv"),
        (["describe", "prices.csv"], 2, "say what the time stamps are"),
        (["describe", *READING[:-2]], 3, "no column for timestamp"),
        (["describe", *READING, "--field", "price_scal=10"], 2, "did you mean 'price_scale'"),
        (["describe", *READING, "--field", "price_scale"], 2, "is not NAME=VALUE"),
        (["describe", *READING, "--field", "names=[a"], 2, "is no YAML"),
        (["synthesize", "prices.csv"], 2, "is there already"),
        (["synthesize", "x.db", "--calendar", "XNYZ"], 2, "unknown calendar"),
        (["synthesize", "x.db", "--field", "volatilty=1"], 2, "did you mean 'volatility'"),
        (["synthesize", "x.xls"], 2, "none of the endings"),
    ],
)
def test_mistakes_are_named(arguments: list[str], code: int, fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert fault in run(capsys, *arguments, code=code)["error"]


def test_synthesize_writes_what_can_be_imported(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ["--symbols", "3", "--start", "2019-01-01", "--end", "2019-06-01"]
    made = run(capsys, "synthesize", "panel.db", *short, "--field", "model=regime", "--signal-ic", "0.1")
    assert made["rows"]["symbols"] == 3
    done = run(capsys, "import", "panel.db", "--stamp", "close", "--field", "table=bars")
    assert done["digest"] == made["digest"]
    assert main(["data", "synthesize", "panel.db", *short, "--force"]) == 0
    assert main(["data", "versions", "--workspace", "elsewhere"]) == 0
    assert "no versions yet" in capsys.readouterr().out
