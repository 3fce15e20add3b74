"""AWS has nothing against the account: no review, no pause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

FIX: Final = (
    "answer AWS's mail to the account; https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html"
)


def judge(account: Mapping[str, Any]) -> Verdict:
    """Judge the answer of GetAccount."""
    status = str(account.get("EnforcementStatus") or "HEALTHY")
    if status == "HEALTHY":
        return ok("the account is healthy")
    if status == "PROBATION":
        return warning("the account is under review: AWS may pause it", fix=FIX)
    return problem(f"AWS has stopped the account's sending ({status})", fix=FIX)


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    return judge(facts.account())


CHECK: Final = Check(name="enforcement", title="Enforcement", rights=("ses:GetAccount",), run=_run)
