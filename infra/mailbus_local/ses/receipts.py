"""Received mail as SES stores it and tells of it.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
Beyond that page the action has `objectKeyPrefix` (S3) and `encoding` (SNS), as real notifications do.
There is no DNS here: SPF passes, DKIM passes where there is a signature, and DMARC finds no policy.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.ses import mime
from mailbus_local.ses.addresses import mailboxes
from mailbus_local.ses.events import timestamp
from mailbus_local.ses.mime import CommonHeaders, Header, Headers
from mailbus_local.ses.scanning import EICAR, GTUBE, contains

if TYPE_CHECKING:
    from collections.abc import Iterable

SETUP_ID: Final = "AMAZON_SES_SETUP_NOTIFICATION"
_ENCODINGS: Final = {"base64": "BASE64", "utf-8": "UTF8"}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """How a mail arrived; `received_at` is in epoch seconds."""

    message_id: str
    mail_from: str
    recipients: tuple[str, ...]
    peer: str
    received_at: float


# What SES says of what it did not look for, though its documentation has no such status:
# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
DISABLED: Final = "DISABLED"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """PASS, FAIL, GRAY, PROCESSING_FAILED or, of what no rule asked for, DISABLED."""

    status: str


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks said; of spam and viruses only where a rule scans."""

    spam: Verdict
    virus: Verdict
    spf: Verdict
    dkim: Verdict
    dmarc: Verdict


class ActionDone(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The action that a notification tells of."""

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
    action: ActionDone


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
    """The `Received` notification; `content` only from the SNS action."""

    notification_type: str
    mail: ReceivedMail
    receipt: Receipt
    content: str | None = None


def verdicts(raw: bytes, *, scanned: bool) -> Verdicts:
    """Judge a mail."""
    headers = mime.read_headers(mime.split(raw)[0])
    signed = headers.first("DKIM-Signature") is not None
    return Verdicts(
        spam=Verdict(status=_scanned(raw, headers, GTUBE) if scanned else DISABLED),
        virus=Verdict(status=_scanned(raw, headers, EICAR) if scanned else DISABLED),
        spf=Verdict(status="PASS"),
        dkim=Verdict(status="PASS" if signed else "GRAY"),
        dmarc=Verdict(status="GRAY"),
    )


def _scanned(raw: bytes, headers: Headers, mark: bytes) -> str:
    if not headers.lines:
        return "PROCESSING_FAILED"
    return "FAIL" if contains(raw, mark) else "PASS"


def stored(raw: bytes, envelope: Envelope, found: Verdicts, added: Iterable[Header]) -> bytes:
    """Write the mail as SES hands it on: its own headers before the original ones, the rest untouched."""
    received = format_datetime(datetime.fromtimestamp(envelope.received_at, UTC))
    domain = envelope.mail_from.rpartition("@")[2] or "localhost"
    lines = [
        f"Return-Path: <{envelope.mail_from}>",
        f"Received: from {domain} ({domain} [{envelope.peer}])",
        f" by inbound-smtp.amazonaws.com with SMTP id {envelope.message_id}",
        f" for {envelope.recipients[0]};",
        f" {received} (UTC)",
    ]
    if found.spam.status != DISABLED:
        lines.append(f"X-SES-Spam-Verdict: {found.spam.status}")
    if found.virus.status != DISABLED:
        lines.append(f"X-SES-Virus-Verdict: {found.virus.status}")
    lines += [
        f"Received-SPF: pass (spfCheck: simulated) client-ip={envelope.peer};",
        f" envelope-from={envelope.mail_from};",
        f"Authentication-Results: amazonses.com; spf=pass client-ip={envelope.peer};",
        f" dkim={'pass' if found.dkim.status == 'PASS' else 'none'}; dmarc=none;",
        *(f"{header.name}: {header.value}" for header in added),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode() + raw


def notification(
    mail: bytes,
    envelope: Envelope,
    recipients: tuple[str, ...],
    found: Verdicts,
    action: ActionDone,
) -> Notification:
    """Tell of an action on a mail. `mail` is what `stored` made, `recipients` those that the rule matched."""
    headers = mime.read_headers(mime.split(mail)[0])
    shown, truncated = headers.shown()
    at = timestamp(envelope.received_at)
    common = headers.of_common_size()
    listed = tuple(
        box.email for name in ("To", "Cc") for value in common.all(name) for box in mailboxes(value)
    )
    return Notification(
        notification_type="Received",
        mail=ReceivedMail(
            timestamp=at,
            source=envelope.mail_from,
            message_id=envelope.message_id,
            destination=listed or envelope.recipients,
            headers_truncated=truncated,
            headers=shown,
            common_headers=mime.common_headers(headers, headers.first("Message-ID")),
        ),
        receipt=Receipt(
            timestamp=at,
            processing_time_millis=21,
            recipients=recipients,
            spam_verdict=found.spam,
            virus_verdict=found.virus,
            spf_verdict=found.spf,
            dkim_verdict=found.dkim,
            dmarc_verdict=found.dmarc,
            action=action,
        ),
    )


def with_content(told: Notification, mail: bytes, encoding: str) -> Notification:
    """Add the mail itself, in the encoding of the SNS action (`UTF-8` or `Base64`)."""
    plain = encoding.lower() != "base64"
    content = mail.decode("utf-8", "replace") if plain else b64encode(mail).decode()
    return msgspec.structs.replace(told, content=content)


def encoding_name(encoding: str) -> str:
    """How a notification spells the encoding of its action."""
    return _ENCODINGS.get(encoding.lower(), encoding)


def encode(told: Notification) -> str:
    """Write a notification as the message of an SNS notification."""
    return msgspec.json.encode(told).decode()


def setup_mail(region: str, rule: str) -> bytes:
    """Write the mail that SES puts into a bucket or on a topic when a rule is made."""
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
