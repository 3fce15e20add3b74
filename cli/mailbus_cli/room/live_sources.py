"""Finds what changed: on the laptop by the events of the bus, in an account by reading the timeline.

An event may come before the timeline's function has written it: it counts as a change when it is written.
In an account nothing is made, since a room may be read-only: what pages look at is read again and again.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.events import InboundEvent, LaneEvent
from mailbus.timeline import items
from mailbus.timeline.mails import TimelineMail, group_of, mail_of
from mailbus_cli import event_stream
from mailbus_cli.room.changes import Change, differing, received_versions, sent_versions

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mailbus.events import AnyEvent
    from mailbus.timeline.table import TimelineTable
    from mailbus_cli.deployment import Deployment

#: The longest that ending a room waits for a call of SQS.
WAIT_SECONDS: Final = 1
#: Between two looks at whether the timeline has written what the bus announced.
LOOK_SECONDS: Final = 0.15
#: After so long an event counts as written: the timeline's function may have given it up.
GIVE_UP_SECONDS: Final = 30.0
#: Between two reads of an account.
POLL_SECONDS: Final = 5
SENT: Final = "/sent"
RECEIVED: Final = "/received"

Key = tuple[str, str]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one step found: changes, oldest first, and how many mails of them are new."""

    changes: tuple[Change, ...] = ()
    new: int = 0


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """An event of the bus that the timeline may not have written yet; `since` is in seconds of one clock."""

    change: Change
    is_new: bool
    event_key: Key
    mail: TimelineMail | None
    since: float


def follow(deployment: Deployment, table: TimelineTable, stop: threading.Event) -> Iterator[Reading]:
    """Yield what changes on the laptop, until `stop`. Raises `CommandError` if live events cannot be read."""
    with contextlib.suppress(ClientError, BotoCoreError):
        event_stream.remove_stale(deployment)
    with event_stream.open(deployment) as stream:
        # what changes from here on is not missed
        yield Reading()
        waiting: list[Announced] = []
        while not stop.is_set():
            if waiting:
                stop.wait(LOOK_SECONDS)
            now = time.monotonic()
            came = stream.events(0 if waiting else WAIT_SECONDS)
            waiting += [found for live in came if (found := announced(live.event, now))]
            written = _written(table, waiting)
            written |= {each.event_key for each in waiting if now - each.since > GIVE_UP_SECONDS}
            ready = [each for each in waiting if each.event_key in written]
            waiting = [each for each in waiting if each.event_key not in written]
            yield Reading(
                changes=tuple(each.change for each in ready), new=sum(each.is_new for each in ready)
            )


def poll(
    table: TimelineTable, stop: threading.Event, looks: Callable[[], frozenset[str]]
) -> Iterator[Reading]:
    """Yield what changes in an account of what pages look at, until `stop`.

    `looks` returns the paths of what open pages show: `/sent`, `/received`, `/sent/{id}`.
    """
    before: dict[str, dict[Change, str]] = {}
    while not stop.is_set():
        now = {look: _versions(table, look) for look in looks()}
        # a page that was just opened is as new as this reading
        found = {look: differing(before.get(look, versions), versions) for look, versions in now.items()}
        changes = tuple(dict.fromkeys(change for each in found.values() for change in each))
        known = {change for each in before.values() for change in each}
        before = now
        yield Reading(changes=changes, new=len([each for each in changes if each not in known]))
        stop.wait(POLL_SECONDS)


def nothing(stop: threading.Event) -> Iterator[Reading]:
    """Yield what changes without a timeline."""
    yield Reading()
    stop.wait()


def announced(event: AnyEvent, since: float) -> Announced | None:
    """Return what an event of the bus changes; None if it is of no mail."""
    if isinstance(event, LaneEvent):
        return None
    group = group_of(event)
    key = (group, f"{items.EVENT}{event.event_id}")
    if isinstance(event, InboundEvent):
        change = Change(id=event.message_id or event.event_id, list="received")
        return Announced(change=change, is_new=False, event_key=key, mail=None, since=since)
    mail = mail_of(event)
    if mail is None:
        return None
    change = Change(id=mail.message_id or mail.job_id or group, job=mail.job_id)
    return Announced(change=change, is_new="queued" in mail.seen, event_key=key, mail=mail, since=since)


def is_written(wanted: TimelineMail, found: Mapping[str, Any]) -> bool:
    """Return True if an item of the timeline has what an event says of its mail."""
    seen = items.read_mail(found).seen
    return all(kind in seen and seen[kind].at >= one.at for kind, one in wanted.seen.items())


def _written(table: TimelineTable, waiting: Sequence[Announced]) -> set[Key]:
    """Return the keys of the events that the timeline has, and their mails with them."""
    mails = _items(table, (_key(items.mail_key(each.mail)) for each in waiting if each.mail))
    ready = [each for each in waiting if each.mail is None or _has(mails, each.mail)]
    return set(_items(table, (each.event_key for each in ready)))


def _has(mails: Mapping[Key, Any], mail: TimelineMail) -> bool:
    found = mails.get(_key(items.mail_key(mail)))
    return found is not None and is_written(mail, found)


def _items(table: TimelineTable, keys: Iterable[Key]) -> dict[Key, Any]:
    wanted = [{"pk": {"S": group}, "sk": {"S": name}} for group, name in dict.fromkeys(keys)]
    return {_key(item): item for item in table.items_of(wanted)}


def _key(item: Mapping[str, Any]) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _versions(table: TimelineTable, look: str) -> dict[Change, str]:
    if look == SENT:
        return sent_versions(table.newest().mails)
    if look == RECEIVED:
        return received_versions(table.received().mails)
    mail_id = look.removeprefix(f"{SENT}/")
    return sent_versions(table.by_message(mail_id) or table.by_job(mail_id))
