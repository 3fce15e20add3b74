"""Sessions act as the process or as a role, and clients have timeouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import CredentialRetrievalError
from botocore.stub import Stubber

from mailbus.aws import sessions
from mailbus.side_by_side import in_threads

ROLE = "arn:aws:iam::444455556666:role/send-mail"


def given(key: str, *, valid: timedelta) -> dict[str, object]:
    """STS's answer, as its API reference shows it."""
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
            "SessionToken": "AQoDYXdzEPT//////////wEXAMPLE",
            "Expiration": datetime.now(UTC) + valid,
        },
        "AssumedRoleUser": {"Arn": f"{ROLE}/mailbus", "AssumedRoleId": "AROACLKWSDQRAOEXAMPLE:mailbus"},
    }


@pytest.fixture
def sts() -> Any:
    return boto3.client("sts", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def credentials_of(client: Any) -> Any:
    return client._get_credentials()  # noqa: SLF001 - what its calls are signed with


def test_a_session_without_a_role_only_sets_the_region(sts: Any) -> None:
    with Stubber(sts):
        session = sessions.open_remote_session(sts, role_arn=None, region="eu-west-1")
    assert session.client("sesv2").meta.region_name == "eu-west-1"


def test_a_role_is_assumed_when_its_credentials_are_first_needed(sts: Any) -> None:
    session = sessions.open_remote_session(sts, role_arn=ROLE, region="eu-west-1")
    with Stubber(sts) as stub:
        stub.add_response(
            "assume_role",
            given("ASIAIOSFODNN7EXAMPLE", valid=timedelta(hours=1)),
            {"RoleArn": ROLE, "RoleSessionName": "mailbus"},
        )
        client = session.client("sesv2", config=sessions.config(max_attempts=1))
        credentials = credentials_of(client)
        for _ in range(3):
            assert credentials.get_frozen_credentials().access_key == "ASIAIOSFODNN7EXAMPLE"
        stub.assert_no_pending_responses()
    assert client.meta.endpoint_url == "https://email.eu-west-1.amazonaws.com"


def test_a_role_is_assumed_again_before_its_credentials_expire(sts: Any) -> None:
    session = sessions.open_remote_session(sts, role_arn=ROLE, region=None)
    with Stubber(sts) as stub:
        stub.add_response("assume_role", given("ASIAFIRSTEXAMPLEKEY", valid=timedelta(minutes=5)))
        stub.add_response("assume_role", given("ASIASECONDEXAMPLEKEY", valid=timedelta(hours=1)))
        credentials = credentials_of(session.client("sesv2", region_name="us-east-1"))
        assert credentials.get_frozen_credentials().access_key == "ASIAFIRSTEXAMPLEKEY"
        assert credentials.get_frozen_credentials().access_key == "ASIASECONDEXAMPLEKEY"


def test_a_role_that_does_not_trust_the_sender_raises_awss_own_message(sts: Any) -> None:
    session = sessions.open_remote_session(sts, role_arn=ROLE, region=None)
    with Stubber(sts) as stub:
        stub.add_client_error("assume_role", "AccessDenied", "not authorized to perform: sts:AssumeRole")
        credentials = credentials_of(session.client("sesv2", region_name="us-east-1"))
        with pytest.raises(CredentialRetrievalError, match=r"\(AccessDenied\).*sts:AssumeRole"):
            credentials.get_frozen_credentials()


def test_timeouts_are_configurable() -> None:
    config: Any = sessions.config(max_attempts=1, connect_timeout=1.5, read_timeout=7)
    assert (config.connect_timeout, config.read_timeout) == (1.5, 7)


def test_a_client_is_made_once_when_it_is_first_used() -> None:
    class Client:
        def publish(self) -> str:
            return "published"

    made: list[Client] = []

    def make() -> Client:
        made.append(Client())
        return made[-1]

    client = sessions.when_needed(make)
    assert made == []
    assert in_threads(lambda _: client.publish(), range(8), 8) == ["published"] * 8
    assert len(made) == 1
