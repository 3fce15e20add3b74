"""What the function of the domain of tracked links does with SES's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

from mailbus.aws.custom_resource import Outcome, Request
from mailbus.errors import ConfigurationError
from redirect_domain import handler
from redirect_domain.aws.tracking_options import TrackingOptions
from redirect_domain.handler import PLACEHOLDER_ID, Wanted, Wiring, apply, set_domain
from tests.unit.fakes.lambda_context import FakeLambdaContext

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, DOMAIN = "mailbus-prod", "links.example.com"
WANTED = Wanted(configuration_set_name=NAME, domain=DOMAIN)
CREATE: dict[str, Any] = {
    "RequestType": "Create",
    "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws",
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-mail/5b1c0d50",
    "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
    "LogicalResourceId": "MailTrackingRedirectDomainCB4CB7F5",
    "ResourceProperties": {"ConfigurationSetName": NAME, "Domain": DOMAIN},
}
OUR_ID = f"redirect-domain/{NAME}"
DELETE = {**CREATE, "RequestType": "Delete", "PhysicalResourceId": OUR_ID}


class Ses:
    """A stubbed client of SES, with the calls that it expects and their answers."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "sesv2", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stub = Stubber(self.client)
        self.wiring = Wiring(options=TrackingOptions(self.client), log=Logger(service="redirect_domain"))

    def has(self, **options: str) -> None:
        answer = {"TrackingOptions": options} if options else {}
        self.stub.add_response("get_configuration_set", answer, {"ConfigurationSetName": NAME})

    def takes(self, **options: str) -> None:
        expected = {"ConfigurationSetName": NAME, **options}
        self.stub.add_response("put_configuration_set_tracking_options", {}, expected)


@pytest.fixture
def ses() -> Iterator[Ses]:
    made = Ses()
    with made.stub:
        yield made
        made.stub.assert_no_pending_responses()


def _apply(event: dict[str, Any], ses: Ses) -> Outcome:
    return apply(msgspec.convert(event, Request), ses.wiring)


def test_a_domain_that_is_set_is_not_set_again(ses: Ses) -> None:
    ses.has(CustomRedirectDomain=DOMAIN, HttpsPolicy="REQUIRE")
    set_domain(WANTED, ses.wiring)


def test_links_stay_as_secure_as_somebody_has_set_them(ses: Ses) -> None:
    ses.has(CustomRedirectDomain="old.example.com", HttpsPolicy="REQUIRE")
    ses.takes(CustomRedirectDomain=DOMAIN, HttpsPolicy="REQUIRE")
    assert _apply(CREATE, ses) == Outcome(physical_id=OUR_ID)


UNVERIFIED = f"Domain <{DOMAIN}> is not verified under this account."


def test_a_domain_that_is_not_verified_fails_no_deployment(ses: Ses) -> None:
    ses.has()
    ses.stub.add_client_error("put_configuration_set_tracking_options", "BadRequestException", UNVERIFIED)
    assert _apply(CREATE, ses) == Outcome(physical_id=OUR_ID)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("AccessDeniedException", "no identity-based policy allows it"),
        ("BadRequestException", "1 validation error detected: Value at 'httpsPolicy'"),
        ("TooManyRequestsException", UNVERIFIED),
    ],
)
def test_what_has_nothing_to_do_with_verification_fails_a_deployment(ses: Ses, code: str, text: str) -> None:
    ses.has()
    ses.stub.add_client_error("put_configuration_set_tracking_options", code, text)
    failed = _apply(CREATE, ses)
    # not the placeholder: SES may have set the domain
    assert failed.physical_id == OUR_ID
    assert text in str(failed.failure)


def test_a_failed_update_keeps_its_id(ses: Ses) -> None:
    ses.has()
    ses.stub.add_client_error("put_configuration_set_tracking_options", "TooManyRequestsException")
    update = {**CREATE, "RequestType": "Update", "PhysicalResourceId": "redirect-domain/another"}
    assert _apply(update, ses).physical_id == "redirect-domain/another"


def test_the_deletion_from_a_set_that_the_role_has_no_right_on_says_what_to_do(ses: Ses) -> None:
    ses.stub.add_client_error("get_configuration_set", "AccessDeniedException")
    command = f"put-configuration-set-tracking-options --configuration-set-name {NAME}$"
    with pytest.raises(ConfigurationError, match=command):
        _apply(DELETE, ses)


def test_a_configuration_set_that_was_deleted_is_an_error_with_what_to_do(ses: Ses) -> None:
    ses.stub.add_client_error("get_configuration_set", "NotFoundException")
    failure = _apply(CREATE, ses).failure
    assert isinstance(failure, ConfigurationError)
    assert "no configuration set mailbus-prod; deploy its stack again" in str(failure)


def test_the_deletion_succeeds_without_the_configuration_set(ses: Ses) -> None:
    ses.stub.add_client_error("get_configuration_set", "NotFoundException")
    _apply(DELETE, ses)


def test_the_deletion_of_what_was_not_created_changes_nothing(ses: Ses) -> None:
    assert _apply({**DELETE, "PhysicalResourceId": PLACEHOLDER_ID}, ses).physical_id == PLACEHOLDER_ID


def test_an_event_of_the_schedule_needs_no_answer(ses: Ses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "client", lambda: ses.client)
    ses.has()
    ses.takes(CustomRedirectDomain=DOMAIN, HttpsPolicy="OPTIONAL")
    context: Any = FakeLambdaContext(240)
    handler.lambda_handler({"ConfigurationSetName": NAME, "Domain": DOMAIN}, context)
