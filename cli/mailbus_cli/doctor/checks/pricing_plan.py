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
    """Judge the PricingAttributes of GetAccount, which older SDKs leave out."""
    attributes = account.get("PricingAttributes")
    if not attributes:
        return ok("no plan is reported: what is used is paid for")
    plan = str(attributes.get("CurrentPlan") or "NONE").upper()
    following = str(attributes.get("NextPlan") or plan).upper()
    then = f", then {following}" if following != plan else ""
    if plan == "NONE" and not then:
        return ok("no plan: what is used is paid for")
    price = PRICES.get(plan)
    costs = f": {price} dollars for 1,000 recipients, in place of {USUAL}" if price else ""
    if plan == "ESSENTIALS":
        return warning(
            f"the plan is ESSENTIALS{then}, the default of new accounts; it costs 60 % more{costs}",
            fix="unless you use what it has, change the plan to NONE: PutAccountPricingAttributes, or SES's "
            "console, Account dashboard",
        )
    if following == "ESSENTIALS":
        return warning(f"the plan is {plan}{then}, which costs 60 % more than none", fix="change it to NONE")
    return ok(f"the plan is {plan}{then}{costs}")


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    return judge(facts.account())


CHECK: Final = Check(name="pricing-plan", title="Pricing plan", rights=("ses:GetAccount",), run=_run)
