"""The Ray cluster that work is sent to: the one at an address, or one that is started here and stopped afterwards."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gnomon.core.errors import ConfigError

OWN = {"RAY_worker_niceness": "0"}
"""Ray's workers step back for everything else on a machine (nice 15); what is started here is what is waited for."""


@contextmanager
def ray_cluster(address: str | None, *, processors: int, where: str = "") -> Iterator[Any]:
    """Yields Ray's module, connected. What is started here, with so many processors, is stopped here.

    ConfigError without Ray, or where no cluster answers; `where` begins its message.
    """
    try:
        import ray
    except ImportError:
        raise ConfigError(f"{where}Ray is not installed; pip install 'gnomon[ray]', or work without it") from None
    started = not ray.is_initialized()
    if started:
        own: dict[str, Any] = {"num_cpus": processors, "include_dashboard": False} if address is None else {}
        try:
            with environment(OWN if address is None else {}):
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except ConnectionError as error:
            raise ConfigError(f"{where}no Ray cluster answers at {address!r}: {error}") from None
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables within the block; afterwards they are as they were."""
    held = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in held.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
