"""The whole corpus through its probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import polars as pl

from gnomon.data.probe import ProbeReport, probe_lookahead, probe_resampling
from gnomon.features.sets import FeatureSet
from gnomon.honesty import clean, folds, lag, leaky, levels
from gnomon.honesty.base import Case, CorpusReport, Verdict
from gnomon.honesty.labels import probe_labels
from gnomon.honesty.market import corpus_bars, corpus_tables
from gnomon.honesty.orders import probe_orders
from gnomon.honesty.refits import probe_refits
from gnomon.testing.features import MANY, synthetic_bars, with_holes

CUTS = 64
FITTED_CUTS = 8
"""Cuts of what fits models, labels or keeps accounts, edges of refits first: a run costs much more than a feature."""
RESAMPLED_CUTS = 16
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
        lambda: _resamplings(_fewer(cuts, RESAMPLED_CUTS)),
        lambda: _labels(_fewer(cuts)),
        _overlaps,
        _fits,
        lambda: _refits(_fewer(cuts)),
        lambda: _orders(_fewer(cuts)),
        _lags,
    ]
    names = (
        *("functions of bars", "registered features", "longer bars", "labels", "folds", "fits"),
        *("walk-forward refits", "orders", "fills"),
    )
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


def _resamplings(cuts: int | Literal["all"]) -> Iterator[Verdict]:
    bars = corpus_bars()
    for name, (kind, function) in levels.RESAMPLINGS.items():
        yield _by_probe(name, kind, probe_resampling(function, bars, cuts), None)
    for name, function in levels.CLEAN_RESAMPLINGS.items():
        yield _by_probe(name, "clean", probe_resampling(function, bars, cuts), None)


def _labels(cuts: int | Literal["all"]) -> Iterator[Verdict]:
    bars = levels.small_bars()
    for name, (kind, labeler) in levels.LABELERS.items():
        yield _by_probe(name, kind, probe_labels(labeler, bars, cuts), None)
    for name, labeler in levels.CLEAN_LABELERS.items():
        yield _by_probe(name, "clean", probe_labels(labeler, bars, cuts), None)


def _refits(cuts: int | Literal["all"]) -> Iterator[Verdict]:
    """Refits over samples, right and wrong; probed where a new model takes over, first of all."""
    samples = levels.samples()
    edges = next(iter(levels.CLEAN_REFITS.values())).edges(samples)
    for name, (kind, procedure) in levels.REFITS.items():
        yield _by_probe(name, kind, probe_refits(procedure, samples, cuts, edges=edges), None)
    for name, refits in levels.CLEAN_REFITS.items():
        yield _by_probe(name, "clean", probe_refits(refits, samples, cuts), None)


def _orders(cuts: int | Literal["all"]) -> Iterator[Verdict]:
    bars = levels.small_bars()
    edges = levels.refits_to_orders().edges(bars)
    for name, (kind, path) in levels.ORDERS.items():
        yield _by_probe(name, kind, probe_orders(path, bars, cuts), None)
    for name, path in levels.CLEAN_ORDERS.items():
        yield _by_probe(name, "clean", probe_orders(path, bars, cuts, edges=edges), None)


def _fewer(cuts: int | Literal["all"], most: int = FITTED_CUTS) -> int | Literal["all"]:
    return cuts if cuts == "all" else min(cuts, most)


def _overlaps() -> Iterator[Verdict]:
    for name, (kind, made) in folds.OVERLAPS.items():
        evidence = folds.audit(made())
        case = Case(name=name, kind=kind, finder="overlap audit", leaks=True, level="refits")
        yield Verdict(case=case, found=bool(evidence), evidence=evidence)
    for name, tame in folds.CLEAN_FOLDS.items():
        evidence = folds.audit(tame())
        case = Case(name=name, kind="clean", finder="overlap audit", leaks=False, level="refits")
        yield Verdict(case=case, found=bool(evidence), evidence=evidence)


def _fits() -> Iterator[Verdict]:
    for name, kind, leaks, found in folds.fits():
        case = Case(name=name, kind=kind, finder="row ids", leaks=leaks, level="refits")
        yield Verdict(case=case, found=found, evidence="fitted on rows that are not the training rows" * found)


def _lags() -> Iterator[Verdict]:
    bars = lag.drifting_bars()
    strategies: Mapping[str, tuple[str, Any]] = {
        **lag.LAGS,
        **{name: ("clean", targets) for name, targets in lag.CLEAN_LAGS.items()},
    }
    for name, (kind, targets) in strategies.items():
        report = lag.one_bar_lag(bars, targets(bars))
        case = Case(name=name, kind=kind, finder="one-bar lag", leaks=kind != "clean", level="orders")
        yield Verdict(case=case, found=report.flagged, evidence=str(report) if report.flagged else "")


def _by_probe(name: str, kind: str, report: ProbeReport, columns: set[str] | None) -> Verdict:
    """The verdict on a function; of a report on many, on those of its columns."""
    if blind := [column for column in report.empty if columns is None or column in columns]:
        raise AssertionError(f"{name} has no value in {blind}: it would pass without being seen")
    leaks = [leak for leak in report.leaks if columns is None or leak.column in columns]
    case = Case(name=name, kind=kind, finder="probe", leaks=kind != "clean", level=report.level)
    return Verdict(case=case, found=bool(leaks), evidence=str(leaks[0]) if leaks else "")
