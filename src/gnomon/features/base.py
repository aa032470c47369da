"""What a feature is: a kernel with its inputs, parameters, warm-up and reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gnomon.kernels.base import Kernel


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One feature: what it reads, what it yields, and the kernel between.

    `inputs` are columns of the bars (or `table.column` of a side table named in `tables`); `timestamp` is read as
    microseconds since 1970. `outputs` are the names of the columns that it yields, each in `units`; on clean data row
    `warmup` of a symbol is the first in which all of them are known. `params` are handed to the kernel in their order,
    tuples flattened. A cross-sectional one has a panel kernel, and reads and yields the same for each symbol. Raises
    ValueError when inputs, outputs and kernel do not fit each other.
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

    def __post_init__(self) -> None:
        count = self.kernel.output_count(self.flat_params())
        if len(self.outputs) != count:
            raise ValueError(f"feature {self.name!r} names {len(self.outputs)} outputs, its kernel writes {count}")
        if not self.inputs:
            raise ValueError(f"feature {self.name!r} has no inputs")
        if self.warmup < 0:
            raise ValueError(f"the warmup of feature {self.name!r} must be 0 or more, was {self.warmup}")
        prefixes = {column.split(".", 1)[0] for column in self.inputs if "." in column}
        if prefixes != set(self.tables):
            raise ValueError(
                f"feature {self.name!r} reads the tables {sorted(prefixes)} and declares {sorted(self.tables)}; "
                "an input of a side table is spelt table.column, and its table stands in `tables`"
            )

    @property
    def cross_sectional(self) -> bool:
        """Whether it sees all symbols of a moment at once: its kernel is one of `gnomon.kernels.panel`."""
        return self.kernel.panel

    def flat_params(self) -> tuple[float, ...]:
        """The params as the kernel sees them."""
        flat: list[float] = []
        for value in self.params.values():
            flat.extend(value if isinstance(value, tuple) else (value,))
        return tuple(float(value) for value in flat)
