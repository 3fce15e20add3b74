"""The account's limits: sending rate, daily quota, sending on or off.

Rate and quota count recipients (https://docs.aws.amazon.com/ses/latest/dg/quotas.html). The rate is a token
bucket with a capacity of one second of the rate. A message with more recipients is accepted if the bucket is
full, and leaves it negative: otherwise such a message could never be sent.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from mailbus_local.ses.errors import (
    CALLS_EXCEEDED,
    LIMIT_EXCEEDED,
    MESSAGE_REJECTED,
    QUOTA_EXCEEDED,
    RATE_EXCEEDED,
    SENDING_PAUSED,
    TEXTS,
    TOO_MANY_REQUESTS,
    SesError,
)
from mailbus_local.ses.state.pace import PaceHistory

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_SECONDS: Final = 86_400.0
UNLIMITED: Final = -1.0
GET_ACCOUNT_INTERVAL_SECONDS: Final = 1.0
BULK_CALL_INTERVAL_SECONDS: Final = 1.0
# In recipients: differences of epoch seconds lose that much precision.
TOLERANCE: Final = 0.001


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits that the control API sets. The rate is per second, the latency per call.

    With `limit_bulk_calls`, SendBulkEmail can be called once a second, as other actions of SES.
    """

    max_send_rate: Annotated[float, msgspec.Meta(gt=0)] = 200.0
    max_24_hour_send: Annotated[float, msgspec.Meta(ge=-1)] = 50_000.0
    sending_enabled: bool = True
    production_access: bool = True
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=600_000)] = 0.0
    limit_bulk_calls: bool = False
    enforcement_status: Literal["HEALTHY", "PROBATION", "SHUTDOWN"] = "HEALTHY"
    pricing_plan: Literal["NONE", "ESSENTIALS", "PRO", "ENTERPRISE"] = "NONE"


class Counters:
    """The number of messages accepted, throttled by the rate or the quota, and hit by a fault.

    `recipients` is the number of recipients of the accepted messages, which is what the rate counts.

    A call of SendBulkEmail over the limit of calls counts as one that is throttled.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.recipients = 0
        self.throttled = 0
        self.faulted = 0


class Account:
    """The account's limits and usage. `clock` returns seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.counters = Counters()
        self.pace = PaceHistory(clock)
        self._clock = clock
        self._tokens = self._capacity
        self._filled_at = clock()
        self._sent: deque[tuple[float, int]] = deque()
        self._sent_total = 0
        self._get_account_at = float("-inf")
        self._bulk_call_at = float("-inf")

    @property
    def _capacity(self) -> float:
        """The capacity: one second of the rate, at least one recipient."""
        return max(self.limits.max_send_rate, 1.0)

    def change(self, limits: Limits, sent_last_24_hours: int | None) -> None:
        """Set new limits. A new rate starts with a full bucket."""
        new_rate = limits.max_send_rate != self.limits.max_send_rate
        self.limits = limits
        if new_rate:
            self._tokens, self._filled_at = self._capacity, self._clock()
        if sent_last_24_hours is not None:
            self._sent.clear()
            self._sent_total = sent_last_24_hours
            self._sent.append((self._clock(), sent_last_24_hours))

    def sent_last_24_hours(self) -> int:
        """Return the recipients of the last 24 hours, without those of the mailbox simulator."""
        oldest = self._clock() - DAY_SECONDS
        while self._sent and self._sent[0][0] <= oldest:
            self._sent_total -= self._sent.popleft()[1]
        return self._sent_total

    def require_enabled(self) -> None:
        """Raise if sending is paused: AWS's own pause has another code than that of the account's user."""
        if self.limits.enforcement_status == "SHUTDOWN":
            raise SesError(MESSAGE_REJECTED, TEXTS[SENDING_PAUSED])
        if not self.limits.sending_enabled:
            raise SesError(SENDING_PAUSED, TEXTS[SENDING_PAUSED])

    def admit(self, recipients: int, counted: int) -> None:
        """Accept a message, or raise. `counted` is the number of recipients that count towards the quota."""
        self.require_enabled()
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self.limits.max_send_rate)
        self._filled_at = now
        quota = self.limits.max_24_hour_send
        if quota != UNLIMITED and counted and self.sent_last_24_hours() + counted > quota:
            self._count_throttled()
            # SES's second API has another code for it than for the rate: the tests of the SES driver in
            # https://github.com/twentyhq/twenty
            raise SesError(LIMIT_EXCEEDED, QUOTA_EXCEEDED)
        if self._tokens + TOLERANCE < min(recipients, self._capacity):
            self._count_throttled()
            raise SesError(TOO_MANY_REQUESTS, RATE_EXCEEDED)
        self._tokens -= recipients
        self._sent.append((now, counted))
        self._sent_total += counted
        self.counters.accepted += 1
        self.counters.recipients += recipients
        self.pace.add(recipients=recipients)

    def count_get_account(self) -> None:
        """Raise if `GetAccount` is called more than once a second."""
        now = self._clock()
        if now - self._get_account_at < GET_ACCOUNT_INTERVAL_SECONDS:
            raise SesError(TOO_MANY_REQUESTS, CALLS_EXCEEDED)
        self._get_account_at = now

    def count_bulk_call(self) -> None:
        """Raise if the calls of SendBulkEmail are limited, and the last one was less than a second ago."""
        if not self.limits.limit_bulk_calls:
            return
        now = self._clock()
        if now - self._bulk_call_at < BULK_CALL_INTERVAL_SECONDS:
            self._count_throttled()
            raise SesError(TOO_MANY_REQUESTS, CALLS_EXCEEDED)
        self._bulk_call_at = now

    def _count_throttled(self) -> None:
        self.counters.throttled += 1
        self.pace.add(throttled=1)
