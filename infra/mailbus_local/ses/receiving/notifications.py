"""Received mail as SES stores it, and its `Received` notification.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
The action also has `objectKeyPrefix` (S3) and `encoding` (SNS): real notifications have them, although that
page does not list them.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses import mime
from mailbus_local.ses.addresses import mailboxes
from mailbus_local.ses.formats import timestamp
from mailbus_local.ses.mime import CommonHeaders, Header
from mailbus_local.ses.receiving.verdicts import Verdict, header_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus_local.ses.receiving.verdicts import Verdicts

SETUP_ID: Final = "AMAZON_SES_SETUP_NOTIFICATION"
_ENCODINGS: Final = {"base64": "BASE64", "utf-8": "UTF8"}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The SMTP envelope of a mail; `received_at` is in epoch seconds."""

    message_id: str
    mail_from: str
    recipients: tuple[str, ...]
    peer: str
    received_at: float


class ReceiptAction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The action that a notification is about."""

    type: str
    topic_arn: str | None = None
    bucket_name: str | None = None
    object_key_prefix: str | None = None
    object_key: str | None = None
    encoding: str | None = None
    smtp_reply_code: str | None = None
    status_code: str | None = None
    message: str | None = None
    sender: str | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The receipt of a mail by one rule."""

    timestamp: str
    processing_time_millis: int
    recipients: tuple[str, ...]
    spam_verdict: Verdict | None = None
    virus_verdict: Verdict | None = None
    spf_verdict: Verdict | None = None
    dkim_verdict: Verdict | None = None
    dmarc_verdict: Verdict | None = None
    dmarc_policy: str | None = None
    action: ReceiptAction


class ReceivedMail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The mail, without its body."""

    timestamp: str
    source: str
    message_id: str
    destination: tuple[str, ...]
    headers_truncated: bool
    headers: tuple[Header, ...]
    common_headers: CommonHeaders


class Notification(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The `Received` notification; only the SNS action sets `content`."""

    notification_type: str
    mail: ReceivedMail
    receipt: Receipt
    content: str | None = None


def stored_mail(raw: bytes, envelope: Envelope, verdicts: Verdicts, added: Iterable[Header]) -> bytes:
    """Return the mail as SES stores it: its own headers first, then the original mail unchanged."""
    headers = mime.read_headers(mime.split(raw)[0])
    received = format_datetime(datetime.fromtimestamp(envelope.received_at, UTC))
    domain = envelope.mail_from.rpartition("@")[2] or "localhost"
    lines = [
        f"Return-Path: <{envelope.mail_from}>",
        f"Received: from {domain} ({domain} [{envelope.peer}])",
        f" by inbound-smtp.amazonaws.com with SMTP id {envelope.message_id}",
        f" for {envelope.recipients[0]};",
        f" {received} (UTC)",
        *header_lines(verdicts, headers, mail_from=envelope.mail_from, peer=envelope.peer),
        *(f"{header.name}: {header.value}" for header in added),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode() + raw


def build_notification(
    mail: bytes,
    envelope: Envelope,
    recipients: tuple[str, ...],
    verdicts: Verdicts,
    action: ReceiptAction,
) -> Notification:
    """Return the notification of an action on a mail.

    `mail` is the result of `stored_mail`, `recipients` those that the rule matched.
    """
    headers = mime.read_headers(mime.split(mail)[0])
    included, truncated = headers.truncated()
    received_at = timestamp(envelope.received_at)
    common = headers.without_oversized()
    listed = tuple(
        box.email for name in ("To", "Cc") for value in common.all(name) for box in mailboxes(value)
    )
    return Notification(
        notification_type="Received",
        mail=ReceivedMail(
            timestamp=received_at,
            source=envelope.mail_from,
            message_id=envelope.message_id,
            destination=listed or envelope.recipients,
            headers_truncated=truncated,
            headers=included,
            common_headers=mime.common_headers(headers, headers.first("Message-ID")),
        ),
        receipt=Receipt(
            timestamp=received_at,
            processing_time_millis=21,
            recipients=recipients,
            spam_verdict=verdicts.spam,
            virus_verdict=verdicts.virus,
            spf_verdict=verdicts.spf,
            dkim_verdict=verdicts.dkim,
            dmarc_verdict=verdicts.dmarc,
            dmarc_policy=verdicts.dmarc_policy,
            action=action,
        ),
    )


def with_content(notification: Notification, mail: bytes, encoding: str) -> Notification:
    """Return the notification with the mail, in the SNS action's encoding (`UTF-8` or `Base64`)."""
    plain = encoding.lower() != "base64"
    content = mail.decode("utf-8", "replace") if plain else b64encode(mail).decode()
    return msgspec.structs.replace(notification, content=content)


def encoding_name(encoding: str) -> str:
    """Return the name of an action's encoding in notifications."""
    return _ENCODINGS.get(encoding.lower(), encoding)


def encode_notification(notification: Notification) -> str:
    """Return the JSON of a notification, to be published to SNS."""
    return msgspec.json.encode(notification).decode()


def setup_mail(region: str, rule: str) -> bytes:
    """Return the mail that SES sends to the bucket and topic of a new rule."""
    return (
        "From: Amazon Web Services <no-reply-aws@amazon.com>\r\n"
        "To: recipient@example.com\r\n"
        "Subject: Amazon SES Setup Notification\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "\r\n"
        f"You received this message because you set up the Amazon SES receipt rule {rule} in {region} to "
        "deliver your mail here. You can delete it.\r\n"
    ).encode()
