"""Who may post to the webhook."""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import EndpointConnectionError

from mailbus.errors import ConfigurationError
from tests.unit.webhook.sns_world import client_error
from webhook import authorizer
from webhook.authorizer import judge, parse_call
from webhook.aws.secret import NO_SUCH_VERSION, StoredSecret
from webhook.credentials import Credentials, given, matches, parse_secret
from webhook.gate import AGAIN_SECONDS, FRESH_SECONDS, STALE_SECONDS, Gate

ARN = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:mailbus-dev-webhook-AbCdEf"
METHOD = "arn:aws:execute-api:eu-west-1:210987654321:a1b2c3d4e5/prod/POST/tracking"
FIRST = {"username": "sns", "password": "k3J9sQ2vX7mB4nT8"}
SECOND = {"username": "sns", "password": "Zp5Rw1Yc6Lh0Fd2G"}
THIRD = {"username": "sns", "password": "u8Ea3Ti7Oj4Kq9Vx"}


class FakeSecrets:
    """Secrets Manager: the versions by stage, or raises `outage`."""

    def __init__(self, **versions: Any) -> None:
        self.versions: dict[str, str] = {
            f"AWS{stage.upper()}": version if isinstance(version, str) else json.dumps(version)
            for stage, version in versions.items()
        }
        self.outage: Exception | None = None
        self.away = ("AWSCURRENT", "AWSPREVIOUS")
        self.reads = 0

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        assert SecretId == ARN
        self.reads += VersionStage == "AWSCURRENT"
        if self.outage is not None and VersionStage in self.away:
            raise self.outage
        if VersionStage not in self.versions:
            raise client_error(NO_SUCH_VERSION, "GetSecretValue")
        return {"SecretString": self.versions[VersionStage]}

    def rotate(self, version: dict[str, str]) -> None:
        self.versions["AWSPREVIOUS"] = self.versions["AWSCURRENT"]
        self.versions["AWSCURRENT"] = json.dumps(version)


class Door:
    """The authorizer among stand-ins, with a clock of its own."""

    def __init__(self, **versions: Any) -> None:
        self.secrets = FakeSecrets(**versions)
        self.stream = io.StringIO()
        self.clock = 1_000_000.0
        client: Any = self.secrets
        self.gate = Gate(
            StoredSecret(client, ARN),
            Logger(service=str(uuid4()), stream=self.stream),
            clock=lambda: self.clock,
        )

    def admits(self, pair: dict[str, str]) -> bool:
        return self.opens(basic(pair))

    def opens(self, header: str) -> bool:
        """Tell whether a request with this header is let in."""
        try:
            answer = judge(parse_call(call(header)), self.gate)
        except Exception as error:
            if str(error) != "Unauthorized":
                raise
            return False
        finally:
            written = self.stream.getvalue()
            assert not any(one["password"] in written for one in (FIRST, SECOND, THIRD))
            assert not header or header not in written
        return bool(answer["policyDocument"]["Statement"][0]["Effect"] == "Allow")


def basic(pair: dict[str, str]) -> str:
    return f"Basic {encoded(':'.join((pair['username'], pair['password'])))}"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def call(header: str, **changes: Any) -> dict[str, Any]:
    """Write the event of a REQUEST authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": METHOD,
        "resource": "/tracking",
        "path": "/tracking",
        "httpMethod": "POST",
        "headers": {"Authorization": header, "Host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com"},
        "multiValueHeaders": {"Authorization": [header]},
        "requestContext": {"apiId": "a1b2c3d4e5", "stage": "prod"},
    } | changes


# The answer


def test_the_answer_allows_all_of_the_webhook_at_this_stage_and_nothing_else() -> None:
    door = Door(current=FIRST)
    assert judge(parse_call(call(basic(FIRST))), door.gate) == {
        "principalId": "sns",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": [
                        "arn:aws:execute-api:eu-west-1:210987654321:a1b2c3d4e5/prod/POST/tracking",
                        "arn:aws:execute-api:eu-west-1:210987654321:a1b2c3d4e5/prod/POST/inbound",
                    ],
                }
            ],
        },
    }


def test_the_answer_is_the_same_for_both_paths_as_api_gateway_remembers_one_for_both() -> None:
    door = Door(current=FIRST)
    inbound = call(basic(FIRST), methodArn=METHOD.replace("/tracking", "/inbound"))
    assert judge(parse_call(inbound), door.gate) == judge(parse_call(call(basic(FIRST))), door.gate)


def test_api_gateway_answers_401_to_this_one_text() -> None:
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        judge(parse_call(call(basic(SECOND))), Door(current=FIRST).gate)


@pytest.mark.parametrize(
    "event",
    [{}, {"methodArn": None}, {"methodArn": METHOD, "headers": "Authorization"}, {"Records": []}],
    ids=str,
)
def test_another_event_is_said_to_be_one(event: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="invoke this function by the webhook's REST API"):
        parse_call(event)


# The header


@pytest.mark.parametrize(
    "header",
    [
        basic(FIRST),
        basic(FIRST).replace("Basic", "basic"),
        basic(FIRST).replace("Basic ", "BASIC  "),
        f" {basic(FIRST)} ",
    ],
)
def test_the_scheme_is_read_as_http_says(header: str) -> None:
    assert Door(current=FIRST).opens(header)


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
def test_a_broken_header_is_refused_without_asking_for_the_secret(header: str) -> None:
    door = Door(current=FIRST)
    assert not door.opens(header)
    assert door.secrets.reads == 0


@pytest.mark.parametrize("headers", [None, {}, {"Host": "example.com"}, {"X-Authorization": basic(FIRST)}])
def test_without_credentials_nobody_is_let_in(headers: dict[str, str] | None) -> None:
    door = Door(current=FIRST)
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        judge(parse_call(call("", headers=headers)), door.gate)


def test_two_headers_are_none() -> None:
    assert given({"Authorization": basic(FIRST), "authorization": basic(FIRST)}) is None
    assert given({"AUTHORIZATION": basic(FIRST)}) == b"sns:k3J9sQ2vX7mB4nT8"


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
    door = Door(current=FIRST, previous=SECOND)
    assert not door.admits(pair)
    assert door.admits(FIRST)


def test_a_pair_without_a_colon_is_refused() -> None:
    assert not Door(current=FIRST).opens(f"Basic {encoded('snsk3J9sQ2vX7mB4nT8')}")


def test_bytes_that_are_no_text_are_refused() -> None:
    assert not Door(current=FIRST).opens(f"Basic {base64.b64encode(bytes([255, 254, 58])).decode()}")


def test_credentials_beyond_ascii_are_compared_as_utf_8() -> None:
    pair = {"username": "größe", "password": "пароль"}
    door = Door(current=pair)
    assert door.admits(pair)
    latin = base64.b64encode("größe:пароль".encode("cp1251", "replace")).decode()
    assert not door.opens(f"Basic {latin}")


def test_every_valid_pair_is_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return left == right

    monkeypatch.setattr("webhook.credentials.hmac.compare_digest", compare)
    pairs = [Credentials(**FIRST), Credentials(**SECOND), Credentials(**THIRD)]
    assert matches(b"sns:k3J9sQ2vX7mB4nT8", pairs)
    assert not matches(b"x", pairs)
    assert compared == [(32, 32)] * 6


# The secret, and its rotation


def test_the_version_before_stays_valid_and_the_one_before_that_does_not() -> None:
    door = Door(current=FIRST)
    door.secrets.rotate(SECOND)
    assert door.admits(SECOND)
    assert door.admits(FIRST)
    door.secrets.rotate(THIRD)
    door.clock += FRESH_SECONDS
    assert door.admits(THIRD)
    assert door.admits(SECOND)
    assert not door.admits(FIRST)


def test_a_secret_that_was_never_rotated_has_one_version() -> None:
    assert Door(current=FIRST).admits(FIRST)


def test_a_new_version_is_valid_within_seconds() -> None:
    door = Door(current=FIRST)
    assert door.admits(FIRST)
    door.secrets.rotate(SECOND)
    door.clock += AGAIN_SECONDS
    assert door.admits(SECOND)


def test_the_secret_is_not_read_for_every_call() -> None:
    door = Door(current=FIRST)
    for _ in range(50):
        assert door.admits(FIRST)
        door.clock += 1
    assert door.secrets.reads == 1


def test_a_flood_of_wrong_credentials_does_not_become_one_of_reads() -> None:
    door = Door(current=FIRST)
    for number in range(1000):
        assert not door.admits({"username": "sns", "password": f"guess{number}"})
        door.clock += 0.01
    assert door.secrets.reads <= 3


def test_a_version_that_is_withdrawn_is_forgotten_within_a_minute() -> None:
    door = Door(current=FIRST, previous=SECOND)
    assert door.admits(SECOND)
    del door.secrets.versions["AWSPREVIOUS"]
    door.clock += FRESH_SECONDS
    assert not door.admits(SECOND)


MALFORMED = {
    "not JSON": "k3J9sQ2vX7mB4nT8",
    "empty": "",
    "a list": "[]",
    "null": "null",
    "no password": '{"username": "sns"}',
    "no username": '{"password": "k3J9sQ2vX7mB4nT8"}',
    "a null password": '{"username": "sns", "password": null}',
    "an empty password": '{"username": "sns", "password": ""}',
    "an empty username": '{"username": "", "password": "k3J9sQ2vX7mB4nT8"}',
    "a number": '{"username": "sns", "password": 12345678}',
    "a colon in the username": '{"username": "sn:s", "password": "k3J9sQ2vX7mB4nT8"}',
    "cut short": '{"username": "sns", "password": "k3J9sQ2vX7mB4nT8',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_secret_says_how_to_mend_it_and_not_what_is_in_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="put a version that is") as raised:
        parse_secret(text)
    assert FIRST["password"] not in str(raised.value)


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_while_the_secret_is_malformed_nobody_is_let_in_and_sns_is_to_try_again(text: str) -> None:
    door = Door(current=text)
    with pytest.raises(ConfigurationError, match="version AWSCURRENT of arn:aws:secretsmanager"):
        door.admits(FIRST)
    with pytest.raises(ConfigurationError):
        door.opens(f"Basic {encoded(':')}")
    assert "secret malformed" in door.stream.getvalue()


def test_a_malformed_version_takes_the_other_one_not_along() -> None:
    assert Door(current="{", previous=FIRST).admits(FIRST)
    assert Door(current=FIRST, previous="{").admits(FIRST)


def test_a_secret_may_hold_more_than_the_credentials() -> None:
    assert Door(current=FIRST | {"note": "made by hand"}).admits(FIRST)


OUTAGES = [
    client_error("InternalServiceError", "GetSecretValue"),
    client_error("AccessDeniedException", "GetSecretValue"),
    client_error("ResourceNotFoundException", "GetSecretValue"),
    EndpointConnectionError(endpoint_url="https://secretsmanager.eu-west-1.amazonaws.com"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: str(outage)[:60])
def test_a_secret_that_cannot_be_read_is_no_401_which_sns_would_not_try_again(outage: Exception) -> None:
    door = Door(current=FIRST)
    door.secrets.outage = outage
    for _ in range(10):
        with pytest.raises(ConfigurationError, match="the webhook's secret cannot be read"):
            door.admits(FIRST)
    assert door.secrets.reads == 1
    door.secrets.outage = None
    door.clock += AGAIN_SECONDS
    assert door.admits(FIRST)


def test_a_version_before_that_cannot_be_read_may_be_valid() -> None:
    door = Door(current=SECOND, previous=FIRST)
    door.secrets.outage, door.secrets.away = OUTAGES[0], ("AWSPREVIOUS",)
    with pytest.raises(ConfigurationError, match="InternalServiceError"):
        door.admits(FIRST)


def test_what_was_read_holds_through_an_outage_but_not_for_ever() -> None:
    door = Door(current=FIRST)
    assert door.admits(FIRST)
    door.secrets.outage = OUTAGES[0]
    door.clock += STALE_SECONDS
    assert door.admits(FIRST)
    assert not door.admits(SECOND)
    door.clock += FRESH_SECONDS
    with pytest.raises(ConfigurationError, match="InternalServiceError"):
        door.admits(FIRST)


def test_credentials_do_not_show_themselves() -> None:
    assert FIRST["password"] not in repr(Credentials(**FIRST))
    assert FIRST["password"] not in f"{Credentials(**FIRST)}"


def test_the_authorizer_is_wired_by_its_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_ARN", ARN)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    authorizer.wire.cache_clear()
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        authorizer.lambda_handler(call("Basic"), None)
    authorizer.wire.cache_clear()
