from __future__ import annotations

import json

from mailbus.metrics import SENDING_PAUSED
from sender.pauses import PROBE_SECONDS, Pauses
from sender.retries import DELAYS
from sender.ses.errors import classify
from tests.unit.sender.answers import PAUSED
from tests.unit.sender.jobs import letter, newsletter
from tests.unit.sender.settings import BULK_QUEUE, START
from tests.unit.sender.world import World

SHOP, ALERTS = ("shop", ""), ("alerts", "")
# by then all have come again, and one may ask
LATER = max(PROBE_SECONDS, DELAYS["paused"].first)
IS_PAUSED = classify("SendingPausedException", "", 400)
THROTTLED = classify("TooManyRequestsException", "", 429)


def test_what_was_never_paused_is_called() -> None:
    assert Pauses().steps([SHOP, SHOP, ALERTS], START) == ["call", "call", "call"]


def test_after_a_pause_of_one_scope_the_calls_of_others_are_made() -> None:
    pauses = Pauses()
    pauses.note(SHOP, [IS_PAUSED], START)
    assert pauses.steps([SHOP, ALERTS, ("shop", "tenant-7")], START + 1) == ["paused", "call", "call"]


def test_one_call_asks_again_and_those_behind_it_wait_for_its_answer() -> None:
    pauses = Pauses()
    pauses.note(SHOP, [IS_PAUSED], START)
    later = START + PROBE_SECONDS
    assert pauses.steps([SHOP, ALERTS, SHOP, SHOP], later) == ["probe", "call", "after", "after"]
    # it may not have been made
    assert pauses.steps([SHOP], later) == ["probe"]
    pauses.note(SHOP, [IS_PAUSED], later)
    assert pauses.steps([SHOP], later + 1) == ["paused"]


def test_any_other_answer_ends_a_pause_but_no_answer_does_not() -> None:
    pauses = Pauses()
    pauses.note(SHOP, [IS_PAUSED], START)
    pauses.note(SHOP, [], START)
    assert pauses.steps([SHOP], START) == ["paused"]
    pauses.note(SHOP, [THROTTLED], START)
    assert pauses.steps([SHOP], START) == ["call"]
    pauses.note(SHOP, [IS_PAUSED, "0102018f-000001"], START)
    assert pauses.steps([SHOP], START) == ["paused"]


def test_thousands_of_paused_jobs_cost_one_call_in_10_seconds_and_no_write_to_the_ledger() -> None:
    world = World()
    world.ses.calls = [PAUSED] * 100
    for number in range(1000):
        world.queues.put(json.dumps(letter(f"a{number}")), queue_arn=BULK_QUEUE)
    for _ in range(100):
        world.deliver()
    assert (len(world.ses.requests), len(world.records)) == (10, 10)
    assert sum(world.measured(SENDING_PAUSED)) == 1000
    world.wait(LATER)
    for _ in range(100):
        world.deliver()
    assert len(world.ses.requests) == 11
    assert len(world.waiting) == 1000


def test_jobs_follow_in_the_delivery_in_which_ses_accepts_one_again() -> None:
    world = World()
    world.ses.calls = [PAUSED] * 5
    for number in range(5):
        world.put(to=f"a{number}")
    world.deliver()
    world.wait(LATER)
    world.deliver()
    assert sorted(world.ses.sent_to) == [f"a{number}" for number in range(5)]
    assert len(world.ses.requests) == 10


def test_a_pause_of_one_configuration_set_delays_no_job_of_another() -> None:
    world = World()
    world.ses.calls = [PAUSED]
    world.put(to="ann")
    world.deliver()
    world.put(to="bob")
    world.put(to="eve", esp_extra={"ConfigurationSetName": "alerts"})
    world.put(to="tom", esp_extra={"TenantName": "tenant-7"})
    world.deliver()
    assert sorted(world.ses.sent_to) == ["eve", "tom"]


def test_a_paused_merge_keeps_what_was_sent_and_continues() -> None:
    world = World()
    world.pace.largest = 1
    world.ses.answers = {"c1": ["CONFIGURATION_SET_SENDING_PAUSED"]}
    world.put(**newsletter(3))
    world.deliver()
    assert world.ses.sent_to == ["c0"]
    world.put(to="ann")
    world.deliver()
    assert world.ses.sent_to == ["c0"]
    world.run()
    assert sorted(world.ses.sent_to) == ["ann", "c0", "c1", "c2"]


def test_a_job_that_expires_while_sending_is_paused_is_reported_at_its_time() -> None:
    world = World()
    world.ses.calls = [PAUSED] * 100
    world.put(to="ann")
    world.deliver()
    world.put(to="bob", expires_at=START + 20)
    world.deliver()
    world.run(20)
    assert world.recipients_of("failed") == ["bob"]
