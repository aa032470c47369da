"""Rivals that cannot live in this environment (old pins) run as child processes of an interpreter that has them.

`GNOMON_RIVALS` lists such interpreters, separated as in PATH: the first that can import a rival is taken, after this
one. Nothing else is needed there: a child script reads arrays and prints JSON, and imports nothing of this project.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


@cache
def interpreter(module: str) -> str | None:
    """The interpreter that can import a module; None where none can."""
    if importlib.util.find_spec(module):
        return sys.executable
    for path in filter(None, os.environ.get("GNOMON_RIVALS", "").split(os.pathsep)):
        check = [path, "-c", f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"]
        if Path(path).is_file() and subprocess.run(check, check=False, capture_output=True).returncode == 0:
            return path
    return None


def child(module: str, script: str, *arguments: object) -> dict[str, Any]:
    """What `benchmarks/<script>` prints, run where the module is. Raises RuntimeError with its last words."""
    python = interpreter(module)
    if python is None:
        raise RuntimeError(f"{module} is not installed")
    command = [python, str(Path(__file__).parent / script), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr.strip().splitlines()[-1:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def absent(module: str, target: float) -> dict[str, object]:
    """The figure of a rival that is not there."""
    words = f"{module} is not installed; name an interpreter that has it in GNOMON_RIVALS"
    return {"value": None, "target": target, "better": "higher", "absent": words}
