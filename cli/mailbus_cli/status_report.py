"""What `mailbus status` answers, as plain values: they are its JSON, and what a terminal shows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.addresses import address_key
from mailbus.events import EmailEvent, LaneEvent
from mailbus.timeline.status import STATUSES, kind_of
from mailbus_cli import lanes, mails, words
from mailbus_cli.bus_events import event_of_entry
from mailbus_cli.errors import CommandError
from mailbus_cli.job_states import JobState
from mailbus_cli.printable import printable
from mailbus_cli.queries import Query
from mailbus_cli.status_words import AnyStatus, Tone
from mailbus_cli.suppression import Suppression, suppression

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus.timeline.mails import TimelineEvent, TimelineMail
    from mailbus_cli.deployment import Deployment

_SUMMED_UP: Final = frozenset({"job", "message"})
# what comes after something else in any case
_ORDER: Final = ("queued", "sent", "deferred")
# the kind of event that gave a status of another name
_KINDS: Final = {"bounced_late": "bounced", "unknown": "mark"}


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    """An event in plain words, and as a consumer got it.

    `seconds` are those since the mail was queued; None where SES reports whole seconds only.
    """

    at: datetime
    event_type: str
    recipient: str | None
    sentence: str
    advice: str | None
    server: str | None
    tone: Tone
    seconds: float | None
    event: dict[str, Any]


class MailLine(msgspec.Struct, frozen=True, kw_only=True):
    """A mail for one recipient. `server` are the words of the server, or of what refused it."""

    status: AnyStatus
    label: str
    recipient: str | None
    job_id: str | None
    message_id: str | None
    tags: tuple[str, ...]
    created: datetime
    last: datetime
    title: str
    sentence: str
    advice: str | None
    server: str | None
    tone: Tone


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `events` are those of the mail if it is one alone.

    `total` and `counts` are of all mails that were found, `mails` are those that are listed; with `more`
    there may be still more. In `paused_lanes` no job is sent, each since its event.
    """

    query: Query
    outcome: str
    total: int
    counts: dict[AnyStatus, int]
    mails: tuple[MailLine, ...]
    events: tuple[EventLine, ...] | None = None
    job: JobState | None = None
    suppression: Suppression | None = None
    searched: int | None = None
    more: bool = False
    paused_lanes: tuple[LaneEvent, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True if nothing was found."""
        return not self.mails and self.job is None


def report(deployment: Deployment, text: str, *, recipient: str | None = None, limit: int = 20) -> Report:
    """Look for mail, and return what became of it."""
    found = mails.search(deployment, text, limit=mails.LIMIT)
    chosen = _of(found.mails, recipient, found.query)
    summed_up = found.query.kind in _SUMMED_UP
    ordered = sorted(chosen, key=_severity) if summed_up else list(chosen)
    events: Sequence[EventLine] | None = None
    lines = [_line(mail, None) for mail in ordered[:limit]]
    if len(ordered) == 1:
        (mail,) = ordered
        kept = mails.timeline(deployment).events(mail)
        events, deciding = event_lines(mail, kept)
        lines = [_line(mail, deciding)]
    statuses: list[AnyStatus] = [mail.status for mail in chosen]
    address = _address(found.query, ordered)
    return Report(
        query=found.query,
        outcome=words.outcome(statuses) if statuses else mails.nothing_found(deployment, found),
        total=len(chosen),
        counts=words.by_status(statuses),
        mails=tuple(lines),
        events=None if events is None else tuple(events),
        job=found.job,
        suppression=suppression(deployment, address) if address else None,
        searched=found.searched,
        more=found.more,
        paused_lanes=lanes.paused(deployment),
    )


def event_lines(
    mail: TimelineMail, kept: Iterable[TimelineEvent]
) -> tuple[tuple[EventLine, ...], EmailEvent | None]:
    """Return a mail's events in plain words, oldest first, and the one that decided its status."""
    read = [(one, event_of_entry(one.entry)) for one in kept]
    sent = [(one, event) for one, event in read if isinstance(event, EmailEvent)]
    queued = next((event.timestamp for _, event in sent if event.event_type == "queued"), None)
    decided = [event for _, event in sent if kind_of(event) == _KINDS.get(mail.status, mail.status)]
    lines: list[EventLine] = []
    for one, event in sorted(sent, key=_natural_order):
        explained = words.explain(event)
        since = (event.timestamp - queued).total_seconds() if queued else -1.0
        lines.append(
            EventLine(
                at=event.timestamp,
                event_type=str(one.entry.get("detail", {}).get("event_type", event.event_type)),
                recipient=event.recipient,
                sentence=explained.sentence,
                advice=explained.advice,
                server=explained.server,
                tone=explained.tone,
                seconds=since if since >= 0 and event.timestamp.microsecond else None,
                event=one.entry,
            )
        )
    return tuple(lines), decided[-1] if decided else None


def _natural_order(read: tuple[TimelineEvent, EmailEvent]) -> tuple[datetime, int, datetime]:
    """Sort by time, within a second as a mail goes: SES reports whole seconds of some events."""
    at, event_type = read[1].timestamp, read[1].event_type
    rank = _ORDER.index(event_type) if event_type in _ORDER else len(_ORDER)
    return at.replace(microsecond=0), rank, at


def _of(found: Sequence[TimelineMail], recipient: str | None, query: Query) -> Sequence[TimelineMail]:
    if recipient is None:
        return found
    key = address_key(recipient)
    chosen = [mail for mail in found if mail.recipient and address_key(mail.recipient) == key]
    if found and not chosen:
        reason = f"{query} has no recipient {printable(recipient)}"
        raise CommandError(reason, hint=f"`mailbus status {query.value}` shows its recipients")
    return chosen


def _line(mail: TimelineMail, event: EmailEvent | None) -> MailLine:
    explained = words.outcome_of(mail, event)
    deciding = mail.deciding
    return MailLine(
        status=mail.status,
        label=words.label_of(mail.status, deciding.event_type if deciding else None),
        recipient=mail.recipient,
        job_id=mail.job_id,
        message_id=mail.message_id,
        tags=mail.tags,
        created=mail.created,
        last=mail.last,
        title=explained.title,
        sentence=explained.sentence,
        advice=explained.advice,
        server=explained.server,
        tone=explained.tone,
    )


def _severity(mail: TimelineMail) -> tuple[int, str]:
    """Sort problems first, then what waits, then what arrived; in a status by address."""
    order = list(words.by_status(STATUSES))
    return order.index(mail.status), mail.recipient or ""


def _address(query: Query, found: Sequence[TimelineMail]) -> str | None:
    if query.kind == "address":
        return query.value
    return found[0].recipient if len(found) == 1 else None
