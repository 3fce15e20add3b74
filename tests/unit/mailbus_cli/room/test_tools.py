from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.room.app import application
from mailbus_cli.room.pages.tools import NOBODY
from mailbus_cli.room.room import Room
from mailbus_cli.room.simulator import received_for
from mailbus_local.ses.receiving.receiver import UNKNOWN_RECIPIENT
from tests.unit.mailbus_cli.room.laptop import FakeDeployment
from tests.unit.mailbus_cli.room.test_security import HOST, OWN, visitor

KEEPS: dict[str, Any] = {
    "Enabled": True,
    "Recipients": ["b@inbound.example.com", "a@inbound.example.net", "inbound.example.com"],
    "Actions": [{"S3Action": {"BucketName": "mail"}}],
}
REFUSES: dict[str, Any] = {
    "Enabled": True,
    "Recipients": ["noreply@inbound.example.com"],
    "Actions": [{"BounceAction": {}}],
}


@pytest.mark.parametrize("path", ["/receive", "/faults", "/account"])
def test_an_account_has_no_tools(path: str) -> None:
    room, client = visitor()
    assert "tools" not in application(room, HOST).state.pages
    assert client.get("/tools").status_code == 404
    assert client.post(path, headers=OWN, data={"form_token": room.form_token}).status_code == 404


def test_a_laptop_has_them() -> None:
    laptop = Room(FakeDeployment("http://127.0.0.1:9/_simulator"), may_write=True)  # type: ignore[arg-type]
    assert "tools" in application(laptop, HOST).state.pages


@pytest.mark.parametrize(
    ("rules", "known"),
    [
        ([KEEPS, REFUSES], ("inbound.example.com", "a@inbound.example.net")),
        ([KEEPS, KEEPS], ("inbound.example.com", "a@inbound.example.net")),
        ([{**KEEPS, "Enabled": False}], ()),
        ([], ()),
    ],
)
def test_the_receipt_rules_say_what_is_received(rules: list[dict[str, Any]], known: tuple[str, ...]) -> None:
    deployment = FakeDeployment(describe_active_receipt_rule_set={"Rules": rules})
    assert received_for(deployment) == known  # type: ignore[arg-type]


def test_a_refusal_by_a_rule_is_told_from_one_for_want_of_a_rule() -> None:
    assert NOBODY == UNKNOWN_RECIPIENT


def test_without_an_active_rule_set_nothing_is_received() -> None:
    assert received_for(FakeDeployment(describe_active_receipt_rule_set={})) == ()  # type: ignore[arg-type]
