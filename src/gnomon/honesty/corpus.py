"""The whole corpus through its probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import polars as pl

from gnomon.data.probe import ProbeReport, probe_lookahead
from gnomon.features.sets import FeatureSet
from gnomon.honesty import clean, folds, lag, leaky
from gnomon.honesty.base import Case, CorpusReport, Verdict
from gnomon.honesty.market import corpus_bars, corpus_tables
from gnomon.testing.features import MANY, synthetic_bars, with_holes

CUTS = 64
ALL_BARS = 120
"""Bars of the one case in which every bar is tried."""
PANEL_BARS = 200
"""Bars of each of the symbols on which cross-sectional features are tried."""


def run_corpus(
    cuts: int | Literal["all"] = CUTS, *, progress: Callable[[str, float], None] = lambda _text, _done: None
) -> CorpusReport:
    """Every planted leak and every piece of clean work, judged by the probe that is there for its kind."""
    parts: list[Callable[[], Iterator[Verdict]]] = [
        lambda: _functions(cuts),
        lambda: _features(cuts),
        _overlaps,
        _fits,
        _lags,
    ]
    names = ("functions of bars", "registered features", "folds", "fits", "fills")
    verdicts: list[Verdict] = []
    for number, (name, part) in enumerate(zip(names, parts, strict=True)):
        progress(f"probing {name}", number / len(parts))
        verdicts.extend(part())
    return CorpusReport(verdicts=tuple(verdicts))


def _functions(cuts: int | Literal["all"]) -> Iterator[Verdict]:
    bars, tables = corpus_bars(), corpus_tables()
    expressions = {name: expression.over("symbol") for name, (_, expression) in leaky.EXPRESSIONS.items()}
    report = probe_lookahead(lambda b: b.select("timestamp", "symbol", **expressions), bars, cuts)
    yield from (_by_probe(name, kind, report, {name}) for name, (kind, _) in leaky.EXPRESSIONS.items())
    for name, (kind, function) in leaky.FUNCTIONS.items():
        yield _by_probe(name, kind, probe_lookahead(function, bars, cuts, tables=tables), None)
    few = bars.group_by("symbol", maintain_order=True).head(ALL_BARS).select(bars.columns)
    one = probe_lookahead(leaky.single_moment, few.filter(pl.col("symbol") == "SYN001"), "all")
    yield _by_probe("single_moment", "only sometimes", one, None)

    tame = {name: expression.over("symbol") for name, expression in clean.EXPRESSIONS.items()}
    report = probe_lookahead(lambda b: b.select("timestamp", "symbol", **tame), bars, cuts)
    yield from (_by_probe(name, "clean", report, {name}) for name in tame)
    for name, function in clean.FUNCTIONS.items():
        yield _by_probe(name, "clean", probe_lookahead(function, bars, cuts, tables=tables), None)


def _features(cuts: int | Literal["all"]) -> Iterator[Verdict]:
    """The basic features and the cross-sectional ones, each clean."""
    alone, crossing = FeatureSet.basic(), FeatureSet.cross_section(tables=("sectors",))
    many = with_holes(synthetic_bars(crossing.inputs, symbols=MANY, bars=PANEL_BARS))
    for features, bars in ((alone, synthetic_bars(alone.inputs, bars=600)), (crossing, many)):
        report = probe_lookahead(features.compute, bars, cuts)
        yield from (_by_probe(f"feature {spec.name}", "clean", report, set(spec.outputs)) for spec in features.specs)


def _overlaps() -> Iterator[Verdict]:
    for name, (kind, made) in folds.OVERLAPS.items():
        evidence = folds.audit(made())
        case = Case(name=name, kind=kind, finder="overlap audit", leaks=True)
        yield Verdict(case=case, found=bool(evidence), evidence=evidence)
    for name, tame in folds.CLEAN_FOLDS.items():
        evidence = folds.audit(tame())
        case = Case(name=name, kind="clean", finder="overlap audit", leaks=False)
        yield Verdict(case=case, found=bool(evidence), evidence=evidence)


def _fits() -> Iterator[Verdict]:
    for name, kind, leaks, found in folds.fits():
        case = Case(name=name, kind=kind, finder="row ids", leaks=leaks)
        yield Verdict(case=case, found=found, evidence="fitted on rows that are not the training rows" * found)


def _lags() -> Iterator[Verdict]:
    bars = lag.drifting_bars()
    strategies: Mapping[str, tuple[str, Any]] = {
        **lag.LAGS,
        **{name: ("clean", targets) for name, targets in lag.CLEAN_LAGS.items()},
    }
    for name, (kind, targets) in strategies.items():
        report = lag.one_bar_lag(bars, targets(bars))
        case = Case(name=name, kind=kind, finder="one-bar lag", leaks=kind != "clean")
        yield Verdict(case=case, found=report.flagged, evidence=str(report) if report.flagged else "")


def _by_probe(name: str, kind: str, report: ProbeReport, columns: set[str] | None) -> Verdict:
    """The verdict on a function; of a report on many, on those of its columns."""
    if blind := [column for column in report.empty if columns is None or column in columns]:
        raise AssertionError(f"{name} has no value in {blind}: it would pass without being seen")
    leaks = [leak for leak in report.leaks if columns is None or leak.column in columns]
    case = Case(name=name, kind=kind, finder="probe", leaks=kind != "clean")
    return Verdict(case=case, found=bool(leaks), evidence=str(leaks[0]) if leaks else "")
