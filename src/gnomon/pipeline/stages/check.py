"""Checked bars: universe, adjustment and repair where the configuration names them, then the checks.

An error stops the run with the rows that caused it; a warning goes into the report. Nothing is mended that the
configuration does not name, and what was changed is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.data.calendars import check_calendar, parse_frequency
from gnomon.data.curate import curate
from gnomon.data.digest import hash_bars
from gnomon.data.issues import CheckReport
from gnomon.data.repair import REPAIRS
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, CHECKS, RAW_BARS
from gnomon.pipeline.spans import train_fraction
from gnomon.pipeline.stages.base import BuiltinStage, finite, module_of
from gnomon.pipeline.stages.ingest import table_files

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
        """Reads frequency and calendar, and builds every repair."""
        data = self.setup.config.data
        readings: tuple[tuple[str, Callable[[str], object], str | None], ...] = (
            ("frequency", parse_frequency, data.frequency),
            ("calendar", check_calendar, data.calendar),
        )
        for name, read, text in readings:
            try:
                _ = None if text is None else read(text)
            except ConfigError as error:
                raise ConfigError(f"data.{name}: {error}") from None
        for index, step in enumerate(data.repair):
            REPAIRS.from_config(step, where=f"data.repair[{index}]")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Restricts, adjusts, repairs, checks. DataError, with the rows, when an error is found."""
        curation = curate(
            context[RAW_BARS], context.config.data, root=context.setup.workspace, train=train_fraction(context.config)
        )
        curation.report.raise_errors()
        facts: dict[str, Any] = {
            "issues": _plain(curation.report),
            "issues_before": [] if curation.before is None else _plain(curation.before),
            "universe": [asdict(count) for count in curation.restricted],
            "adjusted": []
            if curation.adjusted is None
            else [{"method": context.config.data.adjust, "bars": curation.adjusted}],
            "repairs": [asdict(count) for count in curation.repaired],
            "version": hash_bars(curation.bars),
        }
        return {BARS: curation.bars, CHECKS: facts}


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
