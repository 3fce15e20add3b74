from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mailbus.events import InboundEvent
from mailbus.timeline import items
from mailbus.timeline.mails import TimelineEvent, group_of, mail_of
from mailbus_cli.room import live_sources
from mailbus_cli.room.changes import Change
from mailbus_cli.room.live_sources import announced, follow, poll
from tests.unit.mailbus_cli.events import AT, event
from tests.unit.mailbus_cli.fake_bus import FakeBus
from tests.unit.mailbus_cli.room.laptop import FakeTimeline
from tests.unit.mailbus_cli.room.mails import timeline_event, timeline_mail

if TYPE_CHECKING:
    import pytest

    from mailbus.events import EmailEvent
    from mailbus.timeline.table import TimelineTable

CHANGE = Change(id="0100019a-message", job="order-1001")


class Written:
    """The items that the timeline's function has written so far."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Any] = {}

    def write(self, one: EmailEvent, *, with_event: bool = True) -> None:
        mail, kept = mail_of(one), TimelineEvent(event_id=one.event_id, at=AT, recipient=None, entry={})
        assert mail is not None
        update = items.mail_update(mail, 0)
        written = {update.names[f"#{name[1:]}"]: value for name, value in update.values.items()}
        self._put({**update.key, **written})
        if with_event:
            self._put(items.event_item(kept, group_of(one), 0))

    def items_of(self, keys: list[Any]) -> list[Any]:
        wanted = [(key["pk"]["S"], key["sk"]["S"]) for key in keys]
        assert len(wanted) == len(set(wanted)), "DynamoDB refuses a key that comes twice"
        return [self._items[key] for key in wanted if key in self._items]

    def _put(self, item: dict[str, Any]) -> None:
        self._items[item["pk"]["S"], item["sk"]["S"]] = item


def test_an_event_is_a_change_as_soon_as_the_timeline_has_its_mail_and_itself() -> None:
    bus, written, stop = FakeBus(), Written(), threading.Event()
    readings = follow(bus.deployment(), cast("TimelineTable", written), stop)
    assert next(readings).changes == ()
    assert len(bus.queues) == 1
    queued = event("queued")
    bus.put(msgspec.to_builtins(queued))
    assert next(readings).changes == ()
    written.write(queued, with_event=False)
    assert next(readings).changes == ()
    written.write(queued)
    reading = next(readings)
    assert (reading.changes, reading.new) == ((CHANGE,), 1)
    assert next(readings).changes == ()
    stop.set()
    assert list(readings) == []
    assert (bus.queues, bus.rules) == ({}, {})


def test_an_event_that_the_timeline_never_has_is_a_change_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sources, "GIVE_UP_SECONDS", -1.0)
    bus = FakeBus()
    readings = follow(bus.deployment(), cast("TimelineTable", Written()), threading.Event())
    next(readings)
    bus.put(msgspec.to_builtins(event("delivered")))
    assert next(readings).changes == (CHANGE,)


def test_a_received_mail_is_announced_by_its_own_id() -> None:
    found = announced(InboundEvent(event_type="inbound", event_id="in-1", timestamp=AT, message_id="in-1"), 0)
    assert found is not None
    assert found.change == Change(id="in-1", list="received")
    assert found.event_key == ("received#in-1", "event#in-1")


class Stop(threading.Event):
    """A stop that waits for nothing."""

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == live_sources.POLL_SECONDS
        return False


class CountedTimeline(FakeTimeline):
    """A timeline that notes what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in {"newest", "received", "by_message", "by_job"}:
            self.read.append(name)
        return super().__getattribute__(name)


def test_an_account_is_read_only_as_far_as_pages_look() -> None:
    table, looks = CountedTimeline(), set[str]()
    readings = poll(cast("TimelineTable", table), Stop(), lambda: frozenset(looks))
    next(readings)
    assert table.read == []
    looks.add("/received")
    next(readings)
    assert table.read == ["received"]
    looks.add("/sent")
    next(readings)
    assert sorted(table.read[1:]) == ["newest", "received"]


def test_what_changes_between_two_readings_of_an_account_is_one_change() -> None:
    queued, sent = timeline_event("queued"), timeline_event("sent", 1)
    mails = [timeline_mail(queued)]
    readings = poll(
        cast("TimelineTable", FakeTimeline(mails)), Stop(), lambda: frozenset(("/sent", "/sent/invoice-1"))
    )
    assert next(readings).changes == ()
    mails[0] = timeline_mail(queued, sent)
    reading = next(readings)
    assert (reading.changes, reading.new) == ((Change(id="0100-1", job="invoice-1"),), 0)
    mails.insert(0, timeline_mail(timeline_event("queued", message_id="0100-2", job_id="invoice-2")))
    reading = next(readings)
    assert (reading.changes, reading.new) == ((Change(id="0100-2", job="invoice-2"),), 1)
