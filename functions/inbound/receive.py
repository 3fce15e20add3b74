"""One received mail from its notification to its event: verify, fetch, decrypt, read, store, publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from inbound import decryption, mime, parts, replies
from inbound.aws.s3 import NO_SUCH_KEY, RAW_BYTES, Bucket, StoredMail, Unavailable
from inbound.fitting import fit
from inbound.notification import (
    Carried,
    Received,
    Verdict,
    account_of,
    carried_mail,
    is_setup_object,
    object_key,
    read_received,
    received_at,
)
from mailbus.aws.sns import Notification, parse_notification
from mailbus.bus_entries import BusEntry, bus_entry
from mailbus.errors import InboundError
from mailbus.events import InboundEvent, RawMessage, StoredObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inbound.aws.kms import Keys
    from mailbus.aws.sqs import Record
    from mailbus.environment import InboundSettings

# How many deliveries a right that is missing may take to come; an object that is missing never comes: SES
# writes it before it notifies, and S3 is consistent (https://aws.amazon.com/s3/consistency/).
PATIENCE: Final = 3

_NO_OBJECT: Final = (
    "S3 answers {code} for the mail: either the object was removed, "
    "or the function may not read it (s3:GetObject on the raw prefix, kms:Decrypt on its key)"
)
_NO_KEY: Final = (
    "the mail is encrypted, and KMS answers {code} for its key: let the function's role use it "
    "(kms:Decrypt, in the key's policy too; AWS's own key aws/ses lets nobody). The raw message is kept"
)
NO_ENVELOPE: Final = "NoEnvelope"
_NO_ENVELOPE: Final = (
    "the mail should be encrypted (inbound.encrypt), and its object has no envelope in its metadata: it was "
    "stored before that was set, or its metadata is lost, or it was not SES that wrote it; see who else "
    "writes under the raw prefix. The raw message is kept"
)

SPAM: Final = {"FAIL": True, "PASS": False}


class NotYet(msgspec.Struct, frozen=True, kw_only=True):
    """The mail, or the key to it, may not be had, but may still come.

    `code` is S3's or KMS's error code, or `NO_ENVELOPE`.
    """

    code: str


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES says it received, and where it lies in the deployment's own bucket."""

    received: Received
    notification: Notification
    key: str


class _Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in clear; `size` is that of its object, `defects` are from its way here."""

    raw: bytes
    size: int
    defects: tuple[str, ...]


class _Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """What the function has no right to, what is not there, or not as SES stores it.

    `size` is that of the object, if there is one.
    """

    code: str
    reason: str
    size: int | None


def receive(
    record: Record, settings: InboundSettings, bucket: Bucket, keys: Keys
) -> BusEntry | NotYet | None:
    """Make a queue message the event of its mail; None where SES only tries its connection.

    Mail that cannot be read is an event too. Raises `InvalidNotification` where nothing may be
    read; what S3 and KMS raise, except that an object is not there or a key of no use, passes through.
    """
    notification = parse_notification(record.body)
    received = read_received(notification)
    if received is None:
        return None
    key = object_key(received, notification, settings)
    if is_setup_object(key):
        return None
    announced = Announced(received=received, notification=notification, key=key)
    outcome = _event(announced, settings, bucket, keys)
    if isinstance(outcome, InboundEvent):
        return _entry(announced, outcome)
    if outcome.code != NO_SUCH_KEY and record.receive_count < PATIENCE:
        return NotYet(code=outcome.code)
    return _entry(announced, _unread(announced, bucket, outcome.reason, size=outcome.size))


def _event(
    announced: Announced, settings: InboundSettings, bucket: Bucket, keys: Keys
) -> InboundEvent | _Withheld:
    try:
        carried = carried_mail(announced.received)
    except InboundError as error:
        return _unread(announced, bucket, str(error), size=None)
    found = bucket.read(announced.key) if carried is None else bucket.keep(announced.key, carried.content)
    if isinstance(found, Unavailable):
        return _Withheld(code=found.code, reason=_NO_OBJECT.format(code=found.code), size=None)
    try:
        opened = _opened(found, carried, announced, keys, encrypted=settings.encrypted)
    except InboundError as error:
        return _unread(announced, bucket, str(error), size=found.size)
    if isinstance(opened, _Withheld):
        return opened
    # an encrypted mail goes out of the memory before the clear one is read
    del found
    return _read(announced, opened, settings, bucket)


def _opened(
    found: StoredMail, carried: Carried | None, announced: Announced, keys: Keys, *, encrypted: bool
) -> _Opened | _Withheld:
    """Give the mail's bytes, decrypted where SES encrypted them; an `InboundError` where they are none."""
    if found.content is None:
        reason = f"the mail has {found.size} bytes, more than {RAW_BYTES}; the raw message is kept"
        raise InboundError(reason)
    if carried is not None and carried.reason is not None:
        raise InboundError(carried.reason)
    # mail in a notification is in clear anyway, and so is what is kept of it
    is_own_copy = carried is not None and carried.content == found.content
    if encrypted and not is_own_copy and not decryption.is_encrypted(found.metadata):
        # not yet, since the setting may just be on its way out, and SES stores in clear by then
        return _Withheld(code=NO_ENVELOPE, reason=_NO_ENVELOPE, size=found.size)
    raw = _in_clear(found.content, found.metadata, announced, keys)
    if isinstance(raw, Unavailable):
        return _Withheld(code=raw.code, reason=_NO_KEY.format(code=raw.code), size=found.size)
    # a better copy may have lain in the bucket already
    defects = carried.defects if carried is not None and carried.content == raw else ()
    return _Opened(raw=raw, size=found.size, defects=defects)


def _in_clear(
    content: bytes, metadata: Mapping[str, str], announced: Announced, keys: Keys
) -> bytes | Unavailable:
    if not decryption.is_encrypted(metadata):
        return content
    envelope = decryption.read_envelope(metadata)
    decryption.check(
        envelope,
        message_id=announced.received.mail.message_id,
        account=account_of(announced.notification),
        size=len(content),
    )
    key = keys.unwrap(envelope.wrapped_key, envelope.context)
    return key if isinstance(key, Unavailable) else decryption.decrypt(envelope, key, content)


def _read(announced: Announced, opened: _Opened, settings: InboundSettings, bucket: Bucket) -> InboundEvent:
    try:
        mail = mime.parse(opened.raw)
    except InboundError as error:
        return _unread(announced, bucket, str(error), size=opened.size)
    receipt = announced.received.receipt
    place = parts.folder(settings.parts_prefix, announced.received.mail.message_id)
    stored = parts.store(opened.raw, mail.parts, bucket, place)
    sender, recipients = announced.received.mail.source, receipt.recipients or ()
    message = msgspec.structs.replace(
        mail.message,
        envelope_sender=sender,
        envelope_recipients=recipients,
        recipient_details=replies.recipient_details(recipients),
        automatic=mail.message.automatic or replies.is_from_nobody(sender),
        attachments=stored.attachments,
        inlines=stored.inlines,
        defects=mime.distinct((*mail.defects, *stored.defects, *opened.defects)),
    )
    event = msgspec.structs.replace(
        _unread(announced, bucket, None, size=opened.size), event_type="inbound", message=message
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
    return bus_entry(event, _resources(announced))


def _resources(announced: Announced) -> tuple[str, ...]:
    return (announced.notification.topic_arn,)
