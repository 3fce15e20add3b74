"""Topic, queue and policies exist for as long as a resource that SES publishes through."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from mailbus_cdk.mailbus import Mailbus
from mailbus_cdk.settings.tables import Tracking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings

# The resources by which SES publishes, and the topic of each.
PUBLISHERS = {
    "AWS::SES::ConfigurationSetEventDestination": "Tracking",
    "Custom::IdentityNotifications": "Tracking",
    "AWS::SES::ReceiptRule": "Inbound",
}


@pytest.fixture(scope="module")
def resources(
    app_in: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> dict[str, dict[str, Any]]:
    """Return the resources of Mailbus in one stack, where stacks give no order."""
    stack = Stack(app_in(tmp_path_factory.mktemp("whole")), "Shop", env=Environment(region=settings.region))
    tracking = Tracking(notified_identities=(settings.identity,))
    Mailbus(stack, "Mail", settings=msgspec.structs.replace(settings, tracking=tracking))
    found: dict[str, dict[str, Any]] = Template.from_stack(stack).to_json()["Resources"]
    return found


def _needs(resources: dict[str, dict[str, Any]], logical_id: str) -> Iterator[str]:
    """Yield what is created before a resource and deleted after it, some more than once."""
    body = resources[logical_id]
    named = set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"([^"]+)"', json.dumps(body)))
    for other in (named | set(body.get("DependsOn", ()))) & set(resources):
        yield other
        yield from _needs(resources, other)


@pytest.mark.parametrize(("publisher", "part"), PUBLISHERS.items())
def test_ses_publishes_while_there_is_a_subscription_that_may_write_to_its_queue(
    resources: dict[str, dict[str, Any]], publisher: str, part: str
) -> None:
    publishing = [name for name, body in resources.items() if body["Type"] == publisher]
    assert publishing
    for name in publishing:
        needed = [body for other in set(_needs(resources, name)) for body in [resources[other]]]
        paths = [
            (body["Type"], body["Metadata"]["aws:cdk:path"].split("/", 2)[2])
            for body in needed
            if "aws:cdk:path" in body.get("Metadata", {})
        ]
        assert {(kind, path.split("/")[2]) for kind, path in paths if f"Mail/{part}/" in path} >= {
            ("AWS::SNS::TopicPolicy", "Events" if part == "Tracking" else "Receipts"),
            ("AWS::SNS::Subscription", "Work"),
            ("AWS::SQS::QueuePolicy", "Work"),
            ("AWS::SQS::QueuePolicy", "DeadLetters"),
        }
        assert "AWS::KMS::Key" in {kind for kind, _ in paths}
