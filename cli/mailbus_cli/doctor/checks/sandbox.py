"""The account has production access: it may send to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

COMMAND: Final = (
    "aws sesv2 put-account-details --production-access-enabled --mail-type TRANSACTIONAL"
    " --website-url https://www.example.com --use-case-description 'what you send, to whom'"
)
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ReviewDetails.html
_REVIEWS: Final = {
    "PENDING": "AWS is looking at the request",
    "FAILED": "the request failed, and can be made again",
    "DENIED": "AWS denied the request",
}


def judge(account: Mapping[str, Any], region: str) -> Verdict:
    """Judge the answer of GetAccount."""
    if account.get("ProductionAccessEnabled"):
        return ok("the account has production access")
    review = (account.get("Details") or {}).get("ReviewDetails") or {}
    said = _REVIEWS.get(str(review.get("Status")))
    case = f" (case {review['CaseId']})" if said and review.get("CaseId") else ""
    return problem(
        f"SES in {region} is in the sandbox: mail goes to verified addresses alone"
        + (f"; {said}{case}" if said else ""),
        fix="wait for AWS's answer" if review.get("Status") == "PENDING" else "ask for production access",
        record=None if review.get("Status") == "PENDING" else f"{COMMAND} --region {region}",
    )


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    return judge(facts.account(), facts.ses_region)


CHECK: Final = Check(name="sandbox", title="Sandbox", rights=("ses:GetAccount",), run=_run)
