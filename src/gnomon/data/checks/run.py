"""Runs the configured checks over bars and gathers what they find."""

from __future__ import annotations

from typing import Literal

import polars as pl

from gnomon.config.models import ChecksConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.checks.adjustment import check_adjustment
from gnomon.data.checks.base import Check, Finding, Sheet, place
from gnomon.data.checks.gaps import check_gaps
from gnomon.data.checks.jumps import check_jumps
from gnomon.data.checks.stale import check_stale
from gnomon.data.checks.structure import check_structure
from gnomon.data.checks.values import check_values, validate
from gnomon.data.issues import CheckReport, Issue

CHECKS: tuple[tuple[Check, tuple[str, ...]], ...] = (
    (check_structure, ("duplicates", "order")),
    (check_values, ("nulls", "non_finite", "non_positive", "negative_volume", "ohlc", "zero_volume")),
    (check_gaps, ("gaps",)),
    (check_stale, ("stale",)),
    (check_jumps, ("units", "splits", "jumps")),
    (check_adjustment, ("adjustment",)),
)
"""Every check function with the names that it reports under; each name is a field of `ChecksConfig`."""


def check_bars(
    bars: pl.DataFrame,
    config: ChecksConfig | None = None,
    *,
    frequency: str | None = None,
    calendar: str | None = None,
) -> CheckReport:
    """Checks bars and changes nothing.

    `frequency` is the time between bars ("1m", "1h", "1d"; None takes the most common step), `calendar` an exchange
    calendar (XNYS, 24/7) for the gaps. Raises DataError when the frame has not the columns and types of bars at all;
    everything else comes back as issues, errors first.

    >>> from datetime import UTC, datetime
    >>> stamps = [datetime(2020, 1, day, 21, tzinfo=UTC) for day in (6, 7, 8)]
    >>> bars = pl.DataFrame({"timestamp": stamps, "symbol": "A", "open": 1.0, "high": [1.0, 1.0, 0.5], "low": 1.0,
    ...     "close": 1.0, "volume": 5.0}).cast({"timestamp": pl.Datetime("us", "UTC")})
    >>> [issue.check for issue in check_bars(bars).errors]
    ['ohlc']
    """
    config = config or ChecksConfig()
    # A frame joined from many parts is slow to pass over again and again.
    bars = bars.rechunk()
    faults, failed = validate(bars)
    if faults:
        raise DataError(f"this table is no table of bars: {'; '.join(faults)}; map the source's columns to the bars'")
    if bars.is_empty():
        raise DataError("there are no bars to check; look at the source's path, symbols, start and end")
    ordered = bars.with_row_index("row").sort("symbol", "timestamp", maintain_order=True)
    sheet = Sheet(bars=ordered, failed=failed, config=config, frequency=frequency, calendar=calendar)
    issues = [
        issue_of(finding, config)
        for check, names in CHECKS
        if any(severity_of(name, config) != "off" for name in names)
        for finding in check(sheet)
        if severity_of(finding.check, config) != "off"
    ]
    return CheckReport(tuple(sorted(issues, key=lambda issue: issue.severity != "error")))


def severity_of(name: str, config: ChecksConfig) -> str:
    """How serious the config takes a check. Raises ConfigError for a check that it does not know."""
    severity = getattr(config, name, None)
    if severity not in {"error", "warning", "off"}:
        raise ConfigError(f"data.checks has no check named {name!r}")
    return str(severity)


def issue_of(finding: Finding, config: ChecksConfig) -> Issue:
    """A finding with its severity, its message in one line, and no more rows than the config allows."""
    where = finding.where if finding.where is not None else place(finding.rows)
    severity: Literal["error", "warning"] = "error" if severity_of(finding.check, config) == "error" else "warning"
    unit = "bar" if finding.count == 1 else "bars"
    return Issue(
        check=finding.check,
        severity=severity,
        count=finding.count or 0,
        message=f"{finding.what} ({finding.count} {unit}); {where}; {finding.remedy}",
        rows=finding.rows.head(config.max_rows),
    )
