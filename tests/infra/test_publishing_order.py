"""The order in which what SES needs, and what is in SES, is created, and deleted the other way round."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from mailbus_cdk.limits import CUSTOM_RESOURCE_SECONDS
from mailbus_cdk.mailbus import Mailbus
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import Tracking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

    from mailbus_cdk.settings import Settings

# The resources by which SES publishes, and the topic of each.
PUBLISHERS = {
    "AWS::SES::ConfigurationSetEventDestination": "Tracking",
    "Custom::IdentityNotifications": "Tracking",
    "AWS::SES::ReceiptRule": "Inbound",
}

RULES = (Rule(name="store", recipients=("example.org",)), Rule(name="rest", recipients=("example.net",)))


@pytest.fixture(scope="module")
def resources(
    app_in: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> dict[str, dict[str, Any]]:
    """Return the resources of Mailbus in one stack, where stacks give no order."""
    stack = Stack(app_in(tmp_path_factory.mktemp("whole")), "Shop", env=Environment(region=settings.region))
    everything = msgspec.structs.replace(
        settings,
        other_identities=("billing@example.org",),
        tracking=Tracking(
            notified_identities=(settings.identity, "billing@example.org"),
            custom_redirect_domain="links.example.com",
        ),
        other_configuration_sets=("newsletters", "receipts", "offers"),
        inbound=Inbound(domains=("example.org", "example.net", "example.info"), rules=RULES),
    )
    Mailbus(stack, "Mail", settings=everything)
    found: dict[str, dict[str, Any]] = Template.from_stack(stack).to_json()["Resources"]
    return found


@pytest.fixture(scope="module")
def needed(resources: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Return for each resource all that is created before it and deleted after it."""
    found: dict[str, set[str]] = {}

    def walk(logical_id: str) -> set[str]:
        if logical_id not in found:
            body = resources[logical_id]
            named = set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"([^"]+)"', json.dumps(body)))
            direct = (named | set(body.get("DependsOn", ()))) & set(resources)
            found[logical_id] = direct.union(*(walk(other) for other in direct))
        return found[logical_id]

    return {logical_id: walk(logical_id) for logical_id in resources}


@pytest.mark.parametrize(("publisher", "part"), PUBLISHERS.items())
def test_ses_publishes_while_there_is_a_subscription_that_may_write_to_its_queue(
    resources: dict[str, dict[str, Any]], needed: dict[str, set[str]], publisher: str, part: str
) -> None:
    publishing = [name for name, body in resources.items() if body["Type"] == publisher]
    assert publishing
    for name in publishing:
        paths = [
            (body["Type"], body["Metadata"]["aws:cdk:path"].split("/", 2)[2])
            for body in (resources[other] for other in needed[name])
            if "aws:cdk:path" in body.get("Metadata", {})
        ]
        assert {(kind, path.split("/")[2]) for kind, path in paths if f"Mail/{part}/" in path} >= {
            ("AWS::SNS::TopicPolicy", "Events" if part == "Tracking" else "Receipts"),
            ("AWS::SNS::Subscription", "Work"),
            ("AWS::SQS::QueuePolicy", "Work"),
            ("AWS::SQS::QueuePolicy", "DeadLetters"),
        }
        assert "AWS::KMS::Key" in {kind for kind, _ in paths}


def test_resources_of_ses_are_made_one_after_the_other(
    resources: dict[str, dict[str, Any]], needed: dict[str, set[str]]
) -> None:
    # SES takes one call a second that changes its settings, and CloudFormation would make all at once:
    # https://docs.aws.amazon.com/ses/latest/dg/quotas.html. Each custom resource here calls SES.
    of_ses = [name for name, body in resources.items() if body["Type"].startswith(("AWS::SES::", "Custom::"))]
    assert Counter(resources[name]["Type"] for name in of_ses) == {
        "AWS::SES::EmailIdentity": 4,
        "AWS::SES::ConfigurationSet": 1,
        "AWS::SES::ConfigurationSetEventDestination": 4,
        "Custom::RedirectDomain": 1,
        "Custom::IdentityNotificationsBefore": 2,
        "Custom::IdentityNotifications": 2,
        "AWS::SES::ReceiptRuleSet": 1,
        "Custom::ActiveReceiptRuleSetBefore": 1,
        "AWS::SES::ReceiptRule": 2,
        "Custom::ActiveReceiptRuleSet": 1,
    }
    at_once = [
        (one, other)
        for one, other in combinations(of_ses, 2)
        if one not in needed[other] and other not in needed[one]
    ]
    assert at_once == []


def test_cloudformation_waits_longer_for_a_custom_resource_than_its_function_runs(
    resources: dict[str, dict[str, Any]],
) -> None:
    custom = [body["Properties"] for body in resources.values() if body["Type"].startswith("Custom::")]
    for properties in custom:
        function = resources[properties["ServiceToken"]["Fn::GetAtt"][0]]["Properties"]
        assert function["Timeout"] == CUSTOM_RESOURCE_SECONDS < int(properties["ServiceTimeout"])
