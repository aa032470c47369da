"""Where independent pieces of work are done: in this process, in several, or on a Ray cluster.

`map` gives the results in the order of the items, whatever was done first and by whom. What a piece of work needs
beside its item is `shared`: it is sent to each worker once, not with every item.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from gnomon.core.cluster import ray_cluster
from gnomon.core.registry import Registry

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
Done = Callable[[int], None]
"""Told how many items are done, each time one is."""


class Compute(Protocol):
    """Does independent pieces of work."""

    def map(self, function: Callable[[S, T], R], items: Sequence[T], *, shared: S, done: Done | None = None) -> list[R]:
        """`function(shared, item)` of each item, in their order. The first error ends it, and is raised."""
        ...


COMPUTE: Registry[Compute] = Registry("compute")
"""Ways to do work, by name."""

_shared: Any = None
"""What this worker process was given at its start; None in a process that is no worker."""


@COMPUTE.register(name="local")
@dataclass(frozen=True, kw_only=True)
class LocalCompute:
    """Work on this machine. Threads share memory and suit compiled code, which lets the others run meanwhile.

    Processes suit the rest: functions and items must be picklable, and each process costs its imports once.

    >>> LocalCompute(workers=2).map(lambda base, item: base + item, [1, 2, 3], shared=10)
    [11, 12, 13]
    """

    workers: int = 1
    kind: Literal["threads", "processes"] = "threads"

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers must be 1 or more, was {self.workers}")

    def map(self, function: Callable[[S, T], R], items: Sequence[T], *, shared: S, done: Done | None = None) -> list[R]:
        """See `Compute`."""
        if self.workers == 1 or len(items) < 2:
            results = []
            for item in items:
                results.append(function(shared, item))
                if done is not None:
                    done(len(results))
            return results
        workers = min(self.workers, len(items))
        if self.kind == "threads":
            with ThreadPoolExecutor(workers) as pool:
                return _gather(pool, [pool.submit(function, shared, item) for item in items], done)
        # Started afresh, not forked: a fork copies locks that other threads may hold.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_receive, initargs=(shared,)) as processes:
            return _gather(processes, [processes.submit(_work, function, item) for item in items], done)


@COMPUTE.register(name="ray")
@dataclass(frozen=True, kw_only=True)
class RayCompute:
    """Work on a Ray cluster: the one at `address`, or one that is started on this machine and stopped afterwards.

    Functions and items must be picklable. A worker of a cluster must have this package installed.
    """

    address: str | None = None
    """Such as "ray://head:10001" or "auto"; None starts a cluster on this machine."""
    workers: int = 2
    """Pieces of work at the same time."""
    threads: float = 1.0
    """Processors that a piece of work holds."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers must be 1 or more, was {self.workers}")

    def map(self, function: Callable[[S, T], R], items: Sequence[T], *, shared: S, done: Done | None = None) -> list[R]:
        """See `Compute`. Raises ConfigError without Ray, or where no cluster answers."""
        with ray_cluster(self.address, processors=self.workers) as ray:
            given = ray.put(shared)
            remote = ray.remote(num_cpus=self.threads)(_apply)
            waiting: dict[Any, int] = {}
            results: dict[int, R] = {}
            left = list(enumerate(items))[::-1]
            while left or waiting:
                while left and len(waiting) < self.workers:
                    number, item = left.pop()
                    waiting[remote.remote(function, given, item)] = number
                (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
                number = waiting.pop(ready)
                results[number] = _result(ray, ready)
                if done is not None:
                    done(len(results))
            return [results[number] for number in range(len(items))]


def _result(ray: Any, ready: Any) -> Any:
    try:
        return ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        # What went wrong in the work, as it would have been raised here.
        raise error.cause if isinstance(error.cause, Exception) else error from None


def _receive(shared: Any) -> None:
    global _shared
    _shared = shared


def _apply(function: Callable[[S, T], R], shared: S, item: T) -> R:
    return function(shared, item)


def _work(function: Callable[[Any, T], R], item: T) -> R:
    return function(_shared, item)


def _gather(pool: Executor, futures: Sequence[Future[R]], done: Done | None) -> list[R]:
    """The results in order; at the first error what has not begun is not begun."""
    results = []
    try:
        for future in futures:
            results.append(future.result())
            if done is not None:
                done(len(results))
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    return results
