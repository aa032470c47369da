"""A Ray cluster for as long as it is needed: named where it is missing, stopped where it was started here."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from gnomon.core.cluster import OWN, environment, ray_cluster
from gnomon.core.errors import ConfigError


class Ray(SimpleNamespace):
    """Writes down what it is asked, as Ray's module would be."""

    def __init__(self, *, running: bool = False) -> None:
        super().__init__(running=running, asked=[])

    def is_initialized(self) -> bool:
        return self.running

    def init(self, **settings: Any) -> None:
        if settings["address"] == "nowhere:1":
            raise ConnectionError("refused")
        self.asked.append({**settings, "niceness": os.environ.get(*OWN)})
        self.running = True

    def shutdown(self) -> None:
        self.running = False


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    held = Ray()
    monkeypatch.setitem(sys.modules, "ray", held)
    return held


def test_what_is_started_here_is_stopped_here(ray: Ray) -> None:
    seen: list[bool] = []

    def fails() -> None:
        with ray_cluster(None, processors=3) as module:
            seen.extend((module is ray, ray.running))
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert seen == [True, True]
    assert not ray.running
    assert (ray.asked[0]["num_cpus"], ray.asked[0]["niceness"]) == (3, "0")
    with ray_cluster("ray://head:10001", processors=3):
        # A cluster has the processors that it has.
        assert "num_cpus" not in ray.asked[1]
        assert ray.asked[1]["niceness"] is None


def test_a_running_one_is_used_and_left(ray: Ray) -> None:
    ray.running = True
    with ray_cluster(None, processors=1):
        pass
    assert ray.running
    assert not ray.asked


def test_what_is_missing_is_named(ray: Ray, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = pytest.raises(ConfigError, match=r"^here: no Ray cluster answers at 'nowhere:1': refused$")
    with refused, ray_cluster("nowhere:1", processors=1, where="here: "):
        pass
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"^here: Ray is not installed; pip install"):
        ray_cluster(None, processors=1, where="here: ").__enter__()


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNOMON_HELD", "before")
    monkeypatch.delenv("GNOMON_NEW", raising=False)
    with environment({"GNOMON_HELD": "within", "GNOMON_NEW": "within"}):
        assert (os.environ["GNOMON_HELD"], os.environ["GNOMON_NEW"]) == ("within", "within")
    assert os.environ["GNOMON_HELD"] == "before"
    assert "GNOMON_NEW" not in os.environ
