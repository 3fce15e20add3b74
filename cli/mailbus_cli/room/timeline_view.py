"""The timeline of one mail as its page shows it, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus import events as bus_events
from mailbus.errors import InvalidEvent
from mailbus.events import EmailEvent
from mailbus.timeline.status import TABLE, kind_of, status_of
from mailbus_cli.room.patterns import Pattern, patterns
from mailbus_cli.words import STATUS_WORDS, Explanation, explain, label_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.timeline.mails import TimelineEvent
    from mailbus.timeline.status import Status

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_FIRST: Final = {"queued": 0, "sent": 1}
#: Of events that change no status: the glyph of the event itself.
_GLYPHS: Final = {
    "opened": "eye",
    "clicked": "hand",
    "complained": "flag",
    "autoresponded": "return",
    "unsubscribed": "cross",
    "subscribed": "tick",
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An event on the timeline.

    `offset` is the time since the mail was queued, None where SES gives whole seconds only. `detail` names
    the kind in SES's words; `note` says that the event changed nothing, and why.
    """

    event_id: str
    name: str
    tone: str
    glyph: str
    at: datetime
    offset: str | None
    explanation: Explanation
    recipient: str | None
    detail: str | None
    note: str | None
    json: str
    patterns: tuple[Pattern, ...]

    @property
    def is_precise(self) -> bool:
        """True if the time has fractions of a second."""
        return self.at.microsecond != 0


def entries(events: Sequence[TimelineEvent]) -> tuple[Entry, ...]:
    """Return the timeline of one mail for one recipient, newest first; a repeated event is there once."""
    distinct = {event.event_id: event for event in events}.values()
    parsed = sorted(((event, email_of(event.entry)) for event in distinct), key=_place)
    queued = next((event.at for event, email in parsed if email and email.event_type == "queued"), None)
    made: list[Entry] = []
    status: Status = "none"
    since = parsed[0][0].at if parsed else None
    for event, email in parsed:
        kind = None if email is None else kind_of(email)
        after = status if kind is None else TABLE[status][kind]
        note = None
        if kind not in {None, "mark", "sent"} and after == status and _is_later(event.at, since):
            note = f"It came after “{label_of(status)}”; the status did not change."
        made.append(_entry(event, email, queued=queued, note=note))
        since = event.at if after != status else since
        status = after
    return tuple(reversed(made))


def _place(event: tuple[TimelineEvent, EmailEvent | None]) -> tuple[int, datetime, str]:
    """Return where an event belongs.

    Acceptance comes first, whatever the clocks say: `queued` has the time at which SES's answer arrived, and
    SES may have reported a bounce by then; of `sent` it gives whole seconds.
    """
    name = event[1].event_type if event[1] else ""
    return _FIRST.get(name, len(_FIRST)), event[0].at, event[0].event_id


def _is_later(at: datetime, other: datetime | None) -> bool:
    """Return True if an event is certainly later than another one: of some SES gives whole seconds only."""
    precision = timedelta(0) if at.microsecond else timedelta(seconds=1)
    return other is not None and at - other >= precision


def _entry(
    event: TimelineEvent, email: EmailEvent | None, *, queued: datetime | None, note: str | None
) -> Entry:
    text = msgspec.json.format(msgspec.json.encode(event.entry), indent=2).decode()
    if email is None:
        name = str((event.entry.get("detail") or {}).get("event_type") or "unknown")
        explanation = Explanation(
            title="Unknown event",
            sentence="This version does not know this event.",
            advice="Its JSON has everything that is known.",
        )
        glyph = "dots"
    else:
        name, explanation = email.event_type, explain(email)
        kind = kind_of(email)
        words = None if kind in {None, "mark"} or kind is None else STATUS_WORDS[status_of([kind])]
        glyph = _GLYPHS.get(name, "dots") if words is None else words.glyph
    return Entry(
        event_id=event.event_id,
        name=name,
        tone=explanation.tone,
        glyph=glyph,
        at=event.at,
        offset=None if queued is None or not event.at.microsecond else offset(event.at, queued),
        explanation=explanation,
        recipient=event.recipient,
        detail=None if email is None else _detail(email),
        note=note,
        json=text,
        patterns=patterns(event.entry),
    )


def offset(at: datetime, queued: datetime) -> str:
    """Return the time since a mail was queued: `0 s`, `+0.54 s`, `+6 min 28 s`; a minus sign is before it."""
    seconds = (at - queued).total_seconds()
    # two clocks: see _place
    if -1 < seconds <= 0:
        return "0 s"
    sign, size = ("+", seconds) if seconds > 0 else ("\N{MINUS SIGN}", -seconds)
    if size < _MINUTE:
        return f"{sign}{size:.2f} s" if size < 1 else f"{sign}{size:.1f} s"
    whole = round(size)
    for unit, name, below, small in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min")):
        if whole >= unit:
            return f"{sign}{whole // unit} {name} {whole % unit // below} {small}"
    return f"{sign}{whole // _MINUTE} min {whole % _MINUTE} s"


def clock(at: datetime, now: datetime, *, utc: bool) -> str:
    """Return a time as the timeline shows it: milliseconds if it has any, the day if it is not today."""
    zone = UTC if utc else None
    local, today = at.astimezone(zone), now.astimezone(zone)
    time = f"{local:%H:%M:%S}" + (f".{local.microsecond // 1000:03d}" if local.microsecond else "")
    if local.date() == today.date():
        return time
    day = f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"
    return f"{day} {time}"


def email_of(entry: dict[str, Any]) -> EmailEvent | None:
    """Return the event of an entry of the bus; None if this version cannot read it."""
    try:
        event = bus_events.parse(entry)
    except InvalidEvent:
        return None
    return event if isinstance(event, EmailEvent) else None


def _detail(event: EmailEvent) -> str | None:
    """Return SES's own names for what happened, which its documentation explains."""
    parts = []
    if event.bounce is not None and event.bounce.type:
        parts.append(f"{event.bounce.type}: {event.bounce.sub_type}")
    if event.delay is not None and event.delay.type:
        parts.append(event.delay.type)
    if event.complaint is not None:
        parts += [each for each in (event.complaint.feedback_type, event.complaint.sub_type) if each]
    if event.error_code:
        parts.append(event.error_code)
    if event.reject_reason and event.event_type in {"bounced", "failed", "rejected"}:
        parts.append(f"reject_reason {event.reject_reason}")
    return " · ".join(parts) or None
