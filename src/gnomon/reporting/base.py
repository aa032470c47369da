"""What a report is made of: one value with everything in it, so that each form (HTML, Markdown, PDF) says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gnomon.core.errors import DataError
from gnomon.evaluation.base import Evaluation


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """Everything that a report shows. Values other than the evaluations are plain (JSON).

    `evaluations`: every candidate's, out of sample; `chosen` is the one picked on validation rows, by `chosen_by` (in
    words). `validation`: each candidate's figures there (log_loss, skill, rows, total_return, ...). `source`: source,
    version, rows, symbols, start, end, frequency. `checks`: issues (check, severity, count, message, rows), repairs and
    adjustments with their counts. `split`: train, valid, test (rows, start, end), left_out, overlaps. `fits`: by
    candidate: iterations, best_iteration, curves, importance. `trials`: count, effective, head of the ledger's chain,
    rows. `execution`: the costs that were paid. `config`: the configuration as YAML, secrets masked. `versions`: of
    Python and the libraries.
    """

    title: str
    pipeline: str
    evaluations: Mapping[str, Evaluation]
    chosen: str
    chosen_by: str
    validation: Mapping[str, Mapping[str, Any]]
    source: Mapping[str, Any]
    checks: Mapping[str, Any]
    split: Mapping[str, Any]
    fits: Mapping[str, Mapping[str, Any]]
    trials: Mapping[str, Any]
    execution: Mapping[str, Any]
    config: str
    versions: Mapping[str, str] = field(default_factory=dict)
    gates: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """By candidate, each gate before promotion: name, passed (None: switched off), value, limit, why."""
    ensembles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By candidate, what is known of an ensemble's members: weights, contributions, diversity, out_of_fold, dropped."""
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By candidate: its `family`, and the `horizon` that it forecasts, in bars."""
    fold_scores: Sequence[Mapping[str, Any]] = ()
    """Where folds decided, each candidate's scores on each: model, fold, and a value a score."""
    limitations: Sequence[str] = ()
    """What this run cannot know, said in the report: blind spots of the data and of the method."""

    def __post_init__(self) -> None:
        count = self.trials.get("count")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise DataError(
                f"a report needs the count of tries from the trial ledger; trials has count = {count!r}. Without it no "
                "figure can be held against how often it was tried: append the run to the ledger and hand its count on"
            )
        for name, evaluation in self.evaluations.items():
            if evaluation.doubt.trials < count:
                raise DataError(
                    f"the evaluation of {name!r} counts {evaluation.doubt.trials} tries, the trial ledger {count}; "
                    "evaluate it again with all of them"
                )
        if self.chosen not in self.evaluations:
            raise ValueError(f"chosen = {self.chosen!r} is not one of the evaluations: {', '.join(self.evaluations)}")

    @property
    def main(self) -> Evaluation:
        """The evaluation of the chosen candidate."""
        return self.evaluations[self.chosen]
