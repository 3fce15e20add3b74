"""A first deployment that failed can be tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.stub import Stubber

from mailbus.errors import ConfigurationError
from mailbus_cdk import failed_creation
from mailbus_cdk.credentials import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STACK = "mailbus-prod-state"


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """Answer for CloudFormation, in the order of the test."""
    session = botocore.session.get_session()
    session.set_credentials("nobody", "nothing")
    client: Any = session.create_client("cloudformation", region_name="eu-west-1")
    monkeypatch.setattr(session, "create_client", lambda *_, **__: client)
    monkeypatch.setattr(botocore.session, "get_session", lambda: session)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _found(stubber: Stubber, status: str, *, protected: bool) -> None:
    stack = {
        "StackName": STACK,
        "CreationTime": "2026-11-22T12:00:00Z",
        "StackStatus": status,
        "EnableTerminationProtection": protected,
    }
    stubber.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_a_stack_that_was_never_deployed_loses_its_protection(
    cloudformation: Stubber, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, status: str
) -> None:
    (tmp_path / FILE).write_text('region = "eu-west-1"\nidentity = "bakery.example"\n[stages.prod]\n')
    monkeypatch.chdir(tmp_path)
    _found(cloudformation, status, protected=True)
    cloudformation.add_response(
        "update_termination_protection", {}, {"StackName": STACK, "EnableTerminationProtection": False}
    )
    assert failed_creation.main(["prod"]) == 0
    assert capsys.readouterr().err == (
        "mailbus-prod-state: its first deployment failed; it is deleted and created again\n"
    )


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"]
)
def test_a_stack_that_holds_data_keeps_its_protection(cloudformation: Stubber, status: str) -> None:
    _found(cloudformation, status, protected=True)
    assert not failed_creation.allow_retry(STACK, "eu-west-1")


def test_a_stack_without_protection_is_left_to_the_cdk(cloudformation: Stubber) -> None:
    _found(cloudformation, "ROLLBACK_COMPLETE", protected=False)
    assert not failed_creation.allow_retry(STACK, "eu-west-1")


def test_before_the_first_deployment_there_is_no_stack(cloudformation: Stubber) -> None:
    message = f"Stack with id {STACK} does not exist"
    cloudformation.add_client_error("describe_stacks", "ValidationError", message)
    assert not failed_creation.allow_retry(STACK, "eu-west-1")


def test_what_aws_refuses_is_named(cloudformation: Stubber) -> None:
    _found(cloudformation, "ROLLBACK_COMPLETE", protected=True)
    message = "User is not authorized to perform: cloudformation:UpdateTerminationProtection"
    cloudformation.add_client_error("update_termination_protection", "AccessDenied", message)
    with pytest.raises(ConfigurationError) as raised:
        failed_creation.allow_retry(STACK, "eu-west-1")
    assert str(raised.value) == (
        f"AccessDenied: {message} (the stack mailbus-prod-state, whose first deployment failed)"
    )


def test_it_needs_the_stage(capsys: Any) -> None:
    assert failed_creation.main([]) == 2
    assert capsys.readouterr().err == f"{failed_creation.USAGE}\n"
