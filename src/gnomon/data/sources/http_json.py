"""Bars from any JSON API over HTTP: paging, patience with a busy server, and a key that is never shown.

The key comes from the environment and goes into a header or a parameter. It is registered as a secret, so that no log
prints it, and every error shows the address without its parameters.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Literal

import httpx
import polars as pl
from pydantic import ConfigDict

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.logging import get_logger, register_secret
from gnomon.core.redaction import looks_secret
from gnomon.core.seeds import generator
from gnomon.data.bars import to_bars
from gnomon.data.base import SOURCES, DataSourceBase, NetworkError, Query
from gnomon.data.calendars import parse_frequency
from gnomon.data.reading import Reading
from gnomon.data.sources.records import frame_of, records_at

log = get_logger(__name__)
# httpx writes every address, with its parameters, at level INFO; ours are logged below, without.
logging.getLogger("httpx").setLevel(logging.WARNING)

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 60.0
BIGGEST_ANSWER = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Key:
    """Where the key is (`env`, a variable's name) and where it goes: a `header` (after `prefix`) or a `param`."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    env: str
    header: str | None = None
    param: str | None = None
    prefix: str = ""
    """Such as "Bearer "."""

    def __post_init__(self) -> None:
        if (self.header is None) == (self.param is None):
            raise ConfigError("a key goes into a `header` or a `param`, one of them")

    def value(self) -> str:
        """The key. ConfigError names the variable when it is not set."""
        secret = os.environ.get(self.env, "")
        if not secret:
            raise ConfigError(f"the environment variable {self.env}, which holds the key, is not set")
        register_secret(secret)
        return secret


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How an API hands out more than one page.

    kind `page`: `param` counts from `first`, until a page has no records (or fewer than `size`). `cursor`: `param`
    takes what the answer has at `path`, until that is empty. `next_link`: the answer has the next address at `path`,
    or in its Link header without one. `window`: `start_param` and `end_param` walk over the query's period, `span` at
    a time.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    kind: Literal["page", "cursor", "next_link", "window"]
    param: str | None = None
    path: str | None = None
    first: int = 1
    size: int | None = None
    """Records on a full page, as the API promises; a shorter page is then the last one."""
    start_param: str = "start"
    end_param: str = "end"
    unit: Literal["s", "ms", "iso"] = "ms"
    span: str = "1d"

    def __post_init__(self) -> None:
        if self.kind in {"page", "cursor"} and self.param is None:
            raise ConfigError(f"paging by {self.kind} needs `param`, the parameter it goes into")
        if self.kind == "cursor" and self.path is None:
            raise ConfigError("paging by cursor needs `path`, where the answer holds the next one (meta.next)")
        if self.kind == "window":
            parse_frequency(self.span)


@dataclass(frozen=True, kw_only=True)
class HttpRequests:
    """Requests to a JSON API, and where its answers hold the records."""

    url: str
    params: Mapping[str, str | int | float] | None = None
    headers: Mapping[str, str] | None = None
    key: Key | None = None
    paging: Paging | None = None
    records: str = ""
    """Where the list of records is ("data.candles"); empty when the answer is the list."""
    names: tuple[str, ...] | None = None
    """The columns' names, where each record is a list and not an object."""
    symbol_param: str | None = None
    """The parameter that takes the query's symbols, one after the other."""
    retries: int = 5
    backoff_seconds: float = 0.5
    """The first wait after a failure; it doubles with each, up to a minute, unless the server says how long."""
    timeout_seconds: float = 30.0
    max_requests: int = 10_000
    """More requests than this for one fetch are an error, not a bill."""
    offline: bool = False
    """Whether only the cached copy is used and nothing is asked."""
    transport: Any = field(default=None, repr=False, compare=False)
    """For tests: an httpx transport in place of the network."""
    sleep: Any = field(default=None, repr=False, compare=False)
    """For tests: what waits in place of time.sleep."""

    def __post_init__(self) -> None:
        address = httpx.URL(self.url)
        if address.scheme not in {"http", "https"} or not address.host:
            raise ConfigError(f"url = {shown(self.url)!r} is not an address such as https://api.example.org/bars")
        if address.userinfo:
            raise ConfigError("url holds a user name or password; use `key: {env: NAME, header: Authorization}`")
        if address.query or address.fragment:
            raise ConfigError(f"url = {shown(self.url)}?... holds parameters; put them in `params`, a key in `key`")
        for given in (self.headers, self.params):
            for name, value in (given or {}).items():
                if looks_secret(name):
                    register_secret(str(value))
        for name in ("retries", "max_requests", "backoff_seconds", "timeout_seconds"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be 0 or more, was {getattr(self, name)}")

    def records_frame(self, query: Query | None = None) -> pl.DataFrame:
        """All records of all pages (and symbols) as a frame.

        NetworkError when the server fails; DataError for answers that are not what was declared.
        """
        asked = query or Query()
        found: list[pl.DataFrame] = []
        secret = self.key.value() if self.key else None
        headers = dict(self.headers or {})
        if self.key and self.key.header and secret:
            headers[self.key.header] = self.key.prefix + secret
        with httpx.Client(
            transport=self.transport, headers=headers, timeout=self.timeout_seconds, follow_redirects=False
        ) as client:
            for symbol in asked.symbols if self.symbol_param and asked.symbols else (None,):
                params: dict[str, Any] = dict(self.params or {})
                if self.key and self.key.param and secret:
                    params[self.key.param] = self.key.prefix + secret
                if symbol is not None and self.symbol_param:
                    params[self.symbol_param] = symbol
                pages = [row for page in self._pages(client, params, asked) for row in page]
                if not pages:
                    raise DataError(f"{shown(self.url)} gave no records" + (f" for {symbol}" if symbol else ""))
                frame = frame_of(pages, self.names, origin=shown(self.url))
                if symbol is not None and "symbol" not in frame.columns:
                    frame = frame.with_columns(symbol=pl.lit(symbol))
                found.append(frame)
        try:
            return pl.concat(found, how="vertical_relaxed")
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{shown(self.url)}: symbols differ: {str(error).splitlines()[0]}") from None

    def _pages(self, client: httpx.Client, params: dict[str, Any], query: Query) -> Iterator[list[Any]]:
        paging, url, asked = self.paging, self.url, 0
        windows = iter(self._windows(query)) if paging and paging.kind == "window" else None
        page, seen = paging.first if paging else 0, set[str]()
        while True:
            if paging and paging.kind == "page" and paging.param:
                params[paging.param] = page
            if windows is not None:
                window = next(windows, None)
                if window is None:
                    return
                params.update(window)
            asked += 1
            if asked > self.max_requests:
                raise DataError(
                    f"{shown(url)} has more than max_requests = {self.max_requests} pages; raise it, or ask less"
                )
            answer = self._get(client, url, params)
            body = _json(answer)
            rows = records_at(body, self.records, origin=shown(url))
            yield rows
            if paging is None:
                return
            if paging.kind == "page":
                if not rows or (paging.size is not None and len(rows) < paging.size):
                    return
                page += 1
            elif paging.kind in {"cursor", "next_link"}:
                following = _following(answer, body, paging)
                if not following:
                    return
                if following in seen:
                    raise DataError(f"{shown(url)} gives the same next page twice; its paging does not end")
                seen.add(following)
                if paging.kind == "cursor" and paging.param:
                    params[paging.param] = following
                else:
                    url, params = self._same_origin(url, following), self._key_params(params)

    def _key_params(self, params: dict[str, Any]) -> dict[str, Any]:
        """A next link carries its own parameters; only the key is added."""
        name = self.key.param if self.key else None
        return {name: params[name]} if name else {}

    def _same_origin(self, url: str, link: str) -> str:
        joined = httpx.URL(url).join(link)
        origin = httpx.URL(self.url)
        if (joined.scheme, joined.host, joined.port) != (origin.scheme, origin.host, origin.port):
            raise DataError(
                f"{shown(url)} points to another host for its next page ({joined.host}); the key stays here"
            )
        return str(joined)

    def _windows(self, query: Query) -> Iterator[dict[str, Any]]:
        assert self.paging is not None
        if query.start is None or query.end is None:
            raise ConfigError("paging by window needs data.start and data.end")
        start, span = query.start, parse_frequency(self.paging.span)
        while start < query.end:
            end = min(start + span, query.end)
            yield {
                self.paging.start_param: _moment(start, self.paging.unit),
                self.paging.end_param: _moment(end, self.paging.unit),
            }
            start = end

    def _get(self, client: httpx.Client, url: str, params: dict[str, Any]) -> httpx.Response:
        """One answer of status 200, after as many tries as are allowed."""
        sleep: Callable[[float], None] = self.sleep or time.sleep
        cause = ""
        for attempt in range(self.retries + 1):
            wait = self.backoff_seconds * 2**attempt
            try:
                answer = client.get(httpx.URL(url).copy_merge_params(params))
            except httpx.TransportError as error:
                # The error's own text may hold the address with its parameters.
                cause = f"{type(error).__name__}"
            else:
                if answer.status_code == 200:
                    return answer
                cause = f"status {answer.status_code}"
                if answer.status_code not in BUSY:
                    raise NetworkError(
                        f"{shown(url)} refused: {cause} {answer.reason_phrase}; check address, params and key"
                    )
                wait = _retry_after(answer) or wait
            if attempt < self.retries:
                # Jitter keeps many clients from coming back at the same moment; it decides nothing else.
                pause = min(wait, LONGEST_WAIT) * generator(os.getpid(), url, str(attempt)).uniform(1.0, 1.25)
                log.info("waiting for the server", url=shown(url), cause=cause, seconds=round(pause, 2))
                sleep(pause)
        raise NetworkError(f"{shown(url)} did not answer after {self.retries + 1} tries: {cause}")


@SOURCES.register(name="http_json")
@dataclass(frozen=True, kw_only=True)
class ApiDataSource(HttpRequests, Reading, DataSourceBase):
    """Bars from a JSON API."""

    remote: ClassVar[bool] = True

    def __post_init__(self) -> None:
        HttpRequests.__post_init__(self)
        Reading.__post_init__(self)

    def __str__(self) -> str:
        return shown(self.url)

    def load(self, query: Query) -> pl.DataFrame:
        """The bars of the query, sorted."""
        if self.offline:
            raise DataError(f"{self} is offline and there is no cached copy; fetch it once with `offline: false`")
        return to_bars(self.records_frame(query), self, origin=str(self))


def shown(url: str) -> str:
    """An address as it may be shown: without parameters."""
    return url.partition("?")[0]


def _json(answer: httpx.Response) -> Any:
    if len(answer.content) > BIGGEST_ANSWER:
        raise DataError(f"{shown(str(answer.url))} answered with more than {BIGGEST_ANSWER >> 20} MiB; ask for less")
    try:
        return answer.json()
    except ValueError:
        start = answer.text[:60].replace("\n", " ")
        raise DataError(f"{shown(str(answer.url))} did not answer in JSON: {start!r}") from None


def _following(answer: httpx.Response, body: Any, paging: Paging) -> str | None:
    if paging.path is None:
        return answer.links.get("next", {}).get("url")
    for part in paging.path.split("."):
        body = body.get(part) if isinstance(body, dict) else None
    return None if body in (None, "", False) else str(body)


def _moment(moment: datetime, unit: str) -> str | int:
    if unit == "iso":
        return moment.isoformat()
    micros = round(moment.timestamp() * 1_000_000)
    return micros // (1_000 if unit == "ms" else 1_000_000)


def _retry_after(answer: httpx.Response) -> float | None:
    """The server's own wish in seconds: a number, or a date measured against the server's own clock."""
    text = answer.headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    try:
        until, now = parsedate_to_datetime(text), parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return max((until - now) / timedelta(seconds=1), 0.0)
