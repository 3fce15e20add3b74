from __future__ import annotations

import json
from typing import Any

from sender.dispatch import BEGIN_SECONDS
from tests.unit.sender.answers import REJECTED, UNANSWERED, refusal
from tests.unit.sender.jobs import letter, newsletter
from tests.unit.sender.settings import BULK_QUEUE, SETTINGS
from tests.unit.sender.world import World


def bulk(world: World, **job: Any) -> None:
    world.queues.put(json.dumps(letter(**job)), queue_arn=BULK_QUEUE)


def test_mails_that_ses_accepted_are_counted_by_lane_each_recipient_as_one() -> None:
    world = World()
    world.put(to=["ann", "bob"], job_id="job-two")
    world.put(**newsletter(3))
    bulk(world, to="cid")
    world.deliver()
    assert sum(world.measured("TransactionalMails")) == 2 + 3
    assert sum(world.measured("BulkMails")) == 1


def test_what_ses_refuses_is_not_counted_as_a_mail() -> None:
    world = World()
    world.ses.calls = [REJECTED]
    world.put()
    world.deliver()
    assert world.measured("TransactionalMails") == []
    assert world.measured("RejectedEvents") == [1]


def test_a_job_that_was_sent_before_is_not_counted_again() -> None:
    world = World()
    for _ in range(2):
        world.put()
        world.deliver()
    assert world.measured("TransactionalMails") == [1]


def test_recipients_that_are_not_sent_to_are_counted_as_their_events_are() -> None:
    world = World()
    world.put(to="ann", subject=None, text=None)
    world.put(to=["bob", "cid"], job_id="job-late", expires_at=world.clock.now - 60)
    world.deliver()
    assert sum(world.measured("FailedEvents")) == 1 + 2


def test_a_mail_without_an_answer_is_in_doubt_until_its_event_comes() -> None:
    world = World()
    world.ses.calls = [UNANSWERED]
    world.put()
    world.deliver()
    assert world.measured("DoubtfulJobs") == [1]
    [at_first] = world.measured("DoubtSeconds")
    assert at_first <= BEGIN_SECONDS + SETTINGS.ses_seconds
    world.run(30)
    ages = world.measured("DoubtSeconds")
    assert ages == sorted(ages)
    assert len(ages) == len(world.measured("DoubtfulJobs")) > 1
    assert ages[-1] > at_first
    world.report_sends()
    world.run()
    assert len(world.measured("DoubtSeconds")) <= len(ages) + 1
    assert world.queues.messages == {}


def test_a_job_that_waits_for_something_else_is_not_in_doubt() -> None:
    world = World()
    world.ses.calls = [refusal("ThrottlingException", status=429)]
    world.put()
    world.deliver()
    assert world.measured("DoubtfulJobs") == []


def test_a_batch_writes_its_metrics_once() -> None:
    world = World()
    world.put(to="ann")
    world.put(to="bob")
    bulk(world, to="cid")
    world.deliver()
    assert world.lines == 1
