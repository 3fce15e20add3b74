"""What mails a second need of the quotas of a region, or of a stage's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.spelling import nearest
from mailbus_cdk.quotas import EXPECTED_RATE, uses
from mailbus_cdk.regions import ses_regions
from mailbus_cli.doctor import quota_values
from mailbus_cli.doctor.facts import Facts
from mailbus_cli.errors import UsageError

if TYPE_CHECKING:
    from mailbus_cdk.quota import Use
    from mailbus_cli.deployment import Deployment


def of_region(region: str, rate: float | None, *, timeline: bool) -> list[Use]:
    """Return the uses of a region's defaults. Raises `UsageError` if SES is not in such a region."""
    if region not in ses_regions():
        near = nearest(region, ses_regions())
        reason = f"there is no region {region} with SES"
        raise UsageError(reason, hint=f"did you mean {near}?" if near else "a region such as eu-west-1")
    return [*uses(rate or EXPECTED_RATE, region=region, timeline=timeline)]


def of_stage(deployment: Deployment, rate: float | None) -> list[Use]:
    """Return the uses of an account's own values, by default for the stage's `expected_rate`.

    Raises `CommandError` without a rate if the stage's version had none, and botocore's errors.
    """
    facts = Facts(deployment, None)
    return [
        *uses(
            rate or float(deployment.output("ExpectedRate", without="deploy the stage, or write --rate 14")),
            region=deployment.region,
            ses_region=facts.ses_region,
            timeline=facts.output("TimelineTableName") is not None,
            values=quota_values.of_service_quotas(facts) | quota_values.of_ses(facts),
        )
    ]
