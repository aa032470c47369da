"""How far to believe the result: what stands beside a Sharpe ratio, explained, and every try that was counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gnomon.evaluation.base import SharpeDoubt
from gnomon.metrics.significance import sharpe_standard_error
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Column, Mark, Panel, Rule, Section, Table, Text
from gnomon.reporting.sections.trading import doubt_of
from gnomon.reporting.words import format_value, known, label

TRIALS_SHOWN = 100


def doubt_section(content: ReportContent) -> Section:
    """The doubt of the strategy explained line by line, that of every other Sharpe ratio shown, and all tries."""
    count = content.trials["count"]
    tries = "One configuration was" if count == 1 else f"{count:,} configurations were"
    return Section(
        name="doubt",
        title="How far to believe it",
        lead=(
            "A good result can be luck, and the more is tried, the better the luckiest try looks. "
            f"{tries} ever scored on this market; each of them counts."
        ),
        blocks=(explained_table(content), *_gates(content), all_doubts(content), *_trials(content)),
    )


def _gates(content: ReportContent) -> list[Block]:
    """What stands between the chosen candidate and promotion."""
    gates = content.gates.get(content.chosen, ())
    if not gates:
        return []
    words = {True: "passed", False: "not passed", None: "switched off"}
    rows = [{"name": label(gate["name"]), "passed": words[gate["passed"]], "why": gate["why"]} for gate in gates]
    failed = sum(gate["passed"] is False for gate in gates)
    off = [label(gate["name"]) for gate in gates if gate["passed"] is None]
    note = f"{content.chosen} may be promoted." if not failed else f"{content.chosen} may not be promoted."
    if off:
        note += f" Switched off in the configuration: {', '.join(off)}."
    return [
        Table(
            name="gates",
            title="Gates before promotion",
            columns=(
                Column(key="name", title="Gate"),
                Column(key="passed", title="Result"),
                Column(key="why", title="Why"),
            ),
            rows=tuple(rows),
            note=note,
        )
    ]


def explained_table(content: ReportContent) -> Table:
    """One figure a line, each with a plain sentence."""
    doubt, main = content.main.doubt, content.main
    rows = [
        _line(
            "Sharpe ratio a year",
            doubt,
            "sharpe",
            "Return above cash for each unit of risk, per year; ± one standard error.",
        ),
        _line(
            "Adjusted for autocorrelation",
            _adjusted(doubt),
            "text",
            "The same for a year whose bars resemble each other: gains that follow gains make a plain figure too high.",
        ),
        _line("T", doubt.n, "integer", "How many returns it was measured on; more of them, less doubt."),
        _line(
            "Standard error, per bar",
            doubt.standard_error,
            "fine",
            "How far a figure like this strays by chance, for returns as lopsided and wild as these.",
        ),
        _line(
            "Skew and kurtosis",
            _shape(doubt),
            "text",
            "Lopsidedness (0 is even) and weight of the extremes (3 is normal) of the returns.",
        ),
        _line("Autocorrelation", doubt.autocorrelation, "rate", "How far a return resembles the one before it."),
        _line(
            "Probabilistic Sharpe ratio (PSR)",
            doubt.psr,
            "probability",
            "Probability that the true ratio is above 0, as if this had been the only try.",
        ),
        _line(
            "Tries, N",
            doubt.trials,
            "integer",
            "Every configuration that was scored on this market, from the trial ledger.",
        ),
        _line(
            "Effective tries",
            doubt.effective_trials,
            "span",
            "The same when tries that resemble each other are counted once.",
        ),
        _line(
            "Deflated Sharpe ratio (DSR)",
            doubt.dsr,
            "probability",
            "Probability that the true ratio beats what the best of N tries without skill would show.",
        ),
        _line(
            "DSR, effective tries",
            doubt.dsr_effective,
            "probability",
            "The same against the effective number of tries.",
        ),
        _line(
            "Minimum track record",
            _record(doubt),
            "text",
            "Length at which a ratio of this size could be told from 0 at 95%.",
        ),
        _line(
            "Probability of overfitting (PBO)",
            doubt.pbo,
            "probability",
            "How often the best try on one half of the record falls below the middle of the tries on the other half.",
        ),
        _line(
            "SPA p-value",
            doubt.spa_pvalue,
            "probability",
            "Probability of so large a best result if no try had an edge: this is the test that the verdict rests on.",
        ),
    ]
    judged = "" if main.judged_on == "bars" else f" The test for luck joins the bars to {main.judged_on}."
    return Table(
        name="doubt",
        title=f"The doubt about {content.chosen}",
        columns=(
            Column(key="name", title="Figure"),
            Column(key="value", title="Value", form="own"),
            Column(key="means", title="What it says"),
        ),
        rows=tuple(rows),
        note=(
            "Bailey and López de Prado (2012, 2014), Lo (2002), Bailey et al. (2015) and Hansen (2005). Not known: it "
            f"cannot be had from so few returns or tries.{judged}"
        ),
    )


def _line(name: str, value: Any, form: str, means: str) -> dict[str, Any]:
    if isinstance(value, SharpeDoubt):
        value, form = format_value(value, form), "text"
    return {"name": name, "value": value, "form": form, "means": means}


def _adjusted(doubt: SharpeDoubt) -> str:
    # The adjusted figure shares the plain one's error, stretched by the same factor.
    value, plain = known(doubt.adjusted_annual_sharpe), known(doubt.annual_sharpe)
    if value is None or not plain:
        return f"{format_value(doubt.adjusted_annual_sharpe, 'ratio')} (T {doubt.n:,}, N {doubt.trials:,})"
    error = abs(value / plain) * doubt.annual_standard_error
    return f"{format_value(value, 'ratio')} ± {format_value(error, 'ratio')} (T {doubt.n:,}, N {doubt.trials:,})"


def _shape(doubt: SharpeDoubt) -> str:
    if known(doubt.skew) is None:
        return "not known"
    return f"{format_value(doubt.skew, 'ratio')} and {format_value(doubt.kurtosis, 'ratio')}"


def _record(doubt: SharpeDoubt) -> str:
    length = known(doubt.minimum_track_record)
    if length is None:
        return "no length would do" if doubt.minimum_track_record == float("inf") else "not known"
    years = length / doubt.periods_per_year
    return f"{format_value(length, 'bars')} bars ({years:,.1f} years); there are {doubt.n:,}"


def every_doubt(content: ReportContent) -> list[tuple[str, SharpeDoubt]]:
    """Every Sharpe ratio in the report, by what it belongs to."""
    main = content.main
    found = [(content.chosen, main.doubt)]
    found += [(name, one.doubt) for name, one in content.evaluations.items() if name != content.chosen]
    found += [(label(name), benchmark.doubt) for name, benchmark in main.benchmarks.items()]
    if main.one_bar_lag is not None:
        found.append((f"{content.chosen}, one bar later", main.one_bar_lag.doubt))
    found += [
        (f"{content.chosen} at {format_value(row['multiple'], 'times')} costs", doubt_of(row))
        for row in main.cost_sensitivity.to_dicts()
    ]
    found += [(f"{content.chosen}, {row['regime']} {row['value']}", doubt_of(row)) for row in main.regimes.to_dicts()]
    return found


def all_doubts(content: ReportContent) -> Table:
    """One row for each Sharpe ratio in the report."""
    return doubt_table(every_doubt(content), title="Every Sharpe ratio in this report, with its doubt")


def sharpe_panel(names: Sequence[str], doubts: Sequence[SharpeDoubt]) -> Panel:
    """A point with its standard error for each Sharpe ratio."""
    return Panel(
        title="Sharpe ratio a year ± its standard error",
        marks=(
            Mark(
                kind="points",
                name="Sharpe ratio a year",
                x=names,
                y=[known(doubt.annual_sharpe) for doubt in doubts],
                error=[known(doubt.annual_standard_error) for doubt in doubts],
                legend=False,
            ),
        ),
        form="sharpe",
        rules=(Rule(axis="y", value=0.0),),
    )


def doubt_table(doubts: Sequence[tuple[str, SharpeDoubt]], *, title: str) -> Table:
    """Sharpe ratios, by what each belongs to, with everything that stands beside them."""
    rows = [
        {
            "name": name,
            "annual": doubt,
            "adjusted": _adjusted(doubt),
            "record": doubt.minimum_track_record,
            **_shared(doubt),
        }
        for name, doubt in doubts
    ]
    return Table(
        name="all_doubts",
        title=title,
        columns=(
            Column(key="name", title="Of"),
            Column(key="annual", title="Sharpe a year ± error", form="sharpe"),
            Column(key="adjusted", title="Adjusted"),
            Column(key="error", title="Error per bar", form="fine"),
            Column(key="psr", title="PSR", form="probability"),
            Column(key="dsr", title="DSR", form="probability"),
            Column(key="dsr_effective", title="DSR, effective", form="probability"),
            Column(key="effective_trials", title="Effective N", form="span"),
            Column(key="record", title="Minimum record, bars", form="bars"),
            Column(key="pbo", title="PBO", form="probability"),
            Column(key="spa_pvalue", title="SPA p", form="probability"),
        ),
        rows=tuple(rows),
        note="SPA and PBO test all tries at once; a benchmark is one try, so it has none of its own.",
        folded=True,
    )


def _shared(doubt: SharpeDoubt) -> dict[str, float]:
    return {
        "error": doubt.standard_error,
        "psr": doubt.psr,
        "dsr": doubt.dsr,
        "dsr_effective": doubt.dsr_effective,
        "effective_trials": doubt.effective_trials,
        "pbo": doubt.pbo,
        "spa_pvalue": doubt.spa_pvalue,
    }


def _trials(content: ReportContent) -> tuple[Block, ...]:
    trials = content.trials
    count, listed = trials["count"], list(trials.get("rows") or ())
    shown = listed[-TRIALS_SHOWN:]
    rows = []
    for row in shown:
        sharpe, bars = known(row.get("sharpe")), known(row.get("bars"))
        text = "not known"
        if sharpe is not None and bars is not None and bars >= 2:
            error = sharpe_standard_error(sharpe, n=int(bars))
            text = f"{sharpe:.4f} ± {error:.4f} (T {int(bars):,}, N {count:,})"
        rows.append(
            {
                "number": row.get("number"),
                "name": row.get("name"),
                "kind": row.get("kind"),
                "sharpe": text,
                "config": str(row.get("config") or "")[:12],
            }
        )
    effective = format_value(trials.get("effective"), "span")
    tries = "try" if count == 1 else "tries"
    words = f"The trial ledger counts {count:,} {tries} ({effective} when alike ones are joined)."
    if trials.get("head"):
        words += f" Its chain ends in {str(trials['head'])[:16]}; a row that is altered or taken out breaks it."
    blocks: list[Block] = [Text(text=words)]
    if rows:
        blocks.append(
            Table(
                name="trials",
                title="All tries" if len(shown) == count else f"The last {len(shown):,} of {count:,} tries",
                columns=(
                    Column(key="number", title="No.", form="integer"),
                    Column(key="name", title="Name"),
                    Column(key="kind", title="Kind"),
                    Column(key="sharpe", title="Sharpe per bar ± error"),
                    Column(key="config", title="Configuration"),
                ),
                rows=tuple(rows),
                note="The errors here are those of normal returns: the ledger keeps a try's ratio and its length.",
                folded=len(rows) > 12,
            )
        )
    return tuple(blocks)
