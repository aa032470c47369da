"""What the account did over time: equity, falls, months and years, exposure, turnover and costs."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from gnomon.evaluation.base import Evaluation
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Column, Figure, Mark, Panel, Points, Rule, Section, Table, Text
from gnomon.reporting.sections.summary import initial_equity
from gnomon.reporting.words import MONTHS, format_value, label, period_text

BENCHMARK_ROLES = ("benchmark1", "benchmark2", "benchmark3", "benchmark4", "benchmark5")
CANDIDATE_ROLES = ("other1", "other2", "other3", "other4")
FIRST_BENCHMARKS = ("buy_and_hold", "random")
"""Drawn from the start; the others when the reader asks for them."""
FALLS_SHOWN = 8


def performance_section(content: ReportContent) -> Section:
    """Equity against benchmarks with the drawdown below, falls, and the strategy held against each benchmark."""
    return Section(
        name="equity",
        title="Equity and drawdown",
        lead="What 100 became, after costs, and how far under its last peak the account stood.",
        blocks=(equity_figure(content), *_drawdowns(content.main), *_relative(content.main)),
    )


def equity_figure(content: ReportContent) -> Figure:
    """The value of 100 over time, and below it how far under its last peak the account stood."""
    main = content.main
    lines = [_line(content.chosen, main.equity, "chosen")]
    for number, (name, evaluation) in enumerate(_others(content)):
        role = CANDIDATE_ROLES[number % len(CANDIDATE_ROLES)]
        lines.append(_line(name, evaluation.equity, role, hidden=number > 2))
    for number, (name, benchmark) in enumerate(main.benchmarks.items()):
        role = BENCHMARK_ROLES[number % len(BENCHMARK_ROLES)]
        lines.append(
            _line(
                label(name), benchmark.equity, role, hidden=name not in FIRST_BENCHMARKS, dashed=name != "buy_and_hold"
            )
        )
    falls = Mark(
        kind="area",
        name="Drawdown",
        x=main.equity["timestamp"].to_list(),
        y=[None if value is None else -value for value in _values(main.equity["drawdown"])],
        role="loss",
        legend=False,
    )
    became = format_value(100.0 * (1.0 + main.metrics["total_return"]), "ratio")
    fall = format_value(main.metrics["max_drawdown"], "percent")
    alt = (
        f"Line chart: {content.chosen} turned 100 into {became} from {period_text(main.start, main.end)}, and stood at "
        f"most {fall} below a peak; benchmarks beside it"
    )
    return Figure(
        name="equity",
        title="Equity against benchmarks, and drawdown",
        alt=alt,
        panels=(
            Panel(title="Value of 100", marks=tuple(lines), form="price", height=0.7),
            Panel(title="Drawdown", marks=(falls,), form="percent", height=0.3),
        ),
        x_form="moment",
        height=560,
        log=True,
        span=True,
    )


def _others(content: ReportContent) -> list[tuple[str, Evaluation]]:
    return [(name, one) for name, one in content.evaluations.items() if name != content.chosen]


def _line(name: str, equity: pl.DataFrame, role: str, *, hidden: bool = False, dashed: bool = False) -> Mark:
    values = _values(equity["equity"])
    first = next((value for value in values if value), None)
    scaled = [None if value is None or first is None else 100.0 * value / first for value in values]
    return Mark(
        kind="line", name=name, x=equity["timestamp"].to_list(), y=scaled, role=role, hidden=hidden, dashed=dashed
    )


def _values(column: pl.Series) -> list[float | None]:
    return [None if value is None or not math.isfinite(value) else value for value in column.to_list()]


def _drawdowns(evaluation: Evaluation) -> tuple[Block, ...]:
    rows = tuple(evaluation.drawdowns.head(FALLS_SHOWN).to_dicts())
    return (
        Table(
            name="drawdowns",
            title="Deepest falls",
            columns=(
                Column(key="start", title="From the peak of", form="day"),
                Column(key="trough", title="Deepest on", form="day"),
                Column(key="end", title="Made good on", form="day"),
                Column(key="depth", title="Depth", form="percent"),
                Column(key="length", title="Bars", form="bars"),
            ),
            rows=tuple({**row, "end": row["end"] or "still under water"} for row in rows),
            empty="The account never fell below a peak.",
        ),
    )


def _relative(evaluation: Evaluation) -> tuple[Block, ...]:
    rows = []
    for name, benchmark in evaluation.benchmarks.items():
        if name == "cash":
            # Against cash nothing is left to compare but the return, which the headline table shows.
            continue
        rows.append(
            {
                "name": label(name),
                **benchmark.relative,
                "percentile": None if math.isnan(benchmark.percentile) else benchmark.percentile,
            }
        )
    if not rows:
        return ()
    columns = [
        Column(key="name", title="Against"),
        Column(key="excess_return", title="Excess a year", form="percent"),
        Column(key="alpha", title="Alpha a year", form="percent"),
        Column(key="beta", title="Beta", form="ratio"),
        Column(key="correlation", title="Correlation", form="ratio"),
        Column(key="up_capture", title="Up capture", form="ratio"),
        Column(key="down_capture", title="Down capture", form="ratio"),
    ]
    if any(row["percentile"] is not None for row in rows):
        columns.append(Column(key="percentile", title="Runs beaten", form="percent"))
    return (
        Table(
            name="relative",
            title="Against each benchmark",
            columns=tuple(columns),
            rows=tuple(rows),
            note=(
                "Alpha is what holding the benchmark in the same measure (beta) does not explain. Runs beaten: the "
                "share of the runs at random times that earned less than the strategy; near 50% is luck."
            ),
        ),
        Points(
            items=tuple(f"{label(name)}: {one.description}." for name, one in evaluation.benchmarks.items()),
        ),
    )


def returns_section(content: ReportContent) -> Section:
    """Months with yearly totals, and years."""
    blocks: list[Block] = [monthly_table(content.main)]
    if content.main.yearly.height > 1 and content.main.metrics.get("traded"):
        blocks.append(yearly_figure(content))
    return Section(
        name="returns",
        title="Returns by month and year",
        lead="Each cell is the return of one month after costs. The first and the last month may be partial.",
        blocks=tuple(blocks),
    )


def monthly_table(evaluation: Evaluation) -> Table:
    """Years down, months across, the year's total at the end."""
    months = {(row["year"], row["month"]): row["return"] for row in evaluation.monthly.to_dicts()}
    totals = {row["year"]: row["return"] for row in evaluation.yearly.to_dicts()}
    rows = []
    for year in sorted({year for year, _ in months}):
        cells = {f"m{month}": months[year, month] for month in range(1, 13) if (year, month) in months}
        rows.append({"year": year, **cells, "total": totals.get(year)})
    return Table(
        name="monthly",
        title="Monthly returns",
        columns=(
            Column(key="year", title="Year", form="year"),
            *(Column(key=f"m{i}", title=name, form="tenth", heat=True) for i, name in enumerate(MONTHS, 1)),
            Column(key="total", title="Year", form="tenth", heat=True),
        ),
        rows=tuple(rows),
        empty="No full month.",
    )


def yearly_figure(content: ReportContent) -> Figure:
    """Returns by year, of every candidate."""
    marks = [_years(content.chosen, content.main, "chosen")]
    for number, (name, evaluation) in enumerate(_others(content)[:3]):
        marks.append(_years(name, evaluation, CANDIDATE_ROLES[number]))
    yearly = content.main.yearly.to_dicts()
    said = ", ".join(f"{row['year']} {format_value(row['return'], 'percent')}" for row in yearly)
    return Figure(
        name="yearly",
        title="Returns by year",
        alt=f"Bar chart of yearly returns of {content.chosen}: {said}",
        panels=(Panel(title="Return", marks=tuple(marks), form="percent"),),
        x_form="text",
        height=300,
    )


def _years(name: str, evaluation: Evaluation, role: str) -> Mark:
    years = [str(year) for year in evaluation.yearly["year"].to_list()]
    return Mark(kind="bars", name=name, x=years, y=_values(evaluation.yearly["return"]), role=role)


def exposure_section(content: ReportContent) -> Section:
    """Exposure, turnover and costs over time."""
    main = content.main
    metrics = main.metrics
    words = (
        f"On average {format_value(metrics.get('gross_exposure'), 'percent')} of the equity was invested (net "
        f"{format_value(metrics.get('net_exposure'), 'percent')}), and something was held "
        f"{format_value(metrics.get('time_in_market'), 'percent')} of the time. The account traded "
        f"{format_value(metrics.get('turnover'), 'times')} its equity a year, at "
        f"{format_value(_bps(metrics.get('cost_share')), 'bps')} of what was traded."
    )
    figure: tuple[Block, ...] = (exposure_figure(content),)
    if not metrics.get("traded"):
        words, figure = "Nothing was traded, so there is no turnover and there are no costs.", ()
    return Section(
        name="exposure",
        title="Exposure, turnover and costs",
        lead="How much of the account was at work, how often it turned over, and what that cost.",
        blocks=(Text(text=words), *figure),
    )


def _bps(share: float | None) -> float | None:
    return None if share is None else 1e4 * share


def exposure_figure(content: ReportContent) -> Figure:
    """Gross and net exposure, turnover by month, and costs so far."""
    main = content.main
    frame = main.equity.with_columns(
        gross_share=_of_equity("gross"), net_share=_of_equity("net"), turned=_of_equity("turnover")
    )
    every = "1mo" if (main.end - main.start).days > 90 else "1d"
    monthly = frame.group_by_dynamic("timestamp", every=every, label="left").agg(pl.col("turned").sum())
    initial = initial_equity(content, main) or math.nan
    stamps: list[Any] = frame["timestamp"].to_list()
    unit = "month" if every == "1mo" else "day"
    metrics = main.metrics
    return Figure(
        name="exposure",
        title="Exposure, turnover and costs over time",
        alt=(
            f"Three panels over time: gross exposure (mean {format_value(metrics.get('gross_exposure'), 'percent')}) "
            f"and net exposure; turnover by {unit}; costs so far, in the end "
            f"{format_value(_ratio(metrics.get('costs'), initial), 'percent')} of the first equity"
        ),
        panels=(
            Panel(
                title="Exposure",
                marks=(
                    Mark(kind="line", name="Gross", x=stamps, y=_values(frame["gross_share"]), role="chosen"),
                    Mark(kind="line", name="Net", x=stamps, y=_values(frame["net_share"]), role="other1"),
                ),
                form="percent",
                rules=(Rule(axis="y", value=0.0),),
            ),
            Panel(
                title=f"Turnover a {unit}",
                marks=(
                    Mark(
                        kind="bars",
                        name=f"Turnover a {unit}",
                        x=monthly["timestamp"].to_list(),
                        y=_values(monthly["turned"]),
                        role="benchmark1",
                        legend=False,
                    ),
                ),
                form="times",
                height=0.8,
            ),
            Panel(
                title="Costs so far",
                marks=(
                    Mark(
                        kind="area",
                        name="Costs so far",
                        x=stamps,
                        y=_values(frame["costs"].cum_sum() / initial),
                        role="loss",
                        legend=False,
                    ),
                ),
                form="percent",
                height=0.8,
            ),
        ),
        x_form="moment",
        height=560,
    )


def _of_equity(column: str) -> pl.Expr:
    return pl.when(pl.col("equity") > 0.0).then(pl.col(column) / pl.col("equity"))


def _ratio(value: float | None, by: float) -> float | None:
    return None if value is None else value / by
