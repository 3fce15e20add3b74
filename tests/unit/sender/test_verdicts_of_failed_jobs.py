"""What becomes of a failed job by another delivery of its message, or by a message from the dead letters."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.sender.answers import UNANSWERED, UNREACHABLE
from tests.unit.sender.clock import moment
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import newsletter, people
from tests.unit.sender.world import World


def test_what_was_accepted_before_the_rest_of_a_merge_expired_has_its_events() -> None:
    world = World()
    world.put(**newsletter(3), expires_at=moment(1))
    # SES's answer is lost, so that two entries are known by SES's own events alone
    world.ses.calls = [Lost(UNANSWERED)]
    world.ses.answers = {"c2": ["TRANSIENT_FAILURE"]}
    world.deliver()
    world.report_sends()
    world.wait(1000)
    world.run()
    assert [len(world.recipients_of(kind)) for kind in ("queued", "failed")] == [2, 1]
    assert world.codes == ["Expired"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_job_that_failed_is_not_tried_again_by_the_message_that_brought_it(count: int) -> None:
    world = World()
    world.put(**newsletter(count))
    world.ses.answers = {name: ["MESSAGE_REJECTED"] for name in people(count)}
    # the dead letter is sent, and the answer is lost: the message is delivered again
    world.queues.errors = {"send_message": [UNREACHABLE]}
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == ([], {})
    assert len(world.recipients_of("rejected")) == count
    assert len(world.ses.requests) == 1
    # an operator's message of the same job is another try
    world.resend(world.queues.dead[-1])
    world.run()
    assert len(world.ses.sent_to) == count


def test_sent_again_from_the_dead_letter_queue_only_the_failed_recipients_get_a_message() -> None:
    world = World()
    world.ses.answers = {"c1": ["MESSAGE_REJECTED"]}
    world.put(**newsletter(3))
    world.deliver()
    world.resend(world.queues.dead.pop())
    world.run()
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [3, 1]
    assert sorted(world.ses.sent_to) == people(3)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_merge_without_an_id_stays_the_same_job_however_often_it_is_dead_lettered() -> None:
    world = World()
    world.ses.answers = {"c1": ["MESSAGE_REJECTED"] * 2}
    message_id = world.put(**newsletter(3, job_id=None))
    for _ in range(2):
        world.deliver()
        dead = world.queues.dead.pop()
        assert dead["MessageAttributes"]["OriginalMessageId"]["StringValue"] == message_id
        world.resend(dead)
    world.run()
    assert sorted(world.ses.sent_to) == people(3)
    assert {mail.job_id for mail in world.ses.mails} == {message_id}
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_part_in_the_dead_letter_queue_keeps_its_number_and_is_sent_again_alone() -> None:
    world = World()
    world.ses.answers = {"c60": ["MESSAGE_REJECTED"]}
    world.put(**newsletter(130))
    world.run(60)
    [dead] = world.queues.dead
    assert dead["MessageAttributes"]["Part"] == {"DataType": "Number", "StringValue": "1"}
    world.resend(dead)
    world.run(60)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(130), 1)
    assert [mail.entry for mail in world.ses.mails if mail.recipients[0] == "c60@example.org"] == ["1-10"]
