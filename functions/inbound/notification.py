"""Parses SES's notification of a received mail, and the mail that an SNS action puts into it.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import InboundError, InvalidNotification, WiringError

if TYPE_CHECKING:
    from mailbus.aws.sns import Notification
    from mailbus.environment import InboundSettings

# SES tests a new rule with a message and an object of this name:
# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-s3.html
SETUP_NAME: Final = "AMAZON_SES_SETUP_NOTIFICATION"
# SES tests a new event destination with a sentence instead of JSON.
SETUP_SENTENCE: Final = "Successfully validated SNS topic"

SENDING_NOTIFICATIONS: Final = frozenset({"Bounce", "Complaint", "Delivery"})

S3_ACTION: Final = "S3"
SNS_ACTION: Final = "SNS"
_BASE64: Final = "BASE64"
# As SES writes it in notifications, which is not documented, and in rules
# (https://docs.aws.amazon.com/ses/latest/APIReference/API_SNSAction.html), without the hyphen.
_ENCODINGS: Final = frozenset({_BASE64, "UTF8"})
_LINE_BREAKS: Final = str.maketrans("", "", "\r\n")

# SES replaces bytes that are not UTF-8 by U+FFFD; Base64 loses none.
# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-sns.html
LOST_BYTES: Final = "lost_bytes"
REPLACEMENT: Final = "\ufffd"

# It is used in S3 keys.
MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one of SES's checks: `PASS`, `FAIL`, `GRAY`, `PROCESSING_FAILED`, or a newer one."""

    status: str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The receipt rule's action. `encoding` is the SNS action's, if SES names it."""

    type: str
    topic_arn: str | None = None
    bucket_name: str | None = None
    object_key: str | None = None
    encoding: str | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How SES received the mail."""

    action: Action
    timestamp: datetime | None = None
    recipients: tuple[str, ...] | None = None
    spam_verdict: Verdict | None = None
    virus_verdict: Verdict | None = None
    spf_verdict: Verdict | None = None
    dkim_verdict: Verdict | None = None
    dmarc_verdict: Verdict | None = None
    dmarc_policy: str | None = None


class Mail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The mail's sender and recipients.

    `destination` is from its To and Cc headers; the envelope's recipients that matched the rule are in the
    receipt.
    """

    message_id: str
    source: str | None = None
    timestamp: datetime | None = None
    destination: tuple[str, ...] | None = None


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """SES's notification of a received mail. `content` is the mail, if the action was SNS."""

    mail: Mail
    receipt: Receipt
    content: str | None = None


class EmbeddedMail(msgspec.Struct, frozen=True, kw_only=True):
    """The mail of an SNS action, in bytes.

    If it cannot be decoded, `reason` says why, and `content` is what the notification has instead.
    """

    content: bytes
    reason: str | None = None
    defects: tuple[str, ...] = ()


class _MailName(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    message_id: str | None = None


class _Kind(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    notification_type: str | None = None
    event_type: str | None = None
    mail: _MailName | None = None


_KIND = msgspec.json.Decoder(_Kind)
_RECEIVED = msgspec.json.Decoder(Received)


def parse_received(notification: Notification) -> Received | None:
    """Parse SES's message in a notification; return None for SES's test messages.

    Raise `WiringError` for a sending event, `InvalidNotification` for anything else.
    """
    message = notification.message
    if message.startswith(SETUP_SENTENCE):
        return None
    topic = notification.topic_arn
    try:
        kind = _KIND.decode(message)
        if kind.mail and kind.mail.message_id == SETUP_NAME:
            return None
        _refuse_other_kinds(kind, topic)
        received = _RECEIVED.decode(message)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        reason = f"not SES's notification of a received mail: {error} (topic {topic})"
        raise InvalidNotification(reason) from error
    if not MESSAGE_ID.fullmatch(received.mail.message_id):
        reason = f"mail.messageId is not an SES message id: 1 to 200 of A-Z a-z 0-9 . _ - (topic {topic})"
        raise InvalidNotification(reason)
    return received


def _refuse_other_kinds(kind: _Kind, topic: str) -> None:
    if kind.notification_type == "Received":
        return
    if kind.event_type is not None or kind.notification_type in SENDING_NOTIFICATIONS:
        reason = (
            f"a sending event ({kind.event_type or kind.notification_type}) on the inbound topic {topic}: "
            "let the configuration set or identity publish to the tracking topic"
        )
        raise WiringError(reason)
    reason = f"notificationType {kind.notification_type!r} from {topic}: only Received is processed here"
    raise InvalidNotification(reason)


def object_key(received: Received, notification: Notification, settings: InboundSettings) -> str:
    """Return the mail's key in the deployment's bucket; for an SNS action, the key to store it at.

    Another bucket, another prefix, or another action than S3 and SNS is a `WiringError`.
    """
    action = received.receipt.action
    topic = notification.topic_arn
    if action.type == SNS_ACTION:
        return f"{settings.raw_prefix}{received.mail.message_id}"
    if action.type != S3_ACTION:
        reason = (
            f"receipt action {action.type!r} on topic {topic}: use an S3 action that stores to "
            f"{settings.inbound_bucket_name}/{settings.raw_prefix}, or an SNS action"
        )
        raise WiringError(reason)
    if action.bucket_name is None or action.object_key is None:
        reason = f"receipt.action has no bucketName or no objectKey (topic {topic})"
        raise InvalidNotification(reason)
    if action.bucket_name != settings.inbound_bucket_name:
        reason = (
            f"bucket {action.bucket_name} on topic {topic} is not this deployment's: "
            f"change the receipt rule to store to {settings.inbound_bucket_name}"
        )
        raise WiringError(reason)
    if not action.object_key.startswith(settings.raw_prefix):
        reason = (
            f"a key outside {settings.raw_prefix!r} in bucket {action.bucket_name} on topic {topic}: "
            "set this object key prefix in the receipt rule's S3 action"
        )
        raise WiringError(reason)
    return action.object_key


def embedded_mail(received: Received) -> EmbeddedMail | None:
    """Return the mail of an SNS action; None for another action.

    If the notification has no mail, raise `InboundError`.
    """
    action = received.receipt.action
    if action.type != SNS_ACTION:
        return None
    content = received.content
    if content is None:
        reason = "the SNS action's notification has no content, so the mail is lost"
        raise InboundError(reason)
    encoded = _decoded(content)
    encoding = (action.encoding or "").upper().replace("-", "")
    if encoding not in _ENCODINGS:
        # A mail is never valid base64 by chance: SES begins each with header fields, which have a colon.
        encoding = _BASE64 if encoded else "UTF8"
    if encoding != _BASE64:
        defects = (LOST_BYTES,) if REPLACEMENT in content else ()
        return EmbeddedMail(content=content.encode(), defects=defects)
    if encoded is None:
        reason = (
            "the SNS action's encoding is Base64, but its content is not; the content is stored unchanged"
        )
        return EmbeddedMail(content=content.encode(), reason=reason)
    return EmbeddedMail(content=encoded)


def _decoded(content: str) -> bytes | None:
    try:
        return b64decode(content.translate(_LINE_BREAKS), validate=True)
    except ValueError:
        return None


def account_of(notification: Notification) -> str:
    """Return the account of the topic; an empty string if the ARN is malformed."""
    return "".join(notification.topic_arn.split(":")[4:5])


def is_setup_object(key: str) -> bool:
    """Return True if a key is that of SES's test object."""
    return key.endswith(SETUP_NAME)


def received_at(received: Received, notification: Notification) -> datetime:
    """Return when the mail was received, in UTC: by its receipt, else by SES's mail time, else by SNS."""
    moment = received.receipt.timestamp or received.mail.timestamp or notification.timestamp
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return notification.timestamp
