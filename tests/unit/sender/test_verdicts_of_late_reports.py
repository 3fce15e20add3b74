from __future__ import annotations

from mailbus.ledger.tracking_health import note_processed
from tests.unit.fakes.dynamodb import refused
from tests.unit.sender.answers import UNANSWERED
from tests.unit.sender.world import World


def test_a_mail_in_doubt_is_not_sent_again_while_its_report_may_be_on_the_queue() -> None:
    world = World()
    world.ses.calls = [UNANSWERED]
    world.reports.in_flight = 1
    world.put()
    world.run(2 * 60 * 60)
    assert len(world.ses.requests) == 1
    world.reports.in_flight = 0
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_reports_of_others_do_not_keep_a_mail_in_doubt_while_tracking_keeps_up() -> None:
    world = World()
    world.ses.calls = [UNANSWERED]
    world.reports.in_flight = 1000
    world.put()
    for _ in range(30):
        note_processed(world.table, world.clock.now, world.clock.now)
        world.run(0)
        world.wait(10)
    assert world.ses.sent_to == ["ann"]


def test_a_mail_in_doubt_is_not_given_up_while_its_report_may_be_on_the_queue() -> None:
    world = World(on_unknown="fail")
    world.ses.calls = [UNANSWERED]
    world.reports.in_flight = 1
    world.put()
    world.run(2 * 60 * 60)
    assert world.recipients_of("failed") == []


def test_a_mail_in_doubt_waits_while_the_tracking_queue_cannot_be_read() -> None:
    world = World()
    world.ses.calls = [UNANSWERED]
    world.reports.error = refused("InternalFailure", "GetQueueAttributes")
    world.put()
    world.run(2 * 60 * 60)
    assert len(world.ses.requests) == 1
    world.reports.error = None
    world.run()
    assert world.ses.sent_to == ["ann"]
