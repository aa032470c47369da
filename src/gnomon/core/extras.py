"""Libraries that come with an extra of the package: said to be missing before any work starts."""

from __future__ import annotations

from importlib.util import find_spec

from gnomon.core.errors import ConfigError


def require(what: str, modules: tuple[str, ...], *, extra: str) -> None:
    """Raises ConfigError that names the way out where one of the modules is not installed. Imports nothing.

    >>> require("reading numbers", ("json",), extra="boosting")
    """
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ConfigError(f"{what} needs {' and '.join(missing)}, not installed here; pip install 'gnomon[{extra}]'")
