"""Which live events `mailbus tail` shows, and how: a line each, without anything of a mail's content."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from mailbus.addresses import address_key
from mailbus.events import EmailEvent, InboundEvent
from mailbus.timeline.content import without_content
from mailbus_cli import event_stream, words
from mailbus_cli.output import console, print_json_line
from mailbus_cli.printable import printable
from mailbus_cli.status_view import NOTHING, STYLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from mailbus.events import AnyEvent
    from mailbus_cli.event_stream import LiveEvent
    from mailbus_cli.times import Times

# the tones of events whose reason says what to do
ATTENTION: Final = frozenset({"red", "amber", "magenta"})
# the widest columns of a terminal's line; its end is cut
EVENT_WIDTH: Final = 14
RECIPIENT_WIDTH: Final = 32
JOB_WIDTH: Final = 28


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """The events that are wanted; what is not given is not asked for.

    `recipient` is an address or a domain with `@`; of a received mail it is one in the envelope.
    """

    recipient: str | None = None
    job_id: str | None = None
    event_types: frozenset[str] = frozenset()
    tag: str | None = None

    @property
    def pattern(self) -> dict[str, Any]:
        """The part of it that the bus itself can decide."""
        return event_stream.pattern_of(event_types=self.event_types, job_id=self.job_id)

    def wants(self, event: AnyEvent) -> bool:
        """Return True if an event is to be shown."""
        job_id, tags = (event.job_id, event.tags) if isinstance(event, EmailEvent) else (None, ())
        return (
            (self.job_id is None or job_id == self.job_id)
            and (not self.event_types or event.event_type in self.event_types)
            and (self.tag is None or self.tag in tags)
            and (self.recipient is None or any(map(self._is_to, recipients(event))))
        )

    def _is_to(self, address: str) -> bool:
        wanted = self.recipient or ""
        if wanted.startswith("@"):
            return address.lower().endswith(wanted.lower())
        return address_key(address) == address_key(wanted)


def recipients(event: AnyEvent) -> tuple[str, ...]:
    """Return the recipients of an event, of a received mail those in its envelope."""
    if isinstance(event, EmailEvent):
        return (event.recipient,) if event.recipient else ()
    if isinstance(event, InboundEvent) and event.message:
        return event.message.envelope_recipients
    return ()


def printer(times: Times, *, json: bool) -> Callable[[LiveEvent], None]:
    """Return what prints an event: a JSON line, a coloured line of the terminal's width, or one with tabs."""
    if json:
        return lambda live: print_json_line(without_content(live.entry, live.event))
    if not sys.stdout.isatty():
        return lambda live: _print_plain(live, times)
    out = console()
    return lambda live: out.print(_line(live, times), no_wrap=True, overflow="ellipsis", crop=True)


def cells(live: LiveEvent) -> tuple[str, str, str, str]:
    """Return event type, recipient, job and reason."""
    event = live.event
    explained = words.explain(event)
    reason = explained.server or ""
    if explained.tone in ATTENTION:
        said = f"{explained.sentence} {explained.advice or ''}".strip()
        reason = f"{reason}: {said}" if reason else said
    job = event.job_id if isinstance(event, EmailEvent) else None
    event_type = str(live.entry.get("detail", {}).get("event_type", event.event_type))
    return (
        printable(event_type),
        ", ".join(map(printable, recipients(event))) or NOTHING,
        printable(job or "") or NOTHING,
        reason or NOTHING,
    )


def _print_plain(live: LiveEvent, times: Times) -> None:
    sys.stdout.write("\t".join((times.whole(live.event.timestamp), *cells(live))) + "\n")
    sys.stdout.flush()


def _line(live: LiveEvent, times: Times) -> Text:
    event_type, recipient, job, reason = cells(live)
    style = STYLES[words.explain(live.event).tone]
    return Text.assemble(
        (f"{times.clock(live.event.timestamp):<13}", "dim"),
        (_fitted(event_type, EVENT_WIDTH), style),
        _fitted(recipient, RECIPIENT_WIDTH),
        (_fitted(job, JOB_WIDTH), "dim"),
        "" if reason == NOTHING else reason,
    )


def _fitted(text: str, width: int) -> str:
    """Return a cell of that width on a terminal, with a blank at its end."""
    cut = text if cell_len(text) < width else f"{set_cell_size(text, width - 2)}…"
    return set_cell_size(cut, width)
