"""Features: the same kernels that run live, over the whole history in blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.features.sets import FeatureSet
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, FEATURES, SIDE_TABLES
from gnomon.pipeline.stages.base import BuiltinStage


@STAGES.register(name="features")
class FeatureStage(BuiltinStage):
    """Bars and side tables to features."""

    name = "features"
    writes = (FEATURES,)

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Bars, and the side tables where the configuration has any."""
        return (BARS, SIDE_TABLES) if self.setup.config.data.side_tables else (BARS,)

    @property
    def config(self) -> Mapping[str, Any]:
        """The features' section, the names of the tables that there are, and what each kernel is made of.

        A kernel may call helpers of a file that no import statement of a stage leads to: its own hash knows them.
        """
        tables = sorted(self.setup.config.data.side_tables)
        return {**self.part("features"), "tables": tables, "kernels": self.feature_set().fingerprint}

    @property
    def modules(self) -> tuple[str, ...]:
        """Those of the features and of their kernels."""
        specs = self.feature_set().specs
        return tuple(sorted({spec.kernel.body.__module__ for spec in specs} | {"gnomon.features.sets"}))

    def feature_set(self) -> FeatureSet:
        """The features that the configuration asks for. ConfigError names an unknown one."""
        config = self.setup.config
        return FeatureSet.from_config(config.features, tables=tuple(config.data.side_tables))

    def prepare(self) -> None:
        """Builds the set."""
        self.feature_set()

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Computes every feature."""
        tables = context[SIDE_TABLES] if SIDE_TABLES in self.reads else None
        return {FEATURES: self.feature_set().compute(context[BARS], tables)}
