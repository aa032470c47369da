"""Reports of checks: what they say, raise and write."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.core.files import observed
from gnomon.data.issues import CheckReport, Issue


def issue(check: str, severity: str, rows: int = 2) -> Issue:
    table = pl.DataFrame({"row": range(rows), "symbol": "A", check: 1.0})
    return Issue(check=check, severity=severity, count=rows, message=f"{check} is wrong", rows=table)  # type: ignore[arg-type]


REPORT = CheckReport((issue("ohlc", "error"), issue("nulls", "error", 3), issue("gaps", "warning")))


def test_errors_are_raised_together_with_their_rows() -> None:
    with pytest.raises(DataError) as caught:
        REPORT.raise_errors()
    assert str(caught.value) == "ohlc: ohlc is wrong\nnulls: nulls is wrong"
    assert caught.value.exit_code == 3
    assert caught.value.rows is not None
    assert caught.value.rows["check"].to_list() == ["ohlc"] * 2 + ["nulls"] * 3


def test_warnings_raise_nothing() -> None:
    CheckReport((issue("gaps", "warning"),)).raise_errors()
    CheckReport().raise_errors()


def test_the_summary_and_the_rows_come_back_from_disk(tmp_path: Path) -> None:
    paths = REPORT.write(tmp_path / "checks")
    assert [path.name for path in paths] == ["checks.parquet", "check_rows.parquet"]
    summary, rows = (pl.read_parquet(path) for path in paths)
    assert summary.rows() == [
        ("ohlc", "error", 2, "ohlc is wrong"),
        ("nulls", "error", 3, "nulls is wrong"),
        ("gaps", "warning", 2, "gaps is wrong"),
    ]
    assert rows.height == 7
    assert rows["severity"].value_counts().sort("severity").rows() == [("error", 5), ("warning", 2)]


def test_an_empty_report_writes_its_summary(tmp_path: Path) -> None:
    [path] = CheckReport().write(tmp_path)
    assert pl.read_parquet(path).columns == ["check", "severity", "count", "message"]
    assert CheckReport().rows().is_empty()


def test_a_failing_disk_leaves_no_part(tmp_path: Path) -> None:
    def fail(operation: str, path: Path) -> None:
        if operation == "rename":
            raise OSError("disk")

    with observed(fail), pytest.raises(OSError, match="disk"):
        REPORT.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
