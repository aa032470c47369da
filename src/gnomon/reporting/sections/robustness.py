"""Whether the result holds elsewhere: by regime, one bar later, and under stress."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from gnomon.evaluation.base import Evaluation
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Callout, Column, Figure, Mark, Panel, Section, Table, Text
from gnomon.reporting.sections.doubt import sharpe_panel
from gnomon.reporting.sections.trading import doubt_of
from gnomon.reporting.words import format_value, label

METHODS = {
    "": "As it was",
    "gaussian_": "Normal returns of the same size",
    "cornish_fisher_": "Allowing for skew and fat tails",
}
KINDS = {
    "shock": "every price at once, when it hurts most",
    "window": "lived through",
    "returns": "the record, changed",
    "drawdown": "deepest fall",
}


def regimes_section(content: ReportContent) -> Section:
    """Results by regime, with doubt."""
    frame = content.main.regimes
    lead = "An edge that lives in one regime only is a bet on that regime. Short spans say little: look at the errors."
    if frame.is_empty():
        words = "The record is too short, or too even, to be cut into regimes."
        return Section(name="regimes", title="Results by regime", lead=lead, blocks=(Text(text=words),))
    rows = [
        {
            "regime": label(row["regime"]),
            "value": row["value"],
            "bars": row["bars"],
            "total_return": row["total_return"],
            "max_drawdown": row["max_drawdown"],
            "sharpe": doubt_of(row),
            "psr": row["psr"],
        }
        for row in frame.to_dicts()
    ]
    table = Table(
        name="regimes",
        title="By volatility, trend and year",
        columns=(
            Column(key="regime", title="Regime"),
            Column(key="value", title="Which"),
            Column(key="bars", title="Bars", form="bars"),
            Column(key="total_return", title="Total return", form="percent"),
            Column(key="max_drawdown", title="Deepest fall", form="percent"),
            Column(key="sharpe", title="Sharpe a year ± error", form="sharpe"),
            Column(key="psr", title="PSR", form="probability"),
        ),
        rows=tuple(rows),
        note="Volatility and trend are told from the bars before, as a trader could have.",
    )
    known_any = frame["sharpe"].is_not_nan().any()
    blocks: tuple[Block, ...] = (regime_figure(content.main), table) if known_any else (table,)
    return Section(name="regimes", title="Results by regime", lead=lead, blocks=blocks)


def regime_figure(evaluation: Evaluation) -> Figure:
    """The Sharpe ratio of each regime with its error."""
    rows = evaluation.regimes.to_dicts()
    doubts = [doubt_of(row) for row in rows]
    names = [f"{row['regime']}: {row['value']}" for row in rows]
    return Figure(
        name="regimes",
        title="Sharpe ratio by regime",
        alt=(
            "Points with error bars, the Sharpe ratio a year of each regime and its standard error: "
            + "; ".join(f"{name} {format_value(doubt, 'sharpe')}" for name, doubt in zip(names, doubts, strict=True))
        ),
        panels=(sharpe_panel(names, doubts),),
        x_form="text",
        height=320,
        caption=f"Held against {doubts[0].trials:,} tries (N); each regime's number of returns (T) is in the table.",
    )


def lag_section(content: ReportContent) -> Section:
    """The same orders filled one bar later."""
    main = content.main
    lag = main.one_bar_lag
    lead = (
        "The same decisions, filled one bar later. An edge that is gone after one bar may be a leak, or out of reach."
    )
    if lag is None:
        words = "The test was not made for this strategy."
        return Section(name="lag", title="One bar later", lead=lead, blocks=(Text(text=words),))
    columns = (
        Column(key="name", title="Orders fill"),
        Column(key="total_return", title="Total return", form="percent"),
        Column(key="annual_return", title="A year", form="percent"),
        Column(key="max_drawdown", title="Deepest fall", form="percent"),
        Column(key="sharpe", title="Sharpe a year ± error", form="sharpe"),
    )
    keys = ("total_return", "annual_return", "max_drawdown")
    rows = (
        {"name": "as simulated", **{key: main.metrics.get(key) for key in keys}, "sharpe": main.doubt},
        {"name": "one bar later", **{key: lag.metrics.get(key) for key in keys}, "sharpe": lag.doubt},
    )
    if lag.suspicious:
        words = (
            f"Only {format_value(lag.kept, 'percent')} of the Sharpe ratio is left one bar later. An edge that lives "
            "for one bar does this; so does a look into the future. Find out which before any money is put on it."
        )
        block: Block = Callout(tone="unsure", heading="Suspicious", text=words)
    elif math.isnan(lag.kept):
        block = Text(
            text="The Sharpe ratio was not above 0 to begin with, so there is nothing that a delay could take."
        )
    else:
        block = Text(
            text=f"{format_value(lag.kept, 'percent')} of the Sharpe ratio is left one bar later: nothing suspicious."
        )
    table = Table(name="one_bar_lag", title="One bar later", columns=columns, rows=rows)
    return Section(name="lag", title="One bar later", lead=lead, blocks=(block, table))


def risk_section(content: ReportContent) -> Section:
    """Value at risk by three methods, and stress scenarios."""
    main = content.main
    unit = "day" if main.judged_on == "days" else "bar"
    blocks: list[Block] = [_risk_table(main.risk, unit)]
    if (main.stress["return"] != 0.0).any():
        blocks += [stress_figure(main), _stress_table(main)]
    else:
        blocks.append(Text(text="Nothing was held, so no scenario could have hurt."))
    return Section(
        name="risk",
        title="Risk and stress",
        lead="What the account lost on its bad days, and what known disasters would have done to its positions.",
        blocks=tuple(blocks),
    )


def _risk_table(risk: Mapping[str, float], unit: str) -> Table:
    rows = [
        {
            "method": name,
            "var_5": risk.get(f"{method}value_at_risk"),
            "cvar_5": risk.get(f"{method}conditional_value_at_risk"),
            "var_1": risk.get(f"{method}value_at_risk_1"),
            "cvar_1": risk.get(f"{method}conditional_value_at_risk_1"),
        }
        for method, name in METHODS.items()
    ]
    return Table(
        name="risk",
        title=f"Value at risk, one {unit}",
        columns=(
            Column(key="method", title="Returns taken"),
            Column(key="var_5", title="VaR 95%", form="percent"),
            Column(key="cvar_5", title="CVaR 95%", form="percent"),
            Column(key="var_1", title="VaR 99%", form="percent"),
            Column(key="cvar_1", title="CVaR 99%", form="percent"),
        ),
        rows=tuple(rows),
        note=(
            f"VaR 95%: on one {unit} in twenty the account returned this or less. CVaR: the mean of those {unit}s. At "
            "99% it is one in a hundred."
        ),
    )


def stress_figure(evaluation: Evaluation) -> Figure:
    """Every scenario's return, the worst on top."""
    frame = evaluation.stress.filter(pl.col("return").is_finite()).sort("return", maintain_order=True)
    names, values = frame["scenario"].to_list(), frame["return"].to_list()
    worst = f"{names[0]}, {format_value(values[0], 'percent')}" if names else "none"
    return Figure(
        name="stress",
        title="Stress scenarios",
        alt=f"Bar chart of the return under {len(names)} scenarios; the worst is {worst}",
        panels=(
            Panel(
                title="Return",
                marks=(
                    Mark(
                        kind="bars",
                        name="Return",
                        x=values,
                        y=names,
                        roles=["gain" if value > 0.0 else "loss" for value in values],
                        legend=False,
                    ),
                ),
                form="percent",
                flat=True,
            ),
        ),
        x_form="percent",
        height=max(200, 60 + 24 * len(names)),
    )


def _stress_table(evaluation: Evaluation) -> Table:
    return Table(
        name="stress",
        title="Every scenario",
        columns=(
            Column(key="scenario", title="Scenario"),
            Column(key="kind", title="Kind"),
            Column(key="return", title="Return", form="percent"),
        ),
        rows=tuple({**row, "kind": KINDS.get(row["kind"], row["kind"])} for row in evaluation.stress.to_dicts()),
        note="Redrawn histories: the same returns in blocks, drawn again in other orders.",
        folded=True,
    )
