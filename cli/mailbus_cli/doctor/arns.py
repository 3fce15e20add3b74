"""The ARNs of SES's resources in the account, region and partition of another ARN, and parts of ARNs."""

from __future__ import annotations

from typing import Final

SES: Final = "ses.amazonaws.com"
SNS: Final = "sns.amazonaws.com"
EVENTS: Final = "events.amazonaws.com"
SCHEDULER: Final = "scheduler.amazonaws.com"


def account(arn: str) -> str:
    """Return the account of an ARN."""
    return arn.split(":")[4]


def name(arn: str) -> str:
    """Return the last part of an ARN, such as a queue's name."""
    return arn.rpartition(":")[2]


def configuration_set(beside: str, of: str) -> str:
    """Return the ARN of a configuration set of the same account and region as `beside`."""
    return f"{_ses(beside)}:configuration-set/{of}"


def rule(beside: str, rule_set: str, of: str) -> str:
    """Return the ARN of a receipt rule of the same account and region as `beside`."""
    return f"{_ses(beside)}:receipt-rule-set/{rule_set}:receipt-rule/{of}"


def _ses(beside: str) -> str:
    _, partition, _, region, account_id, *_ = beside.split(":")
    return f"arn:{partition}:ses:{region}:{account_id}"
