"""The stacks of a stage, and the construct in another app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Environment, Stack
from aws_cdk.assertions import Template

from mailbus.errors import ConfigurationError
from mailbus_cdk.mailbus import Mailbus
from tests.infra.templates import (
    Templates,
    folder,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.settings import Settings


def test_a_stage_has_three_stacks_named_after_it(prod: Templates) -> None:
    assert list(prod.raw) == ["state", "mail", "receiving"]
    assert [path.name for path in prod.files.values()] == [
        "mailbus-prod-state.template.json",
        "mailbus-prod-mail.template.json",
        "mailbus-prod-receiving.template.json",
    ]


def test_synthesizing_needs_no_account(prod: Templates) -> None:
    assert "missing" not in prod.manifest
    assert {
        artifact["environment"]
        for artifact in prod.manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    } == {"aws://unknown-account/us-east-1"}


def test_the_outputs_have_what_applications_and_operators_need(prod: Templates) -> None:
    assert set(prod.outputs("state")) == {
        "EventArchiveName",
        "EventBusName",
        "EventsBucketName",
        "InboundBucketName",
        "JobsBucketName",
        "LedgerTableName",
        "TimelineTableName",
    }
    assert set(prod.outputs("mail")) == {
        "Version",
        "CodeDigest",
        "ExpectedRate",
        "Identity",
        "ReceiptRules",
        "DashboardName",
        "DoubtSeconds",
        "SenderFunctionName",
        "TrackingFunctionName",
        "InboundFunctionName",
        "ConfigurationSetName",
        "SendQueueUrl",
        "SendQueueArn",
        "BulkQueueUrl",
        "BulkQueueArn",
        "SendDeadLetterQueueUrl",
        "TrackingTopicArn",
        "TrackingQueueUrl",
        "TrackingDeadLetterQueueUrl",
        "InboundTopicArn",
        "InboundQueueUrl",
        "InboundDeadLetterQueueUrl",
        "GuardFunctionName",
        "TimelineDays",
        "TimelineFunctionName",
        "TimelineQueueUrl",
        "TimelineDeadLetterQueueUrl",
        "DkimRecord1",
        "DkimRecord2",
        "DkimRecord3",
    }
    assert prod.outputs("receiving") == {
        "RuleSetName": "mailbus-prod",
        "MxRecord1": "inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
    }


def test_the_stack_that_holds_state_is_protected_from_deletion(prod: Templates, local: Templates) -> None:
    protected = {
        name: artifact["properties"].get("terminationProtection", False)
        for templates in (prod, local)
        for name, artifact in templates.manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert [name for name, is_protected in protected.items() if is_protected] == ["mailbus-prod-state"]


def test_without_an_inbound_domain_nothing_is_deployed_for_receiving(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    off = msgspec.structs.replace(settings, inbound=msgspec.structs.replace(settings.inbound, domains=()))
    templates = synthesize(off)
    assert list(templates.raw) == ["state", "mail"]
    assert {folder(function) for function in templates.of_type("AWS::Lambda::Function")} == {
        "guard",
        "sender",
        "timeline",
        "tracking",
    }


def test_the_construct_works_in_a_stack_of_another_app(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="us-east-1"))
    Mailbus(stack, "Mail", settings=settings)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 6)
    template.resource_count_is("AWS::SQS::Queue", 10)
    template.resource_count_is("AWS::SES::ReceiptRule", 1)


def test_a_stack_of_another_app_must_be_in_the_region_of_the_settings(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="eu-west-1"))
    with pytest.raises(ConfigurationError, match="us-east-1 in the settings, but the stack is in eu-west-1"):
        Mailbus(stack, "Mail", settings=settings)
