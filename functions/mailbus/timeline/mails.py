"""What the timeline holds: mails, each one message for one recipient, and their events. Pure values.

Nothing of a mail's content is in it: no subject, no body, and of SES's JSON no headers.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.addresses import address_key
from mailbus.events import ENTRY_TAG, InboundEvent, RawMessage
from mailbus.timeline.status import Kind, Status, kind_of, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.events import EmailEvent

MESSAGE_PREFIX: Final = "message#"
JOB_PREFIX: Final = "job#"
EVENT_PREFIX: Final = "event#"
RECEIVED_PREFIX: Final = "received#"
# Receiving servers answer in a line or two. An item of at most 1 KB is written for the lowest price.
TEXT_CHARACTERS: Final = 300


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one kind of event: its time, its event type, and the reason in the server's words."""

    at: datetime
    event_type: str
    text: str | None = None


class TimelineMail(msgspec.Struct, frozen=True, kw_only=True):
    """A message for one recipient, with what was seen of it by kind of event.

    `group` is the message's key, `message#<message id>`; before SES accepted it that of the job,
    `job#<job id>`. `created` is the time of the event that came in first. `recipient` is None if SES named
    none. `recipients` is how many the message has, None if no event said it.
    """

    group: str
    created: datetime
    message_id: str | None = None
    job_id: str | None = None
    recipient: str | None = None
    recipients: int | None = None
    entry: str | None = None
    tags: tuple[str, ...] = ()
    seen: dict[Kind, Seen] = msgspec.field(default_factory=dict)

    @property
    def status(self) -> Status:
        """The status by the table."""
        return status_of(self.seen)

    @property
    def deciding(self) -> Seen | None:
        """What was seen of the event that gave the status; None before any."""
        status = self.status
        kind: Any = {"bounced_late": "bounced", "unknown": "mark"}.get(status, status)
        return self.seen.get(kind)

    @property
    def last(self) -> datetime:
        """The time of the last event."""
        return max((seen.at for seen in self.seen.values()), default=self.created)


class ReceivedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that SES received: its envelope and SES's verdicts. `raw` is where SES stored it."""

    message_id: str
    received: datetime
    event_type: str
    description: str | None = None
    envelope_sender: str | None = None
    envelope_recipients: tuple[str, ...] = ()
    spam_verdict: str | None = None
    virus_verdict: str | None = None
    spf_verdict: str | None = None
    dkim_verdict: str | None = None
    dmarc_verdict: str | None = None
    dmarc_policy: str | None = None
    raw: RawMessage | None = None


class TimelineEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was on the bus: `entry` is what a consumer gets, without SES's copy of the headers."""

    event_id: str
    at: datetime
    recipient: str | None
    entry: dict[str, Any]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the newest mails, a message's recipients together; `older` is where the next page begins."""

    mails: tuple[TimelineMail, ...]
    older: str | None = None


class ReceivedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the newest received mails; `older` is where the next page begins."""

    mails: tuple[ReceivedMail, ...]
    older: str | None = None


def group_of(event: EmailEvent | InboundEvent) -> str:
    """Return the key of what an event is of: its message, or else its job, or else the event alone."""
    if isinstance(event, InboundEvent):
        return f"{RECEIVED_PREFIX}{event.message_id or event.event_id}"
    if event.message_id:
        return f"{MESSAGE_PREFIX}{event.message_id}"
    return f"{JOB_PREFIX}{event.job_id}" if event.job_id else f"{EVENT_PREFIX}{event.event_id}"


def mail_of(event: EmailEvent, event_type: str | None = None) -> TimelineMail | None:
    """Return the mail that one event is of, as far as the event says; None if it is of no mail.

    `event_type` is the type by a newer version, if this one does not know it.
    """
    kind = kind_of(event)
    if kind is None:
        return None
    text = event.mta_response or event.description
    return TimelineMail(
        group=group_of(event),
        created=event.timestamp,
        message_id=event.message_id or None,
        job_id=event.job_id or None,
        recipient=event.recipient or None,
        recipients=_recipients(event),
        entry=next(iter(event.message_tags.get(ENTRY_TAG, ())), None),
        tags=event.tags,
        seen={
            kind: Seen(
                at=event.timestamp,
                event_type=event_type or event.event_type,
                text=text[:TEXT_CHARACTERS] if text else None,
            )
        },
    )


def received_of(event: InboundEvent) -> ReceivedMail:
    """Return the received mail that an event reports."""
    message = event.message
    return ReceivedMail(
        message_id=event.message_id or event.event_id,
        received=event.timestamp,
        event_type=event.event_type,
        description=event.description,
        envelope_sender=message.envelope_sender if message else None,
        envelope_recipients=message.envelope_recipients if message else (),
        spam_verdict=event.spam_verdict,
        virus_verdict=event.virus_verdict,
        spf_verdict=event.spf_verdict,
        dkim_verdict=event.dkim_verdict,
        dmarc_verdict=event.dmarc_verdict,
        dmarc_policy=event.dmarc_policy,
        raw=event.raw,
    )


def same_recipient(one: str | None, other: str | None) -> bool:
    """Return True if two addresses are one: case does not matter in the domain."""
    return (one and address_key(one)) == (other and address_key(other))


def merged(mails: Iterable[TimelineMail]) -> TimelineMail:
    """Return one mail of several readings of it, in any order: all kinds that any has, each the latest."""
    first, *others = mails
    seen, created, job_id, tags = dict(first.seen), first.created, first.job_id, first.tags
    recipients, entry = first.recipients, first.entry
    for other in others:
        created = min(created, other.created)
        job_id = job_id or other.job_id
        tags = tags or other.tags
        recipients = recipients or other.recipients
        entry = entry or other.entry
        for kind, one in other.seen.items():
            if kind not in seen or seen[kind].at < one.at:
                seen[kind] = one
    return msgspec.structs.replace(
        first, seen=seen, created=created, job_id=job_id, tags=tags, recipients=recipients, entry=entry
    )


def _recipients(event: EmailEvent) -> int | None:
    """Return the number of a message's recipients, which SES names all in each of its events."""
    match event.esp_event:
        case {"mail": {"destination": [*addresses]}} if addresses:
            return len({address_key(address) for address in addresses if isinstance(address, str)})
    return None
