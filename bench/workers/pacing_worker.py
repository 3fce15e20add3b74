"""A worker of the comparison of pacing: it sends batches one after the other until a given time.

It prints how long its transactional mails had to wait, as JSON.
"""

from __future__ import annotations

import io
import random
import sys
import time
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from aws_lambda_powertools import Logger

from bench.support.jobs import FUNCTION_NAME, body, merge_body, record
from mailbus.aws.sqs import records
from sender import wiring
from sender.batch import process
from sender.rate.slots import RetryAfter, SendAt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.stages import Lane
    from sender.rate.pacer import Pacer
    from sender.rate.slots import Decision

Duty = Literal["transactional trickle", "bulk backlog", "merge backlog"]

BATCHES: Final = {"send": 10, "bulk": 100}
# of 50 recipients each
MERGES: Final = 10
FUNCTION_SECONDS: Final = 60.0
# the first mails are reserved before the rate is known
LEARNING_SECONDS: Final = 4.0


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """The duty of a worker; `until` in epoch seconds."""

    duty: Duty
    arns: dict[str, str]
    until: float
    mails_a_second: float


class RecordingPacer:
    """A pacer that records how long its transactional mails had to wait."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._began = time.time()
        self.waits: list[float] = []

    def largest_call(self) -> int:
        """Pass the call on."""
        return self._pacer.largest_call()

    def throttled(self) -> None:
        """Pass the call on."""
        self._pacer.throttled()

    def reserve(self, recipients: Sequence[int], lane: Lane) -> list[Decision]:
        """Pass the call on and record the waits."""
        asked = time.time()
        turns = self._pacer.reserve(recipients, lane)
        if lane == "transactional" and asked > self._began + LEARNING_SECONDS:
            self.waits += [max(turn.due, time.time()) - asked for turn in turns if isinstance(turn, SendAt)]
            self.waits += [turn.seconds for turn in turns if isinstance(turn, RetryAfter)]
        return turns


def main(assignment: Assignment) -> None:
    """Send batches until the time is over, then print the waits."""
    wired = wiring.wire(FUNCTION_NAME)
    recorder = RecordingPacer(wired.pacer)
    sender = msgspec.structs.replace(
        wired,
        pacer=recorder,
        log=Logger(service="sender-bench", stream=io.StringIO()),
        # metrics would be printed between the waits
        put_metric=lambda _name, _value: None,
        write_metrics=lambda: None,
    )
    lane = "send" if assignment.duty == "transactional trickle" else "bulk"
    due = time.time()
    while time.time() < assignment.until:
        jobs, job = BATCHES[lane], body
        if assignment.duty == "merge backlog":
            jobs, job = MERGES, merge_body
        if lane == "send":
            jobs, due = _arrivals(due, assignment.mails_a_second)
        event = {"Records": [record(assignment.arns[lane], job()) for _ in range(jobs)]}
        process(sender, records(event), time.time() + FUNCTION_SECONDS)
    sys.stdout.write(msgspec.json.encode(recorder.waits).decode())


def _arrivals(due: float, mails_a_second: float) -> tuple[int, float]:
    """Wait for the next mail; return how many have arrived by then, and when the one after them is due."""
    time.sleep(max(0.0, due - time.time()))
    jobs = 0
    while jobs < BATCHES["send"] and due <= time.time():
        due += random.expovariate(mails_a_second)
        jobs += 1
    return jobs, due


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Assignment))
