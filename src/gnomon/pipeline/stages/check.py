"""Checked bars: universe, adjustment and repair where the configuration names them, then the checks.

An error stops the run with the rows that caused it; a warning goes into the report. Nothing is mended that the
configuration does not name, and what was changed is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import polars as pl

from gnomon.data.actions import apply_actions
from gnomon.data.checks.run import check_bars
from gnomon.data.digest import hash_bars
from gnomon.data.issues import CheckReport
from gnomon.data.manager import rooted
from gnomon.data.repair import REPAIRS, repair_bars
from gnomon.data.universe import restrict
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, CHECKS, RAW_BARS
from gnomon.pipeline.stages.base import BuiltinStage, finite, module_of
from gnomon.pipeline.stages.ingest import table_files
from gnomon.splits.base import SPLITTERS

ROWS_SHOWN = 10
"""Offending rows that a report shows for each finding."""


@STAGES.register(name="check")
class CheckStage(BuiltinStage):
    """Raw bars to bars that can be trusted, or a refusal."""

    name = "check"
    reads = (RAW_BARS,)
    writes = (BARS, CHECKS)

    @property
    def config(self) -> Mapping[str, Any]:
        """What is checked, mended and adjusted."""
        data = self.part("data")["data"]
        keys = ("checks", "repair", "actions", "adjust", "universe", "unlisted", "frequency", "calendar")
        chosen = {key: data[key] for key in keys}
        files = {
            name: table_files(section, self.setup.workspace, where=f"data.{name}")
            for name in ("actions", "universe")
            if (section := getattr(self.setup.config.data, name)) is not None
        }
        # Repairs may take statistics from the training rows, and the split says which those are.
        split = self.part("split") if data["repair"] else {}
        return {**chosen, **split, "files": files}

    @property
    def modules(self) -> tuple[str, ...]:
        """The repairs'."""
        steps = enumerate(self.setup.config.data.repair)
        return tuple(sorted({module_of(REPAIRS, step, where=f"data.repair[{i}]") for i, step in steps}))

    def prepare(self) -> None:
        """Builds every repair and opens the tables of actions and listings."""
        for index, step in enumerate(self.setup.config.data.repair):
            REPAIRS.from_config(step, where=f"data.repair[{index}]")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Restricts, adjusts, repairs, checks. DataError, with the rows, when an error is found."""
        data, workspace = context.config.data, context.setup.workspace
        raw = context[RAW_BARS]
        bars, facts = raw, {}
        if data.universe is not None:
            bars, restricted = restrict(bars, rooted(data.universe, workspace), unlisted=data.unlisted)
            facts["universe"] = [asdict(count) for count in restricted]
        if data.actions is not None:
            before = bars
            bars = apply_actions(bars, rooted(data.actions, workspace), method=data.adjust)
            changed = (bars["close"] != before["close"]).sum()
            facts["adjusted"] = [{"method": data.adjust, "bars": int(changed)}]
        if data.repair:
            bars, repaired = repair_bars(bars, data.repair, train_end=self.train_end(bars))
            facts["repairs"] = [asdict(count) for count in repaired]
        report = check_bars(bars, data.checks, frequency=data.frequency, calendar=data.calendar)
        if bars is not raw:
            unmended = check_bars(raw, data.checks, frequency=data.frequency, calendar=data.calendar)
            facts["issues_before"] = _plain(unmended)
        report.raise_errors()
        return {BARS: bars, CHECKS: {**facts, "issues": _plain(report), "version": hash_bars(bars)}}

    def train_end(self, bars: pl.DataFrame) -> datetime | None:
        """The last moment of the training rows, where the splitter has a fraction for them."""
        splitter = SPLITTERS.from_config(self.setup.config.split, where="split")
        fraction = getattr(splitter, "train", None)
        if not isinstance(fraction, float):
            return None
        moments = bars["timestamp"].unique().sort()
        end: datetime = moments[max(round(fraction * len(moments)) - 1, 0)]
        return end


def _plain(report: CheckReport) -> list[dict[str, Any]]:
    issues = []
    for issue in report.issues:
        rows = issue.rows.head(ROWS_SHOWN).with_columns(pl.selectors.temporal().dt.to_string("iso:strict"))
        issues.append(
            {
                "check": issue.check,
                "severity": issue.severity,
                "count": issue.count,
                "message": issue.message,
                "rows": finite(rows.to_dicts()),
            }
        )
    return issues
