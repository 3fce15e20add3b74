"""Refuses two deployments in one app whose resources would have the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack, Stage, Token

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from constructs import Construct

    from mailbus_cdk.settings import Settings


def refuse_clash(ours: Construct, settings: Settings, theirs: Construct, others: Settings) -> None:
    """Raise `ConfigurationError` if two deployments in one account and region cannot exist together."""
    if settings.region != others.region or not _may_share_account(ours, theirs):
        return
    if settings.stage == others.stage:
        reason = (
            f"stage: {settings.stage} is deployed to {settings.region} by {theirs.node.path} already; pass "
            "that construct on to use it, or choose another stage or region here"
        )
        raise ConfigurationError(reason)
    owning = [one for one in (settings, others) if one.inbound.domains and not one.inbound.rule_set_name]
    if len(owning) > 1:
        reason = (
            f"inbound.rule_set_name: {settings.stage} and {others.stage} ({theirs.node.path}) would each "
            f"activate a receipt rule set in {settings.region}, which has one active set; create one with "
            "aws ses create-receipt-rule-set, and name it in both"
        )
        raise ConfigurationError(reason)


def _may_share_account(one: Construct, other: Construct) -> bool:
    """Return True if two constructs are deployed to the same account, as far as is known at synth."""
    accounts = [Stack.of(construct).account for construct in (one, other)]
    unknown = [Token.is_unresolved(account) for account in accounts]
    if any(unknown):
        # The stacks of one CDK stage are deployed with the same credentials.
        return all(unknown) and Stage.of(one) is Stage.of(other)
    return accounts[0] == accounts[1]
