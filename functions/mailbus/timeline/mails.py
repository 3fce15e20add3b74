"""What the timeline holds: mails, each one message for one recipient, and their events. Pure values.

Nothing of a mail's content is in it: no subject, no body, and of SES's JSON no headers.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.addresses import address_key
from mailbus.timeline.status import Kind, Status, kind_of, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.events import EmailEvent

MESSAGE_PREFIX: Final = "message#"
JOB_PREFIX: Final = "job#"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of one kind of event: its time, its event type, and the reason in the server's words."""

    at: datetime
    event_type: str
    text: str | None = None


class TimelineMail(msgspec.Struct, frozen=True, kw_only=True):
    """A message for one recipient, with what was seen of it by kind of event.

    `group` is the message's key, `message#<message id>`; before SES accepted it that of the job,
    `job#<job id>`. `created` is the time of the event that came in first. `recipient` is None if SES named
    none.
    """

    group: str
    created: datetime
    message_id: str | None = None
    job_id: str | None = None
    recipient: str | None = None
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


def group_of(event: EmailEvent) -> str | None:
    """Return the key of an event's message, or of its job; None if it has neither."""
    if event.message_id is not None:
        return f"{MESSAGE_PREFIX}{event.message_id}"
    return None if event.job_id is None else f"{JOB_PREFIX}{event.job_id}"


def mail_of(event: EmailEvent) -> TimelineMail | None:
    """Return the mail that one event is of, as far as the event says; None if it is of no mail."""
    kind, group = kind_of(event), group_of(event)
    if kind is None or group is None:
        return None
    text = event.mta_response or event.description
    return TimelineMail(
        group=group,
        created=event.timestamp,
        message_id=event.message_id,
        job_id=event.job_id,
        recipient=event.recipient,
        tags=event.tags,
        seen={kind: Seen(at=event.timestamp, event_type=event.event_type, text=text)},
    )


def same_recipient(one: str | None, other: str | None) -> bool:
    """Return True if two addresses are one: case does not matter in the domain."""
    return (one and address_key(one)) == (other and address_key(other))


def merged(mails: Iterable[TimelineMail]) -> TimelineMail:
    """Return one mail of several readings of it, in any order: all kinds that any has, each the latest."""
    first, *others = mails
    seen, created, job_id, tags = dict(first.seen), first.created, first.job_id, first.tags
    for other in others:
        created = min(created, other.created)
        job_id = job_id or other.job_id
        tags = tags or other.tags
        for kind, one in other.seen.items():
            if kind not in seen or seen[kind].at < one.at:
                seen[kind] = one
    return msgspec.structs.replace(first, seen=seen, created=created, job_id=job_id, tags=tags)
