"""Receipt rules, and the recipients that they match.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses.errors import VALIDATION, SesError
from mailbus_local.ses.query_protocol import nested, parse_form
from mailbus_local.ses.state.identities import is_verified_domain

if TYPE_CHECKING:
    from collections.abc import Collection

# Of one rule, and of one rule set: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_ACTIONS: Final = 10
MAX_RULES: Final = 200


class S3Action(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Stores the mail in a bucket, encrypted if it has a key."""

    bucket_name: str
    object_key_prefix: str = ""
    topic_arn: str | None = None
    kms_key_arn: str | None = None


class SnsAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Publishes the whole mail to a topic."""

    topic_arn: str
    encoding: str = "UTF-8"


class AddHeaderAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Adds a header for the actions that follow."""

    header_name: str
    header_value: str


class StopAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Stops the evaluation of the rule set."""

    topic_arn: str | None = None


class BounceAction(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Rejects the mail."""

    smtp_reply_code: str
    message: str
    sender: str
    status_code: str | None = None
    topic_arn: str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """An action of a rule: exactly one field is set, or none if the action is not simulated."""

    s3_action: S3Action | None = msgspec.field(default=None, name="S3Action")
    sns_action: SnsAction | None = msgspec.field(default=None, name="SNSAction")
    add_header_action: AddHeaderAction | None = None
    stop_action: StopAction | None = None
    bounce_action: BounceAction | None = None

    @property
    def topic_arn(self) -> str | None:
        """The topic that the action publishes to."""
        actions = (self.s3_action, self.sns_action, self.stop_action, self.bounce_action)
        return next((action.topic_arn for action in actions if action is not None), None)


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A receipt rule. Without recipients it matches mail for every verified domain."""

    name: str
    enabled: bool = False
    recipients: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    scan_enabled: bool = False


class CreateReceiptRule(msgspec.Struct, frozen=True, kw_only=True):
    """A call that creates a rule in a rule set."""

    rule_set: str
    rule: Rule


def matches(rule: Rule, recipient: str) -> bool:
    """Return whether a rule's recipient conditions match an address.

    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
    """
    if not rule.recipients:
        return True
    local, _, domain = recipient.lower().rpartition("@")
    unlabelled = f"{local.partition('+')[0]}@{domain}"
    return any(
        condition in {f"{local}@{domain}", unlabelled, domain}
        or (condition.startswith(".") and domain.endswith(condition))
        for condition in (text.lower() for text in rule.recipients)
    )


def matching_recipients(
    rule: Rule, recipients: tuple[str, ...], identities: Collection[str]
) -> tuple[str, ...]:
    """Return the recipients that an enabled rule matches and whose domain is verified."""
    return tuple(
        recipient
        for recipient in recipients
        if rule.enabled
        and matches(rule, recipient)
        and is_verified_domain(recipient.rpartition("@")[2].lower(), identities)
    )


def parse_create_receipt_rule(body: bytes) -> CreateReceiptRule | None:
    """Return a `CreateReceiptRule` call; None for any other. Raise SES's error if a member is missing."""
    form = parse_form(body)
    if form.get("Action") != "CreateReceiptRule":
        return None
    try:
        rule = msgspec.convert(nested(form, "Rule"), Rule, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise SesError(VALIDATION, f"1 validation error detected: {error}") from error
    return CreateReceiptRule(rule_set=form.get("RuleSetName", ""), rule=rule)
