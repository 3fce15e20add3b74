"""What the function of identities' feedback does with a request of CloudFormation's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from identity_feedback.aws.identity_topics import IdentityTopics
from identity_feedback.decision import (
    PLACEHOLDER_ID,
    Setting,
)
from identity_feedback.handler import Wiring, apply
from mailbus.aws.custom_resource import Outcome, Request
from mailbus.errors import ConfigurationError
from mailbus.ses_events import FEEDBACK_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ses.client import SESClient

    from mailbus.ses_events import FeedbackType


IDENTITY = "example.net"


OURS = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Xc1"


FORMER = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Aa9"


THEIRS = "arn:aws:sns:eu-west-1:111122223333:helpdesk-bounces"


OUR_ID = "identity-notifications/example.net"


DISPLACING_ID = f"{OUR_ID}/displaced/Bounce={THEIRS};Complaint+headers={THEIRS}"


def ours(*kinds: FeedbackType) -> tuple[Setting, ...]:
    return tuple(Setting(kind=kind, topic=OURS, headers=True) for kind in kinds or FEEDBACK_TYPES)


THEIR_BOUNCES = Setting(kind="Bounce", topic=THEIRS)


THEIR_COMPLAINTS = Setting(kind="Complaint", topic=THEIRS, headers=True)


CREATE: dict[str, Any] = {
    "RequestType": "Create",
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-mail-Notifier",
    "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws",
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-mail/5b1c0d50",
    "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
    "ResourceType": "Custom::IdentityNotifications",
    "LogicalResourceId": "MailNotificationsexamplenet1F0AC4E2",
    "ResourceProperties": {
        "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-mail-Notifier",
        "Identity": IDENTITY,
        "TopicArn": OURS,
        "Displace": "false",
    },
}


DISPLACE = {
    **CREATE,
    "ResourceProperties": {**CREATE["ResourceProperties"], "Displace": "true"},
}


UPDATE = {
    **CREATE,
    "RequestType": "Update",
    "PhysicalResourceId": OUR_ID,
    "OldResourceProperties": {**CREATE["ResourceProperties"], "TopicArn": FORMER},
}


DELETE = {**CREATE, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}


# For each identity a read-only resource, and the state that it passes to the other one.
LOOK = {
    **DISPLACE,
    "ResourceType": "Custom::IdentityNotificationsBefore",
    "LogicalResourceId": CREATE["LogicalResourceId"],
    "ResourceProperties": {**DISPLACE["ResourceProperties"], "ReadOnly": "true"},
}


LOOKED = {
    **DISPLACE,
    "ResourceProperties": {**DISPLACE["ResourceProperties"], "State": DISPLACING_ID},
}


class Ses:
    """A stubbed client of SES, with the calls that it expects and their answers."""

    def __init__(self) -> None:
        self.client: SESClient = boto3.client(
            "ses", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def has(self, *settings: Setting, forwarding: bool = True) -> None:
        """SES has the identity, with these settings."""
        attributes: dict[str, Any] = {"ForwardingEnabled": forwarding}
        for setting in settings:
            attributes[f"{setting.kind}Topic"] = setting.topic
            attributes[f"HeadersIn{setting.kind}NotificationsEnabled"] = setting.headers
        self._answers(
            {IDENTITY: {"BounceTopic": "", "ComplaintTopic": "", "DeliveryTopic": "", **attributes}}
        )

    def has_none(self) -> None:
        self._answers({})

    def takes_topic(self, kind: str, topic: str | None) -> None:
        request = {"Identity": IDENTITY, "NotificationType": kind, **({"SnsTopic": topic} if topic else {})}
        self.stub.add_response("set_identity_notification_topic", {}, request)

    def takes_forwarding(self) -> None:
        request = {"Identity": IDENTITY, "ForwardingEnabled": True}
        self.stub.add_response("set_identity_feedback_forwarding_enabled", {}, request)

    def takes_headers(self, kind: str, *, enabled: bool) -> None:
        request = {"Identity": IDENTITY, "NotificationType": kind, "Enabled": enabled}
        self.stub.add_response("set_identity_headers_in_notifications_enabled", {}, request)

    def refuses(self, operation: str, code: str, message: str) -> None:
        self.stub.add_client_error(operation, code, message)

    def _answers(self, attributes: dict[str, Any]) -> None:
        self.stub.add_response(
            "get_identity_notification_attributes",
            {"NotificationAttributes": attributes},
            {"Identities": [IDENTITY]},
        )


@pytest.fixture
def ses() -> Iterator[Ses]:
    stubbed = Ses()
    yield stubbed
    stubbed.stub.assert_no_pending_responses()


def applied(event: dict[str, Any], ses: Ses) -> Outcome:
    wiring = Wiring(topics=IdentityTopics(ses.client), log=Logger(service="identity_feedback"))
    return apply(msgspec.convert(event, Request), wiring)


def test_all_three_topics_are_set_each_before_its_headers(ses: Ses) -> None:
    ses.has()
    for kind in FEEDBACK_TYPES:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert applied(CREATE, ses) == Outcome(physical_id=OUR_ID)


def test_a_creation_fails_if_another_topic_is_set(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES)
    with pytest.raises(ConfigurationError, match=r"^notifications of example\.net already go elsewhere"):
        applied(CREATE, ses)


def test_rolling_back_a_refused_creation_changes_nothing(ses: Ses) -> None:
    assert applied({**DELETE, "PhysicalResourceId": PLACEHOLDER_ID}, ses) == Outcome(
        physical_id=PLACEHOLDER_ID
    )


def test_the_physical_id_holds_what_is_displaced(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    for kind in FEEDBACK_TYPES:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert applied(DISPLACE, ses) == Outcome(physical_id=DISPLACING_ID)


def test_a_creation_that_fails_in_the_middle_is_rolled_back(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    ses.takes_topic("Bounce", OURS)
    ses.takes_headers("Bounce", enabled=True)
    ses.refuses("set_identity_notification_topic", "Throttling", "Rate exceeded")
    failed = applied(DISPLACE, ses)
    assert failed.physical_id == DISPLACING_ID
    assert "Rate exceeded" in str(failed.failure)

    ses.has(*ours("Bounce"), THEIR_COMPLAINTS)
    ses.takes_topic("Bounce", THEIRS)
    ses.takes_headers("Bounce", enabled=False)
    rolled_back = {**DISPLACE, "RequestType": "Delete", "PhysicalResourceId": failed.physical_id}
    assert applied(rolled_back, ses).failure is None


def test_a_read_only_resource_returns_what_will_be_displaced(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    assert applied(LOOK, ses) == Outcome(physical_id=DISPLACING_ID)


def test_deleting_a_read_only_resource_changes_nothing(ses: Ses) -> None:
    deleted = {**LOOK, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}
    assert applied(deleted, ses) == Outcome(physical_id=DISPLACING_ID)


def test_a_creation_that_lambda_delivers_twice_keeps_what_it_displaced(ses: Ses) -> None:
    ses.has(THEIR_BOUNCES, THEIR_COMPLAINTS)
    for kind in FEEDBACK_TYPES:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert applied(LOOKED, ses).physical_id == DISPLACING_ID

    ses.has(*ours())
    assert applied(LOOKED, ses) == Outcome(physical_id=DISPLACING_ID)


def test_a_creation_whose_response_was_lost_is_rolled_back(ses: Ses) -> None:
    ses.has(*ours())
    ses.takes_topic("Bounce", THEIRS)
    ses.takes_headers("Bounce", enabled=False)
    ses.takes_topic("Complaint", THEIRS)
    ses.takes_headers("Complaint", enabled=True)
    ses.takes_headers("Delivery", enabled=False)
    ses.takes_topic("Delivery", None)
    # without a response CloudFormation generates an id
    generated = "mailbus-prod-mail-MailNotificationsexamplenet1F0AC4E2-1QZ8XK0WN5T7B"
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": generated}
    assert applied(rolled_back, ses).failure is None


def test_an_update_moves_the_notifications_from_our_former_topic(ses: Ses) -> None:
    ses.has(*(Setting(kind=kind, topic=FORMER, headers=True) for kind in FEEDBACK_TYPES))
    for kind in FEEDBACK_TYPES:
        ses.takes_topic(kind, OURS)
        ses.takes_headers(kind, enabled=True)
    assert applied(UPDATE, ses) == Outcome(physical_id=OUR_ID)


def test_an_update_that_fails_in_the_middle_keeps_its_id(ses: Ses) -> None:
    ses.has(*ours("Complaint", "Delivery"))
    ses.refuses("set_identity_notification_topic", "InvalidParameterValue", "SNS topic is not accessible")
    failed = applied({**UPDATE, "PhysicalResourceId": DISPLACING_ID}, ses)
    assert failed.physical_id == DISPLACING_ID
    assert "SNS topic is not accessible" in str(failed.failure)


def test_deleting_sets_what_was_displaced_again_and_clears_the_rest(ses: Ses) -> None:
    ses.has(*ours())
    ses.takes_topic("Bounce", THEIRS)
    ses.takes_headers("Bounce", enabled=False)
    ses.takes_topic("Complaint", THEIRS)
    ses.takes_headers("Complaint", enabled=True)
    # SES takes headers off while there is a topic only
    ses.takes_headers("Delivery", enabled=False)
    ses.takes_topic("Delivery", None)
    assert applied(DELETE, ses) == Outcome(physical_id=DISPLACING_ID)


def test_deleting_succeeds_if_a_displaced_topic_no_longer_exists(ses: Ses) -> None:
    ses.has(*ours("Bounce"))
    ses.refuses("set_identity_notification_topic", "InvalidParameterValue", f"SNS topic <{THEIRS}> not found")
    ses.takes_forwarding()
    ses.takes_headers("Bounce", enabled=False)
    ses.takes_topic("Bounce", None)
    assert applied(DELETE, ses).failure is None


def test_bounces_and_complaints_are_forwarded_by_mail_before_their_last_topic_is_cleared(ses: Ses) -> None:
    ses.has(*ours(), forwarding=False)
    ses.takes_forwarding()
    for kind in FEEDBACK_TYPES:
        ses.takes_headers(kind, enabled=False)
        ses.takes_topic(kind, None)
    assert applied({**DELETE, "PhysicalResourceId": OUR_ID}, ses) == Outcome(physical_id=OUR_ID)


def test_a_deletion_that_ses_refuses_for_another_reason_fails_with_it(ses: Ses) -> None:
    ses.has(*ours("Bounce"))
    ses.refuses(
        "set_identity_notification_topic", "AccessDenied", "not authorized to perform ses:SetIdentity"
    )
    failed = applied(DELETE, ses)
    assert failed.physical_id == DISPLACING_ID
    assert "not authorized" in str(failed.failure)


def test_deleting_succeeds_if_the_identity_no_longer_exists(ses: Ses) -> None:
    ses.has_none()
    assert applied(DELETE, ses) == Outcome(physical_id=DISPLACING_ID)


def test_an_error_before_anything_is_set_leaves_nothing_to_roll_back(ses: Ses) -> None:
    ses.refuses("get_identity_notification_attributes", "AccessDenied", "not authorized to perform ses:Get")
    with pytest.raises(ClientError, match="not authorized"):
        applied(CREATE, ses)


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({}, "Identity"),
        ({"Identity": IDENTITY}, "TopicArn"),
        ({"Identity": None, "TopicArn": OURS}, "Identity"),
        ({"Identity": IDENTITY, "TopicArn": OURS, "Displace": "perhaps"}, "Displace"),
    ],
)
def test_wrong_properties_are_refused_by_name(properties: object, named: str, ses: Ses) -> None:
    with pytest.raises(ConfigurationError, match=named):
        applied({**CREATE, "ResourceProperties": properties}, ses)
