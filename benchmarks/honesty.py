"""The whole pipeline on trial: on markets without an edge it should claim none, on planted ones it should find them.

Each market goes from bars to report in a workspace of its own, with two candidates that validation rows choose between
(by folds, as in `studies`, each would be fitted five times more). Processor time is taken, so that what else the
machine does counts as little as it can; a first market, which compiles the kernels, is not counted.
"""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.core.clock import FixedClock
from gnomon.metrics import sharpe_ratio
from gnomon.pipeline import ModelPipeline
from gnomon.pipeline.keys import BARS, EVALUATION, SELECTION, SIMULATION
from gnomon.simulation import simulate

CANDIDATES = ("logistic", "lightgbm")
CLOCK = FixedClock(datetime(2024, 1, 2, tzinfo=UTC))
CONFIG = """\
data:
  source: {{kind: synthetic, {market}}}
  frequency: 1d
  calendar: XNYS
{features}labels: {{kind: triple_barrier, {labels}}}
split: {{kind: holdout, train: 0.5, valid: 0.15, test: 0.35}}
models:
  logistic: {{model_type: logistic_regression}}
  lightgbm: {{model_type: lightgbm, params: {{rounds: 40}}}}
selection: {{by: validation}}
execution: {{fee_bps: 0.5, half_spread_bps: 0.5}}
evaluation: {{benchmarks: [buy_and_hold], cost_multiples: [1.0]}}
report: {{formats: [md]}}
tracking: {{enabled: false}}
executor: {{workers: 1}}
"""
SHORT = 'symbols: 3, start: "2012-01-01", end: "2019-01-01"'
LONG = 'symbols: 4, start: "2004-01-01", end: "2020-01-01"'
MODELS = ("garch", "regime", "constant")
DRIFTS = (0.0, 0.08)
PLUGIN = """
from gnomon.features import FeatureSpec, feature
from gnomon.kernels.base import kernel


@kernel(state_size=lambda params: 0)
def as_it_is(state, x, columns, out, params):
    values = x[columns[0]]
    for t in range(values.size):
        out[0, t] = values[t]


@feature()
def planted_signal() -> FeatureSpec:
    return FeatureSpec(
        name="planted_signal",
        inputs=("signal",),
        outputs=("planted_signal",),
        kernel=as_it_is,
        warmup=0,
        reference="the synthetic market's own forecast of its next bar",
    )
"""
PLANTED = "plugins: [planted.py]\nfeatures: {include: [planted_signal]}\n"


def null_market(folder: Path, seed: int) -> Any:
    """A run on a market without an edge; every second one drifts upwards, which holding it would earn too."""
    market = f"{SHORT}, seed: {seed}, model: {MODELS[seed % 3]}, drift: {DRIFTS[seed % 2]}"
    return _run(folder, CONFIG.format(market=market, features="", labels="horizons: [5]"))


def planted_market(folder: Path, seed: int, *, ic: float = 0.10) -> Any:
    """A run on 8,000 training rows of the default features and a column that knows a little of the next bar."""
    market = f"{LONG}, seed: {seed}, model: {MODELS[seed % 3]}, signal_ic: {ic}"
    return _run(folder, CONFIG.format(market=market, features=PLANTED, labels="horizons: [1], at_horizon: sign"))


def claims(context: Any) -> bool:
    """Whether an edge is claimed for any candidate: more than the report's headline, which is of the chosen one."""
    return any(context.value(EVALUATION.of(name)).verdict.edge for name in CANDIDATES)


def shares_of_oracle(context: Any) -> dict[str, float]:
    """Each candidate's Sharpe ratio, as a share of what the sign of the signal itself earns at the same costs."""
    accounts = {name: context.value(SIMULATION.of(name)) for name in CANDIDATES}
    first, bars = accounts[CANDIDATES[0]], context.value(BARS)
    own = bars.join(first.equity.select("timestamp"), on="timestamp", how="semi")
    targets = own.select("timestamp", "symbol", target=pl.col("signal").sign() / own["symbol"].n_unique())
    best = sharpe_ratio(simulate(own, targets, first.execution).returns)
    return {name: sharpe_ratio(account.returns) / best for name, account in accounts.items()}


def run(nulls: int = 10, planted: int = 6) -> dict[str, Any]:
    """Seconds a null market, how many claim an edge, how many planted ones are found and how much of each."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        null_market(folder / "warm", 0)
        wall, processor = time.perf_counter(), time.process_time()
        claimed = sum(claims(null_market(folder / f"null{number}", 100 + number)) for number in range(nulls))
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        contexts = [planted_market(folder / f"planted{number}", 200 + number) for number in range(planted)]
        chosen = [context.value(SELECTION)["chosen"] for context in contexts]
        found = sum(
            context.value(EVALUATION.of(name)).verdict.edge for context, name in zip(contexts, chosen, strict=True)
        )
        shares = [shares_of_oracle(context) for context in contexts]
    return {
        "seconds a null market": {
            "value": processor / nulls,
            "unit": "s",
            "target": 1.2,
            "better": "lower",
            "wall_seconds": wall / nulls,
        },
        # At 5%, one claim in ten markets has a chance of 0.4, and three or more of 0.01.
        "null markets with a claim": {"value": claimed, "unit": f"of {nulls}", "target": 2, "better": "lower"},
        "planted markets found": {"value": found, "unit": f"of {planted}", "better": "higher"},
        "share of the oracle's Sharpe ratio": {
            "value": sum(share[name] for share, name in zip(shares, chosen, strict=True)) / planted,
            "target": 0.70,
            "better": "higher",
            **{name: sum(share[name] for share in shares) / planted for name in CANDIDATES},
        },
    }


def _run(folder: Path, config: str) -> Any:
    folder.mkdir()
    (folder / "gnomon.yaml").write_text(config)
    (folder / "planted.py").write_text(PLUGIN)
    return ModelPipeline(workspace=folder, clock=CLOCK).run()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
