"""An account's own values of the quotas: from Service Quotas, and from SES's GetAccount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cdk.quotas import QUOTAS
from mailbus_cli.doctor.rights import DENIED, EXPIRED
from mailbus_cli.pace import UNLIMITED, of_account

if TYPE_CHECKING:
    from mailbus_cdk.quota import Quota
    from mailbus_cli.doctor.facts import Facts


def of_service_quotas(facts: Facts) -> dict[str, float]:
    """Return the values of the stage's region by the quotas' names, but for those that AWS does not have.

    The embedded AWS has none. Raises botocore's errors.
    """
    if facts.deployment.is_local:
        return {}
    found = {}
    for quota in QUOTAS:
        value = None if _is_elsewhere(quota, facts) else _value(quota, facts)
        if value is not None:
            found[quota.name] = value
    return found


def of_ses(facts: Facts) -> dict[str, float]:
    """Return the account's rate and quota of 24 hours; none of SES of another account.

    Raises botocore's errors.
    """
    if facts.ses_role:
        return {}
    limits = of_account(facts.account())
    return {"ses-rate": limits.rate} | ({} if limits.most == UNLIMITED else {"ses-day": limits.most})


def _is_elsewhere(quota: Quota, facts: Facts) -> bool:
    """Return whether another account or region has the quota: SNS's is there where SES publishes."""
    ses = facts.ses_role is not None or facts.ses_region != facts.deployment.region
    return quota.service == "ses" or (quota.service == "sns" and ses)


def _value(quota: Quota, facts: Facts) -> float | None:
    """Return the value of Service Quotas; None if it has none, so that the default stands."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - takes long to load

    if quota.code is None:
        return None
    try:
        answer = facts.read(
            "service-quotas", "get_service_quota", ServiceCode=quota.service, QuotaCode=quota.code
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in DENIED | EXPIRED:
            raise
        return None
    return float(answer["Quota"]["Value"])
