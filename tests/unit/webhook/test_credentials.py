"""Credentials of a request's header are compared with the valid ones."""

from __future__ import annotations

import base64

import pytest

from tests.unit.webhook.authorizer_world import (
    FIRST,
    SECOND,
    THIRD,
    AuthorizerWorld,
    basic,
    call,
    encoded,
)
from webhook.authorizer import authorize, parse_request
from webhook.credentials import Credentials, from_headers, matches


@pytest.mark.parametrize(
    "header",
    [
        basic(FIRST),
        basic(FIRST).replace("Basic", "basic"),
        basic(FIRST).replace("Basic ", "BASIC  "),
        f" {basic(FIRST)} ",
    ],
)
def test_the_scheme_is_case_insensitive_and_may_be_followed_by_several_spaces(header: str) -> None:
    assert AuthorizerWorld(current=FIRST).allows(header)


BROKEN = {
    "empty": "",
    "the scheme alone": "Basic",
    "nothing after it": "Basic ",
    "another scheme": basic(FIRST).replace("Basic", "Bearer"),
    "no scheme": encoded("sns:k3J9sQ2vX7mB4nT8"),
    "no space": basic(FIRST).replace(" ", ""),
    "a tab": basic(FIRST).replace(" ", "\t"),
    "plain text": "Basic sns:k3J9sQ2vX7mB4nT8",
    "not base64": "Basic %%%%",
    "cut short": basic(FIRST)[:-1],
    "no padding": f"Basic {encoded('sns:k3J9sQ2vX7mB4nT').rstrip('=')}",
    "the alphabet of URLs": "Basic c25z_2p3-w==",
    "something after it": f"{basic(FIRST)} x",
    "two at once": f"{basic(FIRST)}, {basic(FIRST)}",
    "a second line": f"{basic(FIRST)}\n{basic(FIRST)}",
    "beyond ASCII": "Basic \u212a3J9",
    "a dotless scheme": basic(FIRST).replace("Basic", "Bas\u0131c"),
    "digits of another script": "Basic ١٢٣٤",
    "a surrogate": "Basic \ud800",
    "very long": f"Basic {'%' * 100_000}",
}


@pytest.mark.parametrize("header", BROKEN.values(), ids=BROKEN)
def test_a_malformed_header_is_refused_without_reading_the_secret(header: str) -> None:
    world = AuthorizerWorld(current=FIRST)
    assert not world.allows(header)
    assert world.secrets.reads == 0


@pytest.mark.parametrize("headers", [None, {}, {"Host": "example.com"}, {"X-Authorization": basic(FIRST)}])
def test_a_request_without_credentials_is_refused(headers: dict[str, str] | None) -> None:
    world = AuthorizerWorld(current=FIRST)
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        authorize(parse_request(call("", headers=headers)), world.secret)


def test_two_headers_are_no_credentials() -> None:
    assert from_headers({"Authorization": basic(FIRST), "authorization": basic(FIRST)}) is None
    assert from_headers({"AUTHORIZATION": basic(FIRST)}) == b"sns:k3J9sQ2vX7mB4nT8"


WRONG = {
    "another user": {"username": "sqs", "password": FIRST["password"]},
    "another password": {"username": "sns", "password": "k3J9sQ2vX7mB4nT9"},
    "a password that begins alike": {"username": "sns", "password": "k3J9sQ2vX7mB4nT"},
    "a password that goes on": {"username": "sns", "password": "k3J9sQ2vX7mB4nT8x"},
    "other capitals": {"username": "sns", "password": "K3j9sQ2vX7mB4nT8"},
    "both turned around": {"username": FIRST["password"], "password": "sns"},
    "no password": {"username": "sns", "password": ""},
    "no user": {"username": "", "password": FIRST["password"]},
    "nothing but a colon": {"username": "", "password": ""},
    "a colon more": {"username": "sns:", "password": FIRST["password"]},
    "unicode": {"username": "\u0455n\u0455", "password": FIRST["password"]},
    "a look-alike": {"username": "sns", "password": "\uff4b3J9sQ2vX7mB4nT8"},
    "a NUL": {"username": "sns", "password": FIRST["password"] + "\0"},
    "spaces": {"username": " sns", "password": FIRST["password"]},
    "very long": {"username": "sns", "password": "k" * 100_000},
}


@pytest.mark.parametrize("pair", WRONG.values(), ids=WRONG)
def test_wrong_credentials_are_refused(pair: dict[str, str]) -> None:
    world = AuthorizerWorld(current=FIRST, previous=SECOND)
    assert not world.accepts(pair)
    assert world.accepts(FIRST)


def test_a_pair_without_a_colon_is_refused() -> None:
    assert not AuthorizerWorld(current=FIRST).allows(f"Basic {encoded('snsk3J9sQ2vX7mB4nT8')}")


def test_credentials_that_are_not_text_are_refused() -> None:
    assert not AuthorizerWorld(current=FIRST).allows(
        f"Basic {base64.b64encode(bytes([255, 254, 58])).decode()}"
    )


def test_non_ascii_credentials_are_compared_as_utf_8() -> None:
    pair = {"username": "größe", "password": "пароль"}
    world = AuthorizerWorld(current=pair)
    assert world.accepts(pair)
    latin = base64.b64encode("größe:пароль".encode("cp1251", "replace")).decode()
    assert not world.allows(f"Basic {latin}")


def test_every_valid_pair_is_compared_even_after_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return left == right

    monkeypatch.setattr("webhook.credentials.hmac.compare_digest", compare)
    pairs = [Credentials(**FIRST), Credentials(**SECOND), Credentials(**THIRD)]
    assert matches(b"sns:k3J9sQ2vX7mB4nT8", pairs)
    assert not matches(b"x", pairs)
    assert compared == [(32, 32)] * 6


def test_the_text_of_credentials_does_not_show_them() -> None:
    assert FIRST["password"] not in repr(Credentials(**FIRST))
    assert FIRST["password"] not in f"{Credentials(**FIRST)}"
