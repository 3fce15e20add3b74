"""SES's own faults: each begins when a share of the load is in, and ends after a number of calls of SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A change of SES's account, and faults of its calls, from a share of the load (0 to 1) on.

    It ends, with all calls that it is for, after `calls` calls of SES.
    """

    name: str
    share: float
    calls: int
    account: dict[str, Any] = {}
    faults: tuple[dict[str, Any], ...] = ()


def _faults(error: str, count: int, *, after_accept: bool = False) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"operation": operation, "error": error, "count": number, "after_accept": after_accept}
        for operation, number in (("SendEmail", count), ("SendBulkEmail", max(1, count // 10)))
    )


class Ses(Protocol):
    """What episodes need of the simulated SES."""

    def account(self) -> dict[str, Any]:
        """Return the state of the account."""

    def change_account(self, changes: Mapping[str, Any]) -> None:
        """Change the account."""

    def add_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Let calls fail."""

    def clear_faults(self) -> None:
        """End the faults that have not happened yet."""


class Player:
    """Plays episodes one after the other, in the sizes of a `scale`; `calls` counts those of SES so far."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        ses: Ses,
        *,
        calls: Callable[[], int],
        scale: float,
        report: Callable[[str], None],
    ) -> None:
        self.played: list[str] = []
        self._left = list(episodes)
        self._ses = ses
        self._calls = calls
        self._scale = scale
        self._report = report
        self._ends_at: int | None = None
        self._before: dict[str, Any] = {}

    @property
    def done(self) -> bool:
        """Whether all episodes have ended."""
        return not self._left

    def advance(self, share: float) -> None:
        """End the episode that has had its calls; begin the next one if this share of the load is in."""
        if self._ends_at is not None and self._calls() >= self._ends_at:
            self._end(self._left.pop(0))
        if self._ends_at is None and self._left and self._left[0].share <= share:
            self._begin(self._left[0])

    def _begin(self, episode: Episode) -> None:
        calls = max(2, round(episode.calls * self._scale))
        self._report(f"{episode.name}, for {calls} calls")
        self._before = self._ses.account()
        self._ses.change_account(episode.account)
        self._ses.add_faults(
            [{**fault, "count": max(1, round(fault["count"] * self._scale))} for fault in episode.faults]
        )
        self._ends_at = self._calls() + calls

    def _end(self, episode: Episode) -> None:
        self._ses.change_account({name: self._before[name] for name in episode.account})
        self._ses.clear_faults()
        self._ends_at = None
        self.played.append(episode.name)


#: The rates are those of an account with production access, and of a new one; the read time-out is 15 s.
EPISODES: Final = (
    Episode(name="SES throttles", share=0.08, calls=150, faults=_faults("TooManyRequestsException", 100)),
    Episode(
        name="SES cuts answers after it accepted",
        share=0.18,
        calls=200,
        faults=_faults("ConnectionReset", 60, after_accept=True),
    ),
    Episode(name="SES breaks connections", share=0.24, calls=100, faults=_faults("ConnectionReset", 30)),
    Episode(name="SES takes 16 s", share=0.32, calls=80, account={"latency_ms": 16_000}),
    Episode(name="sending is paused", share=0.45, calls=12, account={"sending_enabled": False}),
    Episode(
        name="SES answers with errors",
        share=0.52,
        calls=100,
        faults=(
            *_faults("InternalServiceErrorException", 30),
            {"operation": "SendBulkEmail", "error": "TRANSIENT_FAILURE", "count": 20},
            {"operation": "SendBulkEmail", "error": "ACCOUNT_THROTTLED", "count": 20},
        ),
    ),
    Episode(name="the rate falls to 14 a second", share=0.6, calls=150, account={"max_send_rate": 14}),
    Episode(name="the rate rises to 500 a second", share=0.7, calls=300, account={"max_send_rate": 500}),
)
