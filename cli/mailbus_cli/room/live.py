"""Tells open pages what changed. All of a room's pages share one source, which runs while one listens."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import MailbusError
from mailbus_cli.room import live_sources
from mailbus_cli.room.changes import Changes, Rate
from mailbus_cli.room.failures import failure_of, unexpected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mailbus_cli.room.changes import Change
    from mailbus_cli.room.failures import Failure
    from mailbus_cli.room.live_sources import Reading
    from mailbus_cli.room.room import Room

_LOG: Final = logging.getLogger(__name__)
#: Between two messages to a page; what changes meanwhile is in the next one.
BATCH_SECONDS: Final = 0.25
#: The rate is sent so often, if it has changed.
STATE_SECONDS: Final = 2.0
#: Who goes from one page to the next goes on with the same source.
LINGER_SECONDS: Final = 20.0
RETRY_SECONDS: Final = 5.0
#: The longest that the end of a room waits until the source has removed what it made.
CLOSE_SECONDS: Final = 5.0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a page says beside `Live`, or why it is not; `since` is when it was read last, RFC 3339."""

    text: str = ""
    problem: str | None = None
    hint: str | None = None
    copied: str | None = None
    since: str | None = None


class Run:
    """One run of the source, on its own thread, with what it found. `failure` is why it does not read."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.stop = threading.Event()
        self.failure: Failure | None = None
        self.read_at: datetime | None = None
        self._restart()

    def _restart(self) -> None:
        self._name = secrets.token_hex(4)
        self._changes = Changes()
        self._rate = Rate()

    @property
    def last_id(self) -> str:
        """The id of the last change."""
        return f"{self._name}-{self._changes.number}"

    def since(self, last_id: str) -> tuple[Change, ...] | None:
        """Return what changed after an id; None if that is not known, so that all may have changed."""
        name, _, number = last_id.rpartition("-")
        return self._changes.since(int(number)) if name == self._name and number.isdecimal() else None

    def add(self, reading: Reading) -> bool:
        """Add what a step found; return True if that is news for pages.

        What changed before a step that failed may have been missed.
        """
        is_news = bool(reading.changes) or self.read_at is None or self.failure is not None
        if self.failure is not None:
            self._restart()
        self.failure = None
        self.read_at = datetime.now(UTC)
        self._changes.add(reading.changes)
        self._rate.count(time.monotonic(), reading.new)
        return is_news

    def fail(self, failure: Failure) -> bool:
        """Note why nothing is read; return True, since pages say so."""
        self.failure = failure
        return True

    def state(self) -> State:
        """Return what pages say of it."""
        if self.failure is not None:
            return _in_vain(self.failure, self.read_at)
        if not self._room.deployment.is_local:
            return State(text=f"read every {live_sources.POLL_SECONDS} s")
        rate = round(self._rate.a_second(time.monotonic()))
        return State(text=f"{rate} a second" if rate else "")


class Listener:
    """A page that listens, and what it looks at."""

    def __init__(self, look: str) -> None:
        self.look = look
        self.woken = asyncio.Event()


class Live:
    """The source and its listeners. All but `close` is for the server's own thread."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._listeners: set[Listener] = set()
        self._run: Run | None = None
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    async def stream(self, last_id: str, look: str) -> AsyncIterator[str]:
        """Yield the messages to a page that knows what changed up to `last_id`, until the room ends."""
        listener = Listener(look)
        self._begin(listener)
        try:
            async for message in self._messages(listener, last_id):
                yield message
        finally:
            self._leave(listener)

    def close(self) -> None:
        """End all streams and the source, and remove what the source has made."""
        with self._lock:
            self._is_closed = True
            run, threads = self._run, tuple(self._threads)
        if self._loop is not None:
            # its thread may have ended
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake)
        if run is not None:
            run.stop.set()
        for thread in threads:
            thread.join(CLOSE_SECONDS)

    async def _messages(self, listener: Listener, last_id: str) -> AsyncIterator[str]:
        yield "retry: 1000\n\n"
        sent: State | None = None
        vitals_at = time.monotonic()
        while not self._is_closed and (run := self._run) is not None:
            listener.woken.clear()
            if run.read_at is not None or run.failure is not None:
                if (state := self._state(run, listener.look)) != sent:
                    sent = state
                    yield message("state", state)
                changes = run.since(last_id)
                if run.failure is None and changes != ():
                    last_id = run.last_id
                    yield message("mails", changes, last_id)
                if time.monotonic() - vitals_at > self._room.vitals.seconds:
                    vitals_at = time.monotonic()
                    yield message("vitals", None)
                await asyncio.sleep(BATCH_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(listener.woken.wait(), STATE_SECONDS)

    def _state(self, run: Run, look: str) -> State:
        """Return what a page says; one without a list, such as the overview, shows the figures alone."""
        figures = self._room.vitals
        if not look and figures.failure is not None:
            reading = figures.last
            return _in_vain(figures.failure, None if reading is None else reading.at)
        if not look and not self._room.deployment.is_local:
            return State(text=f"read every {figures.seconds:.0f} s")
        return run.state()

    def _begin(self, listener: Listener) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners.add(listener)
        if self._lingering is not None:
            self._lingering.cancel()
        with self._lock:
            if self._run is None and not self._is_closed:
                run = self._run = Run(self._room)
                thread = threading.Thread(target=self._read, args=(run, self._loop), name="live", daemon=True)
                self._threads = [each for each in self._threads if each.is_alive()] + [thread]
                thread.start()

    def _leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if self._loop is not None and not self._listeners:
            self._lingering = self._loop.call_later(LINGER_SECONDS, self._end)

    def _end(self) -> None:
        if self._run is not None and not self._listeners:
            self._run.stop.set()
            self._run = None

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.woken.set()

    def _looks(self) -> frozenset[str]:
        return frozenset(listener.look for listener in tuple(self._listeners) if listener.look)

    def _read(self, run: Run, loop: asyncio.AbstractEventLoop) -> None:
        """Run the source on its thread; after an error begin again."""

        def tell(call: functools.partial[bool]) -> None:
            def apply() -> None:
                if call():
                    self._wake()

            # the server may have ended meanwhile
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(apply)

        while not run.stop.is_set():
            try:
                for reading in self._source(run.stop):
                    tell(functools.partial(run.add, reading))
                continue
            except (MailbusError, ClientError, BotoCoreError) as error:
                failure = failure_of(error, self._room.deployment.profile)
            except Exception as error:  # noqa: BLE001 - see below
                # without its thread a page would say that it is live, and never change
                _LOG.exception("what changes could not be read")
                failure = unexpected(error)
            tell(functools.partial(run.fail, failure))
            run.stop.wait(RETRY_SECONDS)

    def _source(self, stop: threading.Event) -> Iterator[Reading]:
        table = self._room.timeline
        if table is None:
            # the navigation's figures are kept up to date nevertheless
            return live_sources.nothing(stop)
        if self._room.deployment.is_local:
            return live_sources.follow(self._room.deployment, table, stop)
        return live_sources.poll(table, stop, self._looks)


def _in_vain(failure: Failure, read_at: datetime | None) -> State:
    return State(
        problem=failure.title,
        hint=failure.hint,
        copied=failure.copied,
        since=None if read_at is None else read_at.isoformat(timespec="seconds"),
    )


def message(event: str, data: Any, last_id: str | None = None) -> str:  # noqa: ANN401 - any that is JSON
    """Return a message of server-sent events.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    lines = [f"event: {event}", f"data: {msgspec.json.encode(data).decode()}"]
    return "\n".join([*lines, *([f"id: {last_id}"] if last_id else []), "", ""])
