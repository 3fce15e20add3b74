"""Functions have the rights of their roles: what a role lacks is denied, shown, and fails the run."""

from __future__ import annotations

import contextlib
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_local import denials
from mailbus_local.subscriber import Subscriber
from tests.e2e.local import Local, assert_nothing_denied, start_local, variables
from tests.e2e.system import System, eventually
from tests.local_process import read_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mailbus_local.denials import Denial

MAIL = b"From: ada@example.org\r\nTo: support@inbound.example.com\r\nSubject: Hello\r\n\r\nHello\r\n"
ACCOUNT = "arn:aws:ses:us-east-1:000000000000"


def _role(local: Local, function: str) -> str:
    """Return the name of a function's role."""
    pages = local.client("lambda").get_paginator("list_functions").paginate()
    (arn,) = (
        found["Role"]
        for page in pages
        for found in page["Functions"]
        if found.get("Environment", {}).get("Variables", {}).get("POWERTOOLS_SERVICE_NAME") == function
    )
    return str(arn).rpartition("/")[2]


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


def test_what_a_role_does_not_allow_is_denied_and_fails_the_run(tmp_path: Path) -> None:
    process = start_local(tmp_path)
    found: dict[str, Denial] = {}
    roles: dict[str, str] = {}
    try:
        read_until_ready(process)
        local = Local(json.loads((tmp_path / "outputs.json").read_text()), variables(tmp_path))
        with (
            Subscriber(local, "roles") as subscriber,
            contextlib.closing(System(local, subscriber)) as system,
        ):
            delivered = system.send()
            system.wait(1, job_id=delivered, event_type="delivered")
            assert_nothing_denied(tmp_path)
            uses: dict[tuple[str, str], Callable[[], str]] = {
                ("tracking", "events:PutEvents"): system.send,
                ("inbound", "kms:Decrypt"): lambda: system.receive(MAIL),
                ("timeline", "dynamodb:BatchWriteItem"): system.send,
                ("sender", "ses:SendRawEmail"): system.send,
            }
            for (function, action), use in uses.items():
                roles[action] = _role(local, function)
                with _without(local, roles[action], action):
                    found[action] = _use_until_denied(tmp_path, action, use)
            again = system.send()
            system.wait(1, job_id=again, event_type="delivered")
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)

    assert {action: denial.role for action, denial in found.items()} == roles
    assert found["ses:SendRawEmail"].resource == f"{ACCOUNT}:identity/example.com"
    assert found["kms:Decrypt"].resource == local.outputs["InboundKeyArn"]
    assert found["events:PutEvents"].resource.endswith(f":event-bus/{local.outputs['EventBusName']}")
    for denial in found.values():
        assert f"denied: {denial}" in output
        with pytest.raises(
            AssertionError, match=rf"{denial.role} may not {denial.action} on {denial.resource}"
        ):
            assert_nothing_denied(tmp_path)


def _use_until_denied(directory: Path, action: str, use: Callable[[], str]) -> Denial:
    """Use a right until it is denied: the simulated SES knows a role's policies for a second."""

    def denied() -> Denial | None:
        use()
        found = denials.read(directory / denials.FILE)
        return next((denial for denial in found if denial.action == action), None)

    found = eventually(denied, f"{action} is denied")
    assert found is not None
    return found
