from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailbus.metrics import WAITING_JOB_SECONDS
from sender.rate.slots import QuotaExhausted, RetryAfter
from tests.unit.sender.answers import refusal
from tests.unit.sender.jobs import letter
from tests.unit.sender.settings import BULK_QUEUE
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from sender.rate.slots import Decision


def waited(world: World) -> list[float]:
    return world.measured(WAITING_JOB_SECONDS)


def no_quota(count: int) -> list[Decision]:
    return [QuotaExhausted() for _ in range(count)]


def no_rate(count: int) -> list[Decision]:
    return [RetryAfter(seconds=3600.0) for _ in range(count)]


@pytest.mark.parametrize("decide", [no_quota, no_rate])
def test_the_longest_wait_of_the_jobs_that_cannot_be_sent_is_measured_once_for_a_batch(
    decide: Callable[[int], list[Decision]],
) -> None:
    world = World()
    world.put(to="ann")
    world.wait(1000)
    world.put(to="bob")
    world.wait(20)
    world.pace.decisions = [decide]
    world.deliver()
    assert waited(world) == [1020]


def test_a_job_that_ses_throttles_waits() -> None:
    world = World()
    world.put()
    world.wait(60)
    world.ses.calls = [refusal("ThrottlingException", status=429)]
    world.deliver()
    assert waited(world) == [60]


def test_a_job_that_the_ledger_cannot_take_waits() -> None:
    world = World()
    world.put()
    world.wait(60)
    world.dynamodb.errors = [refusal("InternalServerError", status=500)] * 10
    world.deliver()
    assert waited(world) == [60]


def test_jobs_with_files_in_s3_are_part_of_the_one_measurement() -> None:
    world = World()
    stored = {"content_type": "text/plain", "s3": {"bucket": "shop-invoices", "key": "1"}}
    for name in ("ann", "bob"):
        world.put(to=name, attachments=[{"filename": "a.txt", **stored}])
        world.wait(30)
    world.s3.errors = [refusal("SlowDown", status=503, operation="GetObject")] * 2
    world.deliver()
    assert waited(world) == [60]


def test_nothing_is_measured_if_every_job_is_done() -> None:
    world = World()
    world.put(to="ann")
    world.put(to="bob", subject=None, text=None)
    world.wait(5000)
    world.deliver()
    assert waited(world) == []


def test_a_job_that_is_not_due_does_not_wait() -> None:
    world = World()
    world.put(send_at=world.clock.now + 800)
    world.wait(700)
    world.deliver()
    assert waited(world) == []


def test_a_delayed_job_waits_from_when_it_was_due() -> None:
    world = World()
    world.put(send_at=world.clock.now + 800)
    world.deliver()
    world.wait(807)
    world.pace.decisions = [no_quota]
    world.deliver()
    assert waited(world) == [7]


def test_bulk_mail_may_wait() -> None:
    world = World()
    world.queues.put(json.dumps(letter()), queue_arn=BULK_QUEUE)
    world.wait(5000)
    world.pace.decisions = [no_quota]
    world.deliver()
    assert waited(world) == []
