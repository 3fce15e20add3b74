from __future__ import annotations

import pytest

from tests.unit.fakes.dynamodb import refused
from tests.unit.sender.answers import REJECTED, UNANSWERED, UNREACHABLE, breaks
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.world import World


@pytest.mark.parametrize(
    "error",
    [UNREACHABLE, refused("ProvisionedThroughputExceededException"), refused("AccessDeniedException")],
)
def test_without_the_ledger_nothing_is_sent_and_all_is_requeued(error: Exception) -> None:
    world = World()
    world.dynamodb.errors = [error] * 3
    world.put(to="ann")
    world.put(to="bob")
    world.deliver()
    assert (world.ses.requests, world.published, len(world.queues.messages)) == ([], [], 2)
    world.run()
    assert sorted(world.ses.sent_to) == ["ann", "bob"]
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_without_the_ledger_a_redelivered_message_is_not_sent() -> None:
    world = World()
    message_id = world.put()
    world.queues.messages[message_id].receive_count = 1
    world.dynamodb.errors = [UNREACHABLE]
    world.deliver()
    assert (world.ses.requests, world.waiting) == ([], [message_id])


def test_a_mail_that_could_not_be_saved_has_its_event_and_is_not_sent_again() -> None:
    world = World()
    world.dynamodb.errors = [None, UNREACHABLE]
    world.put()
    world.deliver()
    assert (world.recipients_of("queued"), world.queues.messages) == (["ann"], {})
    assert "job was not saved in the ledger" in [line["message"] for line in world.log]
    world.report_sends()
    world.put()
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


def test_without_the_bus_an_accepted_mail_is_not_sent_again_and_has_its_event_later() -> None:
    world = World()
    world.events.outages = [UNREACHABLE] * 8
    world.put()
    world.deliver()
    assert (world.ses.sent_to, world.published, len(world.queues.messages)) == (["ann"], [], 1)
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert world.published[0]["message_id"] == world.ses.mails[0].message_id


def test_a_failure_is_reported_and_dead_lettered_once_the_bus_works_again() -> None:
    world = World()
    world.events.outages = [UNREACHABLE] * 4
    world.ses.calls = [REJECTED, REJECTED]
    world.put()
    world.deliver()
    assert (world.published, world.queues.dead, len(world.queues.messages)) == ([], [], 1)
    world.run()
    assert (world.recipients_of("rejected"), len(world.queues.dead), world.queues.messages) == (
        ["ann"],
        1,
        {},
    )


def test_without_the_dead_letter_queue_a_failed_job_stays_in_its_queue() -> None:
    world = World()
    world.queues.errors["send_message"] = [UNREACHABLE, UNREACHABLE]
    world.queues.put("not JSON")
    world.deliver()
    assert (world.queues.dead, len(world.queues.messages)) == ([], 1)
    world.run()
    assert (len(world.queues.dead), world.queues.messages) == (1, {})
    assert len({event["event_id"] for event in world.published}) == 1


@pytest.mark.parametrize("method", ["save", "release_lease", "find", "claim"])
def test_an_unexpected_error_of_the_ledger_loses_no_mail_and_sends_none_twice(method: str) -> None:
    world = World()
    world.put()
    world.ses.calls = [Lost(UNANSWERED)] if method == "release_lease" else []
    setattr(world.ledger, method, breaks)
    world.deliver()
    world.deliver()
    delattr(world.ledger, method)
    world.report_sends()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_an_unexpected_error_of_the_bus_loses_no_event() -> None:
    world = World()
    world.put()
    world.events.outages = [ZeroDivisionError()]
    world.deliver()
    assert world.waiting == ["sqs-0"]
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued")) == (["ann"], ["ann"])
