"""Two more stages with their rules in the rule set that is active: each receives its own mail.

They consist of what receives mail, since whole stages take long to deploy.
"""

from __future__ import annotations

import contextlib
import json
import smtplib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_local.subscriber import Subscriber
from tests.e2e.local import Local
from tests.e2e.synthesis import synthesize
from tests.e2e.system import LIMIT_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aws_cdk import App

    from tests.e2e.system import System

ACTIVE = "mailbus-local"
NO_REPLY = Rule(
    name="noreply",
    recipients=("noreply@blue.example",),
    action="bounce",
    message="Nobody reads this",
)
# The domain below example.net is verified with it, which is there already.
STAGES = {
    "blue": Inbound(
        domains=("blue.example", "blue.example.net"),
        existing_identities=("example.net",),
        rules=(NO_REPLY, Rule(name="store")),
    ),
    "green": Inbound(domains=("green.example",)),
}
RULES = {
    "blue": ["mailbus-blue.noreply", "mailbus-blue.store"],
    "green": ["mailbus-green.store"],
    "local": ["mailbus-local.noreply", "mailbus-local.notes", "mailbus-local.encoded", "mailbus-local.store"],
}


class Stages:
    """The deployed stages, with the events of their buses."""

    def __init__(self, system: System, subscribers: Mapping[str, Subscriber]) -> None:
        self.system = system
        self.ses = system.client("ses")
        self._cloudformation = system.client("cloudformation")
        self._subscribers = subscribers

    def rules(self, stage: str) -> list[str]:
        """Return the names of a stage's rules in the active rule set, in their order."""
        active = self.ses.describe_active_receipt_rule_set()
        assert active["Metadata"]["Name"] == ACTIVE
        return [rule["Name"] for rule in active["Rules"] if rule["Name"].startswith(f"mailbus-{stage}.")]

    def receive(self, stage: str, recipient: str) -> dict[str, Any]:
        """Receive a mail; return its event on the stage's bus, the only one that has it."""
        message_id = self.system.receive(b"Subject: Hello\r\n\r\nHello\r\n", recipient)

        def detail(events: tuple[dict[str, Any], ...]) -> dict[str, Any] | None:
            details = (event["detail"] for event in events)
            return next((found for found in details if found["message_id"] == message_id), None)

        own = self._subscribers[stage]
        assert own.wait(lambda events: detail(events) is not None, LIMIT_SECONDS)
        others = [one for name, one in self._subscribers.items() if name != stage]
        assert [detail(one.events) for one in others] == [None] * len(others)
        assert self.system.details(message_id=message_id) == []
        found = detail(own.events)
        assert found is not None
        return found

    def delete(self, stage: str) -> None:
        name = f"mailbus-{stage}-alone"
        self._cloudformation.delete_stack(StackName=name)

        def deleted() -> bool:
            stacks = self._cloudformation.list_stacks()["StackSummaries"]
            return {one["StackStatus"] for one in stacks if one["StackName"] == name} <= {"DELETE_COMPLETE"}

        eventually(deleted, f"{name} is deleted")


def _deploy(system: System, directory: Path) -> dict[str, dict[str, str]]:
    """Synthesize and deploy both stages; return the outputs by stack."""
    outputs = directory / "out.json"
    system.deploy(synthesize(directory, _add_stages), outputs)
    deployed: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return deployed


def _add_stages(app: App) -> None:
    from aws_cdk import CfnOutput, Environment, Stack  # noqa: PLC0415 - it starts Node

    from mailbus_cdk.constructs.function import Code  # noqa: PLC0415 - it imports aws_cdk
    from mailbus_cdk.constructs.inbound import Inbound as Flow  # noqa: PLC0415 - as above
    from mailbus_cdk.constructs.receipt_rules import Receiving  # noqa: PLC0415 - as above
    from mailbus_cdk.constructs.state import State  # noqa: PLC0415 - as above
    from mailbus_cdk.constructs.topics import TopicKey  # noqa: PLC0415 - as above

    code = Code("host")
    for stage, inbound in STAGES.items():
        settings = Settings(
            stage=stage, region="us-east-1", identity="example.com", architecture="host", inbound=inbound
        )
        # One set is active, that of the stage `local`. Settings refuse a set that ends with its stage.
        shared = msgspec.structs.replace(inbound, rule_set_name=ACTIVE)
        settings = msgspec.structs.replace(settings, inbound=shared)
        stack = Stack(app, f"{settings.name}-alone", env=Environment(region=settings.region))
        state = State(stack, "State", settings=settings)
        key = TopicKey(stack, "TopicKey")
        flow = Flow(stack, "Inbound", settings=settings, code=code, state=state, key=key)
        Receiving(stack, "Receiving", settings=settings, code=code, state=state, inbound=flow)
        CfnOutput(stack, "EventBusName", value=state.bus.bus.event_bus_name)


@pytest.fixture(scope="module")
def stages(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    deployed = _deploy(system, tmp_path_factory.mktemp("stages"))
    with contextlib.ExitStack() as subscribed:
        subscribers = {
            stage: subscribed.enter_context(
                Subscriber(Local({**system.outputs, **deployed[f"mailbus-{stage}-alone"]}, {}), stage)
            )
            for stage in STAGES
        }
        made = Stages(system, subscribers)
        yield made
    for stage in STAGES:
        made.delete(stage)


def test_stages_share_a_rule_set_and_each_deletes_its_own_rules(stages: Stages) -> None:
    assert {stage: stages.rules(stage) for stage in RULES} == RULES
    for stage, recipient in (
        ("blue", "ann@blue.example"),
        ("blue", "ann@blue.example.net"),
        ("green", "ann@green.example"),
    ):
        event = stages.receive(stage, recipient)
        assert event["message"]["envelope_recipients"] == [recipient]
    outputs = stages.system.outputs
    with (
        smtplib.SMTP(outputs["smtp_host"], outputs["smtp_port"]) as smtp,
        pytest.raises(smtplib.SMTPDataError, match="Nobody reads this"),
    ):
        smtp.sendmail("ada@example.org", ["noreply@blue.example"], b"Subject: Hello\r\n\r\nHello\r\n")

    stages.delete("green")

    assert {stage: stages.rules(stage) for stage in RULES} == {**RULES, "green": []}
    assert stages.receive("blue", "ann@blue.example")["event_type"] == "inbound"
    message_id = stages.system.receive(b"Subject: Hello\r\n\r\nHello\r\n", "support@inbound.example.com")
    stages.system.wait(1, message_id=message_id)
    refused = stages.system.simulator.post(
        "inbound", params={"mail_from": "ada@example.org", "rcpt_to": "ann@green.example"}, content=b"\r\n"
    )
    assert refused.json()["smtp_reply"].startswith("550")


def test_only_identities_that_nothing_verified_were_created(stages: Stages) -> None:
    listed = stages.system.client("sesv2").list_email_identities()["EmailIdentities"]
    names = {identity["IdentityName"] for identity in listed}
    assert "blue.example" in names
    assert "blue.example.net" not in names
