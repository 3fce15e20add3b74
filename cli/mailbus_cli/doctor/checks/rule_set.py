"""The receipt rule set of the deployment is the active one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem, unchecked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts


def judge(active: Mapping[str, Any], expected: str) -> Verdict:
    """Judge the answer of DescribeActiveReceiptRuleSet, which is empty if no set is active."""
    name = (active.get("Metadata") or {}).get("Name")
    command = f"aws ses set-active-receipt-rule-set --rule-set-name {expected}"
    if name is None:
        return problem(
            "no receipt rule set is active: mail is refused", fix=f"activate {expected}", record=command
        )
    if name != expected:
        return problem(
            f"the receipt rule set {name} is active, not {expected}: mail goes by its rules",
            fix=f"activate {expected}, or add the stage's rules to {name} (inbound.rule_set_name)",
            record=command,
        )
    return ok(f"{expected} is active")


def _run(facts: Facts) -> Verdict:
    expected = facts.output("RuleSetName")
    if expected is None:
        return unchecked("the stage receives no mail")
    return judge(facts.read("ses", "describe_active_receipt_rule_set"), expected)


CHECK: Final = Check(
    name="rule-set", title="Receipt rule set", rights=("ses:DescribeActiveReceiptRuleSet",), run=_run
)
