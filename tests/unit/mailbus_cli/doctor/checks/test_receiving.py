"""The checks of the receipt rule set, its rules, and the bucket of received mail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli.doctor.checks import buckets, receipt_rules, rule_set

RULE = "arn:aws:ses:eu-west-1:111122223333:receipt-rule-set/mailbus-prod:receipt-rule/mailbus-prod.store"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234"
EXPECTED = ["mailbus-prod.first", "mailbus-prod.store"]


def _rule(name: str, *, enabled: bool = True, stops: bool = False) -> dict[str, Any]:
    return {
        "Name": name,
        "Enabled": enabled,
        "Actions": [{"StopAction": {"Scope": "RuleSet"}}] if stops else [],
    }


FIRST, STORE = (_rule(name) for name in EXPECTED)


@pytest.mark.parametrize(
    ("active", "level", "text"),
    [
        ({"Metadata": {"Name": "mailbus-prod"}, "Rules": []}, "ok", "mailbus-prod is active"),
        ({}, "problem", "no receipt rule set is active"),
        ({"Metadata": {"Name": "old"}}, "problem", "the receipt rule set old is active, not mailbus-prod"),
    ],
)
def test_the_stages_rule_set_is_the_active_one(active: dict[str, Any], level: str, text: str) -> None:
    verdict = rule_set.judge(active, "mailbus-prod")
    assert verdict.level == level
    assert text in verdict.text
    command = "aws ses set-active-receipt-rule-set --rule-set-name mailbus-prod"
    assert verdict.record == (None if level == "ok" else command)


@pytest.mark.parametrize(
    ("rules", "level", "text"),
    [
        ([FIRST, STORE], "ok", "2 in order, enabled"),
        ([_rule("others"), FIRST, _rule("between", stops=True), STORE], "ok", "2 in order"),
        ([_rule("others", enabled=False, stops=True), FIRST, STORE], "ok", "2 in order"),
        ([_rule("others", stops=True), FIRST, STORE], "warning", "the rule others, of others, is before"),
        ([STORE, FIRST], "problem", "in another order than in the settings: mailbus-prod.store, "),
        ([STORE], "problem", "has no receipt rule mailbus-prod.first"),
        ([FIRST, _rule("mailbus-prod.store", enabled=False)], "problem", "mailbus-prod.store is disabled"),
        ([], "problem", "has no receipt rule mailbus-prod.first, mailbus-prod.store"),
        (None, "problem", "there is no receipt rule set mailbus-prod"),
    ],
)
def test_the_rules_are_there_enabled_and_in_order(
    rules: list[dict[str, Any]] | None, level: str, text: str
) -> None:
    verdict = receipt_rules.judge(rules, EXPECTED, "mailbus-prod")
    assert verdict.level == level
    assert text in verdict.text


def test_the_order_is_restored_without_moving_rules_of_others() -> None:
    verdict = receipt_rules.judge([STORE, _rule("others"), FIRST], EXPECTED, "shared")
    assert verdict.record == (
        "aws ses reorder-receipt-rule-set --rule-set-name shared"
        " --rule-names mailbus-prod.first others mailbus-prod.store"
    )


def _policy(action: str, resource: str, source: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    return json.dumps({"Statement": statement})


ANY_SET = "arn:aws:ses:eu-west-1:111122223333:receipt-rule-set/*:receipt-rule/mailbus-prod.*"


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        (_policy("s3:PutObject", "arn:aws:s3:::mail/raw/*", ANY_SET), "ok"),
        (_policy("s3:PutObject", "arn:aws:s3:::mail/other/*", ANY_SET), "problem"),
        (_policy("s3:PutObject", "arn:aws:s3:::mail/raw/*", ANY_SET.replace("prod", "dev")), "problem"),
        (None, "problem"),
    ],
)
def test_ses_may_store_mail_of_the_stages_rules(policy: str | None, level: str) -> None:
    assert buckets.judge_policy("mail", policy, RULE).level == level


@pytest.mark.parametrize(("action", "level"), [("kms:GenerateDataKey*", "ok"), ("kms:Decrypt", "problem")])
def test_ses_may_encrypt_received_mail(action: str, level: str) -> None:
    assert buckets.judge_key(KEY, _policy(action, "*", ANY_SET), RULE).level == level
