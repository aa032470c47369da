"""The catalogue as a page: a ranking with intervals, a heat map, Sharpe ratios against times of fits, all rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from gnomon.evaluation.base import SharpeDoubt
from gnomon.pipeline.catalogue.ranking import BETTER, BLOCK, in_errors, latest, rank
from gnomon.pipeline.catalogue.recount import doubt_of
from gnomon.reporting.document import Callout, Column, Document, Figure, Mark, Panel, Rule, Section, Table, Text

ROLES = ("chosen", "other1", "other2", "other3", "other4", "gain", "loss", "benchmark3", "benchmark4", "benchmark5")
"""Colours of families, in the order of their names; baselines are grey."""
LEVEL = 0.95
"""Of the deflated Sharpe ratio, from which a row is called more than luck."""
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
    sections = [_ranking(ranked, by)]
    if done.height:
        sections += [_map(done, ranked), _times(done), _rows(done)]
    failed = held.filter(pl.col("status") == "failed")
    if failed.height:
        sections.append(_failures(failed))
    return Document(
        title="Models compared",
        subtitle=(
            f"{done['label'].n_unique()} models on {_words(sets)}",
            f"horizons of {', '.join(map(str, horizons)) or 'no'} bars; test rows only, after costs",
        ),
        verdict=_verdict(done, ranked, by),
        sections=tuple(sections),
    )


def told_apart(ranked: pl.DataFrame) -> pl.DataFrame:
    """The models whose interval of the mean rank begins where the first one's has ended."""
    return ranked.filter(pl.col("low") > ranked["high"][0]) if ranked.height else ranked


def _verdict(done: pl.DataFrame, ranked: pl.DataFrame, by: str) -> Callout:
    if ranked.is_empty():
        return Callout(tone="note", heading="Nothing is scored yet", text="`gnomon bench models` scores some.")
    first = ranked.row(0, named=True)
    worse = told_apart(ranked).height
    sure = done.filter(pl.col("dsr") >= LEVEL)
    items = [
        f"By the {NAMES[by]} it can be told from {worse} of the {ranked.height - 1} others: only these have intervals "
        "of the mean rank that begin where its own has ended.",
        f"{sure.height} of {done.height} rows earn more than the best of all tries by luck would (deflated Sharpe "
        f"ratio of {LEVEL:g} and more).",
        "The best of many is better here than it will be: who takes the first of this list has chosen on test rows.",
    ]
    return Callout(
        tone="note",
        heading=f"{first['label']} has the best mean rank",
        text=f"Rank {first['mean_rank']:.1f} on average over {first['blocks']} data sets and horizons.",
        items=tuple(items),
    )


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
            Table(
                name="ranking",
                title="Mean rank, with its 90% interval",
                columns=columns,
                rows=tuple(ranked.iter_rows(named=True)),
                empty="Nothing is scored yet.",
            ),
            Text(
                text="The interval is a bootstrap over data sets, each with all its horizons; ranking by the Sharpe "
                "ratio, each ratio is also moved by its standard error, as if models erred independently, which makes "
                "the interval rather too wide. A model that never traded ranks with a Sharpe ratio of 0; one that "
                "failed on a block is last there."
            ),
        ),
    )


def _map(done: pl.DataFrame, ranked: pl.DataFrame) -> Section:
    blocks = sorted(set(done.select(BLOCK).iter_rows()))
    cells = {(row["label"], row["data_set"], row["horizon"]): in_errors(row) for row in done.iter_rows(named=True)}
    columns = [Column(key=f"{name}/{bars}", title=f"{name}, {bars}", form="ratio", heat=True) for name, bars in blocks]
    rows = tuple(
        {"label": label, **{f"{name}/{bars}": cells.get((label, name, bars)) for name, bars in blocks}}
        for label in ranked["label"]
    )
    return Section(
        name="map",
        title="Models by data sets",
        lead="Each Sharpe ratio in its own standard errors: below 2 either way it may well be 0.",
        blocks=(
            Table(
                name="map",
                title="Sharpe ratio over its standard error, by data set and horizon in bars",
                columns=(Column(key="label", title="model"), *columns),
                rows=rows,
                note="No allowance is made here for how many were tried; the deflated Sharpe ratio below makes it.",
            ),
        ),
    )


def _times(done: pl.DataFrame) -> Section:
    families = sorted(set(done.filter(~pl.col("baseline"))["family"]))
    role = {family: ROLES[i % len(ROLES)] for i, family in enumerate(families)}
    # The points have no place in the legend; an empty mark a family has.
    named = {**role, "baselines": "benchmark2"}
    marks = [Mark(kind="points", name=name, x=[None], y=[None], error=[None], role=own) for name, own in named.items()]
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
        Column(key="f1", title="F1", form="rate"),
        Column(key="log_loss", title="log loss", form="fine"),
        Column(key="ece", title="ECE", form="rate"),
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
    return {**row, **doubt.row(), "doubt": doubt}


def _words(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 9 else f"{len(names)} data sets"
