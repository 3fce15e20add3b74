from __future__ import annotations

import pytest

from mailbus_local.ses.errors import SesError
from mailbus_local.ses.query_protocol import nested, parse_form
from mailbus_local.ses.state.receipt_rules import (
    Action,
    BounceAction,
    CreateReceiptRule,
    Rule,
    StopAction,
    parse_create_receipt_rule,
)

CALL = (
    b"Action=CreateReceiptRule&RuleSetName=all&After=first&Rule.Name=no&Rule.Enabled=true"
    b"&Rule.Recipients.member.1=no%40example.com&Rule.Actions.member.2.StopAction.Scope=RuleSet"
    b"&Rule.Actions.member.1.BounceAction.SmtpReplyCode=550&Rule.Actions.member.1.BounceAction.Message=No"
    b"&Rule.Actions.member.1.BounceAction.Sender=daemon%40example.com"
)


def test_lists_are_in_the_order_of_their_numbers() -> None:
    form = {f"A.member.{number}": str(number) for number in (10, 2, 1)} | {"B.C": "x", "AB": "y"}
    assert nested({f"R.{name}": value for name, value in form.items()}, "R") == {
        "A": ["1", "2", "10"],
        "B": {"C": "x"},
        "AB": "y",
    }


@pytest.mark.parametrize("form", [{"R.A": "1", "R.A.B": "2"}, {"R.A.member.x": "1"}])
def test_a_contradictory_form_is_an_error(form: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"R\.A|invalid literal"):
        nested(form, "R")


def test_a_body_of_another_kind_has_no_parameters() -> None:
    assert parse_form(b'{"EmailIdentity": "example.com"}') == {}
    assert parse_create_receipt_rule(b"\xff\xfe") is None


def test_a_rule_is_read_whole() -> None:
    bounce = BounceAction(smtp_reply_code="550", message="No", sender="daemon@example.com")
    actions = (Action(bounce_action=bounce), Action(stop_action=StopAction()))
    rule = Rule(name="no", enabled=True, recipients=("no@example.com",), actions=actions)
    assert parse_create_receipt_rule(CALL) == CreateReceiptRule(rule_set="all", rule=rule)


def test_a_rule_without_a_member_that_ses_needs_is_refused() -> None:
    with pytest.raises(SesError, match="missing required field `Sender`") as refused:
        parse_create_receipt_rule(CALL.rpartition(b"&")[0])
    assert refused.value.code == "ValidationError"
