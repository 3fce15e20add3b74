from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from mailbus_cli.room.changes import Change
from mailbus_cli.room.failures import failure_of
from mailbus_cli.room.live import Live, Run, message
from mailbus_cli.room.live_sources import Reading
from mailbus_cli.room.room import Room
from tests.unit.mailbus_cli.room.laptop import FakeDeployment, FakeTimeline, client_error
from tests.unit.mailbus_cli.room.test_attention import reading
from tests.unit.mailbus_cli.room.test_overview_page import Read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailbus_cli.deployment import Deployment

EXPIRED = client_error("ExpiredToken")
FAILURE = failure_of(EXPIRED)


def room_of(table: object) -> Room:
    """Return the room of an account with this timeline."""
    room = Room(cast("Deployment", FakeDeployment()), may_write=False)
    room.__dict__["timeline"] = table
    return room


class FailingTimeline(FakeTimeline):
    """A timeline that these credentials may not read at first."""

    def __init__(self, failures: int, error: Exception = EXPIRED) -> None:
        super().__init__()
        self.calls = 0
        self._failures = failures
        self._error = error

    def newest(self, before: str | None = None, limit: int = 50) -> Any:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return super().newest(before, limit)


async def read(stream: AsyncIterator[str], count: int) -> list[tuple[str, Any]]:
    """Return the next events of a stream, with their data."""
    found: list[tuple[str, Any]] = []
    while len(found) < count:
        fields = dict(line.split(": ", 1) for line in (await anext(stream)).splitlines() if line)
        if "event" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_message_is_one_of_server_sent_events() -> None:
    text = message("mails", [Change(id="1", job="j")], "a-7")
    assert text == 'event: mails\ndata: [{"id":"1","job":"j","list":"sent"}]\nid: a-7\n\n'


def test_a_page_that_was_away_is_told_what_changed_meanwhile() -> None:
    run = Run(room_of(None))
    run.add(Reading(changes=(Change(id="1"),)))
    known = run.last_id
    run.add(Reading(changes=(Change(id="2"), Change(id="3"), Change(id="2"))))
    assert run.since(known) == (Change(id="3"), Change(id="2"))
    assert run.since("") is None
    assert run.since("other-1") is None


def test_after_a_failure_a_page_has_to_look_at_all() -> None:
    run = Run(room_of(None))
    run.add(Reading(changes=(Change(id="1"),)))
    known = run.last_id
    run.fail(FAILURE)
    assert run.state().problem == "Your credentials have expired"
    assert run.state().since is not None
    run.add(Reading())
    assert run.since(known) is None
    assert run.state().problem is None


def test_all_pages_share_one_source_which_ends_with_the_room() -> None:
    table = FailingTimeline(failures=0)
    live = Live(room_of(table))

    async def visit() -> None:
        streams = [live.stream("", "/sent") for _ in range(10)]
        for stream in streams:
            state, mails = await read(stream, 2)
            assert state[1]["text"] == "read every 5 s"
            assert mails == ("mails", None)
        assert table.calls == 1
        await asyncio.to_thread(live.close)
        assert [[each async for each in stream] for stream in streams] == [[]] * 10

    asyncio.run(visit())
    assert "live" not in {thread.name for thread in threading.enumerate()}


def test_a_page_of_figures_is_live_as_long_as_they_are_read() -> None:
    room = room_of(FakeTimeline())
    live = Live(room)

    async def visit() -> None:
        stream = live.stream("", "")
        state, _ = await read(stream, 2)
        assert (state[1]["text"], state[1]["problem"]) == ("read every 60 s", None)
        room.vitals = Read(reading(), FAILURE)  # type: ignore[assignment]
        (state,) = await read(stream, 1)
        assert (state[1]["problem"], state[1]["since"]) == (FAILURE.title, reading().at.isoformat())
        await asyncio.to_thread(live.close)

    asyncio.run(visit())


@pytest.mark.parametrize(
    ("error", "title"),
    [(EXPIRED, "Your credentials have expired"), (KeyError("pk"), "The room made a mistake")],
)
def test_a_page_is_told_why_nothing_is_read(error: Exception, title: str) -> None:
    live = Live(room_of(FailingTimeline(failures=1, error=error)))

    async def visit() -> None:
        stream = live.stream("", "/sent")
        (state,) = await read(stream, 1)
        assert state[1]["problem"] == title
        assert state[1]["since"] is None
        await asyncio.to_thread(live.close)

    asyncio.run(visit())
