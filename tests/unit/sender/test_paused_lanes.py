"""A lane that the guard or somebody has paused: its jobs wait, and cost little."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailbus.metrics import LANE_PAUSED, SENDING_PAUSED
from sender.pauses import PROBE_SECONDS
from sender.rate.slots import LanePaused, SendAt
from tests.unit.sender.answers import PAUSED
from tests.unit.sender.jobs import letter, newsletter
from tests.unit.sender.settings import BULK_QUEUE, START
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from sender.rate.slots import Decision

DAYS = 24 * 60 * 60


def paused(count: int) -> list[Decision]:
    return [LanePaused()] * count


def put_bulk(world: World, count: int) -> None:
    for number in range(count):
        world.queues.put(json.dumps(letter(f"a{number}")), queue_arn=BULK_QUEUE)


def test_jobs_of_a_paused_lane_are_neither_claimed_nor_sent_and_burn_no_attempts() -> None:
    world = World()
    world.pace.decisions = [paused]
    put_bulk(world, 10)
    world.deliver()
    assert (world.ses.requests, world.records, world.published) == ([], [], [])
    assert world.metrics == [(LANE_PAUSED, 10)]
    assert len(world.waiting) == 10
    world.run()
    assert len(world.ses.sent_to) == 10
    assert all(record.attempts == {} and record.tries == {} for record in world.records)


def test_a_batch_of_a_paused_lane_makes_one_reservation_and_one_look_at_the_ledger() -> None:
    world = World()
    put_bulk(world, 10)
    world.pace.decisions = [paused] * 2
    world.deliver()
    world.wait(15)
    world.pace.reserved.clear()
    world.dynamodb.calls.clear()
    world.deliver()
    assert world.pace.reserved == [([1] * 10, "bulk")]
    assert world.dynamodb.calls == [("BatchGetItem", 10)]


def test_jobs_wait_for_days_and_are_no_dead_letters() -> None:
    world = World()
    put_bulk(world, 1)
    world.pace.decisions = [paused] * 2000
    world.run(10 * DAYS)
    assert world.queues.dead == []
    used = 2000 - len(world.pace.decisions)
    # once in 10 to 15 minutes: the jitter takes its upper bound here
    assert 10 * 24 * 4 <= used <= 10 * 24 * 4 + 10
    world.pace.decisions.clear()
    world.run()
    assert world.ses.sent_to == ["a0"]


def test_a_job_that_expires_while_its_lane_is_paused_is_reported_at_its_time() -> None:
    world = World()
    world.pace.decisions = [paused] * 100
    world.queues.put(json.dumps(letter("bob", expires_at=START + 20)), queue_arn=BULK_QUEUE)
    world.run(20)
    assert world.recipients_of("failed") == ["bob"]
    assert world.ses.requests == []


def test_a_merge_that_was_begun_keeps_what_was_sent_and_continues() -> None:
    world = World()
    world.pace.largest = 1
    world.pace.decisions = [lambda count: [SendAt(due=world.clock.now)] * count, paused]
    world.queues.put(json.dumps(letter(**newsletter(3))), queue_arn=BULK_QUEUE)
    world.deliver()
    assert world.ses.sent_to == ["c0"]
    (record,) = world.records
    assert (record.lease_until, dict(record.attempts), record.open) == (0, {}, ())
    world.run()
    assert sorted(world.ses.sent_to) == ["c0", "c1", "c2"]


def test_a_duplicate_in_the_batch_waits_too() -> None:
    world = World()
    world.pace.decisions = [paused] * 2
    for _ in range(2):
        world.queues.put(json.dumps(letter("ann")), queue_arn=BULK_QUEUE)
    world.deliver()
    assert len(world.waiting) == 2
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_paused_lane_does_not_ask_ses_whether_it_has_resumed_sending() -> None:
    world = World()
    world.ses.calls = [PAUSED] * 10
    put_bulk(world, 10)
    world.deliver()
    world.wait(max(PROBE_SECONDS, 15))
    world.pace.decisions = [paused]
    requests = len(world.ses.requests)
    world.deliver()
    # neither the job that would ask, nor those that wait for its answer
    assert len(world.ses.requests) == requests
    assert world.pace.decisions == []
    assert world.metrics == [(SENDING_PAUSED, 10), (LANE_PAUSED, 10)]
