from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.ses_events import SES_EVENT_TYPES
from mailbus_cdk.quotas import BY_NAME
from tests.unit.mailbus_cdk.test_quotas_counted import REPORTED

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_only_the_event_types_of_a_destination_are_published(env: SesEnvironment) -> None:
    env.publish_events("BOUNCE")
    env.send("alice@customer.example", "bounce@simulator.amazonses.com")
    assert [event["eventType"] for event in env.events(1)] == ["Bounce"]


def test_the_topic_of_a_destination_gets_one_validation_message(env: SesEnvironment) -> None:
    env.publish_events("SEND")
    env.send("alice@customer.example")
    env.send("bob@customer.example")
    notification = env.messages(3)
    validated = "Successfully validated SNS topic for Amazon SES event publishing."
    assert notification.count(validated) == 1


def test_a_mail_that_is_opened_and_clicked_once_is_as_many_messages_as_the_quota_counts(
    env: SesEnvironment,
) -> None:
    env.publish_events(*(kind.destination_name for kind in SES_EVENT_TYPES.values()))
    message_id = env.send("success@simulator.amazonses.com")
    # events of one mail stay in order, so that nothing of it comes after the last one
    for kind in ("Open", "Click", "Complaint"):
        assert env.http.post(f"/events/{message_id}", json={"event_type": kind}).is_success
    kinds = [event["eventType"].lower() for event in env.events(len(REPORTED) + 1)]
    assert kinds == [*REPORTED, "complaint"]
    assert len(REPORTED) == BY_NAME["sns-publish"].per_mail
