"""Secrets never leave: canaries go in by every door, and every way out is searched for them in many forms."""

from __future__ import annotations

import base64
import logging
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from pydantic import SecretStr

from gnomon.config.components import check_components
from gnomon.config.loader import load, load_config
from gnomon.config.manager import ConfigManager
from gnomon.config.resolved import config_hash, masked, to_yaml
from gnomon.config.secrets import Secret, reveal, secret_in_url
from gnomon.core.errors import ConfigError
from gnomon.core.logging import configure_logging, get_logger
from gnomon.core.redaction import forget_secrets, redact
from gnomon.core.registry import Registry

CANARIES = [f"{chr(0x61 + n)}canary-{n:02d}/{n * 7919}+é{n}=" for n in range(12)]


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    forget_secrets()
    for handler in list(logging.getLogger().handlers):
        if type(handler).__module__ == "gnomon.core.logging":
            logging.getLogger().removeHandler(handler)


def forms(canary: str) -> list[str]:
    raw = canary.encode()
    return [
        canary,
        quote(canary, safe=""),
        quote_plus(canary),
        base64.b64encode(raw).decode().rstrip("="),
        canary[:8],
        raw.hex(),
    ]


def found_in(text: str) -> list[str]:
    return [canary for canary in CANARIES for form in forms(canary) if form in text]


@pytest.fixture
def secretive(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A workspace whose secrets come by variables, by defaults, in lists and sections, and written out."""
    (tmp_path / "gnomon.yaml").write_text(
        f"""\
data:
  source:
    kind: file
    path: x
    api_key: ${{VENDOR_KEY}}
    auth: "Bearer ${{TOKEN}}"
    credentials: {{user: me, pass: "${{PASS}}"}}
    headers: {{X-Token: "{CANARIES[3]}"}}
    proxies: ["${{PROXY_PASSWORD}}"]
    plain: ${{PLACE}}
  side_tables:
    vix: {{source: {{kind: file, path: y, access_token: "${{UNSET:-{CANARIES[5]}}}"}}}}
store:
  options: {{key: "${{S3_KEY}}", secret: "{CANARIES[7]}", client_secret: [a, "{CANARIES[8]}"]}}
"""
    )
    variables = {
        "VENDOR_KEY": CANARIES[0],
        "TOKEN": CANARIES[1],
        "PASS": CANARIES[2],
        "PROXY_PASSWORD": CANARIES[4],
        "S3_KEY": CANARIES[6],
        "PLACE": "/data",
    }
    return tmp_path, variables


def test_canaries_reach_no_way_out(
    secretive: tuple[Path, dict[str, str]], builders: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, variables = secretive
    configure_logging(level="debug", format="json", file=folder / "log.jsonl")
    loaded = load(folder, variables=variables)
    config = loaded.config
    ways_out = [
        repr(config),
        str(config),
        repr(loaded),
        f"{config.data.source}",
        config.model_dump_json(),
        to_yaml(config),
        repr(masked(config)),
        config_hash(config),
        repr(loaded.provenance),
    ]
    for wrong in ("seed=x", "data.source.api_key=${NOWHERE}", "data.checks.jumps=${VENDOR_KEY}", "project=${TOKEN}"):
        with pytest.raises(ConfigError) as error:
            load_config(folder, overrides=[wrong], variables=variables)
        ways_out.append(str(error.value))
    with pytest.raises(ConfigError) as error:
        check_components(loaded, builders)
    ways_out.append(str(error.value))
    log = get_logger("gnomon.test")
    revealed = reveal(config.data.source)
    log.info("built", source=revealed, url=f"https://x/?q={quote(CANARIES[0], safe='')}", token="anything")
    try:
        raise ValueError(f"the vendor said {CANARIES[1]} is wrong")
    except ValueError:
        log.exception("failed")
    captured = capsys.readouterr()
    ways_out += [captured.err, (folder / "log.jsonl").read_text(encoding="utf-8")]
    assert captured.out == ""
    assert "failed" in captured.err
    assert {way: found for way in ways_out if (found := found_in(way))} == {}


def test_control_the_search_finds_what_does_leak(secretive: tuple[Path, dict[str, str]]) -> None:
    folder, variables = secretive
    leaky = repr(reveal(load_config(folder, variables=variables).data.source))
    assert set(found_in(leaky)) == set(CANARIES[:5]), "revealed on purpose, and seen by the search"
    assert found_in(redact(leaky)) == []
    assert len(found_in(base64.b64encode(CANARIES[0].encode()).decode())) == 1


def test_the_builder_gets_the_real_value(secretive: tuple[Path, dict[str, str]]) -> None:
    folder, variables = secretive
    source = load_config(folder, variables=variables).data.source
    assert source["api_key"].get_secret_value() == CANARIES[0]
    assert source["plain"] == "/data"
    revealed = reveal(source)
    assert revealed["auth"] == f"Bearer {CANARIES[1]}"
    assert revealed["credentials"] == {"user": "me", "pass": CANARIES[2]}
    assert revealed["proxies"] == [CANARIES[4]]


def test_a_component_is_built_with_the_real_value_and_its_faults_do_not_show_it() -> None:
    clients: Registry[object] = Registry("client")

    @clients.register(name="plain")
    @dataclass(frozen=True, kw_only=True)
    class Plain:
        api_key: str
        headers: dict[str, str] = field(default_factory=dict)
        limit: int = 0

    @clients.register(name="wrapped")
    @dataclass(frozen=True, kw_only=True)
    class Wrapped:
        api_key: SecretStr

    def section(*overrides: str) -> dict[str, object]:
        texts = [f"data.source.{text}" for text in overrides]
        return load_config(overrides=texts, variables={"K": CANARIES[0]}).data.source

    plain = clients.from_config(
        section("kind=plain", "api_key='${K}'", "headers={X-Token: '${K}'}"), where="data.source"
    )
    assert isinstance(plain, Plain)
    assert (plain.api_key, plain.headers) == (CANARIES[0], {"X-Token": CANARIES[0]})
    wrapped = clients.from_config(section("kind=wrapped", "api_key='${K}'"), where="data.source")
    assert found_in(repr(wrapped)) == []
    with pytest.raises(ConfigError) as error:
        clients.from_config(section("kind=plain", "api_key=['${K}']", "limit=x"), where="data.source")
    assert "data.source.api_key" in str(error.value)
    assert found_in(str(error.value)) == []


def test_what_is_shown_is_the_reference_and_reads_back(secretive: tuple[Path, dict[str, str]]) -> None:
    folder, variables = secretive
    config = load_config(folder, variables=variables)
    shown = masked(config)
    assert shown["data"]["source"]["api_key"] == "${VENDOR_KEY}"
    assert shown["data"]["source"]["auth"] == "Bearer ${TOKEN}"
    assert shown["data"]["side_tables"]["vix"]["source"]["access_token"] == "${UNSET}", "its default is a secret"
    assert shown["store"]["options"]["secret"] == "**********"
    again = folder / "again.yaml"
    again.write_text(to_yaml(config))
    same = load_config(again, variables={**variables, "UNSET": CANARIES[5]})
    assert reveal(same.data.source)["api_key"] == CANARIES[0]


def test_the_hash_does_not_depend_on_the_secret(secretive: tuple[Path, dict[str, str]]) -> None:
    folder, variables = secretive
    other = {**variables, "VENDOR_KEY": "another"}
    assert config_hash(load_config(folder, variables=variables)) == config_hash(load_config(folder, variables=other))
    assert config_hash(load_config(folder, variables={**variables, "PLACE": "/x"})) != config_hash(
        load_config(folder, variables=variables)
    )


@pytest.mark.parametrize(
    ("url", "carried"),
    [
        ("https://me:canary@host/x", "a password"),
        ("redis://:canary@host", "a password"),
        ("https://host/x?a=1&api_key=canary", "the parameter 'api_key'"),
        ("https://host/x?a=1&page=2", None),
        ("s3://bucket/key", None),
        ("https://me@host/x", None),
        ("a:b@c", None),
    ],
)
def test_a_url_never_carries_a_secret(url: str, carried: str | None) -> None:
    assert secret_in_url(url) == carried
    if carried:
        with pytest.raises(ConfigError) as error:
            load_config(overrides=[f"data.source.url='{url}'"])
        assert "canary" not in str(error.value)
        assert carried in str(error.value)


def test_a_number_under_a_secret_key_is_a_secret_too() -> None:
    config = load_config(overrides=["data.source.pin_token=12345678"])
    assert config.data.source["pin_token"].get_secret_value() == "12345678"
    assert load_config(overrides=["data.source.token=null"]).data.source["token"] is None


def test_a_secret_shows_nothing_of_itself() -> None:
    secret = Secret("hunter2hunter2", reference="${P}")
    assert secret.shown == "${P}"
    assert Secret("hunter2hunter2").shown == "**********"
    assert "hunter" not in repr(secret) + str(secret) + f"{secret}"
    assert pickle.loads(pickle.dumps(secret)).get_secret_value() == "hunter2hunter2"


def test_the_manager_shows_no_secret(secretive: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, variables = secretive
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    manager = ConfigManager(folder)
    assert found_in(repr(manager.get_config("data.source")) + repr(vars(manager))) == []
