"""The code behind a stage, as a hash: every gnomon module that its module imports, directly or through others.

A comment counts like code: too many recomputations are a nuisance, one too few is a lie.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from gnomon.core.hashing import hash_bytes, hash_file, hash_value

PACKAGE = "gnomon"
ROOT = Path(__file__).parents[1]
NUMERIC_LIBRARIES = (
    *("numpy", "numba", "llvmlite", "polars", "scipy", "scikit-learn", "lightgbm", "pyarrow", "arch"),
    *("xgboost-cpu", "catboost", "torch", "lightning"),
)
"""Libraries whose version may move a result."""


def code_hash(modules: Iterable[str], plugins: Iterable[Path] = ()) -> str:
    """Hash of the modules' import closures within gnomon, the user's files, and the numeric libraries' versions."""
    closure = sorted(set().union(*(import_closure(module) for module in modules)))
    return hash_value(
        {
            "modules": {name: _source_hash(name) for name in closure},
            "plugins": {path.name: hash_file(path) for path in sorted(plugins)},
            "libraries": library_versions(),
        }
    )


@cache
def library_versions() -> dict[str, str]:
    """Versions of Python and of the numeric libraries that are installed."""
    versions = {"python": platform.python_version()}
    for name in NUMERIC_LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def import_closure(module: str) -> frozenset[str]:
    """Every gnomon module reached from `module` by import statements, wherever they stand, itself included.

    A module outside gnomon (a plug-in's) is followed too, but only its own file and its gnomon imports.
    """
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        waiting.extend(_direct_imports(name) - reached)
    return frozenset(reached)


_COMMENT = re.compile(r"#[^\n]*")
_FROM = re.compile(r"\bfrom\s+([A-Za-z_][\w.]*)\s+import\s*(\([^)]*\)|[^\n;]*)")
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*import\s+([^\n;]*)", re.MULTILINE)
_NAME = re.compile(r"([A-Za-z_][\w.]*)(?:\s+as\s+\w+)?")


def imported_names(source: str) -> set[str]:
    r"""Every module that an import statement of the source may name, wherever it stands.

    `from a import b` gives `a` and `a.b`: it names a module, or a value in one. Read from the text, at a tenth of a
    parser's time, and so also from texts that only look like imports: one name too many costs a recomputation.

    >>> sorted(imported_names("from a.b import (c, d as e)\nimport f.g as h"))
    ['a.b', 'a.b.c', 'a.b.d', 'f.g']
    """
    code = _COMMENT.sub("", source)
    names: set[str] = set()
    for module, what in _FROM.findall(code):
        names.add(module)
        names.update(f"{module}.{name}" for name in _NAME.findall(what))
    for what in _IMPORT.findall(code):
        names.update(_NAME.findall(what))
    return names


@cache
def _file(module: str) -> Path | None:
    if module == PACKAGE or module.startswith(f"{PACKAGE}."):
        # By its path: to ask Python for a module imports all packages above it, and with them a net's libraries.
        place = ROOT.joinpath(*module.split(".")[1:])
        files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
        return next((file for file in files if file.is_file()), None)
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


@cache
def _source_hash(module: str) -> str:
    path = _file(module)
    return hash_bytes(path.read_bytes()) if path is not None else "none"


@cache
def _direct_imports(module: str) -> frozenset[str]:
    path = _file(module)
    if path is None:
        return frozenset()
    found = set(imported_names(path.read_text(encoding="utf-8")))
    inside = {name for name in found if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    return frozenset(name for name in inside if _file(name) is not None)
