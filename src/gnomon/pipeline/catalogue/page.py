"""The catalogue as a page: what luck explains, a ranking with intervals, by asset class too, heat maps, all rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from gnomon.evaluation.base import SharpeDoubt
from gnomon.pipeline.catalogue.ranking import BETTER, BLOCK, in_errors, latest, luck, rank
from gnomon.pipeline.catalogue.recount import doubt_of
from gnomon.reporting.document import Callout, Column, Document, Figure, Mark, Panel, Rule, Section, Table, Text, Tone
from gnomon.reporting.words import UNKNOWN, format_value, known

ROLES = ("chosen", "other1", "other2", "other3", "other4", "gain", "loss", "benchmark3", "benchmark4", "benchmark5")
"""Colours of families, in the order of their names; baselines are grey."""
LEVEL = 0.95
"""Of the deflated Sharpe ratio, from which a row is called more than luck."""
LUCK = 0.05
"""Of the p-value of all tries on a data set, up to which their best is called more than luck."""
NAMES = {
    "sharpe": "Sharpe ratio",
    "total_return": "return on investment",
    "max_drawdown": "deepest fall",
    "f1": "F1",
    "ic": "information coefficient",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
}


def catalogue_page(rows: pl.DataFrame, *, by: str = "sharpe", seed: int = 7) -> Document:
    """The page of the catalogue's rows, ranked `by` a figure of `BETTER`; `gnomon.reporting.html.to_html` writes it."""
    ranked = rank(rows, by=by, seed=seed)
    held = latest(rows)
    done = held.filter(pl.col("status") == "scored")
    sets = sorted(set(held["data_set"]))
    horizons = sorted(set(held["horizon"]))
    chances = luck(rows)
    sections = [_ranking(ranked, by)]
    if done.height:
        sections = [_luck(chances), *sections, *_classes(rows, ranked, by, seed), _map(done, ranked), _times(done)]
        sections.append(_rows(done))
    failed = held.filter(pl.col("status") == "failed")
    if failed.height:
        sections.append(_failures(failed))
    return Document(
        title="Models compared",
        subtitle=(
            f"{done['label'].n_unique()} models on {_words(sets)}",
            f"horizons of {', '.join(map(str, horizons)) or 'no'} bars; test rows only, after costs",
        ),
        verdict=_verdict(done, ranked, chances, by),
        sections=tuple(sections),
    )


def told_apart(ranked: pl.DataFrame) -> pl.DataFrame:
    """The models whose interval of the mean rank begins where the first one's has ended."""
    return ranked.filter(pl.col("low") > ranked["high"][0]) if ranked.height else ranked


def _verdict(done: pl.DataFrame, ranked: pl.DataFrame, chances: pl.DataFrame, by: str) -> Callout:
    if ranked.is_empty():
        return Callout(tone="note", heading="Nothing is scored yet", text="`gnomon bench models` scores some.")
    first = ranked.row(0, named=True)
    worse = told_apart(ranked).height
    sure = done.filter(pl.col("dsr") >= LEVEL)
    items = [
        f"{first['label']} has the best mean rank by the {NAMES[by]}, {first['mean_rank']:.1f} of {ranked.height} over "
        f"{_counted(first['blocks'], 'block')} (data sets times horizons). It can be told from {worse} of the "
        f"{ranked.height - 1} others: only these have intervals of the mean rank that begin where its own has ended.",
        f"{sure.height} of {done.height} rows have a deflated Sharpe ratio of {LEVEL:g} and more, as what earns more "
        "than the best of so many tries by luck.",
        *_one_class(done),
        "The best of many is better here than it will be: who takes the first of this list has chosen on test rows.",
    ]
    tone, heading, text = _said_of_luck(chances)
    return Callout(tone=tone, heading=heading, text=text, items=tuple(items))


def _said_of_luck(chances: pl.DataFrame) -> tuple[Tone, str, str]:
    """Whether anything beats luck: the p-value of the maximum over all tries, for all data sets that were looked at."""
    known = chances.filter(pl.col("adjusted").is_not_nan()).sort("adjusted", "spa_pvalue")
    if known.is_empty():
        return (
            "unsure",
            "Too little to tell from luck",
            "No data set has a p-value: its tests are too short, or nothing traded.",
        )
    lowest = known.row(0, named=True)
    many = known.height > 1
    allowed = (
        f", {format_value(lowest['adjusted'], 'probability')} allowing for {known.height} data sets (Holm)"
        if many
        else ""
    )
    smallest = format_value(lowest["spa_pvalue"], "probability")
    test = (
        f"The smallest SPA p-value is {smallest}, on {lowest['data_set']}{allowed}: "
        "of the maximum over all tries there, against cash and against holding the market, after costs."
    )
    better = known.filter(pl.col("adjusted") <= LUCK)["data_set"].to_list()
    if not better:
        p = format_value(lowest["adjusted"], "probability")
        return "none", f"Nothing here beats luck: p = {p}", f"{test} A best like this is what luck gives."
    where = ", ".join(better)
    return (
        "note",
        f"On {where} the best is more than luck",
        f"{test} It says that some try there has an edge, not which; on the {known.height - len(better)} other data "
        "sets nothing beats luck.",
    )


def _one_class(done: pl.DataFrame) -> list[str]:
    """A word on models that say the same class always: they look like a result and are a position held."""
    rule = done.filter(pl.col("model") == "majority").group_by(BLOCK).agg(pl.col("f1").first().alias("rule"))
    others = done.filter(~pl.col("baseline")).join(rule, on=BLOCK)
    same = others.filter((pl.col("f1") - pl.col("rule")).abs() < 1e-12).height
    if not same:
        return []
    return [
        f"{same} of {others.height} rows of models have to the last digit the F1 of always saying the class that was "
        "most frequent in training: their fit found nothing, and what they earn is a position that is held."
    ]


def _luck(chances: pl.DataFrame) -> Section:
    who = (Column(key="asset_class", title="asset class"), Column(key="data_set", title="data set"))
    columns = (
        *who,
        Column(key="adjusted", title="p", form="probability", help="SPA p, allowing for so many data sets (Holm)"),
        Column(key="spa_pvalue", title="SPA p", form="probability", help="of the maximum over all tries"),
        Column(key="pbo", title="PBO", form="probability", help="that choosing among the tries overfits"),
        Column(key="trials", title="N", form="integer", help="all that was ever tried on this market"),
        Column(key="best", title="highest Sharpe ratio"),
        Column(key="doubt", title="a year", form="sharpe"),
    )
    spans = (
        *who,
        Column(key="frequency", title="frequency"),
        Column(key="symbols", title="symbols", form="integer"),
        Column(key="bars", title="bars", form="integer"),
        Column(key="first", title="from", form="day"),
        Column(key="test_first", title="tested from", form="day"),
        Column(key="last", title="to", form="day"),
        Column(key="test_rows", title="test rows", form="integer"),
    )
    rows = tuple(
        {**_shown(row), "best": f"{row['label']}, {row['horizon']} bars", "adjusted": row["adjusted"]}
        for row in chances.iter_rows(named=True)
    )
    return Section(
        name="luck",
        title="Is it luck?",
        lead="The best of all that was tried on a data set, against what the best of as many without an edge earns.",
        blocks=(
            Table(
                name="luck",
                title="The best on each data set",
                columns=columns,
                rows=rows,
                note="p: how often luck alone gives so good a best, by resampled blocks of days or bars; allowing for "
                "as many data sets as there are, and (SPA p) for this one alone. Not known where fewer than 20 days or "
                "bars were tested.",
            ),
            Table(name="data", title="What was traded", columns=spans, rows=rows),
        ),
    )


def _classes(rows: pl.DataFrame, ranked: pl.DataFrame, by: str, seed: int) -> list[Section]:
    """Mean ranks within each asset class; nothing where there is only one."""
    classes = sorted(set(latest(rows)["asset_class"].drop_nulls()))
    if len(classes) < 2:
        return []
    own = {one: rank(rows.filter(pl.col("asset_class") == one), by=by, seed=seed) for one in classes}
    cells = {(row["label"], one): row for one, frame in own.items() for row in frame.iter_rows(named=True)}
    table = tuple(
        {"label": label, **{one: _rank_words(cells.get((label, one))) for one in classes}} for label in ranked["label"]
    )
    firsts = "; ".join(
        f"{one}: {frame['label'][0]}, told from {told_apart(frame).height} of {frame.height - 1}"
        for one, frame in own.items()
        if frame.height
    )
    return [
        Section(
            name="classes",
            title="By asset class",
            lead=f"Best by the {NAMES[by]}: {firsts}.",
            blocks=(
                Table(
                    name="classes",
                    title="Mean rank within each asset class, with its 90% interval",
                    columns=(Column(key="label", title="model"), *(Column(key=one, title=one) for one in classes)),
                    rows=table,
                    note="Few data sets a class: an interval is mostly that of each figure's own error.",
                ),
            ),
        )
    ]


def _rank_words(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    middle = f"{row['mean_rank']:.1f}"
    return middle if math.isnan(row["low"]) else f"{middle} ({row['low']:.0f}–{row['high']:.0f})"


def _ranking(ranked: pl.DataFrame, by: str) -> Section:
    columns = (
        Column(key="label", title="model"),
        Column(key="family", title="family"),
        Column(key="blocks", title="blocks", form="integer", help="data sets times horizons"),
        Column(key="mean_rank", title="mean rank", form="ratio"),
        Column(key="low", title="from", form="ratio", help="5% of the draws are below"),
        Column(key="high", title="to", form="ratio", help="5% of the draws are above"),
        Column(key="mean_total_return", title="mean return", form="percent", help="on investment, over the test rows"),
        Column(key="mean_skill", title="skill", form="percent", help="of the log loss of class frequencies"),
        Column(key="fit_seconds", title="fit, s", form="number"),
        Column(key="row_microseconds", title="one row, µs", form="number"),
        Column(key="parameters", title="parameters", form="integer"),
    )
    return Section(
        name="ranking",
        title="Ranking",
        lead=f"By the {NAMES[by]} ({BETTER[by]} is better), 1 is the best, over data sets and horizons.",
        blocks=(
            *_ranks_drawn(ranked),
            Table(
                name="ranking",
                title="Mean rank, with its 90% interval",
                columns=columns,
                rows=tuple(ranked.iter_rows(named=True)),
                empty="Nothing is scored yet.",
            ),
            Text(
                text="The interval is a bootstrap over data sets, each with all its horizons; each figure that has a "
                "standard error is also moved by it, as if models erred independently, which makes the interval rather "
                "too wide. A model that never traded ranks with a Sharpe ratio of 0; one that "
                "failed on a block is last there."
            ),
        ),
    )


def _roles(rows: pl.DataFrame) -> dict[str, str]:
    """The colour of each family of models that are no baselines."""
    families = sorted(set(rows.filter(~pl.col("baseline"))["family"]))
    return {family: ROLES[i % len(ROLES)] for i, family in enumerate(families)}


def _ranks_drawn(ranked: pl.DataFrame) -> list[Figure]:
    if ranked.is_empty():
        return []
    role = _roles(ranked)
    labels = ranked["label"].to_list()
    marks = [
        Mark(
            kind="points",
            name="mean rank",
            x=ranked["mean_rank"].to_list(),
            y=labels,
            roles=["benchmark2" if row["baseline"] else role[row["family"]] for row in ranked.iter_rows(named=True)],
            spans=[None if math.isnan(low) else (low, high) for low, high in ranked.select("low", "high").iter_rows()],
            legend=False,
        ),
        *_families({**role, "baselines": "benchmark2"} if ranked["baseline"].any() else role, at=labels[:1]),
    ]
    return [
        Figure(
            name="ranks",
            title="Mean rank and its 90% interval",
            alt="A point a model, the best on top: its mean rank to the right, and a bar over its interval.",
            panels=(Panel(title="model", marks=tuple(marks), flat=True),),
            x_title="mean rank (1: the best)",
            caption="Models whose bars overlap cannot be told apart.",
            height=130 + 19 * ranked.height,
        )
    ]


def _families(roles: Mapping[str, str], at: list[Any]) -> list[Mark]:
    """Entries of the legend: a point has none, an empty mark of its family has."""
    return [Mark(kind="points", name=name, x=[None], y=at, error=[None], role=own) for name, own in roles.items()]


def _map(done: pl.DataFrame, ranked: pl.DataFrame) -> Section:
    blocks = sorted(set(done.select(BLOCK).iter_rows()))
    columns = [Column(key=f"{name}/{bars}", title=f"{name}, {bars}", form="ratio", heat=True) for name, bars in blocks]

    def table(cell: Callable[[dict[str, Any]], float]) -> tuple[dict[str, Any], ...]:
        cells = {(row["label"], row["data_set"], row["horizon"]): cell(row) for row in done.iter_rows(named=True)}
        return tuple(
            {"label": label, **{f"{name}/{bars}": cells.get((label, name, bars)) for name, bars in blocks}}
            for label in ranked["label"]
        )

    return Section(
        name="map",
        title="Models by data sets",
        lead="Each figure in its own standard errors: below 2 either way it may well be 0.",
        blocks=(
            Table(
                name="map",
                title="Sharpe ratio over its standard error, by data set and horizon in bars",
                columns=(Column(key="label", title="model"), *columns),
                rows=table(in_errors),
                note="No allowance is made here for how many were tried; the deflated Sharpe ratio below makes it.",
            ),
            Table(
                name="skill",
                title="Log loss below that of class frequencies, over its standard error",
                columns=(Column(key="label", title="model"), *columns),
                rows=table(_skill_in_errors),
                note="Above 0: the forecasts say more than how often each class came in training.",
            ),
        ),
    )


def _skill_in_errors(row: Mapping[str, Any]) -> float:
    error = row["log_loss_error"]
    return float((row["prior_log_loss"] - row["log_loss"]) / error) if error else math.nan


def _times(done: pl.DataFrame) -> Section:
    role = _roles(done)
    marks = _families({**role, "baselines": "benchmark2"}, at=[None])
    for row in done.iter_rows(named=True):
        doubt = doubt_of(row)
        if math.isnan(doubt.annual_sharpe):
            continue
        marks.append(
            Mark(
                kind="points",
                name=f"{row['label']}, {row['data_set']}, {row['horizon']} bars",
                x=[math.log10(max(row["fit_seconds"], 1e-4))],
                y=[doubt.annual_sharpe],
                error=[doubt.annual_standard_error],
                role="benchmark2" if row["baseline"] else role[row["family"]],
                legend=False,
            )
        )
    return Section(
        name="times",
        title="What a longer fit earns",
        lead="The Sharpe ratio a year, with its standard error, against the seconds of a fit.",
        blocks=(
            Figure(
                name="times",
                title="Sharpe ratio and time of a fit",
                alt="A point a row of the catalogue: seconds of the fit to the right, Sharpe ratio a year upwards.",
                panels=(
                    Panel(title="Sharpe a year", marks=tuple(marks), form="sharpe", rules=(Rule(axis="y", value=0),)),
                ),
                x_title="seconds of a fit, as a power of ten (0: 1 s, 1: 10 s)",
                height=460,
            ),
        ),
    )


def _rows(done: pl.DataFrame) -> Section:
    columns = (
        Column(key="label", title="model"),
        Column(key="data_set", title="data set"),
        Column(key="horizon", title="bars", form="integer"),
        Column(key="doubt", title="Sharpe a year", form="sharpe"),
        Column(key="total_return", title="return", form="percent"),
        Column(key="max_drawdown", title="deepest fall", form="percent"),
        Column(key="f1_words", title="F1"),
        Column(key="log_loss_words", title="log loss"),
        Column(key="prior_log_loss", title="of frequencies", form="rate", help="log loss of the class frequencies"),
        Column(key="ece_words", title="ECE"),
        Column(key="fit_seconds", title="fit, s", form="number"),
        Column(key="row_microseconds", title="one row, µs", form="number"),
        Column(key="rows_per_second", title="rows/s", form="integer"),
        Column(key="parameters", title="parameters", form="integer"),
        Column(key="test_rows", title="test rows", form="integer"),
    )
    doubts = (
        *columns[:4],
        Column(key="adjusted_annual_sharpe", title="allowing for autocorrelation", form="ratio"),
        Column(key="psr", title="PSR", form="probability"),
        Column(key="dsr", title="DSR", form="probability"),
        Column(key="dsr_effective", title="DSR, effective N", form="probability"),
        Column(key="trials", title="N", form="integer"),
        Column(key="effective_trials", title="effective N", form="span"),
        Column(key="minimum_track_record", title="least record, bars", form="bars"),
        Column(key="pbo", title="PBO", form="probability"),
        Column(key="spa_pvalue", title="SPA p", form="probability"),
    )
    rows = tuple(_shown(row) for row in done.sort(*BLOCK, "sharpe", descending=[False, False, True]).to_dicts())
    note = "N counts everything that was ever scored on this market, by the trial ledger, not these rows alone."
    return Section(
        name="rows",
        title="Every row",
        lead="What each model did over the test rows, and how far that may be believed.",
        blocks=(
            Table(name="rows", title="Results", columns=columns, rows=rows),
            Table(name="doubt", title="Doubt", columns=doubts, rows=rows, note=note),
        ),
    )


def _failures(failed: pl.DataFrame) -> Section:
    columns = [Column(key=key, title=title) for key, title in (("label", "model"), ("data_set", "data set"))]
    table = Table(
        name="failures",
        title="Failures",
        columns=(
            *columns,
            Column(key="horizon", title="bars", form="integer"),
            Column(key="cause", title="cause"),
        ),
        rows=tuple(failed.select("label", "data_set", "horizon", "cause").iter_rows(named=True)),
    )
    return Section(name="failures", title="What failed", lead="Models without a result, and why.", blocks=(table,))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    doubt: SharpeDoubt = doubt_of(row)
    words = {f"{name}_words": _with_error(row[name], row[f"{name}_error"]) for name in ("f1", "log_loss", "ece")}
    return {**row, **doubt.row(), **words, "doubt": doubt}


def _with_error(value: float | None, error: float | None) -> str:
    if known(value) is None:
        return UNKNOWN
    return format_value(value, "rate") + ("" if known(error) is None else f" ± {format_value(error, 'rate')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _words(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 9 else f"{len(names)} data sets"
