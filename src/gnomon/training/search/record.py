"""The record of a search: an Optuna journal that only finished trials enter, so that none is ever left running.

Any tool that reads Optuna's journals can open it. A search that was killed starts over from it: what is recorded is
not tried again, what was under way is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from gnomon.core.errors import IntegrityError
from gnomon.core.files import append_durable, make_folder, step, sync
from gnomon.core.logging import get_logger
from gnomon.training.search.base import SearchTrial
from gnomon.training.search.samplers import direction, quiet

log = get_logger(__name__)


class DurableJournal(BaseJournalBackend):
    """Optuna's journal file, a JSON object a line, by the house's file layer.

    Half a line, which a killed process left, is cut off when the file is opened. The caller holds a lock.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        data = path.read_bytes() if path.exists() else b""
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            log.warning("cut off half a line that a killed search left", journal=str(path))
            step("write", path)
            with path.open("rb+") as file:
                os.ftruncate(file.fileno(), whole)
            sync(path)
        self._logs: list[dict[str, Any]] = []
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                self._logs.append(json.loads(line))
            except ValueError as error:
                raise IntegrityError(
                    f"line {number} of {path} was altered ({error}); remove the folder to begin this search anew"
                ) from None

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """What was written, from this line on."""
        return self._logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Adds lines, flushed to the disk."""
        append_durable(self.path, b"".join(json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in logs))
        # As a reader would get them: what was handed in may change afterwards.
        self._logs.extend(json.loads(json.dumps(one)) for one in logs)


class SearchRecord:
    """The finished trials of one study, in `folder/journal.log`."""

    def __init__(self, folder: Path, *, study: str, metrics: tuple[str, ...], distributions: dict[str, Any]) -> None:
        import optuna

        make_folder(folder)
        self.metrics = metrics
        self.distributions = distributions
        self.path = folder / "journal.log"
        with quiet():
            self._study = optuna.create_study(
                study_name=study,
                storage=optuna.storages.JournalStorage(DurableJournal(self.path)),
                directions=[direction(metric) for metric in metrics],
                load_if_exists=True,
            )

    def trials(self) -> list[SearchTrial]:
        """Every finished trial, by number."""
        states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
        return [
            SearchTrial(
                number=trial.number,
                # JSON knows lists only; what can be chosen has to be hashable, so a list there was a tuple.
                params={name: tuple(v) if isinstance(v, list) else v for name, v in trial.params.items()},
                state=states[trial.state.name],  # type: ignore[arg-type]
                folds={name: tuple(values) for name, values in trial.user_attrs["folds"].items()},
                seconds=trial.user_attrs["seconds"],
                cause=trial.user_attrs["cause"],
                marks=trial.user_attrs["marks"],
            )
            for trial in self._study.get_trials(deepcopy=False)
        ]

    def add(self, trial: SearchTrial) -> None:
        """Writes down the next trial, whole or not at all."""
        from optuna.trial import TrialState, create_trial

        state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[trial.state]
        several = len(self.metrics) > 1
        with quiet():
            self._study.add_trial(
                create_trial(
                    state=state,
                    values=[trial.values[name] for name in self.metrics] if trial.state == "complete" else None,
                    params=dict(trial.params),
                    distributions=self.distributions,
                    intermediate_values={} if several else dict(enumerate(trial.intermediate)),
                    user_attrs={
                        "folds": {name: list(values) for name, values in trial.folds.items()},
                        "seconds": trial.seconds,
                        "cause": trial.cause,
                        "marks": dict(trial.marks),
                    },
                )
            )
