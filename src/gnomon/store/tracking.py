"""The experiment tracker: runs, parameters, metrics, curves and artifacts in MLflow.

Tracking is a view. What a run made is in the store and the run's folder whether a tracker listens or not, so a tracker
that fails costs a warning and never the run.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gnomon.core.clock import Clock, SystemClock
from gnomon.core.logging import get_logger
from gnomon.core.redaction import redact_values
from gnomon.store.base import ArtifactVersion
from gnomon.store.mlflow_client import connect, default_uri, failures, is_refusal, is_sqlite, without_password

MOST_METRICS, MOST_PARAMS, MOST_TAGS = 1000, 100, 100
"""What MLflow takes in one batch."""
LONGEST_VALUE = 5000
ARTIFACT_TAG = "gnomon.artifact."

T = TypeVar("T")
log = get_logger(__name__)


class TrackingSettings(Protocol):
    """What `tracking` says in the configuration (`gnomon.config.models.TrackingConfig`)."""

    @property
    def enabled(self) -> bool:
        """False: nothing is tracked, and MLflow is not even imported."""
        ...

    @property
    def uri(self) -> str | None:
        """An MLflow URI; None for SQLite in the workspace."""
        ...

    @property
    def experiment(self) -> str | None:
        """The experiment's name; None for the project's."""
        ...


class ExperimentTracker:
    """Runs of one experiment. `problems` holds, in words, whatever could not be tracked."""

    def __init__(
        self,
        uri: str | None = None,
        *,
        workspace: Path | str = ".",
        experiment: str = "gnomon",
        enabled: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.workspace = Path(workspace)
        self.uri = uri or default_uri(self.workspace)
        self.experiment = experiment
        self.problems: list[str] = []
        self._clock = clock or SystemClock()
        self._usable = enabled
        self._experiment_id: str | None = None

    @classmethod
    def from_config(
        cls, settings: TrackingSettings, workspace: Path, *, project: str = "gnomon", clock: Clock | None = None
    ) -> ExperimentTracker:
        """The tracker that the configuration asks for."""
        return cls(
            settings.uri,
            workspace=workspace,
            experiment=settings.experiment or project,
            enabled=settings.enabled,
            clock=clock,
        )

    @contextmanager
    def run(
        self, name: str, *, params: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None
    ) -> Iterator[TrackedRun]:
        """A run that ends with the block: FINISHED, or FAILED when the block raises."""
        run = self.start(name, params=params, tags=tags)
        try:
            yield run
        except BaseException:
            run.finish("FAILED")
            raise
        run.finish()

    def start(
        self, name: str, *, params: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None
    ) -> TrackedRun:
        """Begins a run; whoever does not use `run` calls its `finish`."""
        texts = {key: str(value)[:LONGEST_VALUE] for key, value in (tags or {}).items()}
        created = self._attempt(
            "start a run",
            lambda client: client.create_run(
                self._experiment(client), start_time=self._milliseconds(), run_name=name, tags=texts
            ),
            essential=True,
        )
        run = TrackedRun(self, name, created.info.run_id if created is not None else None)
        run.log_params(params or {})
        return run

    def _attempt(self, what: str, act: Callable[[Any], T], *, essential: bool = False) -> T | None:
        """Does something with MLflow; a failure becomes a warning, and the tracker is left alone from then on."""
        if not self._usable:
            return None
        try:
            return act(connect(self.uri, self.workspace))
        except failures() as error:
            # One refused value spoils nothing else; a server that is away would be waited for again and again.
            refused = self._usable = is_refusal(error) and not essential
            place = without_password(self.uri)
            first_line = without_password(str(error)).strip().splitlines()[0] if str(error) else type(error).__name__
            way_out = "nothing else is affected" if refused else "the run goes on untracked; check tracking.uri"
            problem = f"could not {what} at {place}: {first_line}; {way_out}"
            self.problems.append(problem)
            log.warning("tracking failed", problem=problem)
            return None

    def _experiment(self, client: Any) -> str:
        if self._experiment_id is None:
            found = client.get_experiment_by_name(self.experiment)
            # Artifacts are kept in the store and only referred to; still MLflow wants a place for its own.
            here = (self.workspace.absolute() / ".gnomon" / "mlflow").as_uri() if is_sqlite(self.uri) else None
            self._experiment_id = found.experiment_id if found else client.create_experiment(self.experiment, here)
        return str(self._experiment_id)

    def _milliseconds(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


class TrackedRun:
    """One run. Metrics are collected and sent in batches; `id` is None when nothing is tracked."""

    def __init__(self, tracker: ExperimentTracker, name: str, run_id: str | None) -> None:
        self.name = name
        self.id = run_id
        self._tracker = tracker
        self._metrics: list[Any] = []

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Parameters, nested or flat: `{"model": {"depth": 3}}` is `model.depth`. Secrets are masked."""
        if self.id is None:
            return
        flat = [(_name(key), str(value)[:LONGEST_VALUE]) for key, value in flatten(redact_values(dict(params)))]
        for batch in _batches(flat, MOST_PARAMS):
            self._send("log parameters", params=[_entity("Param", *pair) for pair in batch])

    def log_metrics(self, metrics: Mapping[str, float | None], *, step: int = 0) -> None:
        """Metrics at a step (an epoch, a fold). None and infinities, which MLflow cannot hold, are left out."""
        now = self._tracker._milliseconds()
        self._collect((_name(key), value, now, step) for key, value in metrics.items())

    def log_curve(self, name: str, values: Sequence[float], *, steps: Iterable[int] | None = None) -> None:
        """A whole curve of one metric; steps default to 0, 1, ..."""
        now, key = self._tracker._milliseconds(), _name(name)
        self._collect((key, value, now, step) for step, value in zip(steps or itertools.count(), values, strict=False))

    def log_artifact(self, artifact: ArtifactVersion) -> None:
        """A reference to an artifact of the store; its bytes stay where they are."""
        self.set_tags({f"{ARTIFACT_TAG}{artifact.name}": f"{artifact.version} sha256:{artifact.digest}"})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Tags of the run."""
        if self.id is None:
            return
        pairs = [(_name(key), str(value)[:LONGEST_VALUE]) for key, value in redact_values(dict(tags)).items()]
        for batch in _batches(pairs, MOST_TAGS):
            self._send("set tags", tags=[_entity("RunTag", *pair) for pair in batch])

    def flush(self) -> None:
        """Sends the metrics that are still held."""
        held, self._metrics = self._metrics, []
        for batch in _batches(held, MOST_METRICS):
            self._send("log metrics", metrics=[_entity("Metric", *row) for row in batch])

    def finish(self, status: str = "FINISHED") -> None:
        """Ends the run: FINISHED, FAILED or KILLED."""
        self.flush()
        if self.id is not None:
            end = self._tracker._milliseconds()
            self._tracker._attempt(
                "end the run", lambda client: client.set_terminated(self.id, status=status, end_time=end)
            )

    def _collect(self, rows: Iterable[tuple[str, float | None, int, int]]) -> None:
        if self.id is None:
            return
        self._metrics += [
            (key, float(value), time, step)
            for key, value, time, step in rows
            if value is not None and math.isfinite(value)
        ]
        if len(self._metrics) >= MOST_METRICS:
            self.flush()

    def _send(self, what: str, **entities: Sequence[Any]) -> None:
        self._tracker._attempt(what, lambda client: client.log_batch(self.id, **entities))


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings as dotted names.

    >>> dict(flatten({"model": {"depth": 3}, "seed": 7}))
    {'model.depth': 3, 'seed': 7}
    """
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _name(text: str) -> str:
    """A name as MLflow accepts it."""
    return re.sub(r"[^\w\-. :/]", "_", str(text), flags=re.ASCII)[:250].strip("/") or "_"


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _entity(kind: str, *values: Any) -> Any:
    import mlflow.entities

    return getattr(mlflow.entities, kind)(*values)
