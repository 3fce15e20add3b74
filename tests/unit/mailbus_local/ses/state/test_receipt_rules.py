from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import InboundEnvironment


@pytest.mark.parametrize(
    ("condition", "recipient", "takes"),
    [
        ("support@inbound.example.com", "Support@Inbound.example.com", True),
        ("support@inbound.example.com", "support+order-4711@inbound.example.com", True),
        ("support+a@inbound.example.com", "support+a@inbound.example.com", True),
        ("support+a@inbound.example.com", "support@inbound.example.com", False),
        ("support@inbound.example.com", "sales@inbound.example.com", False),
        ("example.com", "support@example.com", True),
        ("example.com", "support@inbound.example.com", False),
        (".example.com", "support@inbound.example.com", True),
        (".example.com", "support@example.com", False),
        (None, "anybody@deep.inbound.example.com", True),
        (None, "anybody@elsewhere.example", False),
        ("elsewhere.example", "anybody@elsewhere.example", False),
    ],
)
def test_a_rule_matches_the_recipients_of_its_conditions(
    inbound: InboundEnvironment, condition: str | None, recipient: str, *, takes: bool
) -> None:
    conditions = {"Recipients": [condition]} if condition else {}
    inbound.add_rule(inbound.s3_action(notifies=False), **conditions)
    response = inbound.receive(recipient)
    if takes:
        assert response.json()["recipients"] == [recipient]
    else:
        assert response.status_code == 422
        assert response.json()["error"].startswith("550 5.1.1")
