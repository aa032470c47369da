"""Where compiled kernels are kept: one folder for each state of the code that made them.

numba asks only whether a function's own file has changed. When a helper in another file changes, its disk cache goes on
answering with the old machine code, in silence. So the folder's name carries a hash of all kernel sources, the versions
of the compilers and the processor: changed code looks in an empty folder. Importing this module chooses the folder; it
must be imported before anything is compiled, which `gnomon.kernels.base` sees to.

The folder is `$GNOMON_CACHE_DIR/kernels`, else `$NUMBA_CACHE_DIR`, else the user's cache folder (`$XDG_CACHE_HOME`).
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import inspect
import os
import re
import shutil
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy as np
from llvmlite import binding
from numba.core import config as numba_settings
from numba.core.dispatcher import Dispatcher

from gnomon.core.hashing import hash_bytes, hash_file, hash_value

KERNELS = Path(__file__).parent

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_compiling = threading.Lock()

# A module whose attributes are made at run time: untyped.
numba_config: Any = numba_settings


@functools.cache
def source_hash() -> str:
    """Hash of all that decides what a kernel's machine code does: sources, numba, LLVM, numpy, processor.

    Part of the code version of every pipeline stage that runs kernels.

    >>> len(source_hash())
    64
    """
    return hash_value(
        {
            "sources": {p.relative_to(KERNELS).as_posix(): hash_file(p) for p in sorted(KERNELS.rglob("*.py"))},
            "versions": [numba.__version__, llvmlite.__version__, np.__version__, *sys.version_info[:2]],
            "processor": [binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()],
            # Where Intel's short vector library is installed, log and exp may give other bits.
            "vector_library": bool(getattr(numba_config, "USING_SVML", False)),
        }
    )


@functools.cache
def folder() -> Path:
    """The folder of this code's compiled kernels; made when it is not there, readable by its owner alone.

    numba's cache files are pickles, so a folder that others can write to would be a door. Where no folder can be
    written, the process gets a private one that it removes at its end, and says so in a warning.
    """
    try:
        chosen = root() / source_hash()[:16]
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(chosen, os.W_OK):
            raise PermissionError(f"{chosen} is not writable")
    except (OSError, RuntimeError) as error:
        chosen = Path(tempfile.mkdtemp(prefix="gnomon-kernels-"))
        atexit.register(shutil.rmtree, chosen, ignore_errors=True)
        warnings.warn(
            f"compiled kernels cannot be kept ({error}) and are compiled anew by each process, which takes some "
            "seconds; set GNOMON_CACHE_DIR to a folder that can be written",
            stacklevel=2,
        )
    return chosen


def root() -> Path:
    """The folder that holds the folders of all states of the code. Raises RuntimeError where the user has no home."""
    if own := os.environ.get("GNOMON_CACHE_DIR"):
        return Path(own) / "kernels"
    if theirs := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(theirs)
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "gnomon" / "kernels"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "gnomon" / "cache" / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gnomon" / "kernels"
    return Path.home() / ".cache" / "gnomon" / "kernels"


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash of a loop's source and of all that it refers to: helpers in any file, constants of its modules.

    Says whether a state saved by one version of a kernel may be continued by another.
    """
    return hash_value(sorted(_parts(function, set())))


def _parts(function: Callable[..., Any], seen: set[int]) -> Iterator[str]:
    function = function.py_func if isinstance(function, Dispatcher) else function
    if id(function) in seen:
        return
    seen.add(id(function))
    yield _source(function)
    bound = inspect.getclosurevars(function)
    for name, value in {**bound.globals, **bound.nonlocals}.items():
        if isinstance(value, Dispatcher | types.FunctionType):
            yield from _parts(value, seen)
        elif isinstance(value, np.ndarray):
            yield f"{name} {value.dtype} {value.shape} {hash_bytes(value.tobytes())}"
        elif isinstance(value, type):
            yield f"{name} {value.__module__}.{value.__qualname__}"
        elif not isinstance(value, types.ModuleType):
            # An address is another one in each process.
            yield f"{name} " + ADDRESS.sub("", repr(value))


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except OSError:
        # Typed at a prompt: there is no source, the byte code says the same.
        code = function.__code__
        return f"{function.__name__} {code.co_code.hex()} {code.co_consts!r} {code.co_names}"


def cacheable(function: Callable[..., Any]) -> bool:
    """Whether the loop stands in a file and in a module that can be found by name.

    What was typed at a prompt, or loaded from a file without a place in `sys.modules`, is compiled anew by each
    process: numba would write a cache entry that no process can read.
    """
    return Path(function.__code__.co_filename).is_file() and function.__module__ in sys.modules


@contextlib.contextmanager
def folder_for(function: Callable[..., Any]) -> Iterator[Path]:
    """Points numba at the folder of a loop while it is compiled.

    A kernel of another package is not in `source_hash`, so it gets a folder of its own, named by its module (which the
    cache entry refers to) and its fingerprint. Its helpers should be plain `@njit` without `cache=True`: they are
    compiled into the kernel.
    """
    chosen = folder()
    if not Path(function.__code__.co_filename).is_relative_to(KERNELS):
        chosen /= f"outside-{hash_value([function.__module__, fingerprint(function)])[:16]}"
    with _compiling:
        before = numba_config.CACHE_DIR
        numba_config.CACHE_DIR = str(chosen)
        try:
            yield chosen
        finally:
            numba_config.CACHE_DIR = before


numba_config.CACHE_DIR = str(folder())
