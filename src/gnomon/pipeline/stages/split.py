"""The split: train, validation, test, purged by label end, and audited by a check that shares no code with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Int64
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import FOLD, SAMPLES, SPLIT
from gnomon.pipeline.stages.base import BuiltinStage, module_of
from gnomon.splits.audit import audit_fold
from gnomon.splits.base import SPLITTERS, require_one_fold


@STAGES.register(name="split")
class SplitStage(BuiltinStage):
    """Samples to one fold."""

    name = "split"
    reads = (SAMPLES,)
    writes = (FOLD, SPLIT)

    @property
    def config(self) -> Mapping[str, Any]:
        """The split's section."""
        return self.part("split")

    @property
    def modules(self) -> tuple[str, ...]:
        """The splitter's."""
        return (module_of(SPLITTERS, self.setup.config.split, where="split"),)

    def prepare(self) -> None:
        """Builds the splitter, and refuses one that makes several folds."""
        section = self.setup.config.split
        require_one_fold(SPLITTERS.from_config(section, where="split"), section["kind"], where="split")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Splits and audits. GateError when a training label meets a test interval."""
        samples = context[SAMPLES]
        splitter = SPLITTERS.from_config(context.config.split, where="split")
        folds = list(splitter.split(samples.known_at, samples.last_label_end))
        if len(folds) != 1:
            raise DataError(
                f"splitter {context.config.split['kind']!r} made {len(folds)} folds; this pipeline trains and judges "
                "on one, use `holdout`"
            )
        fold = folds[0]
        audit = audit_fold(fold, samples.known_at, samples.last_label_end)
        audit.raise_overlaps()
        parts = {part: _span(samples.known_at[getattr(fold, part)]) for part in ("train", "valid", "test")}
        kept = sum(part["rows"] for part in parts.values())
        overlaps = sum(len(rows) for rows in audit.overlaps.values())
        facts = {**parts, "rows": len(samples), "left_out": len(samples) - kept, "overlaps": overlaps}
        return {FOLD: fold, SPLIT: facts}


def _span(known_at: Int64[Array, " n"]) -> dict[str, Any]:
    if not len(known_at):
        return {"rows": 0, "start": None, "end": None}
    start, end = (datetime.fromtimestamp(int(t) / 1e6, UTC).isoformat() for t in (known_at.min(), known_at.max()))
    return {"rows": len(known_at), "start": start, "end": end}
