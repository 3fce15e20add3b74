"""Waits for what happens in the system, and fails with what happened instead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from mailbus.events import EmailEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailbus.events import InboundEvent
    from mailbus_local.testing.dead_letters import DeadLetter
    from mailbus_local.testing.mail import Mail

T = TypeVar("T")

POLL_SECONDS: Final = 0.05
SHOWN: Final = 10
_NOT_SENT: Final = frozenset({"failed", "rejected"})
_FAILURES: Final = frozenset({"failed", "rejected", "bounced", "complained", "inbound_failed"})


class Observed(Protocol):
    """What a failure reports of the system."""

    def mails(self) -> tuple[Mail, ...]:
        """Return the accepted mails."""

    def events(self) -> tuple[EmailEvent | InboundEvent, ...]:
        """Return the events."""

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Return the dead letters."""

    def pending(self) -> dict[str, int]:
        """Return how many messages each queue has that has any."""

    def check_running(self) -> None:
        """Raise if the system has ended."""


class Wait:
    """Waits, by polling. Turns are counted rather than timed, so that a test may stop the clock."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed

    def until(
        self,
        probe: Callable[[], T],
        what: str,
        *,
        seconds: float,
        job_id: str | None = None,
        recipient: str | None = None,
    ) -> T:
        """Return the first answer of `probe` that is true.

        Raises `AssertionError` with what happened instead after `seconds`, or as soon as the job of this id
        or recipient has failed and nothing is left to be sent. Its text begins with `what`.
        """
        __tracebackhide__ = True
        for _ in range(max(1, round(seconds / POLL_SECONDS))):
            if found := probe():
                return found
            if self._has_failed(job_id, recipient) and not self._observed.pending():
                if found := probe():
                    return found
                raise AssertionError(self._report(f"{what}: its job failed"))
            self._observed.check_running()
            threading.Event().wait(POLL_SECONDS)
        raise AssertionError(self._report(f"{what} after {seconds:g} s"))

    def _has_failed(self, job_id: str | None, recipient: str | None) -> bool:
        if job_id is None and recipient is None:
            return False
        return any(
            isinstance(event, EmailEvent)
            and event.event_type in _NOT_SENT
            and (job_id is None or event.job_id == job_id)
            and (recipient is None or event.recipient in {None, recipient})
            for event in self._observed.events()
        )

    def _report(self, first: str) -> str:
        """Return what happened instead, a line each; no bodies."""
        observed = self._observed
        events = observed.events()
        waiting = [f"{queue}: {count}" for queue, count in observed.pending().items()]
        return "\n".join(
            (
                first,
                *_section("mails that arrived", map(_mail_line, observed.mails()), "none"),
                *_section("events", _event_lines(events), "none"),
                *_section("dead letters", map(_dead_letter_line, observed.dead_letters()), None),
                *_section("messages in queues", waiting, None),
            )
        )


def _section(title: str, lines: Iterable[str], empty: str | None) -> list[str]:
    shown = list(lines)
    if not shown:
        return [] if empty is None else [f"  {title}: {empty}"]
    more = [f"    … and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    return [f"  {title}:", *(f"    {line}" for line in shown[:SHOWN]), *more]


def _mail_line(mail: Mail) -> str:
    return f"to {', '.join(mail.recipients)}: {mail.subject!r} (job {mail.job_id})"


def _event_lines(events: Iterable[EmailEvent | InboundEvent]) -> list[str]:
    """Return the failures, each with its reason, and then the other events."""
    ordered = sorted(events, key=lambda event: event.event_type not in _FAILURES)
    return [_event_line(event) for event in ordered]


def _event_line(event: EmailEvent | InboundEvent) -> str:
    if not isinstance(event, EmailEvent):
        return f"{event.event_type} (message {event.message_id}){_reason(event.description)}"
    whose = f" for {event.recipient}" if event.recipient else ""
    code = f" {event.error_code}" if event.error_code else ""
    reason = event.description or event.mta_response if event.event_type in _FAILURES else None
    return f"{event.event_type}{code}{whose} (job {event.job_id}){_reason(reason)}"


def _reason(text: str | None) -> str:
    return f": {text}" if text else ""


def _dead_letter_line(letter: DeadLetter) -> str:
    path = f"{letter.path}: " if letter.path and letter.path not in (letter.reason or "") else ""
    return f"{letter.queue}: {letter.error or 'moved by SQS'}: {path}{letter.reason or 'no reason'}"
