"""Every try is counted: each candidate's result becomes a row of the trial ledger, and all rows are handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from gnomon.core.hashing import hash_file
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import SIMULATION, SOURCE, TRIAL_RETURNS, TRIALS
from gnomon.pipeline.origins import origin_of, section_facts
from gnomon.pipeline.stages.base import BuiltinStage, fingerprint, finite
from gnomon.pipeline.trial_record import market_of, record_of, trial_ledger

DECIDING = ("data", "features", "labels", "split", "training", "sizing", "guardrails", "execution", "seed")
"""Sections that make one try another try. How a result is judged or shown is not among them."""


@STAGES.register(name="trials")
class TrialStage(BuiltinStage):
    """Simulations to the record of all tries on this market. The record grows, so the stage asks it every time."""

    name = "trials"
    writes = (TRIALS, TRIAL_RETURNS)
    volatile: ClassVar[bool] = True

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Every candidate's account, and what the bars are."""
        return (*(SIMULATION.of(name) for name in self.setup.config.candidates()), SOURCE)

    @property
    def config(self) -> Mapping[str, Any]:
        """What makes a try: every section that decides a result, each candidate's own, and the user's files."""
        plugins = [hash_file(path) for path in self.setup.plugins]
        models = {
            name: finite(section_facts(section, origin_of(self.setup, section, where=f"models.{name}")))
            for name, section in self.setup.config.candidates().items()
        }
        return {**self.part(*DECIDING), "models": models, "plugins": plugins}

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Records each candidate once and reads back all that were ever scored on this market."""
        setup = context.setup
        ledger = trial_ledger(setup.workspace, path=setup.trials, clock=setup.clock)
        source = context[SOURCE]
        market = market_of(source["symbols"], source["frequency"])
        settings = dict(self.config)
        models = settings.pop("models")
        for name, section in models.items():
            simulation = context[SIMULATION.of(name)]
            earned = float(simulation.equity["equity"][-1]) / simulation.execution.initial_cash - 1.0
            ledger.append(
                dataset=market,
                # What it begins with makes it another try; without, a try is known by what it always was.
                config=fingerprint(
                    settings, {k: section[k] for k in ("model_type", "params", "init_from") if section[k] is not None}
                ),
                name=name,
                kind="run",
                returns=simulation.returns,
                timestamps=simulation.equity["timestamp"].to_physical().to_numpy(),
                metrics={"total_return": earned},
            )
        facts, panel = record_of(ledger, market)
        return {TRIALS: facts, TRIAL_RETURNS: {"panel": panel}}
