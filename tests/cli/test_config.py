"""`gnomon config`: what a person and a program see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gnomon.cli.main import main
from gnomon.config import yaml
from gnomon.core.redaction import forget_secrets
from gnomon.execution.sizing import SIZERS

TEXT = """\
project: mine
labels:
  kind: triple_barrier
models:
  first: {model_type: logistic_regression}
execution: {fee_bps: 1.0}
store: {options: {secret: "${MY_SECRET:-hunter2hunter2}"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "gnomon.yaml").write_text(TEXT)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "cheap.yaml").write_text("execution: {fee_bps: 0.0}\n")
    yield tmp_path
    forget_secrets()


def test_check_says_that_it_is_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--workspace", str(folder)]) == 0
    assert "is right" in capsys.readouterr().out
    assert main(["config", "check", "--workspace", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is True
    assert {"key": "models.first", "registry": "model"} in found["components"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("projct=x", "did you mean 'project'?"),
        ("labels.horizns=[1]", "did you mean 'horizons'?"),
        ("models.first.model_type=logistic_regresion", "did you mean 'logistic_regression'?"),
        ("models.first.params.nothing=1", "unknown key 'nothing' at models.first.params.nothing"),
        ("execution.fee_bp=1", "did you mean 'fee_bps'?"),
        ("data.source={kind: embeded}", "did you mean 'embedded'?"),
        ("split.kind=holdot", "did you mean 'holdout'?"),
    ],
)
def test_check_refuses_with_exit_code_2(
    folder: Path, override: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "check", "--workspace", str(folder), "--set", override]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert "Traceback" not in err


def test_show_is_yaml_that_reads_back_and_holds_no_secret(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--workspace", str(folder), "--set", "seed=3"]) == 0
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    values = yaml.plain(yaml.parse(shown))
    assert (values["project"], values["seed"]) == ("mine", 3)
    assert values["store"]["options"]["secret"] == "${MY_SECRET}"
    assert main(["config", "show", "labels.kind", "--workspace", str(folder)]) == 0
    assert capsys.readouterr().out == "triple_barrier\n"
    assert main(["config", "show", "lables", "--workspace", str(folder)]) == 2
    assert "did you mean 'labels'" in capsys.readouterr().err


def test_show_tells_where_values_come_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "execution", "--origin", "--json", "-x", "cheap", "--workspace", str(folder)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["origins"]
    assert (row["key"], row["value"], row["layer"]) == ("execution.fee_bps", "0.0", "experiment cheap")
    assert row["place"].endswith("cheap.yaml:1:22")
    assert main(["config", "show", "--origin", "--workspace", str(folder)]) == 0
    assert "hunter2" not in capsys.readouterr().out


def test_schema_knows_the_components(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "triple_barrier" in schema["properties"]["labels"]["properties"]["kind"]["enum"]
    assert "fee_bps" in schema["properties"]["execution"]["properties"]
    assert "logistic_regression" in schema["$defs"]["ModelConfig"]["properties"]["model_type"]["enum"]
    out = tmp_path / "schema.json"
    assert main(["config", "schema", "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == schema
    assert "yaml-language-server" in capsys.readouterr().out


def test_diff_names_the_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "diff", ".", "cheap", "--json", "--workspace", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["differences"] == [{"key": "execution.fee_bps", "a": 1.0, "b": 0.0}]
    assert main(["config", "diff", str(folder / "gnomon.yaml"), "--workspace", str(folder)]) == 0
    assert "mean the same" in capsys.readouterr().out
    assert main(["config", "diff", "cheap", "--workspace", str(folder)]) == 0
    assert "execution.fee_bps" in capsys.readouterr().out
    assert main(["config", "diff", str(folder), "cheep", "--workspace", str(folder)]) == 2


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_failure_shows_a_secret(
    folder: Path, form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("GET https://vendor/?q=hunter2hunter2 failed")

    monkeypatch.setattr("gnomon.config.components.check_components", broken)
    assert main(["config", "check", "--workspace", str(folder), *form]) == 1
    seen = capsys.readouterr()
    assert "failed" in seen.out + seen.err
    assert "hunter2" not in seen.out + seen.err


def test_check_knows_the_workspaces_own_parts(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What the plug-in registers is gone after the test.
    monkeypatch.setattr(SIZERS, "_entries", dict(SIZERS._entries))
    (folder / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from gnomon.execution.sizing import SIZERS\n"
        "@SIZERS.register(name='cautious_of_test_config')\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Cautious:\n"
        "    share: float = 0.1\n"
    )
    sizing = ["--set", "plugins=[mine.py]", "--set", "sizing={kind: cautious_of_test_config, shere: 0.2}"]
    assert main(["config", "check", "--workspace", str(folder), *sizing]) == 2
    assert "did you mean 'share'?" in capsys.readouterr().err
