"""The shop on the whole system: what it mails arrives at SES, and events of its mail come back to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import django
import pytest

if TYPE_CHECKING:
    from mailbus_local.testing import MailbusSystem

BACKEND = "mailbus.django.EmailBackend"


@pytest.fixture(autouse=True)
def _mail_is_sent(mailbus_system: MailbusSystem, settings: Any, transactional_db: None) -> None:  # noqa: ARG001 - a fixture
    """Send mail in tests, which Django keeps in memory otherwise."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": BACKEND}}
    else:
        settings.EMAIL_BACKEND = BACKEND
    settings.MAIL_EVENTS_QUEUE_URL = subscribe(mailbus_system)


def subscribe(mailbus_system: MailbusSystem) -> str:
    """Create what the shop's deployment has: a queue, and a rule of the bus that sends the events to it."""
    sqs, events = mailbus_system.client("sqs"), mailbus_system.client("events")
    url = str(sqs.create_queue(QueueName="shop-mail-events")["QueueUrl"])
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sqs.purge_queue(QueueUrl=url)
    bus, pattern = mailbus_system.event_bus_name, json.dumps({"source": ["mailbus"]})
    events.put_rule(Name="shop", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="shop", EventBusName=bus, Targets=[{"Id": "1", "Arn": attributes["QueueArn"]}])
    return url
