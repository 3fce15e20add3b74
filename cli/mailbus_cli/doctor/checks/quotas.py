"""The account's quotas are enough for the mails a second that it is to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cdk.quotas import uses
from mailbus_cli.doctor import elsewhere, quota_values
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_cdk.quota import Use
    from mailbus_cli.doctor.facts import Facts


def judge(rate: float, found: Iterable[Use]) -> Verdict:
    """Judge what `rate` mails a second need of what Service Quotas has.

    SES's own quotas have checks of their own, and what a table takes has grown with its use.
    """
    judged = [use for use in found if use.fits is not None and use.quota.code and use.quota.service != "ses"]
    least = min(judged, key=lambda use: use.limit / (use.needed or 1.0))
    fine = f"enough for {rate:g} mails a second; {least.quota.name}, the smallest, is for {least.most:,.0f}"
    return combined(map(_judge, judged), fine=fine)


def _judge(use: Use) -> Verdict:
    if use.fits:
        return ok(use.quota.name)
    origin = "by default" if use.is_default else "in this account"
    return warning(
        f"{use.quota.title}: {use.limit:,.0f} {origin}, and expected_rate needs {use.needed:,.0f}: otherwise "
        f"{use.quota.beyond}",
        fix="ask AWS for more, or lower expected_rate",
        record=use.command,
    )


def _run(facts: Facts) -> Verdict:
    expected = facts.output("ExpectedRate")
    if expected is None:
        return elsewhere.old_deployment("ExpectedRate")
    rate = float(expected)
    found = uses(
        rate,
        region=facts.deployment.region,
        ses_region=facts.ses_region,
        timeline=facts.output("TimelineTableName") is not None,
        values=quota_values.of_service_quotas(facts),
    )
    return judge(rate, found)


CHECK: Final = Check(name="quotas", title="Quotas", rights=("servicequotas:GetServiceQuota",), run=_run)
