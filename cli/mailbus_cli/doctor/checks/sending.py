"""Sending is enabled, for the account and for each configuration set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts


def judge_account(account: Mapping[str, Any], region: str) -> Verdict:
    """Judge the answer of GetAccount."""
    if account.get("SendingEnabled", True):
        return ok("the account")
    return problem(
        f"sending is paused for the account in {region}: jobs wait",
        fix="fix what AWS's mail names, then resume",
        record=f"aws sesv2 put-account-sending-attributes --region {region} --sending-enabled",
    )


def judge_set(name: str, found: Mapping[str, Any] | None, region: str) -> Verdict:
    """Judge the answer of GetConfigurationSet; None if there is no such set, which another check says."""
    if found is None or (found.get("SendingOptions") or {}).get("SendingEnabled", True):
        return ok(name)
    return problem(
        f"sending is paused for the configuration set {name}: its jobs wait",
        fix="resume",
        record=f"aws sesv2 put-configuration-set-sending-options --region {region}"
        f" --configuration-set-name {name} --sending-enabled",
    )


def configuration_set(facts: Facts, name: str) -> Mapping[str, Any] | None:
    """Return a configuration set of SES; None if there is no such set."""
    try:
        return facts.read("sesv2", "get_configuration_set", ConfigurationSetName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return None


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    region = facts.ses_region
    verdicts = [
        judge_account(facts.account(), region),
        *(judge_set(name, configuration_set(facts, name), region) for name in facts.configuration_sets),
    ]
    return combined(verdicts, fine=f"enabled for the account and {', '.join(facts.configuration_sets)}")


CHECK: Final = Check(
    name="sending", title="Sending", rights=("ses:GetAccount", "ses:GetConfigurationSet"), run=_run
)
