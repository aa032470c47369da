"""A JSON API: paging, patience, and a key that nobody gets to see. No network: the transport is handed in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.errors import ConfigError, DataError
from gnomon.core.redaction import forget_secrets
from gnomon.data.base import SOURCES, TABLES, NetworkError, Query
from gnomon.data.cache import DataCache
from gnomon.data.describe import describe_source
from gnomon.data.sources.http_json import ApiDataSource

CANARY = "canary-5f1c9e7d2b"
URL = "https://api.example.org/bars"
START = datetime(2020, 1, 2, 15, tzinfo=UTC)
Answer = Callable[[httpx.Request], httpx.Response]


def record(minute: int) -> dict[str, Any]:
    stamp = f"2020-01-02T15:{minute:02}:00Z"
    return {"timestamp": stamp, "symbol": "X", "open": 1.5, "high": 2, "low": "1.25", "close": 1.5, "volume": 7}


def source(answer: Answer, waits: list[float] | None = None, **fields: Any) -> ApiDataSource:
    given = {"url": URL, "stamp": "close", "transport": httpx.MockTransport(answer), **fields}
    sleep = (waits if waits is not None else []).append
    return ApiDataSource(**{**given, "sleep": sleep})


def minutes(found: pl.LazyFrame) -> list[int]:
    return found.collect()["timestamp"].dt.minute().to_list()


def test_records_become_bars() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["limit"] == "10"
        return httpx.Response(200, json={"data": {"bars": [record(0), record(1)]}})

    bars = source(answer, records="data.bars", params={"limit": 10}).fetch(Query()).collect()
    assert bars["timestamp"].dt.minute().to_list() == [0, 1]
    assert bars.row(0)[2:] == (1.5, 2.0, 1.25, 1.5, 7.0)


def test_lists_become_bars_with_names_and_one_request_a_symbol() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[[1577977200000, "1", "2", "1", request.url.params["s"][1:], "5"]])

    names = ("timestamp", "open", "high", "low", "close", "volume")
    found = source(answer, names=names, unit="ms", symbol_param="s").fetch(Query(symbols=("B1", "A2")))
    assert found.collect().select("symbol", "close").rows() == [("A2", 2.0), ("B1", 1.0)]


@pytest.mark.parametrize(
    "paging",
    [
        {"kind": "page", "param": "page"},
        {"kind": "page", "param": "page", "size": 2},
        {"kind": "cursor", "param": "after", "path": "meta.next"},
        {"kind": "next_link", "path": "next"},
        {"kind": "next_link"},
    ],
)
def test_pages_are_followed_to_the_last(paging: dict[str, Any]) -> None:
    pages, asked = [[record(0), record(1)], [record(2), record(3)], [record(4)]], []

    def answer(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        number = int(params.get("page", params.get("after", params.get("n", "1"))))
        asked.append(number)
        rows = pages[number - 1] if number <= len(pages) else []
        more = number < len(pages)
        body = {
            "rows": rows,
            "meta": {"next": number + 1 if more else None},
            "next": f"/bars?n={number + 1}" if more else "",
        }
        header = {"Link": f'<{URL}?n={number + 1}>; rel="next"'} if more else {}
        return httpx.Response(200, json=body, headers=header)

    fields = SOURCES.create("http_json", url=URL, stamp="close", records="rows", paging=paging)
    assert isinstance(fields, ApiDataSource)
    found = source(answer, records="rows", paging=fields.paging)
    assert minutes(found.fetch(Query())) == [0, 1, 2, 3, 4]
    assert asked == [1, 2, 3, 4] if paging == {"kind": "page", "param": "page"} else [1, 2, 3]


def test_windows_walk_over_the_period() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((int(request.url.params["from"]), int(request.url.params["to"])))
        return httpx.Response(200, json=[record(len(asked) - 1)])

    paging = SOURCES.create(
        "http_json", url=URL, stamp="close",
        paging={"kind": "window", "start_param": "from", "end_param": "to", "unit": "s", "span": "2m"},
    )  # fmt: skip
    found = source(answer, paging=paging.paging)  # type: ignore[attr-defined]
    query = Query(start=START, end=datetime(2020, 1, 2, 15, 5, tzinfo=UTC))
    assert minutes(found.fetch(query)) == [0, 1, 2]
    second = int(START.timestamp())
    assert asked == [(second, second + 120), (second + 120, second + 240), (second + 240, second + 300)]
    with pytest.raises(ConfigError, match=r"needs data\.start and data\.end"):
        found.fetch(Query())


def test_a_busy_server_is_waited_for_as_long_as_it_says() -> None:
    answers = [
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.Response(
            503, headers={"Retry-After": "Thu, 02 Jan 2020 15:00:09 GMT", "Date": "Thu, 02 Jan 2020 15:00:00 GMT"}
        ),
        httpx.Response(500),
        httpx.Response(200, json=[record(0)]),
    ]
    waits: list[float] = []
    assert minutes(source(lambda request: answers.pop(0), waits).fetch(Query())) == [0]
    assert 7 <= waits[0] <= 8.75
    assert 9 <= waits[1] <= 11.25
    assert 2 <= waits[2] <= 2.5


def test_waits_double_up_to_a_minute_and_then_it_is_an_error() -> None:
    def dead(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot reach {request.url}", request=request)

    waits: list[float] = []
    with pytest.raises(NetworkError, match=r"did not answer after 9 tries: ConnectError") as failed:
        source(dead, waits, retries=8, params={"x": CANARY}).fetch(Query())
    assert CANARY not in str(failed.value)
    assert len(waits) == 8
    assert all(0.5 * 2**n <= wait <= 0.625 * 2**n for n, wait in enumerate(waits[:7]))
    assert 60 <= waits[7] <= 75


@pytest.mark.parametrize(
    ("answer", "fields", "fault"),
    [
        (httpx.Response(401), {}, "refused: status 401"),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), {}, "refused: status 302"),
        (httpx.Response(200, text="<html>"), {}, "did not answer in JSON: '<html>'"),
        (httpx.Response(200, json={"rows": []}), {}, "is no list but dict; it has rows"),
        (httpx.Response(200, json={"rows": []}), {"records": "row"}, "has no 'row' .* it has rows"),
        (httpx.Response(200, json=[]), {}, "gave no records"),
        (httpx.Response(200, json=[1]), {}, "a record is no object"),
        (httpx.Response(200, json=[[1]]), {"names": ("a", "b")}, "not a list of 2 values"),
        (httpx.Response(200, json=[{"timestamp": 1}]), {}, "no column for symbol"),
        (httpx.Response(200, json=[record(0) | {"close": "x"}]), {}, "column 'close' is 'x'"),
        (httpx.Response(200, json=[record(0) | {"close": None}]), {}, "column 'close' is empty"),
    ],
)
def test_what_is_no_answer_is_refused(answer: httpx.Response, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        source(lambda request: answer, **fields).fetch(Query())


def test_paging_that_never_ends_ends() -> None:
    same = {"rows": [record(0)], "next": "abc"}
    paging = {"kind": "cursor", "param": "after", "path": "next"}
    made = SOURCES.create("http_json", url=URL, stamp="close", records="rows", paging=paging)
    with pytest.raises(DataError, match="same next page twice"):
        source(lambda r: httpx.Response(200, json=same), records="rows", paging=made.paging).fetch(Query())  # type: ignore[attr-defined]
    made = SOURCES.create("http_json", url=URL, stamp="close", paging={"kind": "page", "param": "p"})
    with pytest.raises(DataError, match="more than max_requests = 3"):
        source(lambda r: httpx.Response(200, json=[record(0)]), max_requests=3, paging=made.paging).fetch(Query())  # type: ignore[attr-defined]


def test_a_next_page_on_another_host_does_not_get_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BARS_KEY", CANARY)
    hosts = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(200, json={"rows": [record(0)], "next": "https://evil.example/bars"})

    made = SOURCES.create(
        "http_json",
        url=URL,
        stamp="close",
        key={"env": "BARS_KEY", "param": "k"},
        paging={"kind": "next_link", "path": "next"},
    )
    with pytest.raises(DataError, match=r"points to another host .*\(evil\.example\)"):
        source(answer, records="rows", key=made.key, paging=made.paging).fetch(Query())  # type: ignore[attr-defined]
    assert hosts == ["api.example.org"]


@pytest.mark.parametrize(
    "place", [{"header": "X-Key"}, {"header": "Authorization", "prefix": "Bearer "}, {"param": "apikey"}]
)
def test_the_key_is_sent_and_never_shown(
    place: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BARS_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(CANARY in str(request.url) or any(CANARY in value for value in request.headers.values()))
        return httpx.Response(503) if len(seen) == 1 else httpx.Response(200, json=[record(0)])

    made = SOURCES.create("http_json", url=URL, stamp="close", key={"env": "BARS_KEY", **place})
    found = source(answer, key=made.key)  # type: ignore[attr-defined]
    try:
        DataCache(tmp_path, FixedClock(START)).fetch(found, Query())
        with pytest.raises(NetworkError) as failed:
            source(lambda r: httpx.Response(403), key=made.key).fetch(Query())  # type: ignore[attr-defined]
    finally:
        forget_secrets()
    assert seen == [True, True]
    shown = [caplog.text, str(failed.value), repr(found), json.dumps(describe_source(found))]
    shown += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in shown if CANARY[:8] in text]


def test_secrets_in_headers_and_params_are_masked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = {"headers": {"Cookie": CANARY, "Accept": "text/json"}, "params": {"api_key": CANARY, "limit": 5}}
    try:
        found = source(lambda r: httpx.Response(200, json=[record(0)]), **hidden)
        DataCache(tmp_path, FixedClock(START)).fetch(found, Query())
    finally:
        forget_secrets()
    shown = [caplog.text, json.dumps(describe_source(found))]
    shown += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in shown if CANARY[:8] in text]
    assert describe_source(found)["headers"]["Accept"] == "text/json"


def test_a_key_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BARS_KEY", raising=False)
    made = SOURCES.create("http_json", url=URL, stamp="close", key={"env": "BARS_KEY", "header": "X"})
    with pytest.raises(ConfigError, match="BARS_KEY, which holds the key, is not set"):
        made.fetch(Query())


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"url": "ftp://x"}, "is not an address"),
        ({"url": "https://me:pw@x/"}, "user name or password"),
        ({"url": "https://x/bars?apikey=abcdefgh"}, r"https://x/bars'?\?\.\.\. holds parameters"),
        ({"retries": -1}, "retries must be 0 or more"),
        ({"key": {"env": "A"}}, "a `header` or a `param`"),
        ({"paging": {"kind": "page"}}, "needs `param`"),
        ({"paging": {"kind": "cursor", "param": "c"}}, "needs `path`"),
        ({"paging": {"kind": "window", "span": "1x"}}, "frequency '1x'"),
        ({"paging": {"kind": "pages"}}, "input should be"),
        ({"paging": {"kind": "page", "parm": "x"}}, "parm"),
    ],
)
def test_settings_that_make_no_sense_are_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        SOURCES.create("http_json", **{"url": URL, "stamp": "close", **fields})


def test_without_the_network_the_cached_copy_is_named_and_used_when_asked(tmp_path: Path) -> None:
    cache = DataCache(tmp_path, FixedClock(datetime(2020, 5, 1, 12, tzinfo=UTC)))
    dead = source(lambda r: httpx.Response(503), retries=0)
    offline = source(lambda r: httpx.Response(503), retries=0, offline=True)
    with pytest.raises(DataError, match="nothing is cached"):
        cache.fetch(offline, Query())
    with pytest.raises(DataError, match="offline and there is no cached copy"):
        offline.fetch(Query())
    with pytest.raises(NetworkError, match=r"did not answer after 1 tries: status 503$"):
        cache.fetch(dead, Query())
    online = cache.fetch(source(lambda r: httpx.Response(200, json=[record(3)]), retries=0), Query()).collect()
    with pytest.raises(
        NetworkError, match=r"a copy fetched at 2020-05-01T12:00:00\+00:00 is cached: say `offline: true`"
    ):
        cache.fetch(dead, Query())
    assert cache.fetch(offline, Query()).collect().equals(online)
    with pytest.raises(DataError, match="nothing is cached"):
        cache.fetch(offline, Query(symbols=("X",)))


def test_side_tables_come_from_the_same_requests() -> None:
    rows = [{"date": "2020-01-02", "rate": "0.25"}, {"date": "2020-01-01", "rate": "0.5"}]
    table = TABLES.create("http_json", url=URL, columns={"timestamp": "date"}, zone="UTC")
    answered = type(table)(
        url=URL, columns={"timestamp": "date"}, zone="UTC",
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=rows)),
    )  # fmt: skip
    assert answered.read()["rate"].to_list() == [0.5, 0.25]
    with pytest.raises(ConfigError, match="cannot be paged by time window"):
        TABLES.create("http_json", url=URL, paging={"kind": "window"})
