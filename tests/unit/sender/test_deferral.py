from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sender.batch import process
from tests.unit.sender.answers import UNREACHABLE, refusal
from tests.unit.sender.jobs import newsletter, people
from tests.unit.sender.settings import DAY, FUNCTION_SECONDS, JOBS_BUCKET, SEND_QUEUE, SETTINGS, START
from tests.unit.sender.world import World

# what SQS refuses in a message, though JSON allows it
UNSENDABLE = "\ufffe\uffff"
BUCKET = "shop-invoices"
PDF = b"%PDF-1.7 of invoice 17"


def test_characters_that_sqs_refuses_are_escaped_in_a_schedule() -> None:
    world = World()
    world.put(text=f"Hello {UNSENDABLE}", send_at=START + DAY)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    body = schedule["Target"]["Input"]
    assert json.loads(body)["text"] == f"Hello {UNSENDABLE}"
    assert not any(character in body for character in UNSENDABLE)


def test_a_job_that_is_due_soon_waits_in_its_queue() -> None:
    world = World()
    world.put(send_at=START + 600)
    world.deliver()
    assert (world.ses.requests, world.queues.delays, world.scheduler.schedules) == ([], [("sqs-0", 600)], {})
    assert (world.record().state, world.record().due) == ("scheduled", START + 600)
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert world.clock.now == START + 600


def test_a_job_is_not_sent_in_the_second_before_it_is_due() -> None:
    world = World()
    world.put(send_at=START + 0.5)
    world.deliver()
    assert (world.ses.requests, world.queues.delays) == ([], [("sqs-0", 1)])
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


@pytest.mark.parametrize("send_at", [START - 3600, START, "2026-11-22T13:00:00+02:00"])
def test_a_job_that_is_due_is_sent_at_once(send_at: float | str) -> None:
    world = World()
    world.put(send_at=send_at)
    world.deliver()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


def test_a_job_for_a_later_day_is_put_on_a_schedule_that_runs_once() -> None:
    world = World()
    world.put(send_at=START + 90 * DAY + 0.5)
    world.deliver()
    assert (world.ses.requests, world.queues.messages) == ([], {})
    [schedule] = world.scheduler.schedules.values()
    assert schedule["ScheduleExpression"] == "at(2027-02-20T12:00:01)"
    assert (schedule["ActionAfterCompletion"], schedule["GroupName"]) == ("DELETE", "mailbus-dev")
    assert schedule["Target"]["Arn"] == SEND_QUEUE
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": SETTINGS.dead_letter_queue_arn}
    assert world.record().expires_at == START + 97 * DAY + 1
    world.come_due()
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_job_from_a_schedule_keeps_the_id_that_its_first_message_gave_it() -> None:
    world = World()
    world.put(job_id=None, send_at=START + DAY)
    world.deliver()
    world.come_due()
    world.run()
    assert [mail.job_id for mail in world.ses.mails] == ["sqs-0"]


def test_a_job_from_a_schedule_has_its_event_even_if_the_bus_fails_first() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.deliver()
    world.come_due()
    world.events.outages = [UNREACHABLE] * 4
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


@pytest.mark.parametrize("count", [3, 50, 51, 130])
@pytest.mark.parametrize("wait", [600, DAY])
def test_a_merge_for_later_reaches_all_its_recipients(count: int, wait: float) -> None:
    world = World()
    world.put(**newsletter(count), send_at=START + wait)
    world.deliver()
    if wait == DAY:
        world.come_due()
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(count), 1)
    assert (sorted(world.recipients_of("queued")), world.queues.messages) == (sorted(people(count)), {})


def test_a_job_that_is_too_large_for_a_schedule_waits_in_s3() -> None:
    world = World()
    world.put(send_at=START + DAY, text="ä" * 150_000)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    body = json.loads(schedule["Target"]["Input"])
    assert set(body) == {"job_id", "content_ref"}
    assert (JOBS_BUCKET, body["content_ref"]["key"]) in world.s3.objects
    assert body["content_ref"]["key"].startswith("scheduled/job-ann/")
    world.come_due()
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_text_that_looks_like_a_schedules_own_attribute_is_sent_as_it_is() -> None:
    world = World()
    text = "Write <aws.scheduler.schedule-arn> there."
    world.put(send_at=START + DAY, text=text)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    # EventBridge Scheduler replaces such attributes anywhere in the input
    assert "<aws.scheduler." not in schedule["Target"]["Input"]
    world.come_due()
    world.run()
    assert text.encode() in world.ses.requests[0]["Content"]["Raw"]["Data"]


def test_a_job_that_is_scheduled_already_is_scheduled_once() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.put(send_at=START + DAY)
    world.deliver()
    assert (len(world.scheduler.schedules), world.queues.messages) == (1, {})
    world.come_due()
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_schedules_second_delivery_sends_nothing_twice() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    world.come_due()
    world.queues.put(schedule["Target"]["Input"])
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


@pytest.mark.parametrize(
    "error",
    [UNREACHABLE, refusal("ThrottlingException", operation="CreateSchedule"), refusal("ValidationException")],
)
def test_without_the_scheduler_a_job_stays_in_its_queue(error: Exception) -> None:
    world = World()
    world.scheduler.errors = [error, error]
    world.put(send_at=START + DAY)
    world.deliver()
    assert (world.scheduler.schedules, world.waiting) == ({}, ["sqs-0"])
    world.run()
    assert (len(world.scheduler.schedules), world.queues.messages) == (1, {})


def test_a_scheduler_that_never_answers_delays_no_job_beyond_its_time() -> None:
    world = World()
    world.scheduler.errors = [UNREACHABLE] * 1000
    world.put(send_at=START + 7200)
    world.run(7200 + 900)
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})
    assert START + 7200 <= world.clock.now <= START + 7200 + 900


def test_without_the_ledger_a_job_for_later_is_not_scheduled() -> None:
    world = World()
    world.dynamodb.errors = [UNREACHABLE]
    world.put(send_at=START + DAY)
    world.deliver()
    assert (world.scheduler.schedules, world.waiting) == ({}, ["sqs-0"])


@pytest.mark.parametrize("wait", [600, DAY])
def test_a_job_that_is_cancelled_while_it_waits_is_never_sent(wait: float) -> None:
    world = World()
    world.put(send_at=START + wait)
    world.deliver()
    assert world.cancel() == "cancelled"
    assert world.cancel() == "already_cancelled"
    if wait == DAY:
        world.come_due()
    world.run()
    assert (world.ses.requests, world.queues.messages, world.queues.dead) == ([], {}, [])
    assert world.recipients_of("failed") == ["ann"]
    assert world.published[0]["description"] == "cancelled before it was sent"


def test_a_cancelled_job_with_a_message_beside_its_schedule_has_each_event_once() -> None:
    world = World()
    world.put(send_at=START + DAY)
    # the worker dies before the message is acknowledged
    process(world.sender, world.queues.receive(), world.clock.now + FUNCTION_SECONDS)
    assert world.cancel() == "cancelled"
    world.come_due()
    world.run()
    assert (world.ses.requests, world.queues.messages) == ([], {})
    assert len(world.published) == 2
    assert world.recipients_of("failed") == ["ann"]


@pytest.mark.parametrize("later", [{}, {"send_at": START + DAY}])
def test_a_job_that_is_cancelled_before_it_is_received_is_never_sent(later: dict[str, Any]) -> None:
    world = World()
    assert world.cancel() == "cancelled"
    world.put(**later)
    world.run()
    assert (world.ses.requests, world.scheduler.schedules, world.queues.messages) == ([], {}, {})
    assert world.recipients_of("failed") == ["ann"]


def test_a_large_merge_that_is_cancelled_before_it_is_received_is_never_sent() -> None:
    world = World()
    assert world.cancel("job-news") == "cancelled"
    world.put(**newsletter(130))
    world.run()
    assert (world.ses.requests, world.queues.messages) == ([], {})
    (event,) = world.published
    assert (event["event_type"], event["recipient"]) == ("failed", None)


def test_a_job_that_was_sent_cannot_be_cancelled() -> None:
    world = World()
    world.put(send_at=START + 600)
    world.run()
    assert world.cancel() == "too_late"
    assert world.recipients_of("failed") == []


def test_the_files_of_a_scheduled_job_are_read_when_it_is_due() -> None:
    world = World()
    world.s3.objects["shop-invoices", "17.pdf"] = b"%PDF-1.7 as it was"
    invoice = {"filename": "17.pdf", "content_type": "application/pdf"}
    world.put(
        send_at=START + DAY, attachments=[{**invoice, "s3": {"bucket": "shop-invoices", "key": "17.pdf"}}]
    )
    world.deliver()
    world.s3.objects["shop-invoices", "17.pdf"] = b"%PDF-1.7 as it is"
    world.come_due()
    world.run()
    assert b"JVBERi0xLjcgYXMgaXQgaXM" in world.ses.requests[0]["Content"]["Raw"]["Data"]
