"""The gates before promotion: what an evaluation has to show before its model may stand beside the champion.

Each gate prints its figure, its limit and why it was not passed. A gate that the configuration switches off stays in
the list, marked so: nobody may take a missing check for a passed one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gnomon.config.models import GatesConfig
from gnomon.core.errors import GateError
from gnomon.evaluation.base import Evaluation


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """One gate. `passed` is None where it is switched off; `why` is a sentence with the figure in it."""

    name: str
    passed: bool | None
    value: float
    limit: float
    why: str

    def row(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def check_gates(
    evaluation: Evaluation, config: GatesConfig | None = None, *, probes: Mapping[str, bool] | None = None
) -> tuple[GateResult, ...]:
    """Every gate, in the order of the configuration. `probes`: by name, whether each was passed.

    A figure that cannot be known does not pass; only PBO of a single try does, since nothing was chosen. Where StepM
    finds every try superior, PBO is no obstacle: it asks whether the best of one half stays above the *median try*,
    which tries that are all good and alike decide by a coin. An edge that dies when filled a bar later is told in the
    verdict's reasons and fails nothing here: a true edge may live for one bar.
    """
    config = GatesConfig() if config is None else config
    return (
        _edge(evaluation, config.edge),
        _overfitting(evaluation, config.overfitting),
        _record(evaluation, on=config.track_record),
        _benchmarks(evaluation, on=config.benchmarks),
        _costs(evaluation, config.cost_margin),
        _calibration(evaluation, config.calibration_error),
        _probes(probes or {}, on=config.probes),
    )


def require_gates(name: str, gates: Sequence[GateResult]) -> None:
    """Raises GateError (exit 4), a line for each gate that was not passed."""
    failed = [gate for gate in gates if gate.passed is False]
    if failed:
        lines = "\n".join(f"  {gate.name}: {gate.why}" for gate in failed)
        raise GateError(f"{name} did not pass {len(failed)} of {len(gates)} gates:\n{lines}")


def _off(name: str, value: float) -> GateResult:
    return GateResult(name=name, passed=None, value=value, limit=math.nan, why="switched off in the configuration")


def _edge(evaluation: Evaluation, limit: float | None) -> GateResult:
    value = evaluation.doubt.spa_pvalue
    if limit is None:
        return _off("edge", value)
    passed = bool(value < limit and evaluation.verdict.edge)
    tried = "one try" if evaluation.doubt.trials == 1 else f"all {evaluation.doubt.trials} tries"
    if passed:
        why = f"p = {value:.3f} in the test of the maximum over {tried}, below {limit:g}"
    elif value < limit:
        why = f"p = {value:.3f} is below {limit:g}, and yet: {evaluation.verdict.text}"
    elif math.isnan(value):
        why = f"the test of the maximum over {tried} could not be made"
    else:
        why = f"p = {value:.3f} in the test of the maximum over {tried}, not below {limit:g}"
    return GateResult(name="edge", passed=passed, value=value, limit=limit, why=why)


def _overfitting(evaluation: Evaluation, limit: float | None) -> GateResult:
    value = evaluation.doubt.pbo
    if limit is None:
        return _off("overfitting", value)
    if math.isnan(value):
        single = evaluation.doubt.trials == 1
        why = (
            "one try: nothing was chosen" if single else "PBO could not be had: too few returns, or tries without them"
        )
        return GateResult(name="overfitting", passed=single, value=value, limit=limit, why=why)
    passed = value < limit
    why = f"PBO {value:.2f}, {'below' if passed else 'not below'} {limit:g}"
    tries, better = evaluation.doubt.trials, evaluation.verdict.superior_tries
    if not passed and better is not None and better >= tries:
        passed = True
        why += f"; but StepM finds each of the {tries} tries superior, so choosing among them makes no edge of luck"
    return GateResult(name="overfitting", passed=passed, value=value, limit=limit, why=why)


def _record(evaluation: Evaluation, *, on: bool) -> GateResult:
    value, limit = float(evaluation.doubt.n), evaluation.doubt.minimum_track_record
    if not on:
        return _off("track_record", value)
    passed = value >= limit
    if passed:
        why = f"{value:.0f} bars, and {math.ceil(limit)} are enough to tell this Sharpe ratio from 0"
    elif math.isfinite(limit):
        why = f"{value:.0f} bars, and {math.ceil(limit)} are needed to tell this Sharpe ratio from 0"
    else:
        why = "a Sharpe ratio at or below 0, for which no record is long enough"
    return GateResult(name="track_record", passed=passed, value=value, limit=limit, why=why)


def _benchmarks(evaluation: Evaluation, *, on: bool) -> GateResult:
    own = evaluation.doubt.annual_sharpe
    if not on:
        return _off("benchmarks", own)
    lost: list[str] = []
    highest = -math.inf
    for name, benchmark in evaluation.benchmarks.items():
        if not math.isnan(benchmark.percentile):
            if not benchmark.percentile >= RANDOM_SHARE:
                lost.append(f"{name} (better than {benchmark.percentile:.0%} of its runs, {RANDOM_SHARE:.0%} asked)")
            continue
        its = benchmark.doubt.annual_sharpe
        # One that never moves (cash) is beaten by earning more than it.
        still = math.isnan(its)
        highest = max(highest, 0.0 if still else its)
        if not own > (0.0 if still else its):
            error = benchmark.doubt.annual_standard_error
            lost.append(name if still else f"{name} (Sharpe {its:.2f} a year, standard error {error:.2f})")
    passed = not lost and not math.isnan(own)
    figure = f"Sharpe {own:.2f} a year after costs, standard error {evaluation.doubt.annual_standard_error:.2f}"
    why = f"{figure}, above every benchmark" if passed else f"{figure}; not above {', '.join(lost) or 'anything'}"
    return GateResult(name="benchmarks", passed=passed, value=own, limit=highest, why=why)


RANDOM_SHARE = 0.95
"""The share of runs at random times that a strategy has to beat."""


def _costs(evaluation: Evaluation, limit: float | None) -> GateResult:
    """What is earned has to outlive an error in the costs, which nobody knows to the basis point."""
    value = evaluation.break_even_multiple
    if limit is None:
        return _off("cost_margin", value)
    passed = value > limit
    if math.isnan(value):
        idle = not evaluation.metrics.get("traded", 0.0) > 0.0
        why = (
            "nothing was traded"
            if idle
            else "no costs are configured (section execution), so what they leave cannot be known"
        )
    elif value == 0.0:
        why = "even at no cost no more than cash is earned"
    elif math.isinf(value):
        why = f"no multiple of the costs that was looked at takes the gain away, {limit:g} is asked"
    else:
        at = "" if math.isnan(evaluation.break_even_bps) else _bps(evaluation.break_even_bps)
        why = f"the gain over cash is gone at {value:.2f} times the costs{at}, {'above' if passed else 'not above'} "
        why += f"{limit:g}"
    return GateResult(name="cost_margin", passed=passed, value=value, limit=limit, why=why)


def _bps(value: float) -> str:
    return "" if math.isinf(value) else f" ({value:.1f} bps of the traded notional leave no gain)"


def _calibration(evaluation: Evaluation, limit: float | None) -> GateResult:
    quality = evaluation.forecast.get("test")
    value = quality.metrics["calibration_error"] if quality is not None else math.nan
    if limit is None:
        return _off("calibration", value)
    passed = value <= limit
    if math.isnan(value):
        why = "no forecasts on the test rows whose calibration could be known"
    else:
        why = f"calibration error {value:.3f} on the test rows, {'at most' if passed else 'above'} {limit:g}"
    return GateResult(name="calibration", passed=passed, value=value, limit=limit, why=why)


def _probes(probes: Mapping[str, bool], *, on: bool) -> GateResult:
    failed = [name for name, passed in probes.items() if not passed]
    if not on:
        return _off("probes", float(len(failed)))
    why = f"failing: {', '.join(failed)}" if failed else f"none of {len(probes)} fails"
    return GateResult(name="probes", passed=not failed, value=float(len(failed)), limit=0.0, why=why)
