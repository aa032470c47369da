"""The disk cache must never answer for code that has changed; numba's own does, and the control shows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import njit

from gnomon.kernels import cache
from gnomon.kernels.indicators import trend, windows

MAIN = """
from outer import doubled
print(doubled.compiled.cache_hits)
"""
OUTER = """
from helpers import factor
from gnomon.kernels.base import kernel

@kernel(state_size=lambda p: 0)
def doubled(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = factor(x[c[0], t])
"""
HELPERS = """
from numba import njit

@njit
def factor(value):
    return {factor} * value
"""
CONTROL = """
from numba import cfunc, float64
from helpers import factor

@cfunc(float64(float64), cache=True)
def doubled(value):
    return factor(value)

print(doubled.ctypes(1.0))
"""


def run(script: Path, cache_dir: Path, arguments: tuple[str, ...] = (), **extra: str) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"NUMBA_CACHE_DIR", "GNOMON_CACHE_DIR"}}
    environment.update({"GNOMON_CACHE_DIR": str(cache_dir), "PYTHONDONTWRITEBYTECODE": "1", **extra})
    command = [sys.executable, script.name, *arguments]
    done = subprocess.run(command, cwd=script.parent, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_helper_that_changes_in_another_file_is_compiled_anew(tmp_path: Path) -> None:
    for name, text in {"main.py": MAIN, "outer.py": OUTER, "control.py": CONTROL}.items():
        (tmp_path / name).write_text(text)
    numbas = {"NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    (tmp_path / "helpers.py").write_text(HELPERS.format(factor=2.0))
    assert [run(tmp_path / "main.py", tmp_path / "cache") for _ in range(2)] == ["0", "1"]
    assert run(tmp_path / "control.py", tmp_path / "cache", **numbas) == "2.0"
    (tmp_path / "helpers.py").write_text(HELPERS.format(factor=3.0))
    assert run(tmp_path / "main.py", tmp_path / "cache") == "0"
    # The control: numba's cache alone goes on with the old helper, in silence.
    assert run(tmp_path / "control.py", tmp_path / "cache", **numbas) == "2.0"


def test_the_hash_changes_with_any_kernel_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "deep" / "b.py").write_text("y = 1\n")
    monkeypatch.setattr(cache, "KERNELS", tmp_path)
    hashes = [cache.source_hash.__wrapped__()]
    for change in (
        lambda: (tmp_path / "deep" / "b.py").write_text("y = 2\n"),
        lambda: (tmp_path / "c.py").write_text(""),
        lambda: (tmp_path / "a.py").rename(tmp_path / "d.py"),
        lambda: monkeypatch.setattr(cache.np, "__version__", "99"),
        lambda: monkeypatch.setattr(cache.llvmlite, "__version__", "99"),
    ):
        change()
        hashes.append(cache.source_hash.__wrapped__())
    assert len(set(hashes)) == len(hashes)
    (tmp_path / "notes.txt").write_text("no code")
    assert cache.source_hash.__wrapped__() == hashes[-1]


@pytest.mark.parametrize(
    ("variables", "platform", "expected"),
    [
        ({"GNOMON_CACHE_DIR": "/g", "NUMBA_CACHE_DIR": "/n", "XDG_CACHE_HOME": "/x"}, "linux", "/g/kernels"),
        ({"NUMBA_CACHE_DIR": "/n", "XDG_CACHE_HOME": "/x"}, "linux", "/n"),
        ({"XDG_CACHE_HOME": "/x"}, "linux", "/x/gnomon/kernels"),
        ({"HOME": "/h"}, "linux", "/h/.cache/gnomon/kernels"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Caches/gnomon/kernels"),
        ({"HOME": "/h", "LOCALAPPDATA": "/l"}, "win32", "/l/gnomon/cache/kernels"),
    ],
)
def test_the_folder_stands_where_the_platform_keeps_caches(variables, platform, expected, monkeypatch) -> None:
    for name in ("GNOMON_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(cache.sys, "platform", platform)
    assert cache.root().as_posix() == expected


def test_the_folder_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_CACHE_DIR", str(tmp_path))
    chosen = cache.folder.__wrapped__()
    assert chosen == tmp_path / "kernels" / cache.source_hash()[:16]
    assert chosen.stat().st_mode & 0o777 == 0o700


def test_without_a_folder_to_write_to_the_process_gets_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GNOMON_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="set GNOMON_CACHE_DIR"):
        chosen = cache.folder.__wrapped__()
    assert chosen.is_dir()
    assert chosen.name.startswith("gnomon-kernels-")


def test_a_folder_that_may_only_be_read_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache.os, "access", lambda *_: False)
    with pytest.warns(UserWarning, match="not writable"):
        cache.folder.__wrapped__()


def test_numba_is_pointed_at_the_folder() -> None:
    assert str(cache.folder()) == cache.numba_config.CACHE_DIR
    with cache.folder_for(trend.sma.body) as inside:
        assert inside == cache.folder()
    with cache.folder_for(test_numba_is_pointed_at_the_folder) as outside:
        assert str(outside) == cache.numba_config.CACHE_DIR
    assert str(cache.folder()) == cache.numba_config.CACHE_DIR


CONSTANT = 1.0


@njit
def helper(value):
    return value + CONSTANT


def test_a_fingerprint_follows_helpers_and_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    def loop(x):
        return helper(x)

    before = cache.fingerprint(loop)
    assert cache.fingerprint(loop) == before
    monkeypatch.setitem(globals(), "CONSTANT", 2.0)
    assert cache.fingerprint(loop) != before
    assert cache.fingerprint(trend.sma.body) != cache.fingerprint(trend.wma.body)


def test_a_fingerprint_of_a_kernel_follows_the_windows_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    before, other = cache.fingerprint(trend.sma.body), cache.fingerprint(trend.adx.body)
    monkeypatch.setattr(windows, "GRAVE", 1.0)
    assert cache.fingerprint(trend.sma.body) != before
    assert cache.fingerprint(trend.adx.body) == other


FILE = """
from gnomon.kernels.base import kernel

@kernel(state_size=lambda p: 0)
def halved(s, x, c, out, p):
    for t in range(x.shape[1]):
        out[0, t] = x[c[0], t] / 2.0
"""
LOADER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location(sys.argv[1], "file.py")
module = importlib.util.module_from_spec(spec)
if sys.argv[2] == "known":
    sys.modules[spec.name] = module
spec.loader.exec_module(module)
print(module.halved.compiled.cache_hits)
"""


def test_a_kernel_loaded_from_a_file_under_any_name_can_be_loaded_again(tmp_path: Path) -> None:
    """numba writes the module's name into its cache entry, and fails on an entry whose module it cannot find."""
    (tmp_path / "file.py").write_text(FILE)
    (tmp_path / "load.py").write_text(LOADER)
    for name, known, hits in (("one", "unknown", 0), ("one", "known", 0), ("two", "known", 0), ("one", "known", 1)):
        assert run(tmp_path / "load.py", tmp_path / "cache", arguments=(name, known)) == str(hits)
