"""The account pays for what it uses, and is in no plan by default that costs more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, ok, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts

# US dollars for 1,000 recipients, in us-east-1: https://aws.amazon.com/ses/pricing/
PRICES: Final = {"ESSENTIALS": "0.16", "PRO": "0.22, and 105 a month", "ENTERPRISE": "0.23, and 500 a month"}
USUAL: Final = "0.10"


def judge(account: Mapping[str, Any]) -> Verdict:
    """Judge the PricingAttributes of GetAccount, which older SDKs leave out.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PricingAttributes.html
    """
    attributes = account.get("PricingAttributes")
    if not attributes:
        return ok("no plan is reported: what is used is paid for")
    plan = str(attributes.get("CurrentPlan") or "NONE").upper()
    # of the next month
    following = str(attributes.get("NextPlan") or plan).upper()
    then = f", and {following} from the next month on" if following != plan else ""
    if plan == following == "NONE":
        return ok("no plan: what is used is paid for")
    price = PRICES.get(plan)
    costs = f": {price} dollars for 1,000 recipients, in place of {USUAL}" if price else ""
    if following == "ESSENTIALS":
        return warning(
            f"the plan is {plan}{then}{costs}; ESSENTIALS, the default of new accounts, costs 60 % more",
            fix="unless you use what it has, leave it; that counts from the next month on",
            record="aws sesv2 put-account-pricing-attributes --plan NONE",
        )
    return ok(f"the plan is {plan}{then}{costs}")


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    return judge(facts.account())


CHECK: Final = Check(name="pricing-plan", title="Pricing plan", rights=("ses:GetAccount",), run=_run)
