"""Refuses files of more than 650 lines: a file holds one idea."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT = 650


def main() -> int:
    """Prints each file over the limit; 1 when there is one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    long = [
        f"{path}: {count} lines, the limit is {LIMIT}; move one idea into a file of its own"
        for path in listed.stdout.split()
        if Path(path).exists() and (count := len(Path(path).read_text(encoding="utf-8").splitlines())) > LIMIT
    ]
    print("\n".join(long), end="\n" if long else "")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
