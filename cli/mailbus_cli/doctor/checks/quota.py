"""The quota of 24 hours is not used up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

WARNS_AT: Final = 0.8
UNLIMITED: Final = -1
FIX: Final = (
    "ask for more: https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-request-increase.html"
)


def judge(account: Mapping[str, Any]) -> Verdict:
    """Judge the SendQuota of GetAccount: recipients of the last 24 hours against the most."""
    quota = account["SendQuota"]
    most, sent = float(quota["Max24HourSend"]), float(quota["SentLast24Hours"])
    if most == UNLIMITED:
        return ok(f"no limit; {sent:,.0f} in the last 24 hours")
    used = sent / most if most else 1.0
    text = f"{used:.0%} of the {most:,.0f} recipients of 24 hours are used"
    if used >= 1:
        return problem(f"{text}: mail waits until older mail is 24 hours old, nothing is lost", fix=FIX)
    if used >= WARNS_AT:
        return warning(f"{text}; then mail waits, nothing is lost", fix=FIX)
    return ok(text)


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    return judge(facts.account())


CHECK: Final = Check(name="quota", title="Quota", rights=("ses:GetAccount",), run=_run)
