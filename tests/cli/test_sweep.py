"""Every leaf command against the same mistakes: one clear message, the right exit code, one JSON object, no traceback.

The fuzz mutates whole command lines; `make fuzz` runs five times as many.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main

from gnomon.cli.main import COMMANDS, main

ARGUMENTS: dict[str, list[str]] = {
    "init": ["new"],
    "backtest": ["--forecasts", "signals.csv"],
    "predict": ["trees"],
    "ensemble": ["blend"],
    "features show": ["rsi"],
    "features compute": ["--out", "features.parquet"],
    "labels optimize": ["--trials", "3"],
    "models show": ["lightgbm"],
    "data synthesize": ["market.parquet"],
    "runs diff": ["latest", "latest"],
    "registry show": ["model"],
    "registry promote": ["model", "1"],
    "config diff": ["."],
    "bench models": ["--models", "majority", "--data", "sp500", "--rows", "600", "--horizons", "1"],
}
"""What a command must be given."""

WITHOUT_WORKSPACE = {
    "demo",
    "init",
    "doctor",
    "config schema",
    "data synthesize",
    "data versions",
    "features list",
    "features show",
    "models list",
    "models show",
    "honesty leaks",
    "honesty null",
    "honesty planted",
    "bench models",
    "bench show",
}
"""Commands that work, or make one, where there is no workspace."""

WITHOUT_CONFIG = WITHOUT_WORKSPACE - {"demo", "doctor", "bench models"}
"""Commands that read no configuration."""


def leaves() -> Iterator[str]:
    """Every command that does something, as its words."""
    for name, place in COMMANDS.items():
        command: Any = typer.main.get_command(importlib.import_module(f"gnomon.cli.{place.module}").app)
        yield from [f"{name} {inner}" for inner in command.commands] if hasattr(command, "commands") else [name]


LEAVES = list(leaves())


def words_of(leaf: str) -> list[str]:
    return [*leaf.split(), *ARGUMENTS.get(leaf, [])]


def refused(capsys: pytest.CaptureFixture[str], words: list[str], *, code: int = 2) -> str:
    """The one message of a refusal, the same for a person and for a program."""
    assert main(words) == code, capsys.readouterr()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gnomon: ")
    assert err.count("gnomon: ") == 1
    assert "Traceback" not in err
    assert "fault in Gnomon" not in err
    assert main([*words, "--json"]) == code
    out, err_json = capsys.readouterr()
    assert out.count("\n") == 1
    found = json.loads(out)
    assert found["exit_code"] == code
    assert found["error"] == err.removeprefix("gnomon: ").rstrip("\n")
    assert err_json == ""
    return err


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with the file that `backtest` is given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "signals.csv").write_text("timestamp,symbol,target\n2016-01-04T21:00:00Z,SYN001,1.0\n")
    return tmp_path


def test_every_command_of_the_design_is_there():
    assert set(COMMANDS) == {
        *("demo", "init", "doctor", "run", "config", "data", "features", "models", "evaluate", "report", "backtest"),
        *("predict", "trials", "runs", "store", "registry", "honesty", "labels", "bench", "tune", "compare"),
        *("ensemble", "train"),
    }
    assert {f"config {name}" for name in ("check", "show", "schema", "diff")} <= set(LEAVES)
    assert {f"data {name}" for name in ("import", "check", "describe", "synthesize", "versions")} <= set(LEAVES)
    assert {"features list", "features show", "features compute", "models list", "models show"} <= set(LEAVES)
    assert {"features probe", "honesty leaks", "honesty null", "honesty planted"} <= set(LEAVES)
    assert {"runs list", "runs show", "runs diff", "runs reproduce", "store verify", "store gc", "store du"} <= set(
        LEAVES
    )
    assert {"labels show", "labels optimize", "bench models", "bench show"} <= set(LEAVES)
    assert {"trials list", "trials verify", "registry list", "registry show", "registry promote"} <= set(LEAVES)


@pytest.mark.parametrize("leaf", LEAVES)
def test_help_says_what_it_does(leaf, capsys):
    assert main([*leaf.split(), "--help"]) == 0
    out, _ = capsys.readouterr()
    assert f"Usage: gnomon {leaf}" in out
    assert "--workspace" in out
    assert "--json" in out


@pytest.mark.parametrize("leaf", LEAVES)
def test_an_unknown_option_is_refused(inside, leaf, capsys):
    message = refused(capsys, [*words_of(leaf), "--no-such-option"])
    assert "No such option: --no-such-option" in message
    assert f"gnomon {leaf} --help tells more" in message
    assert list(inside.iterdir()) == [inside / "signals.csv"]


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf != "train"])
def test_a_word_too_many_is_refused(inside, leaf, capsys):
    # Every leaf but `train`, which takes names of models, takes at most two words; the fourth fits nowhere.
    assert "unexpected extra argument" in refused(capsys, [*words_of(leaf), "a", "b", "c", "d"])


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf not in WITHOUT_WORKSPACE])
def test_a_missing_workspace_is_told(inside, leaf, capsys):
    message = refused(capsys, [*words_of(leaf), "--workspace", str(inside / "absent")])
    assert "gnomon.yaml" in message
    assert "absent" in message
    assert not (inside / "absent").exists()


BROKEN = {
    "no YAML": ("data: {source: {kind: csv\n", "gnomon.yaml:"),
    "an unknown key": ("sede: 3\n", "did you mean 'seed'?"),
    "a wrong value": ("seed: many\n", "seed"),
    "a key twice": ("seed: 1\nseed: 2\n", "twice"),
    "no mapping": ("- 1\n- 2\n", "gnomon.yaml"),
    "no text": ("\x00\x01", "gnomon.yaml"),
}


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf not in WITHOUT_CONFIG | {"doctor"}])
def test_a_broken_configuration_is_told_with_its_place(inside, leaf, fault, capsys):
    text, told = BROKEN[fault]
    (inside / "w").mkdir()
    (inside / "w" / "gnomon.yaml").write_text(text)
    message = refused(capsys, [*words_of(leaf), "--workspace", str(inside / "w")])
    assert told in message
    assert "gnomon.yaml" in message
    assert [path.name for path in (inside / "w").iterdir()] == ["gnomon.yaml"]


@pytest.mark.parametrize(
    "leaf", sorted(WITHOUT_CONFIG - {"init", "data synthesize", "honesty leaks", "honesty null", "honesty planted"})
)
def test_what_needs_no_workspace_answers_without_one_in_one_object(inside, leaf, capsys):
    assert main([*words_of(leaf), "--json", "--workspace", str(inside / "absent")]) == 0
    out, err = capsys.readouterr()
    assert isinstance(json.loads(out), dict)
    assert err == ""


QUICK = """\
project: quick
data:
  source: {kind: synthetic, symbols: 1, start: "2016-01-01", end: "2016-03-01", seed: 5}
  frequency: 1d
  calendar: XNYS
models: {logistic: {model_type: logistic_regression}}
tracking: {enabled: false}
pipeline: quick
pipelines: {quick: [ingest, check]}
"""
WORDS = [
    *("--json", "--set", "--env", "--out", "--data", "--last", "--stamp", "--from", "--until", "--gate", "--head"),
    *("--config", "--origin", "--pipeline", "--dry-run", "--forecasts", "--dataset", "--alias", "--field", "--rows"),
    *("--format", "--export", "--symbol", "--zone", "--column", "--no-check", "--force", "-s", "-w", "--", "-", "--="),
    *("latest", "0", "-1", "1e400", "nan", "a=b", "seed=3", "seed=[", "data.source={kind: csv}", "x.csv", "x.parquet"),
    *("signals.csv", "junk.bin", "gnomon.yaml", "w", "absent", ".", "", " ", "é\u202e", "\U0001f600" * 40, "a" * 3000),
    *("check", "report", "rsi", "lightgbm", "html", "png", "open", "1d", "XNYS", "{}", "[]", "${HOME}", "${NOPE}", "%"),
    *("2:" + "0" * 64, "--set=execution.fee_bps=x", "--set=a..b=1", "--set=models={}", "--set=data.end=1999-01-01"),
    *("--symbols", "3", "--start", "2020-13-01", "--end", "--frequency", "0d", "--calendar", "NOPE", "--seed"),
]


PAIRS = [
    *(
        ["--last", "2"],
        ["--json"],
        ["--dry-run"],
        ["--gate"],
        ["--set", "seed=3"],
        ["--set", "seed=x"],
        ["--head", "x"],
    ),
    *(["--until", "ingest"], ["--from", "check"], ["--env", "nope"], ["--format", "md"], ["--force"], ["--origin"]),
    *(["--data", "junk.bin"], ["--data", "signals.csv"], ["--stamp", "open"], ["--stamp", "x"], ["--out", "o.csv"]),
    *(["--config", "w/gnomon.yaml"], ["--config", "junk.bin"], ["--field", "path=x"], ["--symbols", "0"], ["--help"]),
]


def mutated(rng: np.random.Generator) -> list[str]:
    """A command line that may be right, with an option more and up to two words put in, taken out or spoiled."""
    words = words_of(str(rng.choice(LEAVES)))
    words += ["--workspace", str(rng.choice(["w", "w", "w", "absent", "."]))]
    if rng.random() < 0.6:
        words += PAIRS[int(rng.integers(len(PAIRS)))]
    for _ in range(rng.integers(3)):
        at = int(rng.integers(len(words) + 1))
        match rng.integers(4):
            case 0:
                words.insert(at, str(rng.choice(WORDS)))
            case 1 if len(words) > 1:
                del words[min(at, len(words) - 1)]
            case 2:
                words.insert(at, words[min(at, len(words) - 1)])
            case _:
                victim = min(at, len(words) - 1)
                letters = list(words[victim]) or ["x"]
                letters[int(rng.integers(len(letters)))] = str(rng.choice(list("abz019-=.{}[] \x00é")))
                words[victim] = "".join(letters)
    # Nothing outside of this folder, and no demo of its own: it shall be quick, and leave nothing behind.
    kept = [word for word in words if not word.startswith("/")]
    if "honesty" in kept:
        return ["honesty", "leaks", "--cuts", "0"]
    if "bench" in kept:
        return ["bench", "show", "--by", str(rng.choice(WORDS))]
    return kept if "demo" not in kept else ["demo", "--workspace", "w", "--json"]


def say_mutated(count: int, seed: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[int, int]:
    """Says mutated command lines; returns how many ended with each code."""
    (folder / "w").mkdir(exist_ok=True)
    (folder / "w" / "gnomon.yaml").write_text(QUICK)
    (folder / "junk.bin").write_bytes(bytes(range(256)))
    rng, codes = np.random.default_rng(seed), dict.fromkeys(range(5), 0)
    for _ in range(count):
        words = mutated(rng)
        code = main(words)
        out, err = capsys.readouterr()
        assert code in codes, (words, err)
        assert "Traceback" not in out + err, words
        assert "fault in Gnomon" not in out + err, (words, out, err)
        if code and "--help" not in words and "Usage:" not in out:
            assert err.startswith("gnomon: ") or json.loads(out)["exit_code"] == code, (words, out, err)
        codes[code] += 1
    return codes


def test_mutated_command_lines_are_answered(inside, capsys):
    codes = say_mutated(100, 1, inside, capsys)
    assert codes[2] > 20
    assert codes[0] > 5, "some of them are right all the same"


@pytest.mark.fuzz
def test_many_mutated_command_lines_are_answered(inside, capsys):
    codes = say_mutated(500, 2, inside, capsys)
    assert min(codes[0], codes[1], codes[2]) > 0


def test_the_sweep_catches_a_command_that_breaks(inside, capsys, monkeypatch):
    """The control: a fault of ours in one command is not taken for an answer."""
    monkeypatch.setattr("gnomon.pipeline.workspace.open_workspace", lambda *_, **__: 1 / 0)
    with pytest.raises(AssertionError, match="fault in Gnomon"):
        say_mutated(100, 1, inside, capsys)
