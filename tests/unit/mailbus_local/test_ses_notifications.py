from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from identity_feedback.aws.identity_topics import IdentityTopics
from identity_feedback.handler import Wiring, apply
from mailbus.aws.custom_resource import Request

if TYPE_CHECKING:
    from conftest import Lab

KINDS = ("Bounce", "Complaint", "Delivery")
DOCUMENTED = sorted(
    (Path(__file__).parents[3].parent / "shared/corpus/ses/amazon-ses-developer-guide").glob(
        "notification-examples__*.json"
    )
)
UNSET = {
    "ForwardingEnabled": True,
    "BounceTopic": "",
    "ComplaintTopic": "",
    "DeliveryTopic": "",
    "HeadersInBounceNotificationsEnabled": False,
    "HeadersInComplaintNotificationsEnabled": False,
    "HeadersInDeliveryNotificationsEnabled": False,
}


@pytest.fixture
def domain(lab: Lab) -> str:
    """An identity that no other test has changed."""
    name = f"{uuid.uuid4().hex}.example.org"
    lab.sesv2.create_email_identity(EmailIdentity=name)
    return name


def set_topics(lab: Lab, identity: str, *kinds: str, headers: bool = False) -> None:
    """Have notifications come to the test's topic; SES greets it once for each."""
    for kind in kinds:
        lab.ses.set_identity_notification_topic(Identity=identity, NotificationType=kind, SnsTopic=lab.topic)
        if headers:
            lab.ses.set_identity_headers_in_notifications_enabled(
                Identity=identity, NotificationType=kind, Enabled=True
            )
    greetings = [json.loads(text) for text in lab.told(len(kinds))]
    assert {greeting["notificationType"] for greeting in greetings} == {"AmazonSnsSubscriptionSucceeded"}


def attributes(lab: Lab, identity: str) -> dict[str, Any]:
    answer = lab.ses.get_identity_notification_attributes(Identities=[identity])
    found: dict[str, Any] = answer["NotificationAttributes"][identity]
    return found


def send(lab: Lab, sender: str, *to: str, **more: Any) -> str:
    message_id: str = lab.sesv2.send_email(
        FromEmailAddress=f"Shop <{sender}>",
        Destination={"ToAddresses": list(to)},
        Content={
            "Simple": {
                "Subject": {"Data": "Your order"},
                "Body": {"Text": {"Data": "It is on its way."}},
                "Headers": [{"Name": "X-Metadata", "Value": '{"order": 4711}'}],
            }
        },
        EmailTags=[{"Name": "campaign", "Value": "autumn"}],
        **more,
    )["MessageId"]
    return message_id


def notified(lab: Lab, count: int) -> list[dict[str, Any]]:
    """Wait for so many notifications of the topic, in order of kind."""
    told = [json.loads(text) for text in lab.told(count)]
    assert len(told) == count
    return sorted(told, key=lambda one: str(one.get("notificationType")))


# What is set


def test_an_identity_has_nothing_set_at_first_and_forwards_its_feedback(lab: Lab, domain: str) -> None:
    assert attributes(lab, domain) == UNSET


def test_what_is_set_is_answered(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, "Bounce", headers=True)
    set_topics(lab, domain, "Delivery")
    assert attributes(lab, domain) == {
        **UNSET,
        "BounceTopic": lab.topic,
        "HeadersInBounceNotificationsEnabled": True,
        "DeliveryTopic": lab.topic,
    }


def test_an_identity_may_be_named_by_its_arn(lab: Lab, domain: str) -> None:
    set_topics(lab, f"arn:aws:ses:us-east-1:000000000000:identity/{domain}", "Complaint")
    assert attributes(lab, domain)["ComplaintTopic"] == lab.topic


def test_a_topic_is_cleared_by_naming_none(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, *KINDS)
    for kind in KINDS:
        lab.ses.set_identity_notification_topic(Identity=domain, NotificationType=kind)
    assert attributes(lab, domain) == UNSET


def test_an_identity_that_is_not_there_has_no_attributes(lab: Lab) -> None:
    answer = lab.ses.get_identity_notification_attributes(Identities=["nobody.example", "example.com"])
    assert list(answer["NotificationAttributes"]) == ["example.com"]


def test_a_topic_that_is_set_is_greeted(lab: Lab, domain: str) -> None:
    lab.ses.set_identity_notification_topic(Identity=domain, NotificationType="Bounce", SnsTopic=lab.topic)
    (greeting,) = lab.told(1)
    assert json.loads(greeting) == {
        "notificationType": "AmazonSnsSubscriptionSucceeded",
        "message": f"You have successfully subscribed your Amazon SNS topic '{lab.topic}' to receive "
        f"'Bounce' notifications from Amazon SES for identity '{domain}'.",
    }


@pytest.mark.parametrize(
    ("operation", "changed", "refusal"),
    [
        (
            "set_identity_notification_topic",
            {"Identity": "nobody.example"},
            "InvalidParameterValue.*does not exist",
        ),
        (
            "set_identity_notification_topic",
            {"NotificationType": "Open"},
            r"ValidationError.*\[Bounce, Complaint, Delivery\]",
        ),
        (
            "set_identity_notification_topic",
            {"SnsTopic": "arn:aws:sns:us-east-1:000000000000:gone"},
            "InvalidParameterValue.*:gone> cannot be published to",
        ),
        (
            "set_identity_headers_in_notifications_enabled",
            {"Enabled": True},
            "InvalidParameterValue.*No SNS topic is set",
        ),
    ],
)
def test_what_ses_does_not_take_is_refused_and_changes_nothing(
    lab: Lab, domain: str, operation: str, changed: dict[str, Any], refusal: str
) -> None:
    asked: dict[str, Any] = {"Identity": domain, "NotificationType": "Bounce", **changed}
    with pytest.raises(ClientError, match=refusal):
        getattr(lab.ses, operation)(**asked)
    assert attributes(lab, domain) == UNSET


def test_forwarding_cannot_be_turned_off_where_it_alone_tells_of_bounces(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, "Complaint")
    with pytest.raises(ClientError, match="both bounces and complaints"):
        lab.ses.set_identity_feedback_forwarding_enabled(Identity=domain, ForwardingEnabled=False)
    assert attributes(lab, domain)["ForwardingEnabled"] is True


def test_bounces_cannot_go_to_nobody(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, "Bounce", "Complaint")
    lab.ses.set_identity_feedback_forwarding_enabled(Identity=domain, ForwardingEnabled=False)
    with pytest.raises(ClientError, match="both bounces and complaints"):
        lab.ses.set_identity_notification_topic(Identity=domain, NotificationType="Bounce")
    assert attributes(lab, domain)["BounceTopic"] == lab.topic


# What a deployment sets


def deployed(lab: Lab, domain: str, topic: str, activity: str, physical_id: str | None = None) -> str:
    """Have CloudFormation call the function of the deployment; returns the resource's id."""
    event = {
        "RequestType": activity,
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/mailbus-local-mail/5b1c0d50",
        "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
        "LogicalResourceId": "MailNotificationsexamplenet1F0AC4E2",
        "PhysicalResourceId": physical_id,
        "ResourceProperties": {"Identity": domain, "TopicArn": topic, "Displace": "true"},
    }
    wiring = Wiring(topics=IdentityTopics(lab.ses), log=Logger(service="identity_feedback"))
    outcome = apply(msgspec.convert(event, Request), wiring)
    assert outcome.failure is None
    return outcome.physical_id


@pytest.fixture
def ours(lab: Lab) -> str:
    """The tracking topic of a deployment."""
    arn: str = lab.sns.create_topic(Name=f"tracking-{uuid.uuid4().hex}")["TopicArn"]
    return arn


@pytest.mark.parametrize("displaced", [(), ("Bounce",), ("Bounce", "Complaint"), KINDS])
@pytest.mark.parametrize("headers", [False, True])
def test_a_deployment_that_comes_and_goes_leaves_all_as_it_was(
    lab: Lab, domain: str, ours: str, displaced: tuple[str, ...], *, headers: bool
) -> None:
    if displaced:
        set_topics(lab, domain, *displaced, headers=headers)
    before = attributes(lab, domain)
    physical_id = deployed(lab, domain, ours, "Create")
    assert {attributes(lab, domain)[f"{kind}Topic"] for kind in KINDS} == {ours}
    deployed(lab, domain, ours, "Delete", physical_id)
    assert attributes(lab, domain) == before


def test_a_deployment_whose_displaced_topic_is_gone_leaves_none_behind(
    lab: Lab, domain: str, ours: str
) -> None:
    set_topics(lab, domain, "Bounce", headers=True)
    physical_id = deployed(lab, domain, ours, "Create")
    lab.sns.delete_topic(TopicArn=lab.topic)
    deployed(lab, domain, ours, "Delete", physical_id)
    assert attributes(lab, domain) == UNSET


# What is published


@pytest.mark.parametrize(
    ("mailbox", "kinds"),
    [
        ("success", ["Delivery"]),
        ("bounce", ["Bounce"]),
        ("suppressionlist", ["Bounce"]),
        ("complaint", ["Complaint", "Delivery"]),
    ],
)
def test_the_mailbox_simulator_is_notified_without_a_configuration_set(
    lab: Lab, domain: str, mailbox: str, kinds: list[str]
) -> None:
    set_topics(lab, domain, *KINDS)
    message_id = send(lab, f"shop@{domain}", f"{mailbox}@simulator.amazonses.com")
    told = notified(lab, len(kinds))
    assert [one["notificationType"] for one in told] == kinds
    assert {one["mail"]["messageId"] for one in told} == {message_id}
    for one in told:
        assert one[one["notificationType"].lower()]


def test_a_notification_says_who_called_and_from_where_and_has_no_tags(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, "Delivery")
    message_id = send(lab, f"shop@{domain}", "success@simulator.amazonses.com")
    (told,) = notified(lab, 1)
    assert "eventType" not in told
    mail = told["mail"]
    assert mail.pop("timestamp").endswith("Z")
    assert mail == {
        "source": f"Shop <shop@{domain}>",
        "sourceArn": f"arn:aws:ses:us-east-1:000000000000:identity/{domain}",
        "sourceIp": "127.0.0.1",
        "callerIdentity": "test",
        "sendingAccountId": "000000000000",
        "messageId": message_id,
        "destination": ["success@simulator.amazonses.com"],
    }


def test_headers_are_there_only_where_they_are_enabled(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, "Delivery")
    set_topics(lab, domain, "Complaint", headers=True)
    send(lab, f"shop@{domain}", "complaint@simulator.amazonses.com")
    complaint, delivery = notified(lab, 2)
    assert {"headers", "commonHeaders", "headersTruncated"}.isdisjoint(delivery["mail"])
    assert {"name": "X-Metadata", "value": '{"order": 4711}'} in complaint["mail"]["headers"]
    assert complaint["mail"]["commonHeaders"]["subject"] == "Your order"
    assert complaint["mail"]["headersTruncated"] is False


def test_what_is_notified_is_an_event_too_and_both_tell_the_same(lab: Lab, domain: str) -> None:
    lab.want("BOUNCE", "SEND")
    set_topics(lab, domain, "Bounce")
    message_id = send(
        lab, f"shop@{domain}", "bounce@simulator.amazonses.com", ConfigurationSetName=lab.configuration_set
    )
    # the topic is told as well that it is an event destination now
    told = [json.loads(text) for text in lab.told(4) if text.startswith("{")]
    (event,) = [one for one in told if one.get("eventType") == "Bounce"]
    (notification,) = [one for one in told if one.get("notificationType") == "Bounce"]
    assert {one["mail"]["messageId"] for one in told} == {message_id}
    assert notification["bounce"] == event["bounce"]


def test_an_event_asked_for_is_notified_too(lab: Lab, domain: str) -> None:
    set_topics(lab, domain, *KINDS)
    message_id = send(lab, f"shop@{domain}", "alice@customer.example")
    notified(lab, 1)
    answer = lab.http.post(f"/events/{message_id}", json={"event_type": "Complaint"}).json()
    assert (answer["topics"], answer["notification_topic"]) == ([], lab.topic)
    (complaint,) = notified(lab, 1)
    assert complaint["complaint"] == answer["event"]["complaint"]


@pytest.mark.parametrize("kind", ["Open", "Click", "DeliveryDelay", "Reject", "Send"])
def test_other_events_are_not_notified(lab: Lab, domain: str, kind: str) -> None:
    set_topics(lab, domain, *KINDS)
    message_id = send(lab, f"shop@{domain}", "alice@customer.example")
    answer = lab.http.post(f"/events/{message_id}", json={"event_type": kind}).json()
    assert (answer["topics"], answer["notification_topic"]) == ([], None)


def test_an_address_that_is_an_identity_goes_before_its_domain(lab: Lab, domain: str) -> None:
    lab.sesv2.create_email_identity(EmailIdentity=f"billing@{domain}")
    set_topics(lab, domain, "Delivery")
    send(lab, f"billing@{domain}", "alice@customer.example")
    message_id = send(lab, f"shop@{domain}", "alice@customer.example")
    (told,) = notified(lab, 1)
    assert told["mail"]["messageId"] == message_id


@pytest.mark.skipif(not DOCUMENTED, reason="the corpus of public notifications is not beside this project")
@pytest.mark.parametrize("kind", KINDS)
def test_a_notification_has_the_documented_fields_and_no_others(lab: Lab, domain: str, kind: str) -> None:
    examples = [json.loads(path.read_text()) for path in DOCUMENTED]
    documented = {path for one in examples if one["notificationType"] == kind for path in _paths(one)}
    set_topics(lab, domain, kind, headers=True)
    message_id = send(lab, f"shop@{domain}", "alice@customer.example")
    if kind != "Delivery":
        lab.http.post(f"/events/{message_id}", json={"event_type": kind})
    (told,) = notified(lab, 1)
    # SES shows the Date that a mail came with, and composed ones have none
    optional = {"$.mail.commonHeaders.date"}
    assert set(_paths(told)) | optional == documented | optional


def _paths(value: Any, at: str = "$") -> list[str]:
    """Name every field below, lists by what they hold."""
    if isinstance(value, dict):
        return [
            path for name, inner in value.items() for path in (f"{at}.{name}", *_paths(inner, f"{at}.{name}"))
        ]
    if isinstance(value, list):
        return [path for inner in value for path in _paths(inner, at)]
    return []
