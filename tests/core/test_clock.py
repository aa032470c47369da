from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import gnomon
from gnomon.core.clock import FixedClock, SystemClock


def test_the_system_clock_tells_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_a_fixed_clock_stands_until_it_is_moved() -> None:
    clock = FixedClock(datetime(2020, 3, 8, 3, 30, tzinfo=ZoneInfo("America/New_York")))
    assert clock.now() == clock.now() == datetime(2020, 3, 8, 7, 30, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    clock.moment += timedelta(hours=1)
    assert clock.now().hour == 8


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has none; pass tzinfo=UTC"):
        FixedClock(datetime(2020, 1, 1))


def test_library_code_never_reads_the_wall_clock() -> None:
    """Time comes from a `Clock`; only the clock itself may ask the machine."""
    source = Path(gnomon.__file__).parent
    found = subprocess.run(
        [
            "grep",
            "-rnE",
            r"datetime\.(now|utcnow|today)\(|date\.today\(|time\.time\(|time\.time_ns\(",
            "--include=*.py",
            ".",
        ],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert found, "the search itself finds the clock"
    assert {line.split(":")[0] for line in found} == {"./core/clock.py"}, found
