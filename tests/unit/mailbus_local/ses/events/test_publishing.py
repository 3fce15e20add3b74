from __future__ import annotations

from typing import TYPE_CHECKING

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
