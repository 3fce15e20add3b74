"""States of an account's rate, and the ledger that holds one, for the tests of pacing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.errors import SendError
from sender.rate.gcra import RateState, RetryAfter, SendAt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sender.rate.gcra import Decision

NOW = 1_794_000_000.0


def known(rate: float = 10.0, *, reserved: float = 0.0, **changes: float | None) -> RateState:
    """Return the state of an account whose rate is reserved for so many seconds from now."""
    until = NOW + reserved
    state = RateState(max_send_rate=rate, read_at=NOW, reserved_until=until, bucket_full_at=until, version=7)
    return msgspec.structs.replace(state, **changes)


def idle(rate: float = 10.0) -> RateState:
    return known(rate, reserved=-60.0)


def due(decisions: Sequence[Decision]) -> list[float]:
    """Return when the mails that may be sent are due, in seconds from now."""
    return [round(decision.due - NOW, 3) for decision in decisions if isinstance(decision, SendAt)]


def waits(decisions: Sequence[Decision]) -> list[float]:
    """Return after how many seconds the other mails are tried again."""
    return [round(decision.seconds, 3) for decision in decisions if isinstance(decision, RetryAfter)]


class FakeRateStore:
    """The state in memory; `meanwhile` is what other workers write before this one does."""

    def __init__(self, state: RateState | None = None) -> None:
        self.state = state or RateState()
        self.meanwhile: list[Callable[[RateState], RateState]] = []
        self.calls: list[str] = []
        self.unreachable = False

    def read(self) -> RateState:
        self._call("read")
        return self.state

    def write(self, state: RateState) -> RateState | None:
        self._call("write")
        if self.meanwhile:
            others = self.meanwhile.pop(0)(self.state)
            self.state = msgspec.structs.replace(others, version=self.state.version + 1)
        if state.version != self.state.version + 1:
            return self.state
        self.state = state
        return None

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.unreachable:
            code, reason = "ProvisionedThroughputExceededException", "the ledger did not answer"
            raise SendError(code, reason, retryable=True)
