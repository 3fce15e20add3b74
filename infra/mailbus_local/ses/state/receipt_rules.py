"""Receipt rules, and the recipients that they match.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import msgspec

from mailbus_local.ses.state.identities import is_verified_domain

if TYPE_CHECKING:
    from collections.abc import Collection

# Of one rule: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
MAX_ACTIONS: Final = 10


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


class Rule(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A receipt rule. Without recipients it matches mail for every verified domain."""

    name: str
    enabled: bool = False
    recipients: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    scan_enabled: bool = False


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


def parse_create_receipt_rule(body: bytes) -> Rule | None:
    """Return the rule of a `CreateReceiptRule` request (Query protocol), None for any other request.

    Only the S3 and SNS actions are read: SES sends them a setup notification.
    """
    form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if form.get("Action") != "CreateReceiptRule":
        return None
    actions: list[Action] = []
    for position in range(1, MAX_ACTIONS + 1):
        prefix = f"Rule.Actions.member.{position}."
        if bucket := form.get(f"{prefix}S3Action.BucketName"):
            key_prefix = form.get(f"{prefix}S3Action.ObjectKeyPrefix", "")
            topic = form.get(f"{prefix}S3Action.TopicArn")
            action = S3Action(
                bucket_name=bucket,
                object_key_prefix=key_prefix,
                topic_arn=topic,
                kms_key_arn=form.get(f"{prefix}S3Action.KmsKeyArn"),
            )
            actions.append(Action(s3_action=action))
        elif topic := form.get(f"{prefix}SNSAction.TopicArn"):
            encoding = form.get(f"{prefix}SNSAction.Encoding", "UTF-8")
            actions.append(Action(sns_action=SnsAction(topic_arn=topic, encoding=encoding)))
    return Rule(name=form.get("Rule.Name", ""), actions=tuple(actions))
