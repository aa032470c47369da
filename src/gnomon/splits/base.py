"""What a splitter is. Splits look ahead on purpose: nothing that runs live may import this room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gnomon.core.errors import ConfigError
from gnomon.core.registry import Registry
from gnomon.core.types import Array, Int64


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """Row numbers (sorted) of one division of the samples; `valid` is empty where the splitter makes none."""

    train: Int64[Array, " train"]
    test: Int64[Array, " test"]
    valid: Int64[Array, " valid"] = field(default_factory=lambda: np.empty(0, np.int64))


class Splitter(Protocol):
    """Cuts labelled rows into folds whose training labels end before testing begins."""

    def split(self, known_at: Int64[Array, " n"], label_end: Int64[Array, " n"]) -> Iterator[Fold]:
        """`known_at`: when a row became knowable; `label_end`: when its last label did (UTC, microseconds).

        Rows may be in any order (samples are sorted by symbol, then time). A row whose label is not known yet carries
        `gnomon.samples.base.UNKNOWN_END` and never enters `train` or `valid`.
        """
        ...


def require_one_fold(splitter: Splitter, kind: str, *, where: str) -> None:
    """Raises ConfigError for a splitter of several folds, which says so by its `several_folds`, before any work."""
    if getattr(splitter, "several_folds", False):
        raise ConfigError(
            f"{where}.kind = {kind!r} makes several folds, and one model is trained and judged on one: use `holdout` "
            "(`intraday_holdout` for bars of minutes); folds belong to `selection.splitter` (selection.by: "
            "cross_validation) or to a cross-validation of your own"
        )


SPLITTERS: Registry[Splitter] = Registry("splitter")
