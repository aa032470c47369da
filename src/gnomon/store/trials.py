"""The trial ledger: every configuration that was ever scored on a data set is a row, and no row can be lost unseen.

Statistics that allow for the number of tries (deflated Sharpe ratio, SPA, PBO) are only as honest as the count of the
tries. So the ledger only grows; each row carries the hash of the one before (a chain), and the head, a file of its own,
says how many rows there are and what the last one hashes to. A row that is deleted, altered or moved breaks the chain;
rows cut off the end disagree with the head; and a head that is written into a report also finds a ledger that was
replaced as a whole.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.clock import Clock, SystemClock
from gnomon.core.errors import IntegrityError
from gnomon.core.files import append_durable, step, sync, write_atomic
from gnomon.core.hashing import hash_value
from gnomon.core.logging import get_logger
from gnomon.core.types import Array, Float64, Int64
from gnomon.metrics.returns import kurtosis, present, sharpe_ratio, skewness
from gnomon.metrics.significance import effective_trials
from gnomon.store.locks import lock
from gnomon.store.objects import LocalObjects
from gnomon.store.seals import seal, unseal

GENESIS = "0" * 64
LOCK_WAIT_SECONDS = 30.0
_SERIES = np.dtype([("timestamp", "<i8"), ("return", "<f8")])

log = get_logger(__name__)


@dataclass(frozen=True)
class Head:
    """Where a ledger stands: its number of rows and the hash of the last. Reports carry it."""

    count: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration, scored on one data set.

    `dataset`: the data version; `config`: hash of the configuration; `kind`: train, search, backtest, ...; `sharpe`
    per bar over `bars` returns with their `skew` and raw `kurtosis`, None where they cannot be known (a strategy that
    never traded); `returns`: digest of the return series in the ledger's store. `repeats`: the number of the row that
    scored the same configuration on the same data before, with another result.
    """

    number: int
    previous: str
    time: str
    dataset: str
    config: str
    name: str
    kind: str
    sharpe: float | None
    bars: int | None
    skew: float | None
    kurtosis: float | None
    returns: str | None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    repeats: int | None = None
    hash: str = ""

    def same_result(self, other: Trial) -> bool:
        """Whether both say the same of the same configuration."""
        apart = {"number", "previous", "time", "name", "kind", "repeats", "hash"}
        mine, its = asdict(self), asdict(other)
        return all(mine[key] == its[key] for key in mine if key not in apart)


@dataclass(frozen=True)
class TrialPanel:
    """Return series of several trials on one grid: returns[t, n], 0 where a trial was out; timestamps[t], UTC, us."""

    timestamps: Int64[Array, " t"]
    returns: Float64[Array, "t n"]
    trials: tuple[Trial, ...]


def market_of(symbols: Sequence[str], frequency: str) -> str:
    """What tries are counted by: symbols and frequency, not the data version.

    One more day of bars is no new market, and starting the count again with it would forget every try before.
    """
    return hash_value({"symbols": sorted(symbols), "frequency": frequency})


def trial_ledger(workspace: Path, *, path: Path | None = None, clock: Clock | None = None) -> TrialLedger:
    """The trial ledger of a workspace, or the one in the file `path`."""
    return TrialLedger(path or workspace / ".gnomon" / "trials" / "trials.jsonl", clock=clock)


class TrialLedger:
    """The ledger in the file `path` (JSON lines), with its head, lock and return series beside it.

    Every use reads and verifies what was added since the last one, and raises IntegrityError when the ledger is not as
    it was written. What a crash left is put right: a row without its head is taken in, half a row is cut off and kept
    in a file of its own, with a warning.
    """

    def __init__(self, path: Path | str, *, clock: Clock | None = None) -> None:
        self.path = Path(path)
        self.head_path = self.path.with_name(f"{self.path.stem}.head.json")
        self.series = LocalObjects(self.path.with_name(f"{self.path.stem}.returns"))
        self._lock_path = self.path.with_name(f"{self.path.stem}.lock")
        self._clock = clock or SystemClock()
        self._rows: list[Trial] = []
        self._bytes = 0
        self._latest: dict[tuple[str, str], Trial] = {}

    def append(
        self,
        *,
        dataset: str,
        config: str | Mapping[str, Any],
        name: str,
        kind: str,
        returns: Float64[Array, " t"] | Sequence[float] | None = None,
        timestamps: Int64[Array, " t"] | Sequence[int] | None = None,
        metrics: Mapping[str, float] | None = None,
        sharpe: float | None = None,
        bars: int | None = None,
        skew: float | None = None,
        kurtosis: float | None = None,
    ) -> Trial:
        """Records that a configuration was scored on a data set, and returns its row.

        `returns` are simple, per bar, with the bars' `timestamps` (UTC, microseconds; default 0, 1, ...): the moments
        are taken from them, otherwise from the arguments. `config` is a hash, or plain values that are hashed. The
        same configuration on the same data with the same result is the row that is there already; with another result
        it is one more row, but no other trial.
        """
        moments = (sharpe, bars, skew, kurtosis) if returns is None else _moments(returns)
        digest = None if returns is None else self.series.add_bytes(_encode(returns, timestamps))
        values: dict[str, Any] = {
            "dataset": dataset,
            "config": config if isinstance(config, str) else hash_value(dict(config)),
            "name": name,
            "kind": kind,
            "sharpe": _finite(moments[0]),
            "bars": None if moments[1] is None else int(moments[1]),
            "skew": _finite(moments[2]),
            "kurtosis": _finite(moments[3]),
            "returns": digest,
            "metrics": {key: _finite(value) for key, value in sorted((metrics or {}).items())},
        }
        with self._up_to_date(f"record the trial {name}"):
            held = self._latest.get((dataset, values["config"]))
            draft = Trial(
                number=len(self._rows) + 1,
                previous=self._head().hash,
                time=self._clock.now().isoformat(timespec="microseconds"),
                repeats=held.number if held else None,
                **values,
            )
            if held is not None and held.same_result(draft):
                return held
            fields = asdict(draft)
            del fields["hash"]
            line = seal(fields, under="hash") + b"\n"
            if not self.head_path.exists():
                # Before the first row: from now on a missing head is a finding and not a beginning.
                self._write_head()
            append_durable(self.path, line)
            self._take(line.removesuffix(b"\n"))
            self._write_head()
            return self._rows[-1]

    def copy(self, path: Path | str, *, rows: int) -> TrialLedger:
        """A ledger of its own in the file `path`: this one as it stood at its row `rows`."""
        with self._up_to_date("copy the trials"):
            kept = self._rows[:rows]
            lines = self.path.read_bytes().splitlines(keepends=True)[: len(kept)] if kept else []
        other = TrialLedger(path, clock=self._clock)
        for digest in sorted({trial.returns for trial in kept if trial.returns}):
            other.series.add(self.series.fetch(digest))
        if kept:
            write_atomic(other.path, b"".join(lines))
            head = {"count": len(kept), "hash": kept[-1].hash, "bytes": sum(map(len, lines))}
            write_atomic(other.head_path, seal(head))
        return other

    def rows(self) -> list[Trial]:
        """Every row, repeats included."""
        with self._up_to_date("read the trials"):
            return list(self._rows)

    def trials(self, dataset: str | None = None) -> list[Trial]:
        """Every trial, each with its latest result, in the order in which they were first scored."""
        with self._up_to_date("read the trials"):
            return [trial for trial in self._latest.values() if dataset in {None, trial.dataset}]

    def count(self, dataset: str | None = None) -> int:
        """How many different configurations were scored."""
        return len(self.trials(dataset))

    def variance(self, dataset: str | None = None) -> float:
        """Sample variance of the trials' Sharpe ratios per bar; 0 for fewer than two."""
        sharpes = [trial.sharpe for trial in self.trials(dataset) if trial.sharpe is not None]
        return float(np.var(sharpes, ddof=1)) if len(sharpes) > 1 else 0.0

    def effective_count(self, dataset: str | None = None) -> float:
        """How many independent trials these amount to, by the mean correlation of their return series.

        Bailey and López de Prado 2014, appendix 3 (`gnomon.metrics.significance.effective_trials`). A trial without
        its series counts as independent of all others.
        """
        trials = self.trials(dataset)
        panel = self.panel(dataset)
        return len(trials) - len(panel.trials) + effective_trials(panel.returns)

    def panel(self, dataset: str | None = None) -> TrialPanel:
        """The return series of all trials that have one, on the union of their timestamps."""
        trials = tuple(trial for trial in self.trials(dataset) if trial.returns is not None)
        series = [self.returns(trial) for trial in trials]
        grid = np.unique(np.concatenate([stamps for stamps, _ in series])) if series else np.empty(0, np.int64)
        matrix = np.zeros((len(grid), len(series)))
        for column, (stamps, values) in enumerate(series):
            matrix[np.searchsorted(grid, stamps), column] = np.nan_to_num(values, nan=0.0)
        return TrialPanel(grid, matrix, trials)

    def returns(self, trial: Trial) -> tuple[Int64[Array, " t"], Float64[Array, " t"]]:
        """Timestamps and returns of one trial, verified. IntegrityError when they were altered."""
        if trial.returns is None:
            raise IntegrityError(f"trial {trial.number} ({trial.name}) was recorded without its returns")
        loaded = np.load(self.series.fetch(trial.returns), allow_pickle=False)
        return loaded["timestamp"].astype(np.int64), loaded["return"].astype(np.float64)

    @property
    def head(self) -> Head:
        """Where the ledger stands, to be written into a report."""
        with self._up_to_date("read the trials"):
            return self._head()

    def verify(self, anchors: Iterable[Head] = ()) -> Head:
        """Reads everything again: the chain, the head, every return series, and heads that reports carry.

        Raises IntegrityError with the first row that is not as it was written.
        """
        self._forget()
        with self._up_to_date("verify the trials"):
            for trial in self._rows:
                fault = self.series.check(trial.returns) if trial.returns else None
                if fault:
                    raise IntegrityError(f"the returns of trial {trial.number} ({trial.name}): {fault}")
            hashes = [GENESIS, *(trial.hash for trial in self._rows)]
            for anchor in anchors:
                if anchor.count >= len(hashes) or hashes[anchor.count] != anchor.hash:
                    raise IntegrityError(
                        f"{self.path} is not the ledger that a report was made from: that one's row {anchor.count} "
                        f"hashed to {anchor.hash[:12]}...; trials were removed or rewritten since"
                    )
            return self._head()

    @contextmanager
    def _up_to_date(self, purpose: str) -> Iterator[None]:
        """Holds the lock, with every row read and verified."""
        with lock(self._lock_path, purpose, wait=LOCK_WAIT_SECONDS):
            self._refresh()
            yield

    def _refresh(self) -> None:
        try:
            self._read_on()
        except IntegrityError:
            # Nothing of a ledger that is not whole is remembered: it may be restored while this process runs.
            self._forget()
            raise

    def _read_on(self) -> None:
        size = self.path.stat().st_size if self.path.exists() else 0
        head, committed = self._read_head(size)
        if size < committed:
            raise IntegrityError(
                f"{self.path} holds {size} bytes and had {committed}: rows were cut off its end; restore it"
            )
        if committed < self._bytes:
            self._forget()
        if size > self._bytes:
            with self.path.open("rb") as file:
                file.seek(self._bytes)
                *lines, torn = file.read(size - self._bytes).split(b"\n")
            for line in lines:
                self._take(line)
            if torn and self._bytes < committed:
                raise IntegrityError(f"row {len(self._rows) + 1} of {self.path} was altered; restore the ledger")
            if torn:
                self._cut(torn)
        # A crash between a row and its head leaves exactly one row that the head does not know.
        extra = len(self._rows) - head.count
        known = self._rows[head.count - 1].hash if 0 < head.count <= len(self._rows) else GENESIS
        if extra not in {0, 1} or known != head.hash:
            raise IntegrityError(
                f"{self.path} has {len(self._rows)} rows and its head {self.head_path.name} knows {head.count}, ending "
                f"in {head.hash[:12]}...: rows were added, removed or rewritten by other hands; restore both"
            )
        if extra:
            self._write_head()
            log.warning(
                "took in the trial that a crash left without its head", ledger=str(self.path), row=head.count + 1
            )

    def _read_head(self, size: int) -> tuple[Head, int]:
        try:
            fields = unseal(self.head_path.read_bytes())
            return Head(fields["count"], fields["hash"]), int(fields["bytes"])
        except FileNotFoundError:
            if size:
                raise IntegrityError(f"{self.head_path} is missing, and {self.path} has rows; restore it") from None
            return Head(), 0
        except (ValueError, KeyError) as error:
            raise IntegrityError(f"{self.head_path} was altered ({error}); restore it") from None

    def _write_head(self) -> None:
        head = self._head()
        write_atomic(self.head_path, seal({"count": head.count, "hash": head.hash, "bytes": self._bytes}))

    def _head(self) -> Head:
        return Head(len(self._rows), self._rows[-1].hash) if self._rows else Head()

    def _take(self, line: bytes) -> None:
        """Verifies the next row against the chain and adds it to what is known."""
        number = len(self._rows) + 1
        try:
            fields = unseal(line, under="hash")
            trial = Trial(**fields, hash=hash_value(fields))
        except (ValueError, TypeError) as error:
            raise IntegrityError(f"row {number} of {self.path} was altered ({error}); restore the ledger") from None
        if trial.number != number or trial.previous != self._head().hash:
            raise IntegrityError(
                f"row {number} of {self.path} is number {trial.number} and does not follow the row before it: "
                "rows were deleted or moved; restore the ledger"
            )
        self._rows.append(trial)
        self._bytes += len(line) + 1
        # A repeat keeps the place of the trial that it repeats.
        self._latest[trial.dataset, trial.config] = trial

    def _cut(self, torn: bytes) -> None:
        """Removes half a row that a crash left at the end, and keeps it in a file of its own."""
        aside = self.path.with_name(f"{self.path.stem}.torn-{self._bytes}")
        write_atomic(aside, torn)
        step("write", self.path)
        with self.path.open("r+b") as file:
            file.truncate(self._bytes)
        sync(self.path)
        log.warning(
            "cut off half a trial that a crash left; score that configuration again",
            ledger=str(self.path),
            row=len(self._rows) + 1,
            kept_in=str(aside),
        )

    def _forget(self) -> None:
        self._rows, self._bytes, self._latest = [], 0, {}


def _moments(returns: Float64[Array, " t"] | Sequence[float]) -> tuple[float, int, float, float]:
    return sharpe_ratio(returns), len(present(returns)), skewness(returns), kurtosis(returns)


def _encode(
    returns: Float64[Array, " t"] | Sequence[float], timestamps: Int64[Array, " t"] | Sequence[int] | None
) -> bytes:
    """A series as the bytes of an .npy file: the same values give the same bytes."""
    values = np.asarray(returns, dtype=np.float64)
    stamps = np.arange(len(values)) if timestamps is None else np.asarray(timestamps, dtype=np.int64)
    if values.ndim != 1 or stamps.shape != values.shape:
        raise ValueError(f"returns of shape {values.shape} need as many timestamps, got {stamps.shape}")
    if np.any(np.diff(stamps) <= 0):
        raise ValueError("timestamps of a trial's returns must increase; sort them and drop duplicates")
    series = np.empty(len(values), dtype=_SERIES)
    series["timestamp"], series["return"] = stamps, values
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, series, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
