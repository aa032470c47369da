"""A workspace on disk: opened, written, its plug-ins loaded, its leftovers collected."""

from __future__ import annotations

import pytest

from gnomon.core.errors import ConfigError, LockedError
from gnomon.core.files import temporary_for
from gnomon.pipeline.workspace import load_plugins, open_workspace, write_workspace
from gnomon.store.locks import lock


def test_a_folder_without_a_configuration_is_told_how_to_get_one(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=f"no gnomon.yaml in {tmp_path}; `gnomon init {tmp_path}` writes a workspace"):
        open_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    with pytest.raises(ConfigError, match=r"no gnomon.yaml here; `gnomon init \.` writes a workspace"):
        open_workspace(Path())


def test_layers_are_read_and_everything_made_lies_in_one_folder(tmp_path):
    (tmp_path / "gnomon.yaml").write_text("project: mine\n")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "paper.yaml").write_text("seed: 2\n")
    opened = open_workspace(tmp_path, environment="paper", overrides=["seed=3"])
    assert (opened.config.project, opened.config.seed) == ("mine", 3)
    for place in (opened.store.folder, opened.products.folder, opened.runs.folder, opened.trials.path):
        assert place.is_relative_to(tmp_path / ".gnomon")


def test_what_is_written_opens_and_is_never_written_over(tmp_path):
    written = write_workspace(tmp_path / "w", project="named")
    assert {path.name for path in written} == {"gnomon.yaml", "research.yaml", "cheap_costs.yaml", ".gitignore"}
    assert open_workspace(tmp_path / "w").config.project == "named"
    assert open_workspace(tmp_path / "w", environment="research", experiment="cheap_costs").config.seed == 7
    with pytest.raises(ConfigError, match="exists already; nothing was written"):
        write_workspace(tmp_path / "w")


def test_a_file_of_the_users_in_the_way_is_kept(tmp_path):
    (tmp_path / ".gitignore").write_text("mine\n")
    assert tmp_path / ".gitignore" not in write_workspace(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_plugins_are_loaded_once_and_named_when_they_fail(tmp_path):
    (tmp_path / "seen_of_test_workspace.py").write_text("import sys\nsys.modules.setdefault('counted', []).append(1)\n")
    import sys

    sys.modules["counted"] = []  # type: ignore[assignment]
    for _ in range(3):
        (path,) = load_plugins(tmp_path, ["seen_of_test_workspace.py"])
    assert path == (tmp_path / "seen_of_test_workspace.py").resolve()
    assert sys.modules.pop("counted") == [1]
    for name, text, told in (
        ("none.py", None, r"plugins\[0\]: no Python file"),
        ("notes.txt", "x", r"plugins\[0\]: no Python file"),
        ("syntax.py", "a = (\n", r"syntax\.py: SyntaxError"),
        ("raises.py", "x = 1\nraise ValueError('no')\n", r"raises\.py:2: ValueError: no"),
    ):
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match=told):
            load_plugins(tmp_path, [name])
        assert f"gnomon_plugin_{name.partition('.')[0]}" not in sys.modules


def test_collecting_spares_what_records_need_and_waits_for_no_run(tmp_path):
    from gnomon.pipeline.keys import TRIALS

    (tmp_path / "gnomon.yaml").write_text("project: mine\n")
    opened = open_workspace(tmp_path)
    record = opened.products.save("s", "ab" + "0" * 62, {TRIALS: {"count": 1}})
    opened.store.objects.add_bytes(b"nobody names these")
    assert opened.collect(dry_run=True).objects == 1
    assert opened.collect().objects == 1
    assert opened.products.find(record.key) == record
    assert temporary_for(opened.made / "x").parent == opened.made
    with lock(opened.made / "run.lock", "gnomon run x"), pytest.raises(LockedError, match="gnomon run x"):
        opened.collect()
