"""A stage that was removed is deployed again, once what it kept is deleted by the commands of docs/deploy.md.

CloudFormation deploys its state stack alone, which has all that is kept under the stage's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Timeline
from tests.architecture.source_tree import ROOT
from tests.e2e.synthesis import synthesize_stage
from tests.e2e.system import eventually
from tests.infra.aws_commands import HIGH_LEVEL, commands, operations_of

if TYPE_CHECKING:
    from tests.e2e.system import System
    from tests.infra.aws_commands import Command

SETTINGS = Settings(
    stage="removed",
    region="us-east-1",
    identity="removed.example",
    architecture="host",
    timeline=Timeline(days=1),
    inbound=Inbound(domains=("in.removed.example",), encrypt=True),
)
STACK = SETTINGS.stack_name("state")
REASON = "ResourceStatusReason"
# what keeps its name, so that it is in the way
NAMED = {"AWS::Events::EventBus", "AWS::Events::Archive", "AWS::Scheduler::ScheduleGroup"}
PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Synthesize the state stack for the embedded AWS."""
    stacks = synthesize_stage(tmp_path_factory.mktemp("removed"), SETTINGS)
    return (stacks / f"{STACK}.template.json").read_text()


def _status(system: System, stack_id: str) -> str:
    (stack,) = system.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    status: str = stack["StackStatus"]
    return status


def _deploy(system: System, template: str) -> str:
    """Create the stack; return its status in the end."""
    stack_id = system.client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        EnableTerminationProtection=True,
    )["StackId"]
    eventually(lambda: not _status(system, stack_id).endswith("IN_PROGRESS"), f"{STACK} is created")
    return _status(system, stack_id)


def _delete(system: System) -> None:
    cloudformation = system.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=STACK)
    eventually(lambda: _status(system, stack_id) == "DELETE_COMPLETE", f"{STACK} is deleted")


def _outputs(system: System) -> dict[str, str]:
    (stack,) = system.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _written(section: str, outputs: dict[str, str]) -> list[Command]:
    """Return the commands of a section of the page, for this stage, with the outputs of its state stack."""
    text = PAGE.partition(f"\n## {section}\n")[2].replace("mailbus-prod", SETTINGS.name)
    for name, value in outputs.items():
        text = text.replace(f"${name}", value)
    return commands(text)


def _run(system: System, command: Command) -> dict[str, Any]:
    """Run a command as AWS's command line does."""
    if (command.service, command.operation) in HIGH_LEVEL:
        (url,) = command.arguments
        system.client(command.service).delete_bucket(Bucket=url.removeprefix("s3://"))
        return {}
    shape = operations_of(command.service)[command.operation].input_shape
    members = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else ())}
    given: dict[str, Any] = {}
    for option, values in command.options.items():
        if option in members:
            given[members[option]] = values[0] if values else True
        elif (positive := f"--{option.removeprefix('--no-')}") in members:
            given[members[positive]] = False
    call = getattr(system.client(command.service), command.operation.replace("-", "_"))
    answer: dict[str, Any] = call(**given)
    return answer


def _archives(system: System, bus: str) -> list[str]:
    found = system.client("events").list_archives()["Archives"]
    return [one["ArchiveName"] for one in found if one["EventSourceArn"].endswith(f"event-bus/{bus}")]


def test_a_stage_that_was_removed_is_deployed_again_once_what_it_kept_is_deleted(
    system: System, template: str
) -> None:
    assert _deploy(system, template) == "CREATE_COMPLETE"
    outputs = _outputs(system)
    removal = _written("Removing", outputs)
    unprotect = next(one for one in removal if one.operation == "update-termination-protection")
    _run(system, unprotect)
    _delete(system)

    assert _deploy(system, template) == "ROLLBACK_COMPLETE"
    events = system.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    failed = {event["ResourceType"] for event in events if "already exists" in event.get(REASON, "")}
    assert failed
    assert failed <= NAMED
    _run(system, unprotect)
    _delete(system)

    for command in removal[removal.index(unprotect) + 1 :]:
        if command.operation == "delete-archive":
            for name in _archives(system, SETTINGS.name):
                system.client("events").delete_archive(ArchiveName=name)
        else:
            _run(system, command)
    assert _deploy(system, template) == "CREATE_COMPLETE"

    # the embedded AWS has no other stage than its own for other tests
    again = _outputs(system)
    _run(system, unprotect)
    _delete(system)
    for command in _written("Removing", again):
        if command.service != "cloudformation" and command.operation != "delete-archive":
            _run(system, command)
