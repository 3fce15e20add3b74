"""Rules of other accounts on the bus: who may create which, and the example of one, by their policies.

The embedded AWS keeps accounts apart, so what EventBridge decides is evaluated here, on both templates.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest
from ministack.services.eventbridge import _matches_pattern

from examples.other_account.stack import OtherAccount
from mailbus_cdk import Settings
from mailbus_cdk.settings.tables import Events
from mailbus_local.assembly import adapt_template
from tests.architecture.source_tree import ROOT
from tests.infra.linters import lint, nag
from tests.infra.policies import BUS_POLICY, account_may, document
from tests.infra.templates import ACCOUNT, Templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

NAMED: Final = "444455556666"
MEMBER: Final = "777788889999"
OTHER: Final = "222233334444"
ORGANIZATION: Final = "o-exampleorgid"
BUS_ARN: Final = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/mailbus-prod"
RULE: Final = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/<State/Events/Bus>/mail-events"
MANAGING: Final = ("DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "RemoveTargets", "TagResource")
#: The longest policy of a bus: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
POLICY_CHARACTERS: Final = 10_240


def _settings(events: Events, region: str = "us-east-1") -> Settings:
    return Settings(stage="prod", region=region, identity="example.com", events=events)


@pytest.fixture(scope="module")
def shared(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(_settings(Events(accounts=(NAMED,), organization=ORGANIZATION)))


def _statements(templates: Templates) -> list[dict[str, Any]]:
    return [
        statement
        for resource in templates.of_type(BUS_POLICY)
        for statement in document(templates, resource)["Statement"]
    ]


@pytest.fixture(scope="module")
def policy(shared: Templates) -> dict[str, Any]:
    return {"Statement": _statements(shared)}


def _may(
    policy: dict[str, Any], account: str, action: str, *, resource: str = RULE, **context: str | list[str]
) -> bool:
    keys = {name.replace("_", ":", 1): value for name, value in context.items()}
    member = {"aws:PrincipalOrgID": ORGANIZATION} if account == MEMBER else {}
    return account_may(policy, account, f"events:{action}", resource, {**member, **keys})


@pytest.mark.parametrize("account", [NAMED, MEMBER])
def test_an_account_may_create_a_rule_for_events_of_mailbus(policy: dict[str, Any], account: str) -> None:
    assert _may(policy, account, "PutRule", events_source=["mailbus"])
    assert _may(policy, account, "PutRule", events_source=["mailbus"], events_creatorAccount=account)
    # a pattern without a source, one of another, and one of several
    assert not _may(policy, account, "PutRule")
    assert not _may(policy, account, "PutRule", events_source=["shop"])
    assert not _may(policy, account, "PutRule", events_source=["mailbus", "shop"])


@pytest.mark.parametrize("account", [NAMED, MEMBER])
def test_its_rules_deliver_to_its_own_buses_alone(policy: dict[str, Any], account: str) -> None:
    own = f"arn:aws:events:us-east-1:{account}:event-bus/mail"
    assert _may(policy, account, "PutTargets", events_TargetArn=[own])
    assert not _may(policy, account, "PutTargets")
    for target in (
        BUS_ARN,
        f"arn:aws:events:us-east-1:{OTHER}:event-bus/mail",
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:mailbus-prod",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:event-bus/mail",
        f"arn:aws:sqs:us-east-1:{account}:mail",
    ):
        assert not _may(policy, account, "PutTargets", events_TargetArn=[target])
        assert not _may(policy, account, "PutTargets", events_TargetArn=[own, target])


@pytest.mark.parametrize("account", [NAMED, MEMBER])
@pytest.mark.parametrize("action", MANAGING)
def test_it_changes_the_rules_that_it_created_and_no_other(
    policy: dict[str, Any], account: str, action: str
) -> None:
    assert _may(policy, account, action, events_creatorAccount=account)
    for creator in (ACCOUNT, OTHER):
        assert not _may(policy, account, action, events_creatorAccount=creator)
    on_another_bus = RULE.replace("<State/Events/Bus>", "default")
    assert not _may(policy, account, action, events_creatorAccount=account, resource=on_another_bus)


def test_it_overwrites_no_rule_of_another_account(policy: dict[str, Any]) -> None:
    target = [f"arn:aws:events:us-east-1:{NAMED}:event-bus/mail"]
    assert not _may(policy, NAMED, "PutRule", events_source=["mailbus"], events_creatorAccount=ACCOUNT)
    assert not _may(policy, NAMED, "PutTargets", events_TargetArn=target, events_creatorAccount=ACCOUNT)


@pytest.mark.parametrize("action", ["PutRule", "PutTargets", *MANAGING])
def test_other_accounts_may_do_nothing(policy: dict[str, Any], action: str) -> None:
    own: dict[str, str | list[str]] = {
        "events:source": ["mailbus"],
        "events:TargetArn": [f"arn:aws:events:us-east-1:{OTHER}:event-bus/mail"],
    }
    for organization in ({}, {"aws:PrincipalOrgID": "o-anotherorgid"}):
        assert not account_may(policy, OTHER, f"events:{action}", RULE, {**own, **organization})


@pytest.mark.parametrize("account", [NAMED, MEMBER, OTHER])
@pytest.mark.parametrize(
    "action", ["PutEvents", "PutPermission", "CreateArchive", "StartReplay", "DeleteEventBus"]
)
def test_no_other_account_puts_events_or_changes_the_bus(
    policy: dict[str, Any], account: str, action: str
) -> None:
    for resource in (RULE, "<State/Events/Bus>", "*"):
        assert not _may(policy, account, action, resource=resource, events_source=["mailbus"])


def test_without_the_settings_the_bus_has_no_policy(prod: Templates) -> None:
    assert BUS_POLICY not in {resource.type for resource in prod.resources}
    assert "Policy" not in prod.one("AWS::Events::EventBus").properties


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1"])
def test_the_policy_of_as_many_accounts_as_the_setting_takes_fits(
    synthesize: Callable[[Settings], Templates], region: str
) -> None:
    accounts = tuple(f"4444555566{number:02}" for number in range(40))
    templates = synthesize(_settings(Events(accounts=accounts, organization=ORGANIZATION), region))
    # references become an account's 12 digits and a bus's name of up to 32
    text = json.dumps(_statements(templates), separators=(",", ":"))
    assert len(text) + 6 * (32 - len("<State/Events/Bus>")) < POLICY_CHARACTERS


def test_the_local_deployment_leaves_the_policy_out(shared: Templates) -> None:
    template = shared.raw["state"]
    assert BUS_POLICY in json.dumps(template)
    assert BUS_POLICY not in json.dumps(adapt_template(template))


# --- the example


@pytest.fixture(scope="module")
def example(app_in: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = app_in(tmp_path_factory.mktemp("other-account"))
    stack = OtherAccount(app, "mail-events", bus_arn=BUS_ARN)
    return tmp_path_factory.getbasetemp() / app.synth().directory / stack.template_file


@pytest.fixture(scope="module")
def resources(example: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(example.read_text())["Resources"]
    return found


def _of_type(resources: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [body["Properties"] for body in resources.values() if body["Type"] == kind]


def test_linters_find_nothing_in_the_example(
    example: Path, app_in: Callable[[Path], App], tmp_path: Path
) -> None:
    assert lint(example) == []
    app = app_in(tmp_path)
    OtherAccount(app, "mail-events", bus_arn=BUS_ARN)
    assert nag(app) == []


def test_the_policy_of_the_bus_lets_the_example_be_deployed(
    policy: dict[str, Any], resources: dict[str, dict[str, Any]]
) -> None:
    (rule,) = [rule for rule in _of_type(resources, "AWS::Events::Rule") if rule["EventBusName"] == BUS_ARN]
    assert _may(policy, NAMED, "PutRule", events_source=rule["EventPattern"]["source"])
    (target,) = rule["Targets"]
    own = {logical_id for logical_id, body in resources.items() if body["Type"] == "AWS::Events::EventBus"}
    assert target["Arn"]["Fn::GetAtt"][0] in own
    arn = f"arn:aws:events:us-east-1:{NAMED}:event-bus/mail-events-Bus"
    assert _may(policy, NAMED, "PutTargets", events_TargetArn=[arn])


def test_eventbridge_passes_events_on_by_a_role_of_the_example_that_may_do_nothing_else(
    resources: dict[str, dict[str, Any]],
) -> None:
    (role,) = _of_type(resources, "AWS::IAM::Role")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    (rights,) = _of_type(resources, "AWS::IAM::Policy")
    (right,) = rights["PolicyDocument"]["Statement"]
    (bus,) = [name for name, body in resources.items() if body["Type"] == "AWS::Events::EventBus"]
    assert (right["Action"], right["Resource"]) == ("events:PutEvents", {"Fn::GetAtt": [bus, "Arn"]})


def test_a_bounce_passes_both_rules_of_the_example(resources: dict[str, dict[str, Any]]) -> None:
    event = {
        "Source": "mailbus",
        "DetailType": "email.bounced",
        "Detail": "{}",
        "Account": ACCOUNT,
        "Region": "us-east-1",
    }
    rules = _of_type(resources, "AWS::Events::Rule")
    assert len(rules) == 2
    for rule in rules:
        pattern = json.dumps(rule["EventPattern"])
        assert _matches_pattern(pattern, event)
        assert not _matches_pattern(pattern, {**event, "DetailType": "email.delivered"})


def test_the_example_without_the_buss_arn_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT)]),
        "CDK_OUTDIR": str(tmp_path),
        **{name: value for name, value in os.environ.items() if name.startswith("JSII_")},
    }
    done = subprocess.run(
        [sys.executable, "-m", "examples.other_account"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "missing: --context bus-arn=…\n")
