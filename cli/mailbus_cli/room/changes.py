"""What changed for open pages: each mail once, numbered so that a page goes on where it was. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailbus.timeline.mails import ReceivedMail, TimelineMail

#: Mails that are remembered for pages that were away; one that was away for more reads its list again.
KEPT: Final = 2_000
#: Seconds over which the rate is counted.
WINDOW: Final = 10.0


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that changed, by the id of its page: SES's message id, before SES accepted it the job's id."""

    id: str
    job: str | None = None
    list: Literal["sent", "received"] = "sent"


class Changes:
    """The newest changes. A mail that changes again is one change, at its last number."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._numbers: OrderedDict[Change, int] = OrderedDict()
        self._forgotten = 0
        self.number = 0

    def add(self, changes: Iterable[Change]) -> None:
        """Add changes in their order."""
        for change in changes:
            self.number += 1
            self._numbers.pop(change, None)
            self._numbers[change] = self.number
        while len(self._numbers) > self._kept:
            _, self._forgotten = self._numbers.popitem(last=False)

    def since(self, number: int) -> tuple[Change, ...] | None:
        """Return what changed after a number, oldest first; None if that is not known any more."""
        if not self._forgotten <= number <= self.number:
            return None
        found = []
        for change, at in reversed(self._numbers.items()):
            if at <= number:
                break
            found.append(change)
        return tuple(reversed(found))


class Rate:
    """How many mails came a second; times are seconds of one clock."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, now: float, mails: int) -> None:
        """Count mails that came now."""
        if mails:
            self._counts.append((now, mails))

    def a_second(self, now: float) -> float:
        """Return the rate over the last seconds; over fewer where mails came only since."""
        while self._counts and self._counts[0][0] < now - WINDOW:
            self._counts.popleft()
        if not self._counts:
            return 0.0
        # a burst is not spread over the time before it
        seconds = min(WINDOW, max(1.0, now - self._counts[0][0]))
        return sum(count for _, count in self._counts) / seconds


def sent_versions(mails: Iterable[TimelineMail]) -> dict[Change, str]:
    """Return messages, each with a text that changes with what is known of its mails."""
    versions: dict[Change, str] = {}
    for mail in mails:
        change = Change(id=mail.message_id or mail.job_id or mail.group, job=mail.job_id)
        seen = sorted((kind, one.at.isoformat()) for kind, one in mail.seen.items())
        versions[change] = versions.get(change, "") + repr((mail.recipient, seen))
    return versions


def received_versions(mails: Iterable[ReceivedMail]) -> dict[Change, str]:
    """Return received mails in the same way."""
    return {Change(id=mail.message_id, list="received"): mail.event_type for mail in mails}


def differing(before: Mapping[Change, str], now: Mapping[Change, str]) -> tuple[Change, ...]:
    """Return what is new or has changed, oldest first; both are newest first."""
    return tuple(change for change in reversed(tuple(now)) if before.get(change) != now[change])
