"""What a feature is: a kernel with its inputs, parameters, warm-up and reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gnomon.kernels.base import Kernel


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One feature: what it reads, what it yields, and the kernel between.

    `inputs` are columns of the bars (or `table.column` of a side table named in `tables`); `outputs` are the names of
    the columns it yields, each in `units`; the first `warmup` rows of each symbol are NaN. `params` are handed to the
    kernel in their order, tuples flattened.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    kernel: Kernel
    warmup: int
    reference: str
    units: str = "fraction"
    theme: str = "other"
    params: Mapping[str, float | tuple[float, ...]] = field(default_factory=dict)
    tables: tuple[str, ...] = ()

    def flat_params(self) -> tuple[float, ...]:
        """The params as the kernel sees them."""
        flat: list[float] = []
        for value in self.params.values():
            flat.extend(value if isinstance(value, tuple) else (value,))
        return tuple(float(value) for value in flat)
