"""The sweep: every candidate at every horizon on every data set, each a row of the catalogue and a counted try."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gnomon.config.models import PipelineConfig
from gnomon.config.resolved import masked
from gnomon.core.clock import Clock
from gnomon.core.errors import GnomonError
from gnomon.core.redaction import redact
from gnomon.data.calendars import periods_per_year
from gnomon.evaluation.base import SharpeDoubt
from gnomon.evaluation.doubt import Tries, sharpe_doubt
from gnomon.execution.sizing import SIZERS
from gnomon.labels.base import LABELERS
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.catalogue.base import KEY, Catalogue
from gnomon.pipeline.catalogue.data_sets import DataSet
from gnomon.pipeline.catalogue.grid import Candidate
from gnomon.pipeline.catalogue.recount import recount
from gnomon.pipeline.catalogue.score import Scored, prepare_rows, score
from gnomon.pipeline.code import code_hash
from gnomon.pipeline.stages.base import fingerprint, finite, module_of
from gnomon.splits.base import SPLITTERS
from gnomon.store.trials import TrialLedger
from gnomon.training.prepare import Prepared

Progress = Callable[[str, float], None]
SCORING = "gnomon.pipeline.catalogue.score"
DECIDING = ("features", "split", "training", "sizing", "guardrails", "execution", "seed")
"""Sections that make one row another row, beside the labels and the model's own."""


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """What a sweep did: rows that were scored, that failed, and that were there already."""

    scored: int = 0
    failed: int = 0
    skipped: int = 0
    causes: tuple[str, ...] = ()
    """Of the failures, one a row."""


class _Cell(NamedTuple):
    data_set: DataSet
    horizon: int
    candidate: Candidate

    def __str__(self) -> str:
        depth = "" if self.candidate.depth is None else f" of depth {self.candidate.depth}"
        return f"{self.candidate.model}{depth}, {self.data_set.name}, {self.horizon} bars"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Scores candidates on data sets, into a catalogue and a trial ledger.

    `config` says what features, labels, split, training, sizing, execution and seed they have in common. What the
    catalogue holds with the same key is not done again (`resume`). Each row is on disk before the next one begins; a
    model that fails is a row with its cause, and the others go on.
    """

    catalogue: Catalogue
    ledger: TrialLedger
    config: PipelineConfig
    clock: Clock
    resume: bool = True

    def run(
        self,
        data_sets: Sequence[DataSet],
        horizons: Sequence[int],
        candidates: Sequence[Candidate],
        *,
        progress: Progress = lambda _text, _share: None,
    ) -> SweepReport:
        """Every combination. ConfigError for settings that no row could be made with, before any work."""
        LABELERS.from_config({**self.config.labels, "horizons": list(horizons)}, where="labels")
        SPLITTERS.from_config(self.config.split, where="split")
        SIZERS.from_config(self.config.sizing, where="sizing")
        held = self.catalogue.scored() if self.resume else set()
        total = len(data_sets) * len(horizons) * len(candidates)
        number = scored = skipped = 0
        causes: list[str] = []
        for data_set in data_sets:
            try:
                for horizon in horizons:
                    wanted = []
                    for candidate in candidates:
                        facts = self._facts(cell := _Cell(data_set, horizon, candidate))
                        if tuple(facts[name] for name in KEY) in held:
                            skipped, number = skipped + 1, number + 1
                        else:
                            wanted.append((cell, facts))
                    prepared = None
                    if wanted:
                        progress(f"features and labels of {data_set.name}, {horizon} bars", number / total)
                        prepared = self._prepared(data_set, horizon)
                    for cell, facts in wanted:
                        progress(str(cell), number / total)
                        row = self._row(cell, facts, prepared)
                        self.catalogue.add([row])
                        number += 1
                        if row["status"] == "scored":
                            scored += 1
                        else:
                            causes.append(f"{cell}: {row['cause']}")
            finally:
                # An interrupt too leaves every row with the count of tries that there were by then.
                recount(self.catalogue, self.ledger, data_set, data_set.config(self.config))
        return SweepReport(scored=scored, failed=len(causes), skipped=skipped, causes=tuple(causes))

    def _prepared(self, data_set: DataSet, horizon: int) -> Prepared | Exception:
        """Samples and fold; where they cannot be made, why, which is then the cause of every candidate's failure."""
        try:
            return prepare_rows(data_set.bars, data_set.tables, data_set.config(self.config), horizon)
        except Exception as error:  # noqa: BLE001  one data set may not stop the others; the cause is kept in the rows
            return error

    def _facts(self, cell: _Cell) -> dict[str, Any]:
        """What is known of a row before it is scored, its key among it."""
        data_set, horizon, candidate = cell
        config = data_set.config(self.config)
        shown = masked(config)
        model = candidate.resolved(config.training, config.seed)
        labels = {**config.labels, "horizons": [horizon]}
        settings = {**{name: shown[name] for name in DECIDING}, "labels": labels, "training.horizon": horizon}
        modules = (
            SCORING,
            ModelRegistry.models.get(candidate.model, where="models").__module__,
            module_of(LABELERS, config.labels, where="labels"),
            module_of(SPLITTERS, config.split, where="split"),
            module_of(SIZERS, config.sizing, where="sizing"),
        )
        return {
            "data_set": data_set.name,
            "asset_class": data_set.asset_class,
            "data_version": data_set.version,
            "market": data_set.market,
            "frequency": data_set.frequency,
            "symbols": len(data_set.symbols),
            "bars": data_set.bars.height,
            "first": data_set.bars["timestamp"].min(),
            "last": data_set.bars["timestamp"].max(),
            "model": candidate.model,
            "family": candidate.family,
            "baseline": candidate.baseline,
            "params": json.dumps(finite(dict(candidate.params)), sort_keys=True),
            "depth": candidate.depth,
            "config_hash": fingerprint(settings, {"model_type": candidate.model, **model}),
            "horizon": horizon,
            "code_version": code_hash(modules),
            "seed": config.seed,
        }

    def _row(self, cell: _Cell, facts: Mapping[str, Any], prepared: Prepared | Exception | None) -> dict[str, Any]:
        try:
            if prepared is None or isinstance(prepared, Exception):
                raise prepared or AssertionError
            scored = score(cell.candidate.section, prepared, cell.data_set.bars, cell.data_set.config(self.config))
        except Exception as error:  # noqa: BLE001  a model that fails is a row with its cause, and the sweep goes on
            cause = str(error) if isinstance(error, GnomonError) else f"{type(error).__name__}: {error}"
            return {**facts, "status": "failed", "cause": redact(cause), "time": self.clock.now()}
        doubt = self._counted(cell, facts, scored)
        return {**facts, "status": "scored", **scored.columns, **doubt.row(), "time": self.clock.now()}

    def _counted(self, cell: _Cell, facts: Mapping[str, Any], scored: Scored) -> SharpeDoubt:
        """Puts the try into the ledger before anyone has seen its result, and says what it is worth among all."""
        simulation, market = scored.simulation, cell.data_set.market
        stamps = simulation.equity["timestamp"]
        self.ledger.append(
            dataset=market,
            config=str(facts["config_hash"]),
            name=str(cell),
            kind="bench",
            returns=simulation.returns,
            timestamps=stamps.to_physical().to_numpy(),
            metrics={"total_return": scored.columns["total_return"]},
        )
        count = self.ledger.count(market)
        variance = self.ledger.variance(market) if count > 1 else math.nan
        periods = self.config.evaluation.periods_per_year or periods_per_year(stamps)
        return sharpe_doubt(
            simulation.returns,
            periods_per_year=periods,
            risk_free=(self.config.evaluation.risk_free or simulation.execution.cash_rate) / periods,
            # Until the data set is done, every try counts as independent of the others: the stricter reading.
            tries=Tries(count=count, effective=float(count), variance=variance),
        )
