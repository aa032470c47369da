"""What a person reads first: the verdict, the strategy beside its rivals, and the limits it was held to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gnomon.evaluation.base import Evaluation
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Callout, Column, Fact, Facts, Section, Table, Tone
from gnomon.reporting.words import format_value, known, label, period_text

FREQUENCIES = {"1d": "daily", "1h": "hourly", "1m": "one-minute", "1w": "weekly"}
THRESHOLD_FORMS = {"sharpe_ratio": "ratio", "max_drawdown": "percent", "profit_factor": "ratio"}
THRESHOLD_NAMES = {
    "sharpe_ratio": "Sharpe ratio a year",
    "max_drawdown": "Deepest fall",
    "profit_factor": "Profit factor",
}


def verdict_callout(content: ReportContent) -> Callout:
    """The verdict as a box. "Too short to tell" only where more of the same record could tell."""
    verdict, doubt = content.main.verdict, content.main.doubt
    more_would_tell = verdict.short_record and not math.isinf(doubt.minimum_track_record) and doubt.sharpe > 0.0
    tone: Tone = "edge" if verdict.edge else "unsure" if more_would_tell else "none"
    heading = {"edge": "An edge", "unsure": "Too short to tell", "none": "No edge"}[tone]
    text = verdict.text.removeprefix(f"{heading}. ")
    return Callout(tone=tone, heading=heading, text=text, items=verdict.reasons)


def subtitle(content: ReportContent) -> tuple[str, ...]:
    """Strategy, period and market in short lines."""
    main = content.main
    years = main.n / main.periods_per_year if main.periods_per_year else math.nan
    lines = [
        f"Out of sample {period_text(main.start, main.end)}",
        f"{main.n:,} bars ({format_value(years, 'span')} years)",
    ]
    symbols = list(content.source.get("symbols") or ())
    if symbols:
        shown = ", ".join(str(symbol) for symbol in symbols[:6])
        lines.append(f"{shown} and {len(symbols) - 6:,} more symbols" if len(symbols) > 6 else shown)
    if content.source.get("frequency"):
        frequency = str(content.source["frequency"])
        lines.append(f"{FREQUENCIES.get(frequency, frequency)} bars")
    return (*lines, "after costs")


def initial_equity(content: ReportContent, evaluation: Evaluation) -> float | None:
    """What the account began with."""
    given = known(content.execution.get("initial_cash"))
    if given is not None:
        return given
    final, total = known(evaluation.metrics.get("final_equity")), known(evaluation.metrics.get("total_return"))
    return None if final is None or total is None or total <= -1.0 else final / (1.0 + total)


def cost_share(content: ReportContent, evaluation: Evaluation) -> float | None:
    """All costs paid by what the account began with."""
    initial, costs = initial_equity(content, evaluation), known(evaluation.metrics.get("costs"))
    return None if not initial or costs is None else costs / initial


def summary_section(content: ReportContent) -> Section:
    """Headline figures, the headline table and the pass/fail table."""
    return Section(
        name="summary",
        title="At a glance",
        lead=_lead(content),
        blocks=(_headline_facts(content), headline_table(content), *_thresholds(content)),
    )


def _lead(content: ReportContent) -> str:
    if len(content.evaluations) == 1:
        return f"The strategy {content.chosen}, beside benchmarks that traded the same bars at the same costs."
    return (
        f"{content.chosen} was chosen among {len(content.evaluations)} candidates before the bars below were looked "
        f"at ({content.chosen_by}). Benchmarks traded the same bars at the same costs."
    )


def _headline_facts(content: ReportContent) -> Facts:
    main = content.main
    metrics = main.metrics
    hold = main.benchmarks.get("buy_and_hold")
    held = f"buy and hold {format_value(hold.metrics.get('total_return'), 'percent')}" if hold else _became(content)
    return Facts(
        facts=(
            Fact(name="Total return", value=metrics.get("total_return"), form="percent", remark=held),
            Fact(
                name="Return a year",
                value=metrics.get("annual_return"),
                form="percent",
                remark=f"at {format_value(metrics.get('annual_volatility'), 'percent')} volatility",
            ),
            Fact(name="Sharpe ratio a year", value=main.doubt, form="sharpe"),
            Fact(
                name="Deepest fall",
                value=metrics.get("max_drawdown"),
                form="percent",
                remark="from a peak of the account",
            ),
            Fact(
                name="Trades",
                value=metrics.get("trades"),
                form="integer",
                remark=f"win rate {format_value(metrics.get('win_rate'), 'percent')}"
                if metrics.get("trades")
                else "none were made",
            ),
            Fact(
                name="Costs paid",
                value=cost_share(content, main),
                form="percent",
                remark=f"of the first equity; {format_value(metrics.get('costs'), 'money')} in money",
            ),
        )
    )


def _became(content: ReportContent) -> str:
    initial, final = initial_equity(content, content.main), content.main.metrics.get("final_equity")
    return f"{format_value(initial, 'money')} became {format_value(final, 'money')}"


def headline_table(content: ReportContent) -> Table:
    """The chosen strategy, the other candidates and the benchmarks."""
    rows: list[dict[str, Any]] = []
    others = [name for name in content.evaluations if name != content.chosen]
    for name in (content.chosen, *others):
        evaluation = content.evaluations[name]
        kind = "strategy" if len(content.evaluations) == 1 else "chosen" if name == content.chosen else "candidate"
        rows.append(
            {
                "name": name,
                "kind": kind,
                **_growth(evaluation.metrics),
                "sharpe": evaluation.doubt,
                "trades": evaluation.metrics.get("trades"),
                "costs": cost_share(content, evaluation),
            }
        )
    for name, benchmark in content.main.benchmarks.items():
        rows.append({"name": label(name), "kind": "benchmark", **_growth(benchmark.metrics), "sharpe": benchmark.doubt})
    return Table(
        name="headline",
        title="The strategy and its rivals",
        columns=(
            Column(key="name", title="Strategy"),
            Column(key="kind", title=""),
            Column(key="total_return", title="Total return", form="percent"),
            Column(key="annual_return", title="A year", form="percent"),
            Column(key="sharpe", title="Sharpe a year ± error", form="sharpe"),
            Column(key="max_drawdown", title="Deepest fall", form="percent"),
            Column(key="trades", title="Trades", form="integer"),
            Column(key="costs", title="Costs paid", form="percent"),
        ),
        rows=tuple(rows),
        strong=frozenset({0}),
        note=(
            "After the Sharpe ratio stands its standard error: chance alone moves the figure by more than that about "
            "one time in three. T counts the returns that it was measured on, N the tries that it is held against. "
            "Costs are a share of the first equity; those of benchmarks are in their returns. A trade is a round trip."
        ),
    )


def _growth(metrics: Mapping[str, float]) -> dict[str, float | None]:
    names = ("total_return", "annual_return", "max_drawdown")
    return {name: metrics.get(name, math.nan) for name in names}


def _thresholds(content: ReportContent) -> tuple[Block, ...]:
    results = content.main.thresholds
    if not results:
        return ()
    rows = []
    for result in results:
        form = THRESHOLD_FORMS.get(result.name, "number")
        doubt = result.doubt
        # The value of a Sharpe ratio may be the autocorrelation-adjusted one: it never stands without its error.
        shown = format_value(result.value, form)
        if doubt is not None and known(result.value) is not None:
            shown += f" ± {format_value(doubt.annual_standard_error, 'ratio')} (T {doubt.n:,}, N {doubt.trials:,})"
        rows.append(
            {
                "name": THRESHOLD_NAMES.get(result.name, label(result.name)),
                "shown": shown,
                "limit": f"{result.relation} {format_value(result.limit, form)}",
                "passed": result.passed,
            }
        )
    missed = sum(not result.passed for result in results)
    said = "All limits are kept." if not missed else f"{missed} of {len(results)} limits are not kept."
    return (
        Table(
            name="thresholds",
            title="Limits set before the run",
            columns=(
                Column(key="name", title="Figure"),
                Column(key="shown", title="Value"),
                Column(key="limit", title="Limit"),
                Column(key="passed", title="Result", form="passed"),
            ),
            rows=tuple(rows),
            note=(
                f"{said} The Sharpe ratio is the smaller of the plain one and the one adjusted for autocorrelation. "
                "Keeping a limit is not an edge: the verdict above tests for that."
            ),
        ),
    )
