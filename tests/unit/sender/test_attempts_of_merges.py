from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.sender.answers import UNANSWERED, UNREACHABLE
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import newsletter, people
from tests.unit.sender.settings import DAY, START
from tests.unit.sender.world import World


def test_only_the_entries_with_temporary_errors_are_retried() -> None:
    world = World()
    world.ses.answers = {"c1": ["TRANSIENT_FAILURE"], "c3": ["ACCOUNT_THROTTLED", "ACCOUNT_THROTTLED"]}
    world.put(**newsletter(5))
    world.deliver()
    assert sorted(world.recipients_of("queued")) == ["c0", "c2", "c4"]
    assert world.waiting == ["sqs-0"]
    world.run()
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [5, 2, 1]
    assert sorted(world.ses.sent_to) == people(5)
    assert sorted(world.recipients_of("queued")) == people(5)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_permanently_failed_entries_have_an_event_each_and_one_dead_letter_at_the_end() -> None:
    world = World()
    world.ses.answers = {
        "c1": ["MESSAGE_REJECTED"] * 9,
        "c2": ["TRANSIENT_FAILURE"],
        "c3": ["TEMPLATE_NOT_FOUND"] * 9,
    }
    world.put(**newsletter(5))
    world.deliver()
    assert (world.recipients_of("rejected"), world.recipients_of("failed"), world.queues.dead) == (
        ["c1"],
        ["c3"],
        [],
    )
    world.run()
    assert sorted(world.ses.sent_to) == ["c0", "c2", "c4"]
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [5, 1]
    assert (world.recipients_of("rejected"), world.recipients_of("failed")) == (["c1"], ["c3"])
    assert len(world.queues.dead) == 1
    assert "2 of 5 recipients failed (MESSAGE_REJECTED, TEMPLATE_NOT_FOUND)" in world.reasons[0]
    assert world.queues.messages == {}


def test_entries_fail_after_their_last_attempt() -> None:
    world = World()
    world.ses.answers = {"c1": ["TRANSIENT_FAILURE"] * 20}
    world.put(**newsletter(3))
    world.run(DAY)
    assert len(world.ses.requests) == 5
    assert (sorted(world.recipients_of("queued")), world.recipients_of("failed")) == (["c0", "c2"], ["c1"])
    assert (len(world.queues.dead), world.queues.messages) == (1, {})


@pytest.mark.parametrize("on_unknown", ["resend", "fail"])
def test_a_bulk_call_without_an_answer_is_settled_by_its_events(on_unknown: str) -> None:
    world = World(on_unknown=on_unknown)
    world.ses.calls = [Lost(UNANSWERED)]
    world.put(**newsletter(50))
    world.deliver()
    assert (world.published, world.outcomes) == ([], ["unanswered"])
    world.report_sends()
    world.run()
    assert len(world.ses.requests) == 1
    assert sorted(world.recipients_of("queued")) == sorted(people(50))
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_entries_without_an_answer_wait_and_the_events_of_the_others_are_published_at_once() -> None:
    world = World()
    world.ses.answers = {"c1": [Lost(UNANSWERED)], "c2": ["NEW_STATUS"]}
    world.put(**newsletter(4))
    world.deliver()
    assert sorted(world.recipients_of("queued")) == ["c0", "c3"]
    assert world.record("job-news").open == (1, 2)
    world.report_sends()
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(4), 1)
    assert sorted(world.recipients_of("queued")) == people(4)


def test_the_events_of_an_earlier_delivery_are_repeated_once_the_bus_works_again() -> None:
    world = World()
    world.events.outages = [UNREACHABLE] * 4
    world.ses.answers = {"c1": ["TRANSIENT_FAILURE"], "c2": ["MESSAGE_REJECTED"]}
    world.put(**newsletter(4))
    world.deliver()
    assert world.published == []
    world.run()
    assert (sorted(world.recipients_of("queued")), world.recipients_of("rejected")) == (
        ["c0", "c1", "c3"],
        ["c2"],
    )
    assert (len(world.queues.dead), world.queues.messages) == (1, {})


def test_a_failure_in_a_merge_from_a_schedule_is_reported_though_the_bus_failed_first() -> None:
    world = World()
    world.put(**newsletter(2, send_at=START + DAY))
    world.deliver()
    world.come_due()
    world.ses.answers = {"c0": ["MESSAGE_REJECTED"], "c1": ["TRANSIENT_FAILURE", None]}
    world.events.outages = [UNREACHABLE] * 4
    world.run()
    assert (world.recipients_of("rejected"), world.recipients_of("queued")) == (["c0"], ["c1"])


def test_a_failure_in_a_merge_from_the_dead_letter_queue_is_reported_though_the_bus_failed_first() -> None:
    world = World()
    world.put(**newsletter(2))
    world.ses.answers = {
        "c0": ["MESSAGE_REJECTED"] * 2,
        "c1": ["INVALID_PARAMETER", "ACCOUNT_THROTTLED", None],
    }
    world.run()
    [dead] = world.queues.dead
    world.resend(dead)
    world.events.taken.clear()
    world.events.outages = [UNREACHABLE] * 4
    world.run()
    assert (world.recipients_of("rejected"), world.recipients_of("queued")) == (["c0"], ["c1"])


def test_entries_have_all_their_attempts_after_another_one_has_failed() -> None:
    world = World()
    world.pace.largest = 1
    world.put(**newsletter(3))
    world.ses.answers = {
        "c0": ["FAILED"] * 9,
        "c1": ["TRANSIENT_FAILURE", None],
        "c2": ["TRANSIENT_FAILURE", None],
    }
    world.run()
    assert (world.recipients_of("failed"), world.recipients_of("queued")) == (["c0"], ["c1", "c2"])


def test_an_entry_that_shares_a_call_with_a_failing_one_has_all_its_own_attempts() -> None:
    world = World()
    world.pace.largest = 1
    world.put(**newsletter(2))
    world.ses.answers = {"c0": ["FAILED"] * 9, "c1": ["TRANSIENT_FAILURE", None]}
    for _ in range(4):
        world.run(0)
        world.clock.now = min(message.visible_at for message in world.queues.messages.values())
    world.pace.largest = 50
    world.run()
    assert (world.recipients_of("failed"), world.recipients_of("queued")) == (["c0"], ["c1"])


def test_an_entry_beside_throttled_ones_fails_after_its_own_last_attempt() -> None:
    world = World(max_attempts=2)
    world.put(**newsletter(2))
    world.ses.answers = {"c0": ["FAILED"] * 9, "c1": [*["ACCOUNT_THROTTLED"] * 4, None]}
    world.run()
    assert (world.recipients_of("failed"), world.recipients_of("queued")) == (["c0"], ["c1"])
    assert world.ses.answers["c0"] == ["FAILED"] * 7


def test_a_merge_in_doubt_reports_no_unsent_recipient_as_failed() -> None:
    world = World(on_unknown="fail")
    world.pace.largest = 1
    world.put(**newsletter(2))
    world.wait(13 * DAY)
    world.ses.calls = [Lost(UNANSWERED)]
    world.deliver()
    assert (world.ses.sent_to, world.published) == (["c0"], [])
