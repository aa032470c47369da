"""A purged split, the audit that shares no code with it, and a leak that the audit finds.

Run it: python examples/splits.py
"""

from __future__ import annotations

import numpy as np

from gnomon.core.errors import GateError
from gnomon.splits import Fold, Holdout, audit_fold


def main() -> None:
    """Splits 1,000 daily rows whose labels take twenty bars to be known."""
    known_at = np.arange(1000)
    label_end = known_at + 20

    (fold,) = Holdout(train=0.7, valid=0.15, test=0.15, embargo_bars=5).split(known_at, label_end)
    for name in ("train", "valid", "test"):
        rows = getattr(fold, name)
        print(f"{name}: {rows.size} rows, from {rows[0]} to {rows[-1]}")
    print(f"clean: {audit_fold(fold, known_at, label_end).clean}")

    # The split that most code makes: the last training labels end inside the test rows.
    naive = Fold(train=np.arange(850), test=np.arange(850, 1000))
    try:
        audit_fold(naive, known_at, label_end).raise_overlaps()
    except GateError as error:
        print(f"refused: {error}")


if __name__ == "__main__":
    main()
