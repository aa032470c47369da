"""Work spread over threads, processes or a cluster gives what one worker gives, in the same order."""

from __future__ import annotations

import operator
import threading
import time

import pytest

from gnomon.core.compute import COMPUTE, LocalCompute, RayCompute
from gnomon.core.errors import ConfigError


@pytest.mark.parametrize(
    "compute", [LocalCompute(), LocalCompute(workers=3), LocalCompute(workers=2, kind="processes")]
)
def test_results_come_in_the_order_of_the_items(compute):
    told = []
    assert compute.map(operator.sub, [3, 1, 2, 7], shared=10, done=told.append) == [7, 9, 8, 3]
    assert told == [1, 2, 3, 4]
    assert compute.map(operator.sub, [], shared=10) == []


def test_a_slow_item_does_not_change_the_order():
    ready = threading.Event()

    def work(_: None, item: int) -> int:
        if item == 0:
            assert ready.wait(10)
        else:
            ready.set()
        return item

    assert LocalCompute(workers=2).map(work, [0, 1], shared=None) == [0, 1]


@pytest.mark.parametrize(
    "compute", [LocalCompute(), LocalCompute(workers=2), LocalCompute(workers=2, kind="processes")]
)
def test_the_first_error_is_raised_as_it_is(compute):
    with pytest.raises(ZeroDivisionError):
        compute.map(operator.floordiv, [1, 0, 2], shared=10)


def test_what_has_not_begun_is_not_begun_after_an_error():
    begun = []

    def work(_: None, item: int) -> None:
        begun.append(item)
        if item == 0:
            raise ValueError("broken")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="broken"):
        LocalCompute(workers=2).map(work, range(200), shared=None)
    assert len(begun) < 200


def test_by_name_with_what_is_wrong_named():
    assert COMPUTE.from_config({"kind": "local", "workers": 2}, where="compute") == LocalCompute(workers=2)
    with pytest.raises(ConfigError, match="must be 1 or more, was 0"):
        COMPUTE.from_config({"kind": "local", "workers": 0}, where="compute")
    with pytest.raises(ConfigError, match="ray"):
        COMPUTE.from_config({"kind": "rey"}, where="compute")


def test_a_ray_cluster_gives_the_same_and_is_stopped():
    ray = pytest.importorskip("ray")
    compute = RayCompute(workers=2)
    told = []
    assert compute.map(operator.sub, [3, 1, 2], shared=10, done=told.append) == [7, 9, 8]
    assert told == [1, 2, 3]
    assert not ray.is_initialized()
    with pytest.raises(ZeroDivisionError):
        compute.map(operator.floordiv, [0], shared=1)
    assert not ray.is_initialized()
