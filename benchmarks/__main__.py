"""Runs every benchmark, prints what was measured beside its target, writes JSON, and compares with a baseline.

A file `benchmarks/<name>.py` offers `run() -> {figure: {"value": x, "target": y, "better": "higher" | "lower"}}`;
further keys of a figure (the seconds behind a ratio, say) are kept as they are. A figure whose rival is not installed
has the value None and says so under "absent".
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
import traceback
from pathlib import Path
from typing import Any

import benchmarks

TOLERANCE = 0.25
"""Ratios move by this much between two runs on one machine; a change beyond it is shown as such."""
LONG = frozenset({"full_run"})
"""Benchmarks of half an hour and more: run only where they are named."""


def main() -> int:
    """Runs what was asked for; 1 when a benchmark failed, or a ratio fell behind the baseline."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run; all but the long ones when none is")
    parser.add_argument("--out", type=Path, help="where to write the JSON")
    parser.add_argument("--compare", type=Path, help="a baseline to compare with")
    arguments = parser.parse_args()
    known = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    results: dict[str, Any] = {}
    failed = []
    for name in arguments.names or [name for name in known if name not in LONG]:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            results[name] = importlib.import_module(f"benchmarks.{name}").run()
        except Exception:  # noqa: BLE001  one broken benchmark must not hide the others; it is shown and fails the run
            traceback.print_exc()
            failed.append(name)
            continue
        for figure, measured in results[name].items():
            print(_line(f"{name}.{figure}", measured))
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
    behind = compare(results, json.loads(arguments.compare.read_text())["results"]) if arguments.compare else []
    for line in behind:
        print(f"behind the baseline: {line}")
    return 1 if failed or behind else 0


def meets(measured: dict[str, Any]) -> bool | None:
    """Whether a figure meets its target; None where it has none."""
    if measured.get("target") is None or measured["value"] is None:
        return None
    higher = measured.get("better", "higher") == "higher"
    return bool(measured["value"] >= measured["target"] if higher else measured["value"] <= measured["target"])


def compare(results: dict[str, Any], baseline: dict[str, Any]) -> list[str]:
    """The figures that are worse than the baseline's by more than the tolerance."""
    lines = []
    for name, figures in baseline.items():
        for figure, before in figures.items():
            now = results.get(name, {}).get(figure)
            if now is None or now["value"] is None or not before.get("value"):
                continue
            change = now["value"] / before["value"]
            worse = change < 1 - TOLERANCE if before.get("better", "higher") == "higher" else change > 1 + TOLERANCE
            if worse:
                lines.append(f"{name}.{figure}: {now['value']:.4g}, was {before['value']:.4g}")
    return lines


def _line(name: str, measured: dict[str, Any]) -> str:
    if measured["value"] is None:
        return f"{name:58s} absent: {measured['absent']}"
    verdict = {True: "meets", False: "MISSES", None: ""}[meets(measured)]
    target = f"target {measured['target']:g}" if measured.get("target") is not None else ""
    return f"{name:58s} {measured['value']:>12.4g} {measured.get('unit', ''):10s} {target:16s} {verdict}"


if __name__ == "__main__":
    sys.exit(main())
