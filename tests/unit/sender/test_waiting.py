"""What waits is a delayed copy on the queue, with the identity of the message that it replaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from sender.aws.send_queues import SendQueues
from sender.batch import process
from sender.rate.slots import QuotaExhausted, RetryAfter
from tests.unit.sender.answers import PAUSED, THROTTLED, UNANSWERED, UNREACHABLE, breaks
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import letter, newsletter
from tests.unit.sender.settings import (
    BULK_QUEUE,
    DAY,
    FUNCTION_SECONDS,
    JOBS_BUCKET,
    MESSAGE_BYTES,
    SEND_QUEUE,
    SETTINGS,
    START,
    VISIBILITY_SECONDS,
)
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600.0
JOBS = 1000


def paused(world: World) -> None:
    world.ses.calls = [PAUSED] * 100


def throttled(world: World) -> None:
    world.ses.calls = [THROTTLED] * JOBS


def in_doubt(world: World) -> None:
    world.ses.calls = [Lost(UNANSWERED)] * JOBS


def not_due(_world: World) -> None:
    """See `FIELDS`."""


def without_quota(world: World) -> None:
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count] * JOBS


def without_rate(world: World) -> None:
    world.pace.decisions = [lambda count: [RetryAfter(seconds=60.0)] * count] * JOBS


FIELDS: dict[Callable[[World], None], dict[str, Any]] = {not_due: {"send_at": START + 890}}


def die(world: World) -> list[dict[str, Any]]:
    """Deliver a batch to a worker that dies before it acknowledges; its process is gone with it."""
    answer = process(world.sender, world.queues.receive(), world.clock.now + FUNCTION_SECONDS)
    sqs: Any = world.queues
    urls = {SEND_QUEUE: SETTINGS.send_queue_url, BULK_QUEUE: SETTINGS.bulk_queue_url}
    world.sender = msgspec.structs.replace(world.sender, queues=SendQueues(sqs, urls))
    return list(answer["batchItemFailures"])


@pytest.mark.parametrize("wait", [paused, throttled, in_doubt, not_due, without_quota, without_rate])
def test_no_waiting_job_is_in_flight_and_due_jobs_of_both_lanes_are_sent(
    wait: Callable[[World], None],
) -> None:
    world = World()
    wait(world)
    bodies = [json.dumps(letter(f"a{number}", **FIELDS.get(wait, {}))) for number in range(JOBS)]
    for body in bodies:
        world.queues.put(body)
    for _ in range(JOBS // 10):
        world.deliver()
        assert world.queues.in_flight == 0
    assert (len(world.waiting), world.ses.sent_to if wait is not in_doubt else []) == (JOBS, [])
    assert {seconds > 0 for _, seconds in world.queues.delays} == {True}

    world.ses.calls, world.pace.decisions = [], []
    others = {"esp_extra": {"ConfigurationSetName": "alerts"}}
    for name, queue_arn in (("ann", SEND_QUEUE), ("bob", BULK_QUEUE)):
        world.queues.put(json.dumps(letter(name, **others)), queue_arn=queue_arn)
    world.deliver()
    assert world.ses.sent_to[-2:] == ["ann", "bob"]


@pytest.mark.parametrize("draw", [min, max])
def test_a_pause_of_12_days_costs_at_most_six_receives_an_hour_and_no_limit_ends_it(
    draw: Callable[[float, float], float],
) -> None:
    world = World()
    world.sender = msgspec.structs.replace(world.sender, uniform=draw)
    receives: list[float] = []
    world.ses.on_call = lambda: receives.append(world.clock.now)
    world.ses.calls = [PAUSED] * 10_000
    world.put(job_id=None)
    world.run(12 * DAY)
    begun = [moment for moment in receives if moment > START + HOUR]
    assert 4 * 24 * 11.9 <= len(begun) <= 6 * 24 * 12
    assert len(receives) > 1000
    world.ses.calls = []
    world.run(HOUR)
    assert [mail.job_id for mail in world.ses.mails] == ["sqs-0"]
    assert (world.queues.hidden, world.queues.messages, world.queues.dead) == ([], {}, [])


@pytest.mark.parametrize(
    "fields", [{"job_id": None}, newsletter(3), {"send_at": START + 600}], ids=["no id", "merge", "later"]
)
@pytest.mark.parametrize("together", [True, False])
def test_a_worker_that_dies_after_the_copies_sends_no_mail_twice(
    fields: dict[str, Any], *, together: bool
) -> None:
    world = World()
    world.ses.calls = [] if "send_at" in fields else [THROTTLED]
    world.put(**fields)
    assert die(world) == []
    assert world.waiting == ["sqs-0", "sqs-0"]
    if together:
        world.wait(600)
    world.run()
    recipients = ["c0", "c1", "c2"] if fields.get("job_id") else ["ann"]
    assert (world.ses.sent_to, world.recipients_of("queued")) == (recipients, recipients)
    assert {event["event_type"] for event in world.published} == {"queued"}
    assert len({mail.job_id for mail in world.ses.mails}) == 1
    assert (world.outcomes.count("duplicate"), world.queues.messages) == (1, {})


def test_a_worker_that_dies_after_the_copies_leaves_a_doubt_that_is_settled_once() -> None:
    world = World()
    world.ses.calls = [Lost(UNANSWERED)]
    world.put(job_id=None)
    assert die(world) == []
    world.report_sends()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert len({event["event_id"] for event in world.published}) == 1


def test_a_job_that_fails_from_both_messages_has_one_event_for_consumers() -> None:
    world = World()
    world.ses.calls = [PAUSED]
    world.put(expires_at=START + 600)
    die(world)
    world.ses.calls = [PAUSED] * 100
    world.run()
    assert (world.ses.sent_to, world.recipients_of("failed"), world.queues.messages) == ([], ["ann"], {})


def test_messages_do_not_multiply_if_every_worker_dies_after_the_copies() -> None:
    world = World()
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count] * 10_000
    world.put()
    for cycle in range(1, 40):
        while any(message.visible_at <= world.clock.now for message in world.queues.messages.values()):
            die(world)
        assert len(world.queues.messages) <= cycle + 1
        world.wait(901)
    world.pace.decisions = []
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


def test_messages_do_not_multiply_if_sqs_takes_copies_but_its_answers_are_lost() -> None:
    world = World()
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count] * 10_000
    take = world.queues.send_message_batch

    def lost(**call: Any) -> dict[str, Any]:
        take(**call)
        raise UNREACHABLE

    world.queues.send_message_batch = lost  # type: ignore[method-assign] # to break its answers
    world.put()
    for cycle in range(1, 40):
        while any(message.visible_at <= world.clock.now for message in world.queues.messages.values()):
            world.deliver()
        assert len(world.queues.messages) <= cycle + 1
        world.wait(901)
    world.queues.send_message_batch = take  # type: ignore[method-assign] # as it was
    world.pace.decisions = []
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


def test_a_message_whose_worker_died_is_copied_by_the_next_one_that_has_ended_a_batch() -> None:
    world = World()
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count] * 100
    world.put()
    world.queues.receive()
    world.wait(VISIBILITY_SECONDS)
    world.deliver()
    assert (world.queues.hidden, world.queues.delays) == (["sqs-0"], [])
    world.wait(900)
    world.deliver()
    assert (world.queues.hidden, world.queues.delays) == (["sqs-0"], [("sqs-0", 60)])


def test_only_the_messages_that_sqs_does_not_take_wait_in_flight() -> None:
    world = World()
    world.ses.calls = [THROTTLED] * 3
    world.queues.failing_entries = [{"1"}]
    for name in ("ann", "bob", "eve"):
        world.put(to=name)
    world.deliver()
    assert (world.queues.hidden, world.queues.in_flight) == (["sqs-1"], 1)
    assert sorted(world.queues.delays) == [("sqs-0", 2), ("sqs-2", 2)]
    world.run()
    assert (sorted(world.ses.sent_to), world.queues.messages) == (["ann", "bob", "eve"], {})


def test_a_message_that_cannot_be_hidden_either_waits_by_its_queues_visibility_timeout() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.queues.errors["send_message_batch"] = [UNREACHABLE]
    world.queues.errors["change_message_visibility"] = [UNREACHABLE]
    world.put()
    world.deliver()
    assert world.queues.messages["sqs-0"].visible_at == START + VISIBILITY_SECONDS
    assert "visibility timeout was not changed" in [line["message"] for line in world.log]
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_without_time_for_the_copies_the_messages_are_left_as_they_are() -> None:
    world = World()
    world.put()
    answer = process(world.sender, world.queues.receive(), world.clock.now + 5.0)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-0"}]}
    assert (world.queues.delays, world.queues.hidden, world.ses.requests) == ([], [], [])


def test_a_copy_keeps_its_part_its_tenant_and_its_lane() -> None:
    world = World()
    world.ses.answers = {"c0": ["ACCOUNT_THROTTLED"]}
    world.queues.put(json.dumps(letter(**newsletter(2))), queue_arn=BULK_QUEUE, part=3, group_id="tenant-7")
    world.deliver()
    [copy] = world.queues.messages.values()
    assert (copy.queue_arn, copy.group_id, copy.attribute("Part")) == (BULK_QUEUE, "tenant-7", "3")
    world.run()
    assert sorted(mail.entry or "" for mail in world.ses.mails) == ["3-0", "3-1"]


def test_a_job_with_no_room_for_the_attributes_waits_in_s3() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    body = json.dumps(letter(job_id=None, text="x"))
    body = body.replace('"x"', json.dumps("x" * (MESSAGE_BYTES - len(body) + 1)))
    assert len(body) == MESSAGE_BYTES
    world.queues.put(body)
    world.deliver()
    [copy] = world.queues.messages.values()
    assert set(json.loads(copy.body)) == {"job_id", "content_ref"}
    assert [bucket for bucket, _ in world.s3.objects] == [JOBS_BUCKET]
    world.run()
    assert [mail.job_id for mail in world.ses.mails] == ["sqs-0"]
    assert (world.queues.messages, world.queues.hidden) == ({}, [])


def test_a_job_with_no_room_waits_in_flight_without_s3() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.s3.errors = [UNREACHABLE]
    body = json.dumps(letter(text="x"))
    world.queues.put(body.replace('"x"', json.dumps("x" * (MESSAGE_BYTES - len(body) + 1))))
    world.deliver()
    assert world.queues.hidden == ["sqs-0"]
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


def test_an_unexpected_error_after_many_receives_is_the_jobs_first() -> None:
    world = World(max_attempts=3)
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count] * 50
    world.put()
    world.run(10 * HOUR)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sender.preparing.build_request", breaks)
        world.run(HOUR)
    assert (world.ses.sent_to, world.outcomes.count("unexpected")) == ([], 3)


def test_a_copy_that_sqs_dead_lettered_begins_anew_when_it_is_redriven() -> None:
    world = World()
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count] * 10
    world.put(job_id=None)
    world.deliver()
    [(_, copy)] = world.queues.messages.items()
    world.wait(14 * DAY)
    # as StartMessageMoveTask does: a new id and a new time, but the attributes are kept
    world.queues.messages = {"redriven": copy}
    copy.message_id, copy.sent_at, copy.receive_count = "redriven", world.clock.now, 0
    world.run(12 * HOUR)
    assert [mail.job_id for mail in world.ses.mails] == ["sqs-0"]
    assert (world.published[0]["event_type"], world.queues.dead) == ("queued", [])


def test_a_dead_letter_of_a_job_that_waited_begins_anew() -> None:
    world = World()
    world.ses.calls = [PAUSED] * 10_000
    world.put(job_id=None)
    world.run(14 * DAY)
    assert world.queues.messages == {}
    [dead] = world.queues.dead
    assert set(dead["MessageAttributes"]) == {"Error", "Reason", "Code", "OriginalMessageId", "Queue"}
    world.wait(5 * DAY)
    world.ses.calls = [PAUSED] * 10
    world.resend(dead)
    world.run(HOUR)
    world.ses.calls = []
    world.run(HOUR)
    assert [mail.job_id for mail in world.ses.mails] == ["sqs-0"]
