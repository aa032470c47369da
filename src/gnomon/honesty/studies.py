"""Studies over many markets of known truth: how often an edge is claimed where there is none, and found where one is.

PROMISES of the whole pipeline, gates included: on nulls it may claim at its significance and no more; of a planted edge
it has to earn a fair share, and never more than the one who knows the truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from gnomon.config.models import GatesConfig
from gnomon.config.models import ModelConfig as ModelSection
from gnomon.core.errors import GateError
from gnomon.execution.base import ExecutionConfig
from gnomon.honesty.markets import NULLS, planted
from gnomon.honesty.trial import DAYS, TrialConfig, TrialOutcome, put_on_trial

SHUFFLED = TrialConfig(
    models={
        "lightgbm": ModelSection(
            model_type="lightgbm",
            params={"rounds": 200, "num_leaves": 63, "min_rows_in_leaf": 5, "row_fraction": 1.0},
        )
    },
    labels={"kind": "fixed_horizon", "horizons": [20], "threshold": 0.25, "weighting": "equal"},
    full_edge=1.0,
    fault="shuffled",
)
"""The control of the null study: rows shuffled between training and test, labels of 20 bars that overlap, trees that
learn by heart. It has to claim what is not there."""

NULL_BARS = 2_500
IN_SAMPLE, OUT_OF_SAMPLE = 8_000, 4_000
"""Bars of a planted market that are learned from, and that it is judged on."""
HALVED = 4_000
"""Bars that are learned from where 8,000 are all there are: the harder way to read the promise."""
GATE_YEARS, GATE_SHARPE = 8, 2.5
"""Out-of-sample years of the markets that the gates have to let pass, and their oracle's Sharpe ratio a year."""
CHARGED = ExecutionConfig(fee_bps=1.0)
"""What trading costs on these markets: 1 bp of what is traded."""
LEVEL = 0.05

Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class NullStudy:
    """What was claimed on markets without an edge; `config.fault` says whether it was the control."""

    outcomes: tuple[TrialOutcome, ...]

    @property
    def claims(self) -> int:
        """Markets on which the verdict was an edge."""
        return sum(outcome.claimed for outcome in self.outcomes)

    @property
    def passed_gates(self) -> int:
        """Markets whose model would have been promoted."""
        return sum(outcome.passed for outcome in self.outcomes)

    @property
    def most(self) -> int:
        """The claims that a test at 5% stays within 99.9% of the time."""
        return int(stats.binom.ppf(0.999, len(self.outcomes), LEVEL))

    @property
    def seconds(self) -> float:
        """Seconds a market."""
        return float(np.mean([outcome.seconds for outcome in self.outcomes]))

    def raise_excess(self) -> None:
        """Raises GateError where more was claimed than luck allows."""
        if self.claims > self.most:
            raise GateError(
                f"an edge was claimed on {self.claims} of {len(self.outcomes)} markets without one; a test at 5% "
                f"claims at most {self.most}: something in the pipeline looks ahead"
            )


@dataclass(frozen=True, kw_only=True)
class PlantedStudy:
    """What was earned of a planted edge. `gated`: the stronger, shorter markets that the gates have to let pass."""

    outcomes: tuple[TrialOutcome, ...]
    gated: tuple[TrialOutcome, ...] = ()
    blind: tuple[TrialOutcome, ...] = ()
    """The same markets with an information coefficient of 0."""

    @property
    def shares(self) -> np.ndarray:
        """Each market's share of the oracle's realised Sharpe ratio."""
        return np.array([outcome.share for outcome in self.outcomes])

    @property
    def share_error(self) -> float:
        """The standard error of the mean share."""
        return float(self.shares.std(ddof=1) / math.sqrt(len(self.shares))) if len(self.shares) > 1 else math.nan

    @property
    def gates_passed(self) -> int:
        """Of the markets with the stronger edge, those whose model may be promoted."""
        return sum(outcome.passed for outcome in self.gated)

    @property
    def blind_score(self) -> float:
        """The mean Sharpe ratio where nothing is to be known, in its standard errors."""
        if not self.blind:
            return math.nan
        years = np.array([outcome.bars for outcome in self.blind]) / DAYS
        return float(np.mean([outcome.sharpe for outcome in self.blind]) * math.sqrt(years.sum()))

    def faults(self) -> list[str]:
        """What is not as it should be, in words; empty where all is."""
        shares, error = self.shares, self.share_error
        found = []
        if shares.mean() < 0.70:
            found.append(f"the mean share of the oracle is {shares.mean():.2f}, below 0.70")
        if np.quantile(shares, 0.1) < 0.5:
            found.append(f"the 10% quantile of the shares is {np.quantile(shares, 0.1):.2f}, below 0.50")
        if shares.mean() > 1.0 + 2.0 * error:
            found.append(f"the mean share is {shares.mean():.2f}: more than the truth can earn, which is a leak")
        if self.gated and self.gates_passed < math.ceil(0.8 * len(self.gated)):
            found.append(f"the gates let {self.gates_passed} of {len(self.gated)} true edges pass, below 80%")
        if self.blind and abs(self.blind_score) > 3.0:
            found.append(
                f"where nothing is to be known, the mean result is {self.blind_score:.1f} standard errors from 0"
            )
        return found

    def raise_faults(self) -> None:
        """Raises GateError that names everything that is wrong."""
        if faults := self.faults():
            raise GateError("planted edges: " + "; ".join(faults))


def null_study(
    markets: int = 100,
    config: TrialConfig | None = None,
    *,
    kinds: Sequence[str] = tuple(NULLS),
    bars: int = NULL_BARS,
    seed: int = 0,
    progress: Progress | None = None,
) -> NullStudy:
    """Puts the pipeline on trial on null markets, the kinds by turns."""
    outcomes = []
    for number in range(markets):
        kind = kinds[number % len(kinds)]
        if progress is not None:
            progress(kind, number / markets)
        outcomes.append(put_on_trial(NULLS[kind](seed + number, bars), config, seed=seed + number))
    return NullStudy(outcomes=tuple(outcomes))


def planted_study(
    markets: int = 20,
    config: TrialConfig | None = None,
    *,
    ic: float = 0.10,
    seed: int = 0,
    learned: int = IN_SAMPLE,
    gates: bool = True,
    blind: bool = True,
    progress: Progress | None = None,
) -> PlantedStudy:
    """Puts the pipeline on trial on planted markets: the share of the oracle, the gates, and the same markets blind.

    `learned`: bars that are learned from and chosen by, before the 4,000 that are judged on.
    """
    config = TrialConfig() if config is None else config
    whole = learned + OUT_OF_SAMPLE
    learn = replace(config, split=_split(learned / whole))
    short = round(GATE_YEARS * DAYS)
    strong = GATE_SHARPE / math.sqrt(DAYS)
    # Every gate is asked, so trading costs something here: the one on the margin of costs has nothing to go by else.
    asked = replace(
        config,
        split=_split(2 / 3),
        execution=CHARGED,
        gates=config.gates.model_copy(update={"cost_margin": GatesConfig().cost_margin}),
    )
    parts = {
        "planted": (learn, whole, ic),
        **({"blind": (learn, whole, 0.0)} if blind else {}),
        **({"gates": (asked, 3 * short, strong)} if gates else {}),
    }
    outcomes: dict[str, tuple[TrialOutcome, ...]] = {}
    done = 0
    for name, (settings, bars, strength) in parts.items():
        found = []
        for number in range(seed, seed + markets):
            if progress is not None:
                progress(name, done / (len(parts) * markets))
            found.append(put_on_trial(planted(number, bars, ic=strength), settings, seed=number))
            done += 1
        outcomes[name] = tuple(found)
    return PlantedStudy(outcomes=outcomes["planted"], gated=outcomes.get("gates", ()), blind=outcomes.get("blind", ()))


def _split(learned: float) -> dict[str, object]:
    """A holdout that learns from this part of the bars, 15% of it to choose by."""
    return {
        "kind": "holdout",
        "train": 0.85 * learned,
        "valid": 0.15 * learned,
        "test": 1.0 - learned,
        "purge_bars": 5,
    }
