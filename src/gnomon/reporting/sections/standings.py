"""Every candidate of a run side by side: forecasts and account on the test rows, by family."""

from __future__ import annotations

from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Section
from gnomon.reporting.standings import standing, standing_blocks


def standings_section(content: ReportContent) -> Section | None:
    """The families, where there is more than one candidate whose test forecasts were judged."""
    held = [
        standing(
            evaluation.forecast["test"],
            evaluation.doubt,
            model=name,
            family=str(content.models[name]["family"]),
            horizon=int(content.models[name]["horizon"]),
            chosen=name == content.chosen,
        )
        for name, evaluation in content.evaluations.items()
        if name in content.models and "test" in evaluation.forecast
    ]
    if len(held) < 2:
        return None
    return Section(
        name="standings",
        title="Models side by side",
        lead="Every candidate on the test rows after costs: what there is to be found, and how surely.",
        blocks=tuple(standing_blocks(held)),
    )
