"""Functions have the rights of their roles: what a role lacks is denied, shown, and fails the run."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mailbus_local import denials
from mailbus_local.subscriber import Subscriber
from tests.e2e.local import Local, assert_nothing_denied, start_local, variables
from tests.e2e.sns import Sns, delivered, notification
from tests.e2e.system import System, eventually
from tests.local_process import read_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mailbus_local.denials import Denial

SERVICE = "POWERTOOLS_SERVICE_NAME"
MAIL = b"From: ada@example.org\r\nTo: support@inbound.example.com\r\nSubject: Hello\r\n\r\nHello\r\n"
PLACE = "us-east-1:000000000000"


class Removal(NamedTuple):
    """A right to take from a function's role, the resource of the denial, and what uses the right."""

    action: str
    resource: str
    use: Callable[[], object]


def _functions(local: Local) -> dict[str, Any]:
    """Return the deployed functions of Mailbus by name."""
    pages = local.client("lambda").get_paginator("list_functions").paginate()
    found = (function for page in pages for function in page["Functions"])
    named = ((one.get("Environment", {}).get("Variables", {}), one) for one in found)
    return {values[SERVICE]: one for values, one in named if SERVICE in values}


@contextlib.contextmanager
def _without(local: Local, role: str, action: str) -> Iterator[None]:
    """Take a right from a role for a while."""
    iam = local.client("iam")
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policy: dict[str, Any] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    kept = [
        {**statement, "Action": left}
        for statement in policy["Statement"]
        if (left := [each for each in _listed(statement["Action"]) if each != action])
    ]
    assert kept != [
        {**statement, "Action": _listed(statement["Action"])} for statement in policy["Statement"]
    ]
    for statements in (kept, policy["Statement"]):
        document = json.dumps({**policy, "Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
        if statements is kept:
            yield


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def _removals(local: Local, system: System, sns: Sns) -> dict[str, Removal]:
    """Return a right of each function's role."""
    outputs, functions = local.outputs, _functions(local)

    def invoke(function: str, event: dict[str, Any]) -> None:
        local.client("lambda").invoke(
            FunctionName=functions[function]["FunctionName"], Payload=json.dumps(event)
        )

    def request(function: str, **properties: str) -> Callable[[], None]:
        """Have a function do what CloudFormation asks of it: read only, so that each call makes the same."""
        answer = {"Bucket": outputs["JobsBucketName"], "Key": "jobs/response"}
        event = {
            "RequestType": "Create",
            "ResponseURL": local.client("s3").generate_presigned_url("put_object", answer),
            "StackId": f"arn:aws:cloudformation:{PLACE}:stack/mailbus-local-mail/1",
            "RequestId": "1",
            "LogicalResourceId": "Resource",
            "ResourceProperties": {"ReadOnly": "true", **properties},
        }
        return lambda: invoke(function, event)

    def queue(output: str) -> str:
        return f"arn:aws:sqs:{PLACE}:{outputs[output].rpartition('/')[2]}"

    def post() -> None:
        sns.post(sns.sign(notification(delivered(f"0102019ab2c3d4e5-{uuid.uuid4()}-000000"))))

    def alarm() -> None:
        trigger = {"MetricName": "Reputation.BounceRate", "Threshold": 0.075}
        message = {
            "AlarmName": "mailbus-local-BouncePause",
            "NewStateValue": "ALARM",
            "NewStateReason": "Threshold Crossed",
            "Trigger": trigger,
        }
        sent = {"Message": json.dumps(message), "Timestamp": "2026-11-30T10:00:00.000Z"}
        invoke("guard", {"Records": [{"Sns": sent}]})

    sets = f"arn:aws:ses:{PLACE}:configuration-set/{outputs['ConfigurationSetName']}"
    ledger = f"arn:aws:dynamodb:{PLACE}:table/{outputs['LedgerTableName']}"
    timeline = f"arn:aws:dynamodb:{PLACE}:table/{outputs['TimelineTableName']}"
    bus = f"arn:aws:events:{PLACE}:event-bus/{outputs['EventBusName']}"
    return {
        "sender": Removal("ses:SendRawEmail", f"arn:aws:ses:{PLACE}:identity/example.com", system.send),
        "tracking": Removal("events:PutEvents", bus, system.send),
        "inbound": Removal("kms:Decrypt", outputs["InboundKeyArn"], lambda: system.receive(MAIL)),
        "guard": Removal("dynamodb:UpdateItem", ledger, alarm),
        "timeline": Removal("dynamodb:BatchWriteItem", timeline, system.send),
        # it keeps the password, so before the other function of the webhook
        "webhook-authorizer": Removal("secretsmanager:GetSecretValue", outputs["WebhookSecretArn"], post),
        "webhook": Removal("sqs:SendMessage", queue("TrackingQueueUrl"), post),
        "activation": Removal(
            "ses:DescribeActiveReceiptRuleSet", "*", request("activation", RuleSetName=outputs["RuleSetName"])
        ),
        "identity_feedback": Removal(
            "ses:GetIdentityNotificationAttributes",
            "*",
            request("identity_feedback", Identity="example.net", TopicArn=outputs["TrackingTopicArn"]),
        ),
        "redirect_domain": Removal(
            "ses:GetConfigurationSet",
            sets,
            request(
                "redirect_domain",
                ConfigurationSetName=outputs["ConfigurationSetName"],
                Domain="links.example.com",
            ),
        ),
    }


def test_what_a_role_does_not_allow_is_denied_and_fails_the_run(tmp_path: Path) -> None:
    process = start_local(tmp_path)
    found: dict[str, Denial] = {}
    try:
        read_until_ready(process)
        local = Local(json.loads((tmp_path / "outputs.json").read_text()), variables(tmp_path))
        with (
            Subscriber(local, "roles") as subscriber,
            contextlib.closing(System(local, subscriber)) as system,
            contextlib.closing(Sns(system)) as sns,
        ):
            sent = system.send()
            system.wait(1, job_id=sent, event_type="delivered")
            assert_nothing_denied(tmp_path)
            functions = _functions(local)
            removals = _removals(local, system, sns)
            for function, removal in removals.items():
                role = functions[function]["Role"].rpartition("/")[2]
                with _without(local, role, removal.action):
                    found[function] = _use_until_denied(tmp_path, role, removal)
            again = system.send()
            system.wait(1, job_id=again, event_type="delivered")
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)

    assert set(removals) == set(functions)
    for function, removal in removals.items():
        denial = found[function]
        assert (denial.action, denial.resource) == (removal.action, removal.resource)
        assert f"denied: {denial}" in output
        line = f"{denial.role} may not {removal.action} on {removal.resource}"
        with pytest.raises(AssertionError, match=re.escape(line)):
            assert_nothing_denied(tmp_path)
    assert process.returncode == 1, output
    assert "mailbus: roles and policies did not allow" in output


def _use_until_denied(directory: Path, role: str, removal: Removal) -> Denial:
    """Use a right until it is denied: the simulated SES knows a role's policies for a second."""

    def denied() -> Denial | None:
        removal.use()
        found = denials.read(directory / denials.FILE)
        return next((one for one in found if (one.role, one.action) == (role, removal.action)), None)

    found = eventually(denied, f"{removal.action} is denied")
    assert found is not None
    return found
