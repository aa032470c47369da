"""What the tests of networks share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def shape_table() -> Callable[..., dict[str, tuple[int, ...]]]:
    """A function of a network, its input and names of its parts: the shape of each part's output."""

    def table(network: Any, x: Any, *parts: str) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}

        def note(name: str) -> Any:
            def hook(module: Any, inputs: Any, output: Any) -> None:
                shapes[name] = tuple((output[0] if isinstance(output, tuple) else output).shape)

            return hook

        hooks = [network.get_submodule(part).register_forward_hook(note(part)) for part in parts]
        shapes[""] = tuple(network(x).shape)
        for hook in hooks:
            hook.remove()
        return shapes

    return table
