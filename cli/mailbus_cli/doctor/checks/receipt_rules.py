"""The receipt rules are all there, enabled, and in the order of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts


def judge(rules: Sequence[Mapping[str, Any]] | None, expected: Sequence[str], rule_set: str) -> Verdict:
    """Judge the rules of a set, None if there is no such set, against the names that should be enabled."""
    if rules is None:
        return problem(
            f"there is no receipt rule set {rule_set}: mail is refused", fix="deploy the stage again"
        )
    enabled = {str(rule["Name"]): bool(rule.get("Enabled")) for rule in rules}
    if missing := [name for name in expected if name not in enabled]:
        return problem(
            f"{rule_set} has no receipt rule {', '.join(missing)}: its mail is refused, or goes by another",
            fix="deploy the stage again",
        )
    if disabled := [name for name in expected if not enabled[name]]:
        return problem(
            f"the receipt rule {', '.join(disabled)} is disabled: its mail is refused, or goes by another",
            fix="enable it: aws ses update-receipt-rule, or SES's console",
        )
    order = [name for name in enabled if name in expected]
    if order != [*expected]:
        return problem(
            f"the receipt rules are in another order than in the settings: {', '.join(order)}",
            fix="restore the order",
            record=f"aws ses reorder-receipt-rule-set --rule-set-name {rule_set} --rule-names "
            + " ".join(_restored([*enabled], expected)),
        )
    if before := _stops_before(rules, expected):
        return warning(
            f"the rule {before}, of others, is before the stage's and ends the set: mail that it takes does "
            "not reach them",
            fix="check its recipients, or move it to the end",
        )
    return ok(f"{len(expected)} in order, enabled")


def _restored(names: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Return all names with the expected ones in their order, in the places that they have."""
    following = iter(expected)
    return [next(following) if name in expected else name for name in names]


def _stops_before(rules: Sequence[Mapping[str, Any]], expected: Sequence[str]) -> str | None:
    for rule in rules:
        if rule["Name"] in expected:
            return None
        if rule.get("Enabled") and any("StopAction" in action for action in rule.get("Actions", [])):
            return str(rule["Name"])
    return None


def _run(facts: Facts) -> Verdict:
    rule_set = facts.output("RuleSetName")
    if rule_set is None:
        return unchecked("the stage receives no mail")
    expected = facts.outputs("ReceiptRules")
    if not expected:
        return elsewhere.old_deployment("ReceiptRules")
    active = facts.read("ses", "describe_active_receipt_rule_set")
    if (active.get("Metadata") or {}).get("Name") == rule_set:
        return judge(active.get("Rules", []), expected, rule_set)
    return judge(_rules(facts, rule_set), expected, rule_set)


def _rules(facts: Facts, rule_set: str) -> list[Mapping[str, Any]] | None:
    try:
        return [*facts.read("ses", "describe_receipt_rule_set", RuleSetName=rule_set).get("Rules", [])]
    except ClientError as error:
        if error.response["Error"]["Code"] != "RuleSetDoesNotExist":
            raise
        return None


CHECK: Final = Check(
    name="receipt-rules",
    title="Receipt rules",
    rights=("ses:DescribeActiveReceiptRuleSet", "ses:DescribeReceiptRuleSet"),
    run=_run,
)
