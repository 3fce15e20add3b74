"""What the function of the active receipt rule set does with a request of CloudFormation's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from activation.aws.rule_sets import ActiveRuleSet
from activation.decision import PLACEHOLDER_ID
from activation.handler import Wiring, apply
from mailbus.aws.custom_resource import Outcome, Request
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ses.client import SESClient


OURS = "mailbus-prod"


THEIRS = "helpdesk-rules"


OUR_ID = "receipt-rule-set/mailbus-prod"


DISPLACING_ID = "receipt-rule-set/mailbus-prod/displaced/helpdesk-rules"


CREATE: dict[str, Any] = {
    "RequestType": "Create",
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-receiving-Activator",
    "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws",
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-receiving/5b1c0d50",
    "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
    "ResourceType": "Custom::ActiveReceiptRuleSet",
    "LogicalResourceId": "ReceivingActivationActiveCB4CB7F5",
    "ResourceProperties": {
        "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-receiving-Activator",
        "RuleSetName": OURS,
        "Displace": "false",
    },
}


DELETE = {**CREATE, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}


DISPLACE = {**CREATE["ResourceProperties"], "Displace": "true"}


# A read-only resource, and the state that it passes to the other one.
LOOK = {
    **CREATE,
    "ResourceType": "Custom::ActiveReceiptRuleSetBefore",
    "ResourceProperties": {**DISPLACE, "ReadOnly": "true"},
}


LOOKED = {**CREATE, "ResourceProperties": {**DISPLACE, "State": DISPLACING_ID}}


class Ses:
    """A stubbed client of SES, with the calls that it expects and their answers."""

    def __init__(self) -> None:
        self.client: SESClient = boto3.client(
            "ses", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def active(self, name: str | None) -> None:
        answer = {"Metadata": {"Name": name}, "Rules": []} if name else {}
        self.stub.add_response("describe_active_receipt_rule_set", answer, {})

    def activates(self, name: str | None) -> None:
        self.stub.add_response("set_active_receipt_rule_set", {}, {"RuleSetName": name} if name else {})

    def fails(self, operation: str, code: str, message: str) -> None:
        self.stub.add_client_error(operation, code, message)


@pytest.fixture
def ses() -> Iterator[Ses]:
    stubbed = Ses()
    yield stubbed
    stubbed.stub.assert_no_pending_responses()


def applied(event: dict[str, Any], ses: Ses) -> Outcome:
    wiring = Wiring(rule_set=ActiveRuleSet(ses.client), log=Logger(service="activation"))
    return apply(msgspec.convert(event, Request), wiring)


def test_the_rule_set_is_activated(ses: Ses) -> None:
    ses.active(None)
    ses.activates(OURS)
    assert applied(CREATE, ses) == Outcome(physical_id=OUR_ID)


def test_a_shared_rule_set_stays_active_when_a_stage_is_deleted(ses: Ses) -> None:
    shared = {**CREATE["ResourceProperties"], "RuleSetName": "all-stages", "Shared": "true"}
    ses.active("all-stages")
    outcome = applied({**CREATE, "ResourceProperties": shared}, ses)
    assert outcome == Outcome(physical_id="shared-receipt-rule-set/all-stages")
    ses.active("all-stages")
    delete = {**DELETE, "ResourceProperties": shared, "PhysicalResourceId": outcome.physical_id}
    assert applied(delete, ses) == outcome


def test_a_creation_fails_if_another_rule_set_is_active(ses: Ses) -> None:
    ses.active(THEIRS)
    with pytest.raises(ConfigurationError, match=r"^the receipt rule set 'helpdesk-rules' is active"):
        applied(CREATE, ses)


def test_rolling_back_a_refused_creation_changes_nothing(ses: Ses) -> None:
    assert applied({**DELETE, "PhysicalResourceId": PLACEHOLDER_ID}, ses) == Outcome(
        physical_id=PLACEHOLDER_ID
    )


def test_a_read_only_resource_returns_which_set_will_be_displaced(ses: Ses) -> None:
    ses.active(THEIRS)
    assert applied(LOOK, ses) == Outcome(physical_id=DISPLACING_ID)


def test_deleting_a_read_only_resource_changes_nothing(ses: Ses) -> None:
    deleted = {**LOOK, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}
    assert applied(deleted, ses) == Outcome(physical_id=DISPLACING_ID)


def test_a_creation_that_lambda_delivers_twice_keeps_what_it_displaced(ses: Ses) -> None:
    ses.active(THEIRS)
    ses.activates(OURS)
    assert applied(LOOKED, ses).physical_id == DISPLACING_ID

    ses.active(OURS)
    assert applied(LOOKED, ses) == Outcome(physical_id=DISPLACING_ID)


def test_a_creation_whose_response_was_lost_is_rolled_back(ses: Ses) -> None:
    ses.active(OURS)
    ses.activates(THEIRS)
    # without a response CloudFormation generates an id
    generated = "mailbus-prod-receiving-ReceivingActivationActiveCB4CB7F5-1QZ8XK0WN5T7B"
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": generated}
    assert applied(rolled_back, ses).failure is None


def test_a_creation_that_failed_after_ses_activated_the_set_is_rolled_back(ses: Ses) -> None:
    ses.active(THEIRS)
    ses.fails("set_active_receipt_rule_set", "InternalFailure", "done, though the answer is an error")
    with pytest.raises(ClientError, match="InternalFailure"):
        applied(LOOKED, ses)

    ses.active(OURS)
    ses.activates(THEIRS)
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": PLACEHOLDER_ID}
    assert applied(rolled_back, ses).failure is None


def test_rolling_back_a_creation_that_failed_before_ses_activated_the_set_changes_nothing(ses: Ses) -> None:
    ses.active(THEIRS)
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": PLACEHOLDER_ID}
    assert applied(rolled_back, ses).failure is None


def test_deleting_activates_the_displaced_set_again(ses: Ses) -> None:
    ses.active(OURS)
    ses.activates(THEIRS)
    assert applied(DELETE, ses) == Outcome(physical_id=DISPLACING_ID)


def test_deleting_deactivates_ours_if_the_displaced_set_no_longer_exists(ses: Ses) -> None:
    ses.active(OURS)
    ses.fails("set_active_receipt_rule_set", "RuleSetDoesNotExist", "Rule set does not exist: helpdesk-rules")
    ses.activates(None)
    assert applied(DELETE, ses).failure is None


def test_activating_a_set_that_does_not_exist_fails_with_its_name(ses: Ses) -> None:
    ses.active(None)
    ses.fails("set_active_receipt_rule_set", "RuleSetDoesNotExist", "Rule set does not exist: mailbus-prod")
    with pytest.raises(ConfigurationError, match="no receipt rule set 'mailbus-prod'"):
        applied(CREATE, ses)


def test_an_error_of_ses_fails_an_update(ses: Ses) -> None:
    ses.fails("describe_active_receipt_rule_set", "AccessDenied", "not authorized to perform ses:Describe")
    with pytest.raises(ClientError, match="not authorized"):
        applied({**CREATE, "RequestType": "Update", "PhysicalResourceId": OUR_ID}, ses)


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({}, "RuleSetName"),
        ({"RuleSetName": None}, "RuleSetName"),
        ({"RuleSetName": OURS, "Displace": "perhaps"}, "Displace"),
    ],
)
def test_wrong_properties_are_refused_by_name(properties: object, named: str, ses: Ses) -> None:
    with pytest.raises(ConfigurationError, match=named):
        applied({**CREATE, "ResourceProperties": properties}, ses)
