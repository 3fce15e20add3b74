from __future__ import annotations

import pytest

from mailbus_local.ses.state.receipt_rules import Rule, matching_recipients


@pytest.mark.parametrize(
    ("condition", "recipient", "matches"),
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
    condition: str | None, recipient: str, *, matches: bool
) -> None:
    rule = Rule(name="mail", enabled=True, recipients=(condition,) if condition else ())
    matched = matching_recipients(rule, (recipient,), {"example.com"})
    assert matched == ((recipient,) if matches else ())


def test_a_disabled_rule_matches_nothing() -> None:
    assert matching_recipients(Rule(name="mail"), ("support@example.com",), {"example.com"}) == ()
