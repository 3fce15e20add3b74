"""How many recipients SES accepted in each of the last seconds, and how many messages it throttled."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_SECONDS: Final = 900


class PaceState(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of the seconds before `until` (epoch seconds), oldest first; that second is not over yet.

    `recipients` are those accepted, `throttled` the messages refused because of the rate or the quota.
    """

    until: int
    recipients: tuple[int, ...]
    throttled: tuple[int, ...]


class _Second:
    def __init__(self, at: int) -> None:
        self.at = at
        self.recipients = 0
        self.throttled = 0


class PaceHistory:
    """The counts of the last 15 minutes. `clock` returns epoch seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds: deque[_Second] = deque()

    def add(self, *, recipients: int = 0, throttled: int = 0) -> None:
        """Count recipients of an accepted message, or throttled messages."""
        now = int(self._clock())
        while self._seconds and self._seconds[0].at < now - KEPT_SECONDS:
            self._seconds.popleft()
        # a clock that is set back does not change what was counted
        if not self._seconds or self._seconds[-1].at < now:
            self._seconds.append(_Second(now))
        self._seconds[-1].recipients += recipients
        self._seconds[-1].throttled += throttled

    def state(self) -> PaceState:
        """Return the counts."""
        until = int(self._clock())
        known = {second.at: second for second in self._seconds}
        found = [known.get(at) for at in range(until - KEPT_SECONDS, until)]
        return PaceState(
            until=until,
            recipients=tuple(second.recipients if second else 0 for second in found),
            throttled=tuple(second.throttled if second else 0 for second in found),
        )
