"""Features: the same kernels that run live, over the whole history in blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from gnomon.core.errors import DataError, GateError
from gnomon.core.logging import get_logger
from gnomon.data.probe import probe_lookahead, recent_bars
from gnomon.features.base import FeatureSpec
from gnomon.features.registry import FEATURES as REGISTERED
from gnomon.features.sets import FeatureSet
from gnomon.features.windows import outside_frames
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, FEATURES, SIDE_TABLES
from gnomon.pipeline.stages.base import BuiltinStage

PROBED_BARS, PROBED_SYMBOLS, PROBED_PANEL, PROBED_CUTS = 2_000, 4, 24, 64
"""What of the data a user's features are probed on before a run uses them: a second or two of work.

Sixteen cuts would do for most leaks, and miss those of Friday afternoons more often than not.
"""

log = get_logger(__name__)


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
        """Probes the user's own features, then computes every feature. GateError where one looks ahead."""
        tables = context[SIDE_TABLES] if SIDE_TABLES in self.reads else None
        features = self.feature_set()
        refuse_few_symbols(features.specs, context[BARS]["symbol"].n_unique())
        own = users_own(features.specs)
        if own:
            context.report(f"probing {', '.join(spec.name for spec in own)}", 0.0)
            probe_features(own, context[BARS], tables)
        warn_slow(features.specs)
        return {FEATURES: features.compute(context[BARS], tables)}


def refuse_few_symbols(specs: Sequence[FeatureSpec], symbols: int) -> None:
    """Raises DataError where a cross-sectional feature needs more symbols than the bars have: it would be all NaN."""
    for spec in specs:
        least = spec.params.get("least", 0.0)
        if spec.cross_sectional and isinstance(least, int | float) and symbols < least:
            raise DataError(
                f"feature {spec.name!r} needs {least:g} symbols at a moment, the bars have {symbols}; turn "
                f"features.cross_section off, exclude it, or lower features.params.{spec.name}.least"
            )


def users_own(specs: Sequence[FeatureSpec]) -> tuple[FeatureSpec, ...]:
    """Those that this package does not bring: its own are held to the law by its tests, others by nothing yet."""
    return tuple(
        spec
        for spec in specs
        if not all(
            module.startswith("gnomon.")
            for module in (REGISTERED.entry(spec.name).component.__module__, spec.kernel.body.__module__)
        )
    )


def warn_slow(specs: Sequence[FeatureSpec]) -> None:
    """Says which features Python computes a window at a time."""
    if slow := [spec.name for spec in specs if spec.kernel.kind == "python"]:
        log.warning("features are called in Python for each bar, which is slow; a kernel is fast", features=slow)


def refuse_outside_frames(specs: Sequence[FeatureSpec]) -> None:
    """Raises GateError where a feature reads a frame from outside its window: no probe could tell what that knows."""
    for spec in specs:
        if names := outside_frames(spec.kernel):
            raise GateError(
                f"feature {spec.name!r} reads the frame {names[0]!r} from outside its window, and nothing tells when "
                "its rows were known; declare it as a side table (data.side_tables) and read its columns as inputs"
            )


def probe_features(specs: Sequence[FeatureSpec], bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None) -> None:
    """Raises GateError (exit 4), with feature, first row and cut, when a feature's past depends on its future."""
    refuse_outside_frames(specs)
    features = FeatureSet(specs)
    # A cross-section of four symbols has no values to be seen.
    symbols = PROBED_PANEL if features.panel else PROBED_SYMBOLS
    sample = recent_bars(bars, max(PROBED_BARS, 2 * features.warmup), symbols=symbols)
    report = probe_lookahead(
        lambda part, side: features.compute(part, side), sample, PROBED_CUTS, tables=dict(tables or {})
    )
    report.raise_leaks({output: spec.name for spec in specs for output in spec.outputs})
    if report.empty:
        log.warning("a feature has no value on the bars that it was probed on", columns=list(report.empty))
