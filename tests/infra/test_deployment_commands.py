"""docs/deploy.md: AWS has the commands that it names, and the stage has their stacks and outputs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT
from tests.infra.aws_commands import Command, commands, wrong
from tests.infra.variants import variant

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
COMMANDS = commands(PAGE)


@pytest.fixture(scope="module")
def fullest(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(variant("everything", "us-east-1"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.service} {command.operation}")
def test_aws_has_a_command_of_the_page(command: Command) -> None:
    assert wrong(command) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("`aws events delete-bus --name mailbus-prod`", "events has no delete-bus"),
        ("`aws events delete-event-bus --bus mailbus-prod`", "delete-event-bus has no ['--bus']"),
        ("`aws events delete-event-bus`", "delete-event-bus needs ['--name']"),
        ("`aws events describe-event-bus --query Archives`", "describe-event-bus returns no Archives"),
        ("`aws s3 rb s3://jobs --all`", "rb has no ['--all']"),
    ],
)
def test_a_wrong_command_is_found(text: str, reason: str) -> None:
    (command,) = commands(text)
    assert wrong(command) == reason


def test_the_commands_name_stacks_of_the_stage(fullest: Templates) -> None:
    named = set(re.findall(r"mailbus-prod-([a-z]+)", PAGE))
    assert named == set(fullest.raw)


def test_removal_deletes_everything_that_is_retained(fullest: Templates) -> None:
    removal = PAGE.partition("\n## Removing\n")[2]
    outputs = fullest.outputs("state")
    given = {fullest.text("state", outputs[name]).strip("<>") for name in re.findall(r"\$(\w+)", removal)}
    retained = [one for one in fullest.resources if (one.deletion_policy or "").startswith("Retain")]
    own_names = {"AWS::Events::EventBus", "AWS::Events::Archive", "AWS::Scheduler::ScheduleGroup"}
    # API Gateway's role for logs is the account's, and other APIs use it
    state = [one for one in retained if one.stack == "state"]
    assert {one.path for one in state if one.type not in own_names} == given
    assert {one.type for one in state if one.type in own_names} == own_names
    deleted = {command.operation for command in commands(removal)}
    assert {"delete-archive", "delete-event-bus", "delete-schedule-group"} <= deleted
