"""The example of consumers: linters, its pattern files, its rights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from examples.subscriptions.stack import HERE, KEY_HEADER, Subscriptions
from tests.architecture.source_tree import ROOT
from tests.infra.linters import lint, nag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aws_cdk import App

BUS = "mailbus-prod"
ENDPOINT = "https://partner.example/mail-events"
PATTERNS = sorted(path.stem for path in (HERE / "patterns").glob("*.json"))


def _made(app: App) -> Subscriptions:
    return Subscriptions(app, "mail-subscriptions", bus_name=BUS, endpoint=ENDPOINT, architecture="host")


@pytest.fixture(scope="module")
def template_file(app_in: Callable[[Path], App], tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = app_in(tmp_path_factory.mktemp("subscriptions"))
    stack = _made(app)
    directory = app.synth().directory
    return tmp_path_factory.getbasetemp() / directory / stack.template_file


@pytest.fixture(scope="module")
def resources(template_file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(template_file.read_text())["Resources"]
    return found


def _of_type(resources: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    found = [body["Properties"] for body in resources.values() if body["Type"] == kind]
    assert found, f"no {kind}"
    return found


def test_cfn_lint_finds_nothing(template_file: Path) -> None:
    # CDK itself writes DependsOn beside a reference that implies it.
    assert lint(template_file) == []


def test_cdk_nag_finds_nothing_that_is_not_suppressed_with_its_reason(
    app_in: Callable[[Path], App], tmp_path: Path
) -> None:
    app = app_in(tmp_path)
    _made(app)
    assert nag(app) == []


def test_each_rule_has_a_pattern_of_the_folder_unchanged_with_its_nulls(
    resources: dict[str, dict[str, Any]],
) -> None:
    rules = _of_type(resources, "AWS::Events::Rule")
    deployed = [json.dumps(rule["EventPattern"], sort_keys=True) for rule in rules]
    kept = [
        json.dumps(json.loads((HERE / "patterns" / f"{name}.json").read_text()), sort_keys=True)
        for name in PATTERNS
    ]
    assert sorted(deployed) == sorted(kept)
    assert {rule["EventBusName"] for rule in rules} == {BUS}


def test_each_target_has_a_dead_letter_queue_of_its_own(resources: dict[str, dict[str, Any]]) -> None:
    queues = [
        json.dumps(target["DeadLetterConfig"]["Arn"])
        for rule in _of_type(resources, "AWS::Events::Rule")
        for target in rule["Targets"]
    ]
    assert len(queues) == len(set(queues)) == len(PATTERNS)


def test_failed_invocations_have_a_queue_of_their_own(resources: dict[str, dict[str, Any]]) -> None:
    (invocations,) = _of_type(resources, "AWS::Lambda::EventInvokeConfig")
    failed = json.dumps(invocations["DestinationConfig"]["OnFailure"]["Destination"])
    targets = [target for rule in _of_type(resources, "AWS::Events::Rule") for target in rule["Targets"]]
    assert failed not in {json.dumps(target["DeadLetterConfig"]["Arn"]) for target in targets}


def test_the_consumer_may_only_add_notes_to_the_table(
    resources: dict[str, dict[str, Any]],
) -> None:
    policies = _of_type(resources, "AWS::IAM::Policy")
    actions = {
        action
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }
    assert actions == {
        "dynamodb:PutItem",
        "events:InvokeApiDestination",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:SendMessage",
    }


def test_the_endpoint_gets_the_detail_with_a_key_that_is_in_no_template(
    resources: dict[str, dict[str, Any]],
) -> None:
    (destination,) = _of_type(resources, "AWS::Events::ApiDestination")
    (connection,) = _of_type(resources, "AWS::Events::Connection")
    (target,) = [
        target
        for rule in _of_type(resources, "AWS::Events::Rule")
        for target in rule["Targets"]
        if "HttpParameters" in target
    ]
    key = connection["AuthParameters"]["ApiKeyAuthParameters"]
    assert (destination["InvocationEndpoint"], destination["HttpMethod"]) == (ENDPOINT, "POST")
    assert key["ApiKeyName"] == KEY_HEADER
    assert "{{resolve:secretsmanager:" in json.dumps(key["ApiKeyValue"])
    assert target["InputPath"] == "$.detail"
    assert target["HttpParameters"]["HeaderParameters"] == {"Idempotency-Key": "$.detail.event_id"}


def test_a_missing_option_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT)]),
        "CDK_CONTEXT_JSON": json.dumps({"bus": BUS}),
        "CDK_OUTDIR": str(tmp_path),
        **{name: value for name, value in os.environ.items() if name.startswith("JSII_")},
    }
    done = subprocess.run(
        [sys.executable, "-m", "examples.subscriptions"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "missing: --context endpoint=…\n"
