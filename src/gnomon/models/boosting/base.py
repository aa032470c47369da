"""What boosters share: classes or the forward return, and quantiles of the return by trees of their own beside it.

With `quantile_method: spread` (see `gnomon.models.returns`) every row gets the same spread around its own expectation.
With `pinball` trees learn each level by its pinball loss, and so a row's own spread. Trees of different levels know
nothing of each other; where they cross, a row's quantiles are put in order, which never makes the loss larger
(Chernozhukov, Fernández-Val and Galichon 2010, "Quantile and probability curves without crossing").
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float32, Float64
from gnomon.models.base import Callback, FitReport, ModelConfig
from gnomon.models.returns import TargetConfig
from gnomon.models.supervised import SupervisedModel, Target, read_weights, refuse_returns, write_weights


class BoosterConfig(TargetConfig):
    """What all boosters can be told."""

    quantile_method: Literal["spread", "pinball"] = "spread"
    """`spread`: quantiles as far apart for every row; `pinball`: by trees of their own, beside any target."""

    @model_validator(mode="after")
    def _quantiles_have_a_source(self) -> Self:
        if self.quantile_method == "pinball":
            if not self.quantiles:
                raise ValueError("`quantile_method: pinball` needs `quantiles`, such as [0.05, 0.5, 0.95]")
        elif self.quantiles and self.target != "return":
            raise ValueError("quantiles need `target: return`, or `quantile_method: pinball`")
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """Trees for quantiles as the library reads them, and the bytes that they were read from."""

    data: bytes
    read: Any


class Booster(SupervisedModel):
    """A library of boosted trees: classes or the expected return by `_boost`, quantiles by `_boost_quantiles`.

    What was fitted and what will be loaded are read from the same bytes, so they are equal to the last bit.
    """

    config: BoosterConfig
    scaled = False
    quantile_file: ClassVar[str]
    """Where its trees for quantiles are kept; {} is their number."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.quantile_trees: tuple[Trees, ...] = ()
        """For each level its own, or one for all of them."""

    @abstractmethod
    def _boost(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        """Learns; see `SupervisedModel._fit`."""

    @abstractmethod
    def _boost_quantiles(self, train: Target, valid: Target | None) -> tuple[list[bytes], dict[str, list[float]]]:
        """Trees for the levels as bytes, and curves: pinball losses, a value a round, of the part that stops it."""

    @abstractmethod
    def _read_trees(self, data: bytes) -> Any:
        """Trees from bytes. Raises ValueError where they are none."""

    @abstractmethod
    def _outputs_of(self, trees: Any, x: Float32[Array, "n f"]) -> Float64[Array, "n k"]:
        """What trees that were read say, each row by itself."""

    @abstractmethod
    def _save_boosted(self, folder: Path) -> Mapping[str, Any]:
        """Writes what `_boost` learned; see `SupervisedModel._save`."""

    @abstractmethod
    def _restore_boosted(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Reads what `_save_boosted` wrote."""

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        self.quantile_trees = ()
        report = self._boost(train, valid, callbacks)
        if self.config.quantile_method != "pinball":
            return report
        known = _with_returns(train)
        if known is None:
            raise DataError(
                f"{type(self).__name__} cannot learn quantiles: no training row at horizon {self._fitted_horizon()} "
                "has a forward return; leave `quantiles` out, or bring samples with returns"
            )
        judge = None if valid is None else _with_returns(valid)
        refuse_returns(known, judge, self._fitted_horizon(), type(self).__name__)
        parts, curves = self._boost_quantiles(known, judge)
        self.quantile_trees = tuple(Trees(data=data, read=self._read_trees(data)) for data in parts)
        return replace(report, curves={**report.curves, **curves})

    def _own_quantiles(self, x: Float32[Array, "n f"]) -> Float64[Array, "n q"] | None:
        if not self.quantile_trees:
            return None
        said = np.column_stack([self._outputs_of(trees.read, x) for trees in self.quantile_trees])
        return np.sort(said, axis=1)

    def _save(self, folder: Path) -> Mapping[str, Any]:
        facts = dict(self._save_boosted(folder))
        if self.quantile_trees:
            facts["quantiles"] = [
                write_weights(folder, self.quantile_file.format(number), trees.data)
                for number, trees in enumerate(self.quantile_trees)
            ]
        return facts

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._restore_boosted(folder, facts)
        parts = [read_weights(folder, written) for written in facts.get("quantiles", ())]
        self.quantile_trees = tuple(Trees(data=data, read=self._read_trees(data)) for data in parts)


def _with_returns(target: Target) -> Target | None:
    """The rows whose forward return is known; None where there are none."""
    return target.where(~np.isnan(target.future))
