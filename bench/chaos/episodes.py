"""SES's own faults: each begins when a share of the load is in, and ends after a number of calls of SES."""

from __future__ import annotations

from typing import Any, Final

import msgspec


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
