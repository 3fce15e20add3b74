"""An app that only uses a deployed stage: `Mailbus.from_stage`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, CfnOutput, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from mailbus.errors import ConfigurationError
from mailbus_cdk.mailbus import Mailbus
from tests.infra.linters import lint, nag
from tests.infra.rights import TO_SEND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.infra.templates import Templates

# what the rights of the stage's own construct name, by the output that another app finds it by
OUTPUTS = {
    "<Mail/Sending/Transactional/Queue>": "arn:aws:sqs:us-east-1:111122223333:<SendQueueUrl>",
    "<Mail/Sending/Bulk/Queue>": "arn:aws:sqs:us-east-1:111122223333:<BulkQueueUrl>",
    "<State/Ledger/Table>": "arn:aws:dynamodb:us-east-1:111122223333:table/<LedgerTableName>",
    "<State/Jobs/Bucket>": "arn:aws:s3:::<JobsBucketName>",
}


@pytest.fixture
def app(app_in: Callable[[Path], App], tmp_path: Path) -> App:
    return app_in(tmp_path)


@pytest.fixture
def stack(app: App) -> Stack:
    return Stack(app, "Shop", env=Environment(region="us-east-1"))


def _role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))


def _text(template: Mapping[str, Any], value: Any) -> str:
    match value:
        case str():
            return value
        case {"Ref": "AWS::AccountId"}:
            return "111122223333"
        case {"Ref": str(name)}:
            parameter = template["Parameters"][name]
            assert parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
            before, output = parameter["Default"].rsplit("/", 1)
            assert before == "/mailbus/prod"
            return f"<{output}>"
        # the name in a queue's URL
        case {"Fn::Select": [4, {"Fn::Split": ["/", url]}]}:
            return _text(template, url)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_text(template, part) for part in parts)
        case _:
            pytest.fail(f"no text for {value}")


def _rights(template: Mapping[str, Any]) -> set[tuple[str, str]]:
    (policy,) = [body for body in template["Resources"].values() if body["Type"] == "AWS::IAM::Policy"]
    return {
        (action, _text(template, resource))
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_rights_to_send_are_those_that_the_stages_own_construct_grants(stack: Stack) -> None:
    Mailbus.from_stage(stack, "Mail", stage="prod").grant_send(_role(stack))
    expected = set()
    for action, resource in TO_SEND:
        written = resource
        for path, output in OUTPUTS.items():
            written = written.replace(path, output)
        expected.add((action, written))
    assert _rights(Template.from_stack(stack).to_json()) == expected


@pytest.mark.parametrize("encrypted", [False, True])
def test_received_mail_can_be_read_and_decrypted_where_the_stage_encrypts_it(
    stack: Stack, *, encrypted: bool
) -> None:
    Mailbus.from_stage(stack, "Mail", stage="prod", encrypted=encrypted).grant_read_inbound(_role(stack))
    expected = {
        ("s3:GetObject", f"arn:aws:s3:::<InboundBucketName>/{prefix}/*") for prefix in ("raw", "parts")
    }
    if encrypted:
        expected.add(("kms:Decrypt", "<InboundKeyArn>"))
    assert _rights(Template.from_stack(stack).to_json()) == expected


def test_rules_listen_to_the_stages_bus_and_only_what_is_used_is_looked_up(app: App, stack: Stack) -> None:
    mailbus = Mailbus.from_stage(stack, "Mail", stage="prod")
    events.Rule(
        stack,
        "Bounces",
        event_bus=mailbus.event_bus,
        event_pattern=events.EventPattern(detail_type=["email.bounced"]),
        targets=[targets.SqsQueue(mailbus.bulk_queue)],
    )
    assert nag(app) == []
    template = Template.from_stack(stack).to_json()
    (rule,) = [body for body in template["Resources"].values() if body["Type"] == "AWS::Events::Rule"]
    assert _text(template, rule["Properties"]["EventBusName"]) == "<EventBusName>"
    assert _text(template, rule["Properties"]["Targets"][0]["Arn"]) == (
        "arn:aws:sqs:us-east-1:111122223333:<BulkQueueUrl>"
    )
    looked_up = [parameter["Default"] for parameter in template["Parameters"].values()]
    assert sorted(name for name in looked_up if name.startswith("/mailbus/")) == [
        "/mailbus/prod/BulkQueueUrl",
        "/mailbus/prod/EventBusName",
    ]


def test_the_linters_find_nothing_where_all_of_a_stage_is_used(
    app: App, stack: Stack, tmp_path: Path, prod: Templates
) -> None:
    mailbus = Mailbus.from_stage(stack, "Mail", stage="prod", region="us-east-1")
    role = _role(stack)
    mailbus.grant_send(role)
    mailbus.grant_read_inbound(role)
    CfnOutput(stack, "Events", value=mailbus.events_bucket.bucket_name)
    CfnOutput(stack, "Set", value=mailbus.configuration_set_name)
    CfnOutput(stack, "Queue", value=mailbus.send_queue.queue_url)
    CfnOutput(stack, "Bus", value=mailbus.event_bus.event_bus_arn)
    assert nag(app) == []
    app.synth()
    assert lint(tmp_path / "Shop.template.json") == []
    template = Template.from_stack(stack).to_json()
    written = {parameter.properties["Name"] for parameter in prod.of_type("AWS::SSM::Parameter")}
    looked_up = {p["Default"] for p in template["Parameters"].values() if p["Type"].startswith("AWS::SSM")}
    assert {name for name in looked_up if name.startswith("/mailbus/")} <= written


def test_a_stack_in_another_region_than_the_named_one_is_refused(stack: Stack) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Mailbus.from_stage(stack, "Mail", stage="prod", region="eu-west-1")
    assert str(raised.value) == (
        "the stage 'prod' is in eu-west-1, but the stack is in us-east-1, where CloudFormation cannot read "
        "its parameters; put what uses the stage into a stack in eu-west-1"
    )


def test_a_region_that_is_not_known_at_synth_may_be_the_stages(app: App) -> None:
    stack = Stack(app, "Anywhere")
    mailbus = Mailbus.from_stage(stack, "Mail", stage="prod", region="eu-west-1")
    assert mailbus.event_bus.event_bus_name


def test_what_cannot_be_a_stage_is_refused(stack: Stack) -> None:
    with pytest.raises(ConfigurationError, match="stage must be the name of a stage"):
        Mailbus.from_stage(stack, "Mail", stage="/mailbus/prod")
