"""Makes the event of one received mail: verify, fetch, decrypt, parse, store, fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from inbound import automatic, decryption, mime, parts, replies
from inbound.aws.s3 import NO_SUCH_KEY, RAW_BYTES, Bucket, StoredMail, Unavailable
from inbound.fitting import fit
from inbound.mapped import Raw
from inbound.notification import (
    EmbeddedMail,
    Received,
    Verdict,
    account_of,
    embedded_mail,
    is_setup_object,
    object_key,
    parse_received,
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

# Deliveries after which a missing permission is reported. A missing object is reported at once: SES writes it
# before it notifies, and S3 is consistent (https://aws.amazon.com/s3/consistency/).
DELIVERIES_UNTIL_REPORTED: Final = 3

_NO_OBJECT: Final = (
    "S3 answers {code} for the mail: either the object was removed, "
    "or the function may not read it (s3:GetObject on the raw prefix, kms:Decrypt on its key)"
)
_NO_KEY: Final = (
    "the mail is encrypted, and KMS returned {code} for its key: let the function's role use it "
    "(kms:Decrypt, in the key's policy too; AWS's own key aws/ses cannot be used). The raw message is kept"
)
NO_ENVELOPE: Final = "NoEnvelope"
_NO_ENVELOPE: Final = (
    "the mail should be encrypted (inbound.encrypt), and its object has no envelope in its metadata: it was "
    "stored before that was set, or its metadata is lost, or SES did not write it; find out who else "
    "writes under the raw prefix. The raw message is kept"
)

SPAM: Final = {"FAIL": True, "PASS": False}


class RetryLater(msgspec.Struct, frozen=True, kw_only=True):
    """The mail or its key is not available, but may be after a retry.

    `code` is S3's or KMS's error code, or `NO_ENVELOPE`.
    """

    code: str


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES received, and its key in the deployment's bucket."""

    received: Received
    notification: Notification
    key: str


class _ClearMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is not encrypted; `size` is its object's, `defects` are those of its notification."""

    raw: Raw
    size: int
    defects: tuple[str, ...]


class _NotReadable(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that does not exist, that the function may not read, or that is not stored as SES stores it.

    `size` is the object's, if it exists.
    """

    code: str
    reason: str
    size: int | None


def receive(
    record: Record, settings: InboundSettings, bucket: Bucket, keys: Keys
) -> BusEntry | RetryLater | None:
    """Return the event of the mail in a queue message; None for SES's test messages.

    A mail that cannot be read has an event too. Raise `InvalidNotification` if the notification is refused.
    Temporary errors of S3 and KMS are raised.
    """
    notification = parse_notification(record.body)
    received = parse_received(notification)
    if received is None:
        return None
    key = object_key(received, notification, settings)
    if is_setup_object(key):
        return None
    incoming = Incoming(received=received, notification=notification, key=key)
    outcome = _event(incoming, settings, bucket, keys)
    if isinstance(outcome, InboundEvent):
        return _to_bus_entry(incoming, outcome)
    if outcome.code != NO_SUCH_KEY and record.receive_count < DELIVERIES_UNTIL_REPORTED:
        return RetryLater(code=outcome.code)
    return _to_bus_entry(incoming, _failed_event(incoming, bucket, outcome.reason, size=outcome.size))


def _event(
    incoming: Incoming, settings: InboundSettings, bucket: Bucket, keys: Keys
) -> InboundEvent | _NotReadable:
    try:
        embedded = embedded_mail(incoming.received)
    except InboundError as error:
        return _failed_event(incoming, bucket, str(error), size=None)
    found = (
        bucket.read(incoming.key)
        if embedded is None
        else bucket.write_or_read(incoming.key, embedded.content)
    )
    if isinstance(found, Unavailable):
        return _NotReadable(code=found.code, reason=_NO_OBJECT.format(code=found.code), size=None)
    try:
        clear = _clear_mail(found, embedded, incoming, keys, encrypted=settings.encrypted)
    except InboundError as error:
        return _failed_event(incoming, bucket, str(error), size=found.size)
    if isinstance(clear, _NotReadable):
        return clear
    # free the encrypted mail before the clear one is parsed
    del found
    return _parsed_event(incoming, clear, settings, bucket)


def _clear_mail(
    found: StoredMail, embedded: EmbeddedMail | None, incoming: Incoming, keys: Keys, *, encrypted: bool
) -> _ClearMail | _NotReadable:
    """Return the mail, decrypted if SES encrypted it; raise `InboundError` if it cannot be read."""
    if found.content is None:
        reason = f"the mail has {found.size} bytes, more than {RAW_BYTES}; the raw message is kept"
        raise InboundError(reason)
    if embedded is not None and embedded.reason is not None:
        raise InboundError(embedded.reason)
    # a mail in a notification is not encrypted, and neither is its copy in the bucket
    is_own_copy = embedded is not None and embedded.content == found.content
    if encrypted and not is_own_copy and not decryption.is_encrypted(found.metadata):
        # a retry may help: a deployment may be turning encryption off, and SES no longer encrypts then
        return _NotReadable(code=NO_ENVELOPE, reason=_NO_ENVELOPE, size=found.size)
    raw = _decrypted(found.content, found.metadata, incoming, keys)
    if isinstance(raw, Unavailable):
        return _NotReadable(code=raw.code, reason=_NO_KEY.format(code=raw.code), size=found.size)
    # the bucket may have had a better copy
    defects = embedded.defects if embedded is not None and embedded.content == raw else ()
    return _ClearMail(raw=raw, size=found.size, defects=defects)


def _decrypted(
    content: Raw, metadata: Mapping[str, str], incoming: Incoming, keys: Keys
) -> Raw | Unavailable:
    if not decryption.is_encrypted(metadata):
        return content
    envelope = decryption.read_envelope(metadata)
    decryption.check(
        envelope,
        message_id=incoming.received.mail.message_id,
        account=account_of(incoming.notification),
        size=len(content),
    )
    key = keys.unwrap(envelope.wrapped_key, envelope.context)
    return key if isinstance(key, Unavailable) else decryption.decrypt(envelope, key, content)


def _parsed_event(
    incoming: Incoming, clear: _ClearMail, settings: InboundSettings, bucket: Bucket
) -> InboundEvent:
    try:
        mail = mime.parse(clear.raw)
    except InboundError as error:
        return _failed_event(incoming, bucket, str(error), size=clear.size)
    receipt = incoming.received.receipt
    folder = parts.folder(settings.parts_prefix, incoming.received.mail.message_id)
    stored = parts.store(clear.raw, mail, bucket, folder)
    sender, recipients = incoming.received.mail.source, receipt.recipients or ()
    message = msgspec.structs.replace(
        mail.message,
        envelope_sender=sender,
        envelope_recipients=recipients,
        recipients=incoming.received.mail.destination or recipients,
        recipient_details=replies.recipient_details(recipients),
        automatic=mail.message.automatic or automatic.is_bounce_sender(sender),
        attachments=stored.attachments,
        inlines=stored.inlines,
        defects=mime.distinct((*mail.defects, *stored.defects, *clear.defects)),
    )
    event = msgspec.structs.replace(
        _failed_event(incoming, bucket, None, size=clear.size), event_type="inbound", message=message
    )
    fitted = fit(
        event,
        text=mail.text,
        html=mail.html,
        folder=StoredObject(bucket=bucket.name, key=folder),
        resources=_resources(incoming),
        entry_bytes=settings.event_bytes,
    )
    for upload in fitted.uploads:
        bucket.write(upload.at.key, upload.content)
    return fitted.event


def _failed_event(
    incoming: Incoming, bucket: Bucket, reason: str | None, *, size: int | None
) -> InboundEvent:
    """Return an `inbound_failed` event with everything but the mail's content."""
    received = incoming.received
    receipt = received.receipt
    return InboundEvent(
        event_type="inbound_failed",
        event_id=received.mail.message_id,
        timestamp=received_at(received, incoming.notification),
        message_id=received.mail.message_id,
        description=reason,
        spam_detected=SPAM.get(_status(receipt.spam_verdict) or ""),
        spam_verdict=_status(receipt.spam_verdict),
        virus_verdict=_status(receipt.virus_verdict),
        spf_verdict=_status(receipt.spf_verdict),
        dkim_verdict=_status(receipt.dkim_verdict),
        dmarc_verdict=_status(receipt.dmarc_verdict),
        dmarc_policy=receipt.dmarc_policy,
        raw=RawMessage(bucket=bucket.name, key=incoming.key, size=size),
    )


def _status(verdict: Verdict | None) -> str | None:
    return None if verdict is None else verdict.status


def _to_bus_entry(incoming: Incoming, event: InboundEvent) -> BusEntry:
    return bus_entry(event, _resources(incoming))


def _resources(incoming: Incoming) -> tuple[str, ...]:
    return (incoming.notification.topic_arn,)
