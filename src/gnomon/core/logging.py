"""Logs: to stderr as text or JSON, and to a rotated file of JSON lines; never to stdout, never a secret.

`get_logger` costs nothing at import: structlog is loaded with the first line that is logged. A library stays silent
until the program calls `configure_logging`; other libraries' warnings then come through the same handlers.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from gnomon.core.clock import Clock, SystemClock
from gnomon.core.redaction import redact, redact_values, register_secret

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

__all__ = ["Logger", "bound", "configure_logging", "get_logger", "register_secret"]

ROOT = "gnomon"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FIELDS = "gnomon_event"
"""The attribute of a log record that holds the event's fields."""

# Unless a program asks for logs, this library writes none; the standard library's last resort would print warnings.
logging.getLogger(ROOT).addHandler(logging.NullHandler())


Level = Literal["debug", "info", "warning", "error"]


class Logger:
    """A named logger of events: a short text and its fields.

    >>> log = get_logger("gnomon.example")
    >>> log.info("fold done", fold=3, sharpe=0.4)
    >>> log.bind(stage="train").warning("stopped early", iteration=12)
    """

    __slots__ = ("_bound", "_fields", "name")

    def __init__(self, name: str, fields: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self._fields = dict(fields or {})
        self._bound: BoundLogger | None = None

    def bind(self, **fields: Any) -> Logger:
        """A logger whose every event carries these fields too."""
        return Logger(self.name, {**self._fields, **fields})

    def debug(self, event: str, **fields: Any) -> None:
        """For whoever looks for a fault."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """What was done."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """What a person should look at."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """What failed."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """What failed, with the traceback of the exception being handled."""
        self._log(logging.ERROR, event, {"exc_info": True, **fields})

    def _log(self, level: int, event: str, fields: Mapping[str, Any]) -> None:
        if not logging.getLogger(self.name).isEnabledFor(level):
            return
        if self._bound is None:
            self._bound = _bound_logger(self.name, self._fields)
        self._bound.log(level, event, **fields)


def get_logger(name: str) -> Logger:
    """A module's logger; each file asks with its own `__name__`."""
    return Logger(name)


@contextlib.contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Every event inside the block carries these fields (a run id, a stage), in this task or thread alone."""
    from structlog.contextvars import bound_contextvars

    with bound_contextvars(**fields):
        yield


def configure_logging(
    *,
    level: Level = "info",
    terminal: Level | None = None,
    format: Literal["console", "json"] = "console",
    file: Path | None = None,
    max_bytes: int = 10_000_000,
    backups: int = 5,
    clock: Clock | None = None,
) -> None:
    """Sends logs to stderr in `format`, and as JSON lines to `file` when given.

    `terminal` is the least that reaches stderr, `level` without it. Tracebacks go to the file; stderr has them where
    there is no file, or at level debug: they help us, and only frighten others.

    The file is rotated (`name.1`, `name.2`, ... up to `backups`) before it would pass `max_bytes`. Calling it again
    replaces what the last call set up. Raises OSError when the folder of `file` cannot be made.
    """
    clock = clock or SystemClock()
    root = logging.getLogger()
    for held in [held for held in root.handlers if isinstance(held, _StderrHandler | RotatingLines)]:
        root.removeHandler(held)
        held.close()
    stderr = _StderrHandler()
    stderr.setLevel(LEVELS[terminal or level])
    stderr.setFormatter(EventFormatter(format, clock, tracebacks=file is None or level == "debug"))
    root.addHandler(stderr)
    if file is not None:
        lines = RotatingLines(file, max_bytes=max_bytes, backups=backups)
        lines.setFormatter(EventFormatter("json", clock))
        root.addHandler(lines)
    logging.getLogger(ROOT).setLevel(LEVELS[level])


class EventFormatter(logging.Formatter):
    """One line an event, secrets masked in its fields and once more in the finished line."""

    def __init__(self, format: Literal["console", "json"], clock: Clock, *, tracebacks: bool = True) -> None:
        super().__init__()
        self._tracebacks = tracebacks
        self._format = format
        self._clock = clock
        self._render: Callable[[Any, str, dict[str, Any]], Any] | None = None

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields = getattr(record, _FIELDS, None)
        event: dict[str, Any] = {
            "timestamp": self._clock.now().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if fields is not None:
            event.update(fields)
        else:
            event["event"] = redact(record.getMessage())
            if record.exc_info:
                event["exception"] = redact(self.formatException(record.exc_info))
        if not self._tracebacks:
            event.pop("exception", None)
        if self._render is None:
            self._render = _renderer(self._format)
        return redact(str(self._render(None, "", event)))


class _StderrHandler(logging.Handler):
    """Writes to whatever `sys.stderr` is at the moment of the event."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


class RotatingLines(logging.Handler):
    """Appends lines to a file and rotates it; several processes may share the file.

    Each line is one `write` to a descriptor opened for appending, so lines never mix; the rotation holds a lock. A disk
    that refuses the line is reported once on stderr and does not stop the work that logs.
    """

    _locks: ClassVar[dict[Path, threading.Lock]] = {}

    def __init__(self, path: Path, *, max_bytes: int, backups: int) -> None:
        super().__init__()
        self.path = path
        self.max_bytes = max_bytes
        self.backups = backups
        self._told = False
        path.parent.mkdir(parents=True, exist_ok=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one line."""
        line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        try:
            if self._size() + len(line) > self.max_bytes:
                self._rotate(len(line))
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self._told:
                self._told = True
                sys.stderr.write(f"the log {self.path} cannot be written: {error.strerror or error}\n")

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _rotate(self, coming: int) -> None:
        from filelock import FileLock

        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            # Another process may have rotated it while this one waited.
            if self._size() == 0 or self._size() + coming <= self.max_bytes:
                return
            for number in range(self.backups, 0, -1):
                older = self._numbered(number)
                newer = self._numbered(number - 1) if number > 1 else self.path
                if newer.exists():
                    newer.replace(older)
            if not self.backups:
                self.path.unlink()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _bound_logger(name: str, fields: Mapping[str, Any]) -> BoundLogger:
    import structlog

    # Wrapped here and not configured globally: a program that uses structlog itself keeps its own settings.
    wrapped: BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            mask_secrets,
            _to_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=True,
        **fields,
    )
    return wrapped


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Processor: blots registered secrets out of every text, and the values of fields that are named like one."""
    return {key: redact_values(value, name=key) for key, value in event.items()}


def _to_record(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[str], dict[str, Any]]:
    """Processor: hands the event to the standard library, readable for handlers that are not ours."""
    pairs = "".join(f" {key}={value!r}" for key, value in event.items() if key not in ("event", "exception"))
    text = redact(f"{event.get('event', '')}{pairs}")
    return (text,), {"extra": {_FIELDS: event}}


def _json(event: Any, **_options: Any) -> str:
    return json.dumps(_finite(event), default=repr, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """The value with NaN and infinities, which JSON does not know, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def _renderer(format: Literal["console", "json"]) -> Callable[[Any, str, dict[str, Any]], Any]:
    import structlog

    if format == "json":
        return structlog.processors.JSONRenderer(serializer=_json)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ,
        pad_event_to=32,
        exception_formatter=structlog.dev.plain_traceback,
    )
