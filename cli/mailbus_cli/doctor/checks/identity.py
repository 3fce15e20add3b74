"""The identities that mail is sent from are verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
_WHY: Final = {
    "PENDING": "SES is still looking for its records, for up to 72 hours",
    "FAILED": "SES did not find its records for 72 hours, and has given up",
    "TEMPORARY_FAILURE": "SES could not look for its records just now, and tries again",
    "NOT_STARTED": "its verification was not started",
}


def judge(name: str, identity: Mapping[str, Any] | None, *, own: bool, region: str) -> Verdict:
    """Judge the answer of GetEmailIdentity, None if there is no such identity; `own` is the stage's own."""
    bad = problem if own else warning
    if identity is None:
        return bad(
            f"{name} is not an identity of SES in {region}",
            fix="deploy the stage" if own else "create it, or remove it from other_identities",
            record=None
            if own
            else f"aws sesv2 create-email-identity --region {region} --email-identity {name}",
        )
    if identity.get("VerifiedForSendingStatus"):
        return ok(name)
    why = _WHY.get(str(identity.get("VerificationStatus")), "SES has not verified it")
    if "@" in name:
        return bad(
            f"{name} is not verified: {why}",
            fix="open the link in AWS's mail to it; this sends another one",
            record=f"aws ses verify-email-identity --region {region} --email-address {name}",
        )
    return bad(f"{name} is not verified: {why}", fix="create the records that the check dkim names")


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    names = facts.identities
    if not names:
        return elsewhere.old_deployment("Identity")
    verdicts = [
        judge(
            name,
            elsewhere.or_none(facts, name),
            own=name == facts.output("Identity"),
            region=facts.ses_region,
        )
        for name in names
    ]
    return combined(verdicts, fine=f"{', '.join(names)}: verified")


CHECK: Final = Check(name="identity", title="Identity", rights=("ses:GetEmailIdentity",), run=_run)
