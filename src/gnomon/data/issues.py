"""What a check finds: issues, and the report that gathers them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.files import atomic_path

ROWS_IN_ERROR = 200
SUMMARY_SCHEMA = {"check": pl.String, "severity": pl.String, "count": pl.Int64, "message": pl.String}


@dataclass(frozen=True)
class Issue:
    """One finding of one check: how often, what, where, and the way out.

    `count` is the whole number of offending rows (or moments), `rows` the first of them, at most as many as
    `ChecksConfig.max_rows`, with `row` as their place in the frame that was checked.
    """

    check: str
    severity: Literal["error", "warning"]
    count: int
    message: str
    rows: pl.DataFrame = field(repr=False)

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


@dataclass(frozen=True)
class CheckReport:
    """Everything the checks found, errors first."""

    issues: tuple[Issue, ...] = ()

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The findings that stop a run."""
        return tuple(issue for issue in self.issues if issue.severity == "error")

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """The findings that a report shows."""
        return tuple(issue for issue in self.issues if issue.severity == "warning")

    def summary(self) -> pl.DataFrame:
        """One row an issue: check, severity, count, message."""
        rows = [(issue.check, issue.severity, issue.count, issue.message) for issue in self.issues]
        return pl.DataFrame(rows, schema=SUMMARY_SCHEMA, orient="row")

    def rows(self) -> pl.DataFrame:
        """The offending rows of all issues under each other, with the columns `check` and `severity`."""
        return stack(self.issues)

    def raise_errors(self) -> None:
        """Raises DataError with the messages and the rows of all errors; returns when there is none."""
        if not self.errors:
            return
        message = "\n".join(str(issue) for issue in self.errors)
        each = max(ROWS_IN_ERROR // len(self.errors), 1)
        shown = [replace(issue, rows=issue.rows.head(each)) for issue in self.errors]
        raise DataError(message, rows=stack(shown))

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Writes `checks.parquet` (the summary) and, where something was found, `check_rows.parquet`."""
        tables = {"checks.parquet": self.summary()}
        if self.issues:
            tables["check_rows.parquet"] = self.rows()
        for name, table in tables.items():
            with atomic_path(folder / name) as temporary:
                table.write_parquet(temporary)
        return tuple(folder / name for name in tables)


def stack(issues: Iterable[Issue]) -> pl.DataFrame:
    """The rows of issues in one frame; columns that an issue does not have are null."""
    tables = [
        issue.rows.select(pl.lit(issue.check).alias("check"), pl.lit(issue.severity).alias("severity"), pl.all())
        for issue in issues
    ]
    return pl.concat(tables, how="diagonal_relaxed") if tables else pl.DataFrame()
