"""Runs a plan: what has a key is never computed twice, independent stages run side by side, state stands on disk.

A stage's key is the hash of its inputs' hashes, its own part of the configuration, and its code. A killed run that is
started again finds the records of the stages it had done, goes on after them, and ends in the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal, TypeVar

from gnomon.core.errors import ConfigError, DataError, GateError, GnomonError, StageError
from gnomon.core.hashing import hash_value
from gnomon.core.logging import get_logger
from gnomon.pipeline.base import Key, PipelineContext
from gnomon.pipeline.plan import Plan, PlannedStage
from gnomon.pipeline.products import Product, ProductStore, Record

T = TypeVar("T")
Status = Literal["waiting", "running", "done", "reused", "failed", "left out"]
log = get_logger(__name__)


@dataclass
class StageOutcome:
    """How far a stage is: its status, its key once the inputs are known, the seconds it took."""

    status: Status = "waiting"
    key: str | None = None
    seconds: float = 0.0
    text: str = ""
    fraction: float = 0.0


Watcher = Callable[[Mapping[str, StageOutcome]], None]


@dataclass
class Outcome:
    """What a run of the executor made: a record a stage, and how each went."""

    plan: Plan
    records: dict[str, Record] = field(default_factory=dict)
    stages: dict[str, StageOutcome] = field(default_factory=dict)

    def product(self, key: Key[Any]) -> Product | None:
        """The product under a key, when its stage ran."""
        return next((r.products[key.name] for r in self.records.values() if key.name in r.products), None)

    @property
    def whole(self) -> bool:
        """Whether no stage of the plan was left out."""
        return all(stage.status in {"done", "reused"} for stage in self.stages.values())

    @property
    def computed(self) -> list[str]:
        """Stages that were computed now, not found done."""
        return [name for name, outcome in self.stages.items() if outcome.status == "done"]


class PipelineExecutor:
    """Runs the stages of a plan against a product store."""

    def __init__(
        self,
        plan: Plan,
        products: ProductStore,
        *,
        workers: int | None = None,
        watch: Watcher = lambda _stages: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.plan = plan
        self.products = products
        self.workers = workers or plan.setup.config.executor.workers
        self._watch = watch
        self._sleep = sleep
        self._lock = Lock()
        self._values: dict[str, Any] = {}
        self._readers: dict[str, int] = {}
        self._known: dict[str, Product] = {}

    def run(self, *, until: str | None = None, again_from: str | None = None) -> Outcome:
        """Runs the plan, or what `until` needs of it; `again_from` computes that stage and all after it anew.

        Raises the stage's own GnomonError (with a note that names the stage), or StageError for anything unforeseen.
        Stages that were done stay done.
        """
        wanted = self.plan.until(until) if until else frozenset(planned.name for planned in self.plan.stages)
        forced = self.plan.following(again_from) if again_from else frozenset()
        stages = [planned for planned in self.plan.stages if planned.name in wanted]
        outcome = Outcome(self.plan, stages={p.name: StageOutcome() for p in self.plan.stages})
        for planned in self.plan.stages:
            if planned.name not in wanted:
                outcome.stages[planned.name].status = "left out"
        self._readers = {}
        for planned in stages:
            for key in planned.stage.reads:
                self._readers[key.name] = self._readers.get(key.name, 0) + 1
        waiting = list(stages)
        running: dict[Future[Record], PlannedStage] = {}
        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="stage") as pool:
            try:
                while waiting or running:
                    for planned in [p for p in waiting if all(key.name in self._known for key in p.stage.reads)]:
                        waiting.remove(planned)
                        future = pool.submit(self._finish, planned, outcome, planned.name in forced)
                        running[future] = planned
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        planned = running.pop(future)
                        outcome.records[planned.name] = record = future.result()
                        self._known.update(record.products)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return outcome

    def value(self, key: Key[T]) -> T:
        """The value under a key of a finished run, loaded when it is not in memory."""
        return self._load(key)

    def _finish(self, planned: PlannedStage, outcome: Outcome, forced: bool) -> Record:
        mine = outcome.stages[planned.name]
        inputs = {key.name: self._known[key.name].digest for key in planned.stage.reads}
        mine.key = hash_value({"static": planned.static_key(), "inputs": inputs})
        before = None if planned.stage.volatile else self.products.find(mine.key)
        if before is not None and not forced:
            self.products.forget_midway(mine.key)
            self._announce(outcome, mine, "reused")
            self._release(planned)
            return before
        self._announce(outcome, mine, "running")
        start = time.perf_counter()
        try:
            record = self._attempt(planned, mine, outcome)
        except BaseException as error:
            self._announce(outcome, mine, "failed")
            if isinstance(error, GnomonError):
                error.add_note(f"in stage {planned.name!r} of run {self.plan.run_id}")
            raise
        mine.seconds = time.perf_counter() - start
        if before is not None and before.products != record.products:
            log.warning("stage made other bytes than before", stage=planned.name, key=mine.key)
        self._announce(outcome, mine, "done")
        self._release(planned)
        return record

    def _attempt(self, planned: PlannedStage, mine: StageOutcome, outcome: Outcome) -> Record:
        wait_seconds = self.plan.setup.config.executor.retry_wait_seconds
        for attempt in range(planned.retries + 1):
            try:
                return self._compute(planned, mine, outcome)
            except (ConfigError, DataError, GateError):
                # These say that the input is wrong: trying again would only say it again.
                raise
            except Exception as error:
                if attempt < planned.retries:
                    log.warning("stage failed, trying again", stage=planned.name, error=str(error), attempt=attempt + 1)
                    self._sleep(wait_seconds * 2**attempt)
                    continue
                if isinstance(error, GnomonError):
                    raise
                log.error("stage failed", stage=planned.name, exc_info=True)
                raise StageError(f"stage {planned.name!r} failed: {_in_words(error)}") from error
        raise AssertionError

    def _compute(self, planned: PlannedStage, mine: StageOutcome, outcome: Outcome) -> Record:
        stage = planned.stage

        def report(text: str, fraction: float) -> None:
            mine.text, mine.fraction = text, fraction
            self._watch(outcome.stages)

        if mine.key is None:
            raise AssertionError
        with self.products.workbench() as scratch:
            context = PipelineContext(
                setup=self.plan.setup,
                load=self._load,
                allowed=stage.reads,
                report=report,
                scratch=scratch,
                midway=self.products.midway(mine.key),
            )
            values = stage.run(context)
            if missing := [key.name for key in stage.writes if key not in values]:
                raise StageError(f"stage {stage.name!r} promised {', '.join(map(repr, missing))} and did not write it")
            if extra := [key.name for key in values if key not in stage.writes]:
                raise StageError(f"stage {stage.name!r} wrote {', '.join(map(repr, extra))} without declaring it")
            record = self.products.save(stage.name, mine.key, values)
        self.products.forget_midway(mine.key)
        with self._lock:
            # Kept in memory only while a later stage will read it.
            kept = {key: value for key, value in values.items() if self._readers.get(key.name)}
            self._values.update({key.name: key.codec.as_loaded(value) for key, value in kept.items()})
        return record

    def _load(self, key: Key[T]) -> T:
        with self._lock:
            if key.name in self._values:
                value: T = self._values[key.name]
                return value
        loaded = self.products.load(self._known[key.name], key.codec)
        if fault := key.codec.check(loaded):
            raise StageError(f"{key.name!r} in the store is not what it should be: {fault}; rerun with --from")
        with self._lock:
            if self._readers.get(key.name):
                self._values[key.name] = loaded
        return loaded

    def _release(self, planned: PlannedStage) -> None:
        with self._lock:
            for key in planned.stage.reads:
                self._readers[key.name] -= 1
                if not self._readers[key.name]:
                    self._values.pop(key.name, None)

    def _announce(self, outcome: Outcome, mine: StageOutcome, status: Status) -> None:
        mine.status = status
        self._watch(outcome.stages)


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
    return f"{type(error).__name__}: {error}"
