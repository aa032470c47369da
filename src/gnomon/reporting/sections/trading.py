"""Round trips, and what other costs would have left of the result."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from gnomon.evaluation.base import DOUBT_COLUMNS, Evaluation, SharpeDoubt
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Column, Fact, Facts, Figure, Mark, Panel, Rule, Section, Table, Text
from gnomon.reporting.words import format_value, known

LARGEST_SHOWN = 5


def doubt_of(row: Mapping[str, float]) -> SharpeDoubt:
    """The doubt that stands in the columns of a frame's row."""
    return SharpeDoubt(**{name: row[name] for name in DOUBT_COLUMNS})  # type: ignore[arg-type]


def trades_section(content: ReportContent) -> Section:
    """Distribution, win rate, profit factor, holding time, the best and the worst."""
    main = content.main
    lead = "A trade is a round trip: what was bought is matched with what was sold, first in, first out, after fees."
    if not known(main.trades.summary.get("trades")):
        return Section(name="trades", title="Trades", lead=lead, blocks=(Text(text="No trade was made."),))
    blocks: list[Block] = [_trade_facts(main)]
    if main.trades.distribution.height:
        blocks.append(distribution_figure(main))
    return Section(name="trades", title="Trades", lead=lead, blocks=(*blocks, *_largest(main)))


def _trade_facts(evaluation: Evaluation) -> Facts:
    summary = evaluation.trades.summary
    bars = known(summary.get("holding_bars_median"))
    hours = known(summary.get("holding_hours_median"))
    return Facts(
        facts=(
            Fact(
                name="Trades",
                value=summary.get("trades"),
                form="integer",
                remark=f"{format_value(summary.get('long_share'), 'percent')} of them long",
            ),
            Fact(
                name="Win rate",
                value=summary.get("win_rate"),
                form="percent",
                remark=f"average win {format_value(summary.get('payoff_ratio'), 'ratio')} times the average loss",
            ),
            Fact(
                name="Profit factor",
                value=summary.get("profit_factor"),
                form="ratio",
                remark="what was won for each 1 lost",
            ),
            Fact(
                name="A trade earned",
                value=summary.get("expectancy"),
                form="number",
                remark=f"on average; {format_value(summary.get('expectancy_return'), 'percent')} of its entry",
            ),
            Fact(
                name="Held for",
                value="not known" if bars is None else f"{format_value(bars, 'bars')} bars",
                remark=f"median; {_held(hours)}",
            ),
            Fact(
                name="Largest",
                value=summary.get("largest_win"),
                form="money",
                remark=f"won; lost {format_value(summary.get('largest_loss'), 'money')}",
            ),
        )
    )


def _held(hours: float | None) -> str:
    if hours is None:
        return "not known"
    return f"{hours / 24.0:,.1f} days" if hours >= 48.0 else f"{hours:,.1f} hours"


def distribution_figure(evaluation: Evaluation) -> Figure:
    """How many trades returned how much."""
    frame = evaluation.trades.distribution
    inner = frame.select((pl.col("high") - pl.col("low")).median()).item()
    low, high = frame["low"].to_list(), frame["high"].to_list()
    # The outer bins reach to the extremes; drawn as wide as the others, they do not squeeze the middle.
    middles = [(a + b) / 2.0 for a, b in zip(low, high, strict=True)]
    if len(middles) > 2:
        middles[0], middles[-1] = high[0] - inner / 2.0, low[-1] + inner / 2.0
    summary = evaluation.trades.summary
    return Figure(
        name="trades",
        title="Distribution of trade returns",
        alt=(
            f"Histogram of the returns of {format_value(summary.get('trades'), 'integer')} trades: "
            f"{format_value(summary.get('win_rate'), 'percent')} won, profit factor "
            f"{format_value(summary.get('profit_factor'), 'ratio')}"
        ),
        panels=(
            Panel(
                title="Trades",
                marks=(
                    Mark(
                        kind="bars",
                        name="Trades",
                        x=middles,
                        y=[float(count) for count in frame["count"].to_list()],
                        widths=[inner] * len(middles),
                        roles=["gain" if middle > 0.0 else "loss" for middle in middles],
                        legend=False,
                    ),
                ),
                form="integer",
                rules=(Rule(axis="x", value=0.0),),
            ),
        ),
        x_title="Return of a trade on its entry",
        x_form="percent",
        height=320,
        caption="The first and the last bar hold everything beyond the 1% and the 99% quantile.",
    )


def _largest(evaluation: Evaluation) -> tuple[Block, ...]:
    frame = evaluation.trades.largest
    if frame.is_empty():
        return ()
    best = frame.filter(pl.col("pnl") > 0.0).head(LARGEST_SHOWN)
    worst = frame.filter(pl.col("pnl") < 0.0).tail(LARGEST_SHOWN).reverse()
    columns = (
        Column(key="symbol", title="Symbol"),
        Column(key="side", title="Side"),
        Column(key="entry_time", title="Entered", form="day"),
        Column(key="exit_time", title="Left", form="day"),
        Column(key="entry_price", title="At", form="number"),
        Column(key="exit_price", title="Left at", form="number"),
        Column(key="return", title="Return", form="percent"),
        Column(key="pnl", title="Earned", form="money"),
    )
    return (
        Table(name="best_trades", title="Best trades", columns=columns, rows=tuple(best.to_dicts()), folded=True),
        Table(name="worst_trades", title="Worst trades", columns=columns, rows=tuple(worst.to_dicts()), folded=True),
    )


def costs_section(content: ReportContent) -> Section:
    """The same targets at other costs, and the cost at which nothing is left."""
    main = content.main
    frame = main.cost_sensitivity
    blocks: list[Block] = [Text(text=break_even_text(main))]
    traded = bool(known(main.metrics.get("traded")))
    if traded and frame.height:
        blocks += [cost_figure(main), _cost_table(main)]
    return Section(
        name="costs",
        title="Cost sensitivity",
        lead="The same decisions, traded again at other costs. What only lives at low costs is no edge.",
        blocks=tuple(blocks),
    )


def break_even_text(evaluation: Evaluation) -> str:
    """Where the gain is gone, in words."""
    paid = evaluation.metrics.get("cost_share")
    value = evaluation.break_even_bps
    if not known(evaluation.metrics.get("traded")):
        return "Nothing was traded, so costs make no difference."
    charged = f"{format_value(None if paid is None else 1e4 * paid, 'bps')} of what was traded"
    if math.isnan(value):
        return f"It paid {charged}. There is no break-even cost: even at no cost at all there was no gain."
    if math.isinf(value):
        return f"It paid {charged}. No cost that was looked at takes the gain away."
    return f"It paid {charged}. The gain is gone at {format_value(value, 'bps')}: the break-even cost."


def cost_figure(evaluation: Evaluation) -> Figure:
    """Total return and Sharpe ratio by cost, with the break-even cost marked."""
    frame = evaluation.cost_sensitivity.filter(pl.col("cost_bps").is_finite())
    costs = frame["cost_bps"].to_list()
    doubts = [doubt_of(row) for row in frame.to_dicts()]
    rules = [Rule(axis="y", value=0.0)]
    paid = known(evaluation.metrics.get("cost_share"))
    if paid is not None:
        rules.append(Rule(axis="x", value=1e4 * paid, label="paid"))
    marked = known(evaluation.break_even_bps)
    if marked is not None and costs and marked <= 1.5 * max(costs):
        rules.append(Rule(axis="x", value=marked, label="break-even"))
    return Figure(
        name="costs",
        title="What is left at other costs",
        alt=(
            "Two line charts by cost in basis points of the traded notional. Total return: "
            + ", ".join(
                f"{format_value(row['total_return'], 'percent')} at {format_value(row['cost_bps'], 'bps')}"
                for row in frame.to_dicts()
            )
            + f". {break_even_text(evaluation)} The Sharpe ratios stand in the table below with their errors"
        ),
        panels=(
            Panel(
                title="Total return",
                marks=(
                    Mark(kind="line", name="Total return", x=costs, y=_finite(frame["total_return"]), legend=False),
                ),
                form="percent",
                rules=tuple(rules),
            ),
            Panel(
                title="Sharpe ratio a year ± its standard error",
                marks=(
                    Mark(
                        kind="points",
                        name="Sharpe ratio a year",
                        x=costs,
                        y=[known(doubt.annual_sharpe) for doubt in doubts],
                        error=[known(doubt.annual_standard_error) for doubt in doubts],
                        role="chosen",
                        legend=False,
                    ),
                ),
                form="sharpe",
                rules=tuple(Rule(axis=rule.axis, value=rule.value) for rule in rules),
            ),
        ),
        x_title="Cost, basis points of what is traded",
        x_form="bps",
        height=340,
        side_by_side=True,
        caption=f"{doubts[0].n:,} returns (T), held against {doubts[0].trials:,} tries (N)." if doubts else "",
    )


def _finite(column: pl.Series) -> list[float | None]:
    return [known(value) for value in column.to_list()]


def _cost_table(evaluation: Evaluation) -> Table:
    rows = [
        {
            "multiple": row["multiple"],
            "cost_bps": row["cost_bps"],
            "total_return": row["total_return"],
            "annual_return": row["annual_return"],
            "costs": row["costs"],
            "sharpe": doubt_of(row),
        }
        for row in evaluation.cost_sensitivity.to_dicts()
    ]
    return Table(
        name="cost_sensitivity",
        title="Result by cost",
        columns=(
            Column(key="multiple", title="Times the costs", form="times"),
            Column(key="cost_bps", title="Of what is traded", form="bps"),
            Column(key="total_return", title="Total return", form="percent"),
            Column(key="annual_return", title="A year", form="percent"),
            Column(key="costs", title="Costs", form="money"),
            Column(key="sharpe", title="Sharpe a year ± error", form="sharpe"),
        ),
        rows=tuple(rows),
        strong=frozenset(i for i, row in enumerate(rows) if row["multiple"] == 1.0),
    )
