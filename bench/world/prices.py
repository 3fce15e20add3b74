"""What the sender costs for a million mails, of what a simulation measures.

What does not depend on the pacing is left out: SES, and what the client pays to put a job on the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk import lanes, limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.world.measures import Measures

# USD in us-east-1; the pages are those that docs/scale.md names
GB_SECOND: Final = 0.0000133334
MILLION_INVOCATIONS: Final = 0.20
MILLION_SQS_CALLS: Final = 0.40
MILLION_WRITE_UNITS: Final = 0.625
MILLION_READ_UNITS: Final = 0.125
MILLION_EVENTS: Final = 1.00
# Lambda receives a batch and deletes it
SQS_CALLS_OF_A_BATCH: Final = 2
# by the sender
EVENTS_OF_A_MAIL: Final = 1


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail uses on average: seconds of Lambda, units of DynamoDB, and how often it is received."""

    seconds: float
    write_units: float
    read_units: float = 0.0
    receives: float


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """USD for a million mails."""

    function: float
    table: float
    queue: float
    bus: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.function + self.table + self.queue + self.bus


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail used in the same simulation before workers reserved by additions, with so many workers."""

    rate: int
    workers: int
    note: str = ""
    usage: Usage


# A worker reserved by a conditional write, and wrote again if another had written meanwhile.
FORMER: Final = (
    Former(rate=14, workers=5, usage=Usage(seconds=0.355, write_units=3.19, receives=1.0)),
    Former(rate=14, workers=40, usage=Usage(seconds=2.78, write_units=3.69, receives=2.46)),
    Former(rate=100, workers=5, usage=Usage(seconds=0.048, write_units=3.21, receives=1.0)),
    Former(
        rate=1_000,
        workers=40,
        note=", at 73 % of the rate",
        usage=Usage(seconds=0.0528, write_units=4.37, receives=1.0),
    ),
)


def usage_of(measured: Measures) -> Usage:
    """Return what a mail used on average."""
    return Usage(
        seconds=measured.running,
        write_units=measured.write_units,
        read_units=measured.read_units,
        receives=measured.receives,
    )


def cost(usage: Usage) -> Cost:
    """Return what a million mails cost; a mail is received again in a batch that is as full as the first."""
    memory_gb = limits.SENDER_MEMORY_MB / 1024
    batches = usage.receives / lanes.BATCH
    return Cost(
        function=1e6 * usage.seconds * memory_gb * GB_SECOND + batches * MILLION_INVOCATIONS,
        table=usage.write_units * MILLION_WRITE_UNITS + usage.read_units * MILLION_READ_UNITS,
        queue=batches * SQS_CALLS_OF_A_BATCH * MILLION_SQS_CALLS,
        bus=EVENTS_OF_A_MAIL * MILLION_EVENTS,
    )


def rows(measured: Mapping[int, Measures]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the table of costs, of what is measured at each rate with its own workers."""
    for rate, found in measured.items():
        for former in FORMER:
            if former.rate == rate:
                yield _row(rate, f"before: {former.workers}{former.note}", former.usage)
        yield _row(rate, f"{lanes.workers(rate)}", usage_of(found))


def _row(rate: int, workers: str, usage: Usage) -> tuple[object, ...]:
    made = cost(usage)
    parts = (made.function, made.table, made.queue, made.bus)
    return (
        f"{rate:,}",
        workers,
        f"{usage.seconds:.3f} s",
        f"{usage.write_units:.2f}",
        f"{usage.receives:.2f}",
        *(f"{usd:.2f}" for usd in parts),
        f"**{made.total:.2f}**",
    )
