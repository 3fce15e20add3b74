"""The secret is read again for a rotation, and cached through an outage."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from mailbus.errors import ConfigurationError
from tests.unit.webhook.authorizer_world import (
    FIRST,
    SECOND,
    THIRD,
    AuthorizerWorld,
    encoded,
)
from tests.unit.webhook.world import client_error
from webhook.cached_secret import FRESH_SECONDS, REREAD_SECONDS, STALE_SECONDS
from webhook.credentials import parse_secret


def test_the_previous_version_stays_valid_and_older_ones_do_not() -> None:
    world = AuthorizerWorld(current=FIRST)
    world.secrets.rotate(SECOND)
    assert world.accepts(SECOND)
    assert world.accepts(FIRST)
    world.secrets.rotate(THIRD)
    world.clock += FRESH_SECONDS
    assert world.accepts(THIRD)
    assert world.accepts(SECOND)
    assert not world.accepts(FIRST)


def test_a_secret_that_was_never_rotated_has_one_version() -> None:
    assert AuthorizerWorld(current=FIRST).accepts(FIRST)


def test_a_new_version_is_accepted_within_seconds() -> None:
    world = AuthorizerWorld(current=FIRST)
    assert world.accepts(FIRST)
    world.secrets.rotate(SECOND)
    world.clock += REREAD_SECONDS
    assert world.accepts(SECOND)


def test_the_secret_is_not_read_for_every_request() -> None:
    world = AuthorizerWorld(current=FIRST)
    for _ in range(50):
        assert world.accepts(FIRST)
        world.clock += 1
    assert world.secrets.reads == 1


def test_many_wrong_credentials_do_not_cause_many_reads() -> None:
    world = AuthorizerWorld(current=FIRST)
    for number in range(1000):
        assert not world.accepts({"username": "sns", "password": f"guess{number}"})
        world.clock += 0.01
    assert world.secrets.reads <= 3


def test_a_version_that_is_no_longer_valid_is_refused_after_a_minute() -> None:
    world = AuthorizerWorld(current=FIRST, previous=SECOND)
    assert world.accepts(SECOND)
    del world.secrets.versions["AWSPREVIOUS"]
    world.clock += FRESH_SECONDS
    assert not world.accepts(SECOND)


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
def test_a_malformed_secret_is_reported_with_a_fix_and_without_its_content(text: str) -> None:
    with pytest.raises(ConfigurationError, match="put a version that is") as raised:
        parse_secret(text)
    assert FIRST["password"] not in str(raised.value)


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_secret_refuses_everybody_and_sns_retries(text: str) -> None:
    world = AuthorizerWorld(current=text)
    with pytest.raises(ConfigurationError, match="version AWSCURRENT of arn:aws:secretsmanager"):
        world.accepts(FIRST)
    with pytest.raises(ConfigurationError):
        world.allows(f"Basic {encoded(':')}")
    assert "secret malformed" in world.stream.getvalue()


def test_a_malformed_version_leaves_the_other_one_valid() -> None:
    assert AuthorizerWorld(current="{", previous=FIRST).accepts(FIRST)
    assert AuthorizerWorld(current=FIRST, previous="{").accepts(FIRST)


def test_a_secret_may_have_more_fields_than_the_credentials() -> None:
    assert AuthorizerWorld(current=FIRST | {"note": "made by hand"}).accepts(FIRST)


OUTAGES = [
    client_error("InternalServiceError", "GetSecretValue"),
    client_error("AccessDeniedException", "GetSecretValue"),
    client_error("ResourceNotFoundException", "GetSecretValue"),
    EndpointConnectionError(endpoint_url="https://secretsmanager.eu-west-1.amazonaws.com"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: str(outage)[:60])
def test_an_unreadable_secret_is_not_answered_with_401_which_sns_does_not_retry(outage: Exception) -> None:
    world = AuthorizerWorld(current=FIRST)
    world.secrets.outage = outage
    for _ in range(10):
        with pytest.raises(ConfigurationError, match="the webhook's secret cannot be read"):
            world.accepts(FIRST)
    assert world.secrets.reads == 1
    world.secrets.outage = None
    world.clock += REREAD_SECONDS
    assert world.accepts(FIRST)


def test_an_unreadable_previous_version_may_be_valid() -> None:
    world = AuthorizerWorld(current=SECOND, previous=FIRST)
    world.secrets.outage, world.secrets.unreadable = OUTAGES[0], ("AWSPREVIOUS",)
    with pytest.raises(ConfigurationError, match="InternalServiceError"):
        world.accepts(FIRST)


def test_the_cached_secret_is_used_through_an_outage_but_not_forever() -> None:
    world = AuthorizerWorld(current=FIRST)
    assert world.accepts(FIRST)
    world.secrets.outage = OUTAGES[0]
    world.clock += STALE_SECONDS
    assert world.accepts(FIRST)
    assert not world.accepts(SECOND)
    world.clock += FRESH_SECONDS
    with pytest.raises(ConfigurationError, match="InternalServiceError"):
        world.accepts(FIRST)
