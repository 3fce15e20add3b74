from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from bench.world.clock import Clock
from bench.world.readers import Reader, ReaderCounts
from bench.world.sqs import Queue
from mailbus_cdk.limits import Limits
from tests.unit.bench_world.worlds import chance

LIMITS = Limits(memory_mb=256, timeout_seconds=20, batch_size=100, batch_window_seconds=1)
if TYPE_CHECKING:
    from bench.world.process import Process

ARN = "arn:aws:sqs:eu-west-1:123456789012:mailbus-sim-tracking"


class Reading:
    """A poller on a queue, and the batches that its function gets. `fails` are bodies that it returns."""

    def __init__(self, *, fails: tuple[str, ...] = ()) -> None:
        self.clock = Clock()
        self.queue = Queue(self.clock, chance(), arn=ARN, visibility=30)
        self.counts = ReaderCounts()
        self.batches: list[list[str]] = []
        self.durations: list[float] = []

        def function(process: Process, event: dict[str, Any]) -> dict[str, Any]:
            process.compute(0.01)
            records = event["Records"]
            self.batches.append([record["body"] for record in records])
            failed = [record["messageId"] for record in records if record["body"] in fails]
            return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

        reader = Reader(
            self.clock,
            chance(),
            queue=self.queue,
            limits=LIMITS,
            start=lambda process: functools.partial(function, process),
            counts=self.counts,
        )
        self.clock.spawn(reader.run)

    def run(self, seconds: float) -> None:
        self.clock.run(self.clock.now + seconds)


def test_a_full_batch_is_received_in_tens_and_deleted_in_tens() -> None:
    reading = Reading()
    for number in range(100):
        reading.queue.put(f"{number}")
    reading.run(5)
    assert [len(batch) for batch in reading.batches] == [100]
    assert (reading.counts.messages, reading.counts.requests) == (100, 20)
    assert reading.queue.messages == 0


def test_a_batch_that_does_not_fill_is_taken_when_its_window_is_over() -> None:
    reading = Reading()
    reading.queue.put("first")
    reading.clock.spawn(lambda: reading.queue.put("second"), after=0.5)
    reading.clock.spawn(lambda: reading.queue.put("third"), after=3)
    reading.run(2.5)
    assert reading.batches == [["first", "second"]]


def test_an_idle_queue_is_not_counted() -> None:
    reading = Reading()
    reading.run(100)
    assert reading.counts == ReaderCounts()


def test_a_request_of_more_than_64_kb_counts_as_more_than_one() -> None:
    reading = Reading()
    reading.queue.put("x" * 65_537)
    reading.run(5)
    small = Reading()
    small.queue.put("x")
    small.run(5)
    assert reading.counts.requests == small.counts.requests + 1


def test_a_message_that_fails_is_not_deleted() -> None:
    reading = Reading(fails=("bad",))
    for body in ("good", "bad"):
        reading.queue.put(body)
    reading.run(5)
    assert reading.queue.messages == 1


def test_a_function_with_a_seventh_of_a_processor_takes_seven_times_as_long() -> None:
    reading = Reading()
    reading.queue.put("one")
    reading.run(5)
    assert 0.06 < reading.counts.seconds < 0.08
