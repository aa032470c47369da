"""The honest verdict, in plain words: an edge is claimed only where luck, cost and buy-and-hold are ruled out.

Two tests of the maximum, over all recorded trials whose returns are at hand: returns above cash, and the part of the
returns that holding the market does not explain (alpha). The larger p-value counts, because an edge has to pass both;
the evaluated strategy must be among those that StepM finds better in both, and its Sharpe ratio above buy-and-hold's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnomon.core.types import Array, Float64
from gnomon.evaluation.base import SharpeDoubt, Verdict
from gnomon.metrics.relative import beta
from gnomon.metrics.superiority import superior_predictive_ability


@dataclass(frozen=True, kw_only=True)
class EdgeTest:
    """P-values against cash and against buy-and-hold, and whether StepM names the strategy in both tests."""

    cash_pvalue: float
    hold_pvalue: float
    superior: bool
    superior_tries: int = 0
    """How many of the columns StepM names in both."""
    idle: bool = False
    """Whether the strategy earned at every row what cash does."""

    @property
    def pvalue(self) -> float:
        """The larger p-value; NaN where either could not be had."""
        return math.nan if math.isnan(self.cash_pvalue + self.hold_pvalue) else max(self.cash_pvalue, self.hold_pvalue)


def edge_test(
    returns: Float64[Array, "t strategies"],
    buy_and_hold: Float64[Array, " t"],
    *,
    risk_free: Float64[Array, " t"] | float,
    level: float,
    rng: np.random.Generator,
    reps: int = 1000,
) -> EdgeTest:
    """Tests the first column among all: `risk_free` is what cash earns per row, `level` the significance."""
    cash_returns = np.broadcast_to(risk_free, len(returns))
    excess = returns - cash_returns[:, None]
    market = buy_and_hold - cash_returns
    slopes = np.array([beta(column, market) for column in excess.T])
    alphas = excess - np.where(np.isnan(slopes), 0.0, slopes) * market[:, None]
    # What holds the market and nothing else has no alpha, whatever rounding leaves of it.
    alphas[:, alphas.std(axis=0) <= 1e-6 * excess.std(axis=0)] = 0.0
    cash = superior_predictive_ability(excess, rng=rng, level=level, reps=reps)
    hold = superior_predictive_ability(alphas, rng=rng, level=level, reps=reps)
    follows = len(alphas) > 0 and np.ptp(alphas[:, 0]) == 0.0 < np.ptp(excess[:, 0])
    return EdgeTest(
        cash_pvalue=cash.pvalue,
        hold_pvalue=1.0 if follows else hold.pvalue,
        superior=0 in cash.superior and 0 in hold.superior,
        superior_tries=len({*cash.superior} & {*hold.superior}),
        idle=not excess[:, 0].any(),
    )


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What else a verdict rests on. Sharpe ratios are annual; `judged` is "days" or "bars"."""

    judged: str
    rows: int
    years: float
    hold: SharpeDoubt
    cost_bps: float
    break_even_bps: float
    random_percentile: float
    suspicious_lag: bool
    unknown_trials: int
    out_of_sample: bool
    level: float


def give_verdict(doubt: SharpeDoubt, test: EdgeTest, facts: Circumstances) -> Verdict:
    """Whether an edge may be claimed, why, and whether the record is too short to tell."""
    beats = doubt.annual_sharpe > facts.hold.annual_sharpe or (
        math.isnan(facts.hold.annual_sharpe) and doubt.annual_sharpe > 0.0
    )
    passed = test.pvalue <= facts.level and test.superior
    edge = bool(passed and beats and facts.out_of_sample)
    untested = math.isnan(test.pvalue)
    short = bool(untested or not doubt.n >= doubt.minimum_track_record)
    tried = "one try" if doubt.trials == 1 else f"all {doubt.trials} recorded tries"
    reasons = [_luck(test, facts, tried), _hold(doubt, facts, beats=beats), _record(doubt, facts)]
    if doubt.trials > 1:
        reasons.append(
            f"Against the best of {doubt.trials} tries without skill the deflated Sharpe ratio gives a probability of "
            f"{_share(doubt.dsr)} (a conservative bound; {_share(doubt.dsr_effective)} when tries that resemble each "
            "other are counted once)."
        )
    if not math.isnan(doubt.pbo):
        reasons.append(f"Choosing among the tries overfits with a probability of {_share(doubt.pbo)}.")
    reasons.append(_cost(facts))
    if not math.isnan(facts.random_percentile):
        reasons.append(
            f"The same trades at random other times earned less in {_share(facts.random_percentile)} of runs."
        )
    if facts.suspicious_lag:
        reasons.append(
            "Most of the result is gone when orders fill one bar later. An edge that lives for one bar does this, and "
            "so does a leak, or a price that could not be had."
        )
    if facts.unknown_trials:
        reasons.append(
            f"The returns of {facts.unknown_trials} recorded tries are not at hand; they count in the deflated figure "
            "but not in the test."
        )
    if not facts.out_of_sample:
        reasons.append("These bars were used to fit or to choose the strategy, so no edge can be claimed on them.")
    text = _text(edge, doubt, test, facts, tried, beats=beats)
    return Verdict(edge=edge, text=text, reasons=tuple(reasons), short_record=short, superior_tries=test.superior_tries)


def _text(edge: bool, doubt: SharpeDoubt, test: EdgeTest, facts: Circumstances, tried: str, *, beats: bool) -> str:
    if edge:
        return (
            f"An edge. Counting {tried}, and after costs, the strategy earned more than cash and more than holding the "
            f"market explains, by more than luck would ({_p(test.pvalue)})."
        )
    if not facts.out_of_sample and test.pvalue <= facts.level:
        return "No edge can be claimed: the strategy was fitted or chosen on these same bars."
    if math.isnan(doubt.sharpe):
        return "No edge was shown: the account did not move."
    if test.idle:
        return "No edge was shown: the account earned what idle cash does."
    if math.isnan(test.pvalue):
        return f"No edge was shown: {facts.rows} {facts.judged} are too short a record to tell skill from luck."
    if test.pvalue <= facts.level and test.superior and not beats:
        return "No edge was shown: buy-and-hold earned more for its risk."
    if doubt.sharpe <= 0.0:
        return "No edge was shown: after costs the strategy did not earn more than cash."
    if test.pvalue <= facts.level:
        return (
            f"No edge was shown for this strategy: of {tried}, {test.superior_tries} earned more after costs than luck "
            "would, and it is not among them."
        )
    return (
        f"No edge was shown: counting {tried}, and after costs, luck alone would do as well with a probability of "
        f"{test.pvalue:.2f}."
    )


def _luck(test: EdgeTest, facts: Circumstances, tried: str) -> str:
    if math.isnan(test.pvalue):
        return f"With {facts.rows} {facts.judged} that move, the test for luck cannot be made."
    relation = "not above" if test.pvalue <= facts.level else "above"
    return (
        f"Test of the maximum over {tried}: {_p(test.cash_pvalue)} against cash, {_p(test.hold_pvalue)} "
        f"against holding the market; the larger is {relation} {facts.level:g}."
    )


def _hold(doubt: SharpeDoubt, facts: Circumstances, *, beats: bool) -> str:
    if math.isnan(doubt.annual_sharpe) or math.isnan(facts.hold.annual_sharpe):
        return "The strategy cannot be held against buy-and-hold: one of them did not move."
    return (
        f"Annual Sharpe ratio {doubt.annual_sharpe:.2f} (standard error {doubt.annual_standard_error:.2f}, N = "
        f"{doubt.trials}), "
        f"{'above' if beats else 'not above'} buy-and-hold's {facts.hold.annual_sharpe:.2f} "
        f"(standard error {facts.hold.annual_standard_error:.2f}, N = {facts.hold.trials})."
    )


def _record(doubt: SharpeDoubt, facts: Circumstances) -> str:
    held = f"The record is {doubt.n} bars long ({facts.years:.1f} years)"
    if math.isinf(doubt.minimum_track_record):
        return f"{held}; with a Sharpe ratio at or below 0, no length would do."
    if math.isnan(doubt.minimum_track_record):
        return f"{held}."
    enough = "long enough" if doubt.n >= doubt.minimum_track_record else "too short"
    needed = math.ceil(doubt.minimum_track_record)
    return f"{held}; a Sharpe ratio of this size needs {needed} bars to be told from 0 at 95%: {enough}."


def _cost(facts: Circumstances) -> str:
    charged = f"{facts.cost_bps:g} bps of the traded notional" if facts.cost_bps else "no costs"
    if math.isnan(facts.break_even_bps):
        return f"The simulation charged {charged}; there is no gain even at no cost."
    if math.isinf(facts.break_even_bps):
        return f"The simulation charged {charged}; no cost that was looked at takes the gain away."
    return f"The simulation charged {charged}; the gain is gone at {facts.break_even_bps:.1f} bps."


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _share(value: float) -> str:
    return "unknown size" if math.isnan(value) else f"{value:.0%}"
