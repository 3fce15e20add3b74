"""One received mail from its notification to its event: verify, fetch, read, store, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from inbound import mime, parts
from inbound.bucket import NO_SUCH_KEY, RAW_BYTES, Bucket, StoredMail, Unavailable
from inbound.fitting import fit
from inbound.notification import (
    Received,
    Verdict,
    is_setup_object,
    object_key,
    read_received,
    received_at,
)
from mailbus.errors import InboundError
from mailbus.events import BusEntry, InboundEvent, RawMessage, StoredObject, entry
from mailbus.sns import Notification, parse_notification

if TYPE_CHECKING:
    from mailbus.settings import InboundSettings
    from mailbus.sqs import Record

# How many deliveries a right that is missing may take to come; an object that is missing never comes: SES
# writes it before it notifies, and S3 is consistent (https://aws.amazon.com/s3/consistency/).
PATIENCE: Final = 3

SPAM: Final = {"FAIL": True, "PASS": False}


class NotYet(msgspec.Struct, frozen=True, kw_only=True):
    """The mail is not in S3, but it may still come. `code` is S3's error code."""

    code: str


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES says it received, and where it lies in the deployment's own bucket."""

    received: Received
    notification: Notification
    key: str


def receive(record: Record, settings: InboundSettings, bucket: Bucket) -> BusEntry | NotYet | None:
    """Make a queue message the event of its mail; None where SES only tries its connection.

    Mail that cannot be read is an event too. Raises `InvalidNotification` where nothing may be
    read; what S3 raises, except that an object is not there, passes through.
    """
    notification = parse_notification(record.body)
    received = read_received(notification)
    if received is None:
        return None
    key = object_key(received, notification, settings)
    if is_setup_object(key):
        return None
    announced = Announced(received=received, notification=notification, key=key)
    found = bucket.read(key)
    if isinstance(found, Unavailable):
        if found.code != NO_SUCH_KEY and record.receive_count < PATIENCE:
            return NotYet(code=found.code)
        reason = (
            f"S3 answers {found.code} for the mail: either the object was removed, "
            "or the function may not read it (s3:GetObject on the raw prefix, kms:Decrypt on its key)"
        )
        return _entry(announced, _unread(announced, bucket, reason, size=None))
    return _entry(announced, _read(announced, found, settings, bucket))


def _read(announced: Announced, found: StoredMail, settings: InboundSettings, bucket: Bucket) -> InboundEvent:
    try:
        raw = _readable(found)
        mail = mime.parse(raw)
    except InboundError as error:
        return _unread(announced, bucket, str(error), size=found.size)
    receipt = announced.received.receipt
    place = parts.folder(settings.parts_prefix, announced.received.mail.message_id)
    stored = parts.store(raw, mail.parts, bucket, place)
    message = msgspec.structs.replace(
        mail.message,
        envelope_sender=announced.received.mail.source,
        envelope_recipients=receipt.recipients or (),
        attachments=stored.attachments,
        inlines=stored.inlines,
        defects=mime.distinct((*mail.defects, *stored.defects)),
    )
    event = msgspec.structs.replace(
        _unread(announced, bucket, None, size=found.size), event_type="inbound", message=message
    )
    fitted = fit(
        event,
        text=mail.text,
        html=mail.html,
        place=StoredObject(bucket=bucket.name, key=place),
        resources=_resources(announced),
        entry_bytes=settings.event_bytes,
    )
    for upload in fitted.uploads:
        bucket.write(upload.at.key, upload.content)
    return fitted.event


def _readable(found: StoredMail) -> bytes:
    if found.encrypted:
        reason = (
            'the mail is encrypted by SES\'s "Encrypt message", which this version cannot undo: '
            "turn it off in the receipt rule's S3 action and let the bucket encrypt"
        )
        raise InboundError(reason)
    if found.content is None:
        reason = f"the mail has {found.size} bytes, more than {RAW_BYTES}; the raw message is kept"
        raise InboundError(reason)
    return found.content


def _unread(announced: Announced, bucket: Bucket, reason: str | None, *, size: int | None) -> InboundEvent:
    """Say all that is known without the mail's content."""
    received = announced.received
    receipt = received.receipt
    return InboundEvent(
        event_type="inbound_failed",
        event_id=received.mail.message_id,
        timestamp=received_at(received, announced.notification),
        message_id=received.mail.message_id,
        description=reason,
        spam_detected=SPAM.get(_status(receipt.spam_verdict) or ""),
        spam_verdict=_status(receipt.spam_verdict),
        virus_verdict=_status(receipt.virus_verdict),
        spf_verdict=_status(receipt.spf_verdict),
        dkim_verdict=_status(receipt.dkim_verdict),
        dmarc_verdict=_status(receipt.dmarc_verdict),
        dmarc_policy=receipt.dmarc_policy,
        raw=RawMessage(bucket=bucket.name, key=announced.key, size=size),
    )


def _status(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.status


def _entry(announced: Announced, event: InboundEvent) -> BusEntry:
    return entry(event, _resources(announced))


def _resources(announced: Announced) -> tuple[str, ...]:
    return (announced.notification.topic_arn,)
