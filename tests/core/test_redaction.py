"""Registered secrets are blotted out in every form they usually leak in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.redaction import MASK, forget_secrets, looks_secret, redact, redact_values, register_secret

SECRET = "pa55/wörd+for%me\n=="


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    forget_secrets()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        urlencode({"k": SECRET}),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"u:" + SECRET.encode()).decode(),
        base64.b64encode(b"user:" + SECRET.encode() + b":tail").decode(),
        base64.b64encode(b"me:" + SECRET.encode()).decode(),
    ],
)
def test_every_form_is_masked(text: str) -> None:
    register_secret(SECRET)
    seen = redact(f"before {text} after")
    assert MASK in seen
    assert seen.startswith("before ")
    assert seen.endswith(" after")
    kept = seen.removeprefix("before ").removesuffix(" after").replace(MASK, "")
    assert len(kept) <= 16, "only what stood around the secret"


def test_a_prefix_of_8_characters_is_masked() -> None:
    register_secret("abcdefghijklmnop")
    assert redact("abcdefgh") == MASK
    assert redact("abcdefghijkX") == f"{MASK}X"
    assert redact("abcdefg") == "abcdefg"


def test_the_secret_that_reaches_furthest_is_meant() -> None:
    register_secret("canary-00-first")
    register_secret("canary-00-second")
    assert redact("canary-00-second, canary-00-first") == f"{MASK}, {MASK}"


def test_control_without_registering_nothing_is_masked() -> None:
    assert redact(SECRET) == SECRET
    register_secret("abc")
    assert redact("abc") == "abc", "too short to look for"


def test_values_are_masked_by_name_and_by_content() -> None:
    register_secret("hunter2hunter2")
    values = {
        "api_key": 7,
        "key": "stage",
        "url": ["x hunter2hunter2"],
        "deep": {"password": "p", "n": 1},
        "token": None,
    }
    assert redact_values(values) == {
        "api_key": MASK,
        "key": "stage",
        "url": [f"x {MASK}"],
        "deep": {"password": MASK, "n": 1},
        "token": None,
    }


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AWS_SECRET_ACCESS_KEY", True),
        ("api-key", True),
        ("clientSecret", True),
        ("passphrase", True),
        ("X-Auth", True),
        ("credentials", True),
        ("token_count", False),
        ("key_env", False),
        ("keyboard", False),
        ("monkey", False),
        ("tokens_path", False),
        ("", False),
    ],
)
def test_names_that_look_secret(name: str, secret: bool) -> None:
    assert looks_secret(name) is secret


@given(st.text(min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_registered_secret_survives(secret: str, before: str, after: str) -> None:
    forget_secrets()
    register_secret(secret)
    # The mask itself may hold a secret made of asterisks.
    assert secret not in redact(before + secret + after).replace(MASK, "\0")


@given(st.text(max_size=60))
def test_other_text_is_left_alone(text: str) -> None:
    forget_secrets()
    register_secret("\u4e00" * 12)
    if "\u4e00" not in text:
        assert redact(text) == text
