"""The one door to MLflow: imported late because it is heavy, silenced, and initialised under a lock."""

from __future__ import annotations

import logging
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from gnomon.core.errors import LockedError
from gnomon.store.locks import lock

# First initialisation of a database takes some seconds, and several processes may queue for it.
INITIALISE_WAIT_SECONDS = 60.0
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A server that does not answer costs seconds, not the minutes of the default (7 retries, each waiting longer).
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}


def default_uri(workspace: Path) -> str:
    """MLflow on SQLite inside the workspace."""
    return f"sqlite:///{workspace.absolute() / '.gnomon' / 'mlflow.db'}"


def is_sqlite(uri: str) -> bool:
    """Whether the tracking database is a file of this machine."""
    return uri.startswith("sqlite")


def connect(uri: str, workspace: Path) -> Any:
    """An `MlflowClient`. Raises what `failures` lists."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Several processes that create the tables at once always break each other.
    with lock(workspace / ".gnomon" / "mlflow.lock", "open the tracking database", wait=INITIALISE_WAIT_SECONDS):
        return _client(uri)


def failures() -> tuple[type[Exception], ...]:
    """What it costs when MLflow's server, its database, its lock or an argument is at fault."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError, LockedError)


def is_refusal(error: Exception) -> bool:
    """Whether MLflow understood and refused this one call, rather than being away or broken."""
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) and error.get_http_status_code() in range(400, 429)  # type: ignore[no-untyped-call]


def without_password(uri: str) -> str:
    """The URI as it may be shown.

    >>> without_password("https://me:secret@mlflow.example.org/api")
    'https://***@mlflow.example.org/api'
    """
    return re.sub(r"//[^@/]*@", "//***@", uri)


@lru_cache(maxsize=8)
def _client(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    client = MlflowClient(uri, uri)
    if is_sqlite(uri):
        # The tables are made with the first question: it must be asked while the lock is held.
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    return client
