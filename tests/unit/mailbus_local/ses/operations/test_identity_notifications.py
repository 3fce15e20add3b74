from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.mailbus_local.simulated_ses import NOTIFICATION_TYPES, UNSET, SesEnvironment


def test_a_new_identity_has_no_topics_and_forwards_feedback(env: SesEnvironment, domain: str) -> None:
    assert env.notification_attributes(domain) == UNSET


def test_settings_are_returned(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, "Bounce", headers=True)
    env.publish_notifications(domain, "Delivery")
    assert env.notification_attributes(domain) == {
        **UNSET,
        "BounceTopic": env.topic,
        "HeadersInBounceNotificationsEnabled": True,
        "DeliveryTopic": env.topic,
    }


def test_an_identity_may_be_given_by_its_arn(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(f"arn:aws:ses:us-east-1:000000000000:identity/{domain}", "Complaint")
    assert env.notification_attributes(domain)["ComplaintTopic"] == env.topic


def test_a_topic_is_removed_by_setting_none(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, *NOTIFICATION_TYPES)
    for notification_type in NOTIFICATION_TYPES:
        env.ses.set_identity_notification_topic(Identity=domain, NotificationType=notification_type)
    assert env.notification_attributes(domain) == UNSET


def test_an_unknown_identity_has_no_attributes(env: SesEnvironment) -> None:
    response = env.ses.get_identity_notification_attributes(Identities=["nobody.example", "example.com"])
    assert list(response["NotificationAttributes"]) == ["example.com"]


def test_ses_publishes_a_confirmation_to_a_new_topic(env: SesEnvironment, domain: str) -> None:
    env.ses.set_identity_notification_topic(Identity=domain, NotificationType="Bounce", SnsTopic=env.topic)
    (confirmation,) = env.messages(1)
    assert json.loads(confirmation) == {
        "notificationType": "AmazonSnsSubscriptionSucceeded",
        "message": f"You have successfully subscribed your Amazon SNS topic '{env.topic}' to receive "
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
def test_an_invalid_call_is_an_error_and_changes_nothing(
    env: SesEnvironment, domain: str, operation: str, changed: dict[str, Any], refusal: str
) -> None:
    request: dict[str, Any] = {"Identity": domain, "NotificationType": "Bounce", **changed}
    with pytest.raises(ClientError, match=refusal):
        getattr(env.ses, operation)(**request)
    assert env.notification_attributes(domain) == UNSET


def test_forwarding_cannot_be_disabled_while_bounces_have_no_topic(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, "Complaint")
    with pytest.raises(ClientError, match="both bounces and complaints"):
        env.ses.set_identity_feedback_forwarding_enabled(Identity=domain, ForwardingEnabled=False)
    assert env.notification_attributes(domain)["ForwardingEnabled"] is True


def test_the_topic_of_bounces_cannot_be_removed_without_forwarding(env: SesEnvironment, domain: str) -> None:
    env.publish_notifications(domain, "Bounce", "Complaint")
    env.ses.set_identity_feedback_forwarding_enabled(Identity=domain, ForwardingEnabled=False)
    with pytest.raises(ClientError, match="both bounces and complaints"):
        env.ses.set_identity_notification_topic(Identity=domain, NotificationType="Bounce")
    assert env.notification_attributes(domain)["BounceTopic"] == env.topic
