"""The timeline is there where the settings ask for it, and who may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from mailbus.errors import ConfigurationError
from mailbus_cdk.mailbus import Mailbus, deployment
from mailbus_cdk.settings.tables import Timeline
from tests.infra.linters import nag
from tests.infra.rights import TO_READ_STATUS
from tests.infra.templates import Templates, folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.settings import Settings


def test_by_default_a_stage_keeps_no_timeline(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    off = synthesize(msgspec.structs.replace(settings, timeline=Timeline()))
    assert [table.path for table in off.of_type("AWS::DynamoDB::Table")] == ["State/Ledger/Table"]
    assert "timeline" not in {folder(function) for function in off.of_type("AWS::Lambda::Function")}
    assert not {name for stack in off.raw for name in off.outputs(stack) if "Timeline" in name}


def test_a_laptop_keeps_a_timeline(local: Templates) -> None:
    assert local.outputs("state").keys() >= {"TimelineTableName"}
    mapping = local.one("AWS::Lambda::EventSourceMapping", "Timeline").properties
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (10, 0)


@pytest.fixture
def reader(app_in: Callable[[Path], App], tmp_path: Path, settings: Settings) -> Templates:
    """Return a deployment with the role of an application that reads the timeline."""
    app = app_in(tmp_path)
    mail = deployment(app, settings=settings)[1]
    state = next(part for part in app.node.find_all() if part.node.path.endswith("state/State"))
    role = iam.Role(mail, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    from mailbus_cdk.constructs.grants import grant_status  # noqa: PLC0415 - loads the CDK

    grant_status(role, scope=mail, stage="prod", table=state.timeline.table)  # type: ignore[attr-defined] # a State
    assert nag(app) == []
    return Templates(app, settings)


def test_who_reads_what_became_of_mails_has_exactly_these_rights(reader: Templates) -> None:
    assert reader.rights(reader.one("AWS::IAM::Policy", "Web")) == TO_READ_STATUS


def test_the_construct_grants_them_where_the_stage_keeps_a_timeline(
    app_in: Callable[[Path], App], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="us-east-1"))
    mailbus = Mailbus(stack, "Mail", settings=settings)
    role = iam.Role(stack, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    mailbus.grant_status(role)
    assert mailbus.timeline_table is not None
    assert mailbus.timeline_queue is not None
    assert mailbus.timeline_dead_letter_queue is not None
    Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy", {"Roles": [stack.resolve(role.role_name)]}
    )


def test_without_a_timeline_there_is_nothing_to_grant(
    app_in: Callable[[Path], App], tmp_path: Path, settings: Settings
) -> None:
    stack = Stack(app_in(tmp_path), "Shop", env=Environment(region="us-east-1"))
    mailbus = Mailbus(stack, "Mail", settings=msgspec.structs.replace(settings, timeline=Timeline()))
    role = iam.Role(stack, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    with pytest.raises(ConfigurationError, match=r"'prod' keeps no timeline; set timeline\.days and deploy"):
        mailbus.grant_status(role)
    assert mailbus.timeline_table is None
    assert (mailbus.timeline_queue, mailbus.timeline_dead_letter_queue) == (None, None)


def test_another_app_grants_the_same_by_the_stages_name(
    app_in: Callable[[Path], App], tmp_path: Path
) -> None:
    app = app_in(tmp_path)
    stack = Stack(app, "Shop", env=Environment(region="us-east-1"))
    role = iam.Role(stack, "Web", assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"))
    Mailbus.from_stage(stack, "Mail", stage="prod").grant_status(role)
    assert nag(app) == []
    template = Template.from_stack(stack).to_json()
    (policy,) = [body for body in template["Resources"].values() if body["Type"] == "AWS::IAM::Policy"]
    granted = {
        action: len(statement["Resource"]) if isinstance(statement["Resource"], list) else 1
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in [statement["Action"]]
    }
    assert granted == {"ssm:GetParameter": 1, "dynamodb:Query": 4, "dynamodb:BatchGetItem": 1}
