"""Jobs that are not due: hidden in the queue, on a schedule, cancelled."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.unit.sender.fake_world import (
    JOBS_BUCKET,
    SEND_QUEUE,
    SETTINGS,
    START,
    World,
    newsletter,
    people,
    refusal,
)

AWAY = EndpointConnectionError(endpoint_url="https://scheduler.eu-west-1.amazonaws.com")
DAY = 24 * 3600


def come_due(world: World) -> None:
    """Let the one schedule run, as EventBridge does: once, and then it is gone."""
    [(name, schedule)] = world.scheduler.schedules.items()
    moment = datetime.strptime(schedule["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    world.clock.now = max(world.clock.now, moment.timestamp())
    del world.scheduler.schedules[name]
    world.queues.put(schedule["Target"]["Input"], queue_arn=schedule["Target"]["Arn"])


def test_a_job_that_is_due_soon_waits_in_its_queue() -> None:
    world = World()
    world.put(send_at=START + 600)
    world.deliver()
    assert (world.ses.requests, world.queues.hidden, world.scheduler.schedules) == ([], [("sqs-0", 600)], {})
    assert (world.record().state, world.record().due) == ("scheduled", START + 600)
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})
    assert world.clock.now == START + 600


@pytest.mark.parametrize("send_at", [START - 3600, START, START + 0.5, "2026-11-22T13:00:00+02:00"])
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
    come_due(world)
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_job_from_a_schedule_keeps_the_id_that_its_first_message_gave_it() -> None:
    world = World()
    world.put(job_id=None, send_at=START + DAY)
    world.deliver()
    come_due(world)
    world.run()
    assert [mail.job_id for mail in world.ses.mails] == ["sqs-0"]


def test_a_job_from_a_schedule_is_announced_even_if_the_bus_is_away_at_first() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.deliver()
    come_due(world)
    world.events.outages = [AWAY] * 4
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_job_over_a_year_ahead_is_refused() -> None:
    world = World()
    world.put(send_at=START + 367 * DAY)
    world.deliver()
    assert (world.told_of("failed"), world.scheduler.schedules, world.queues.messages) == (["ann"], {}, {})
    assert world.reasons[0].startswith("$.send_at: is more than a year ahead")


@pytest.mark.parametrize("count", [3, 50, 51, 130])
@pytest.mark.parametrize("wait", [600, DAY])
def test_a_merge_for_later_reaches_all_its_recipients(count: int, wait: float) -> None:
    world = World()
    world.put(**newsletter(count), send_at=START + wait)
    world.deliver()
    if wait == DAY:
        come_due(world)
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(count), 1)
    assert (sorted(world.told_of("queued")), world.queues.messages) == (sorted(people(count)), {})


def test_a_job_that_is_too_large_for_a_schedule_waits_in_s3() -> None:
    world = World()
    world.put(send_at=START + DAY, text="ä" * 200_000)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    body = json.loads(schedule["Target"]["Input"])
    assert set(body) == {"job_id", "content_ref"}
    assert (JOBS_BUCKET, body["content_ref"]["key"]) in world.s3.objects
    assert body["content_ref"]["key"].startswith("scheduled/job-ann/")
    come_due(world)
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_text_that_looks_like_a_schedules_own_attribute_is_sent_as_it_is() -> None:
    world = World()
    text = "Write <aws.scheduler.schedule-arn> there."
    world.put(send_at=START + DAY, text=text)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    # which EventBridge Scheduler replaces wherever they stand
    assert "<aws.scheduler." not in schedule["Target"]["Input"]
    come_due(world)
    world.run()
    assert text.encode() in world.ses.requests[0]["Content"]["Raw"]["Data"]


def test_a_job_that_is_scheduled_already_is_scheduled_once() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.put(send_at=START + DAY)
    world.deliver()
    assert (len(world.scheduler.schedules), world.queues.messages) == (1, {})
    come_due(world)
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_schedules_second_delivery_sends_nothing_twice() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    come_due(world)
    world.queues.put(schedule["Target"]["Input"])
    world.run()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})


@pytest.mark.parametrize(
    "error",
    [AWAY, refusal("ThrottlingException", operation="CreateSchedule"), refusal("ValidationException")],
)
def test_without_the_scheduler_a_job_stays_in_its_queue(error: Exception) -> None:
    world = World()
    world.scheduler.troubles = [error, error]
    world.put(send_at=START + DAY)
    world.deliver()
    assert (world.scheduler.schedules, list(world.queues.messages)) == ({}, ["sqs-0"])
    world.run()
    assert (len(world.scheduler.schedules), world.queues.messages) == (1, {})


def test_a_scheduler_that_stays_away_delays_no_job_beyond_its_time() -> None:
    world = World()
    world.scheduler.troubles = [AWAY] * 1000
    world.put(send_at=START + 7200)
    world.run(7200 + 900)
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})
    assert START + 7200 <= world.clock.now <= START + 7200 + 900


def test_without_the_ledger_a_job_for_later_is_not_scheduled() -> None:
    world = World()
    world.dynamodb.troubles = [AWAY]
    world.put(send_at=START + DAY)
    world.deliver()
    assert (world.scheduler.schedules, list(world.queues.messages)) == ({}, ["sqs-0"])


@pytest.mark.parametrize("wait", [600, DAY])
def test_a_job_that_is_cancelled_while_it_waits_is_never_sent(wait: float) -> None:
    world = World()
    world.put(send_at=START + wait)
    world.deliver()
    assert world.cancel() == "cancelled"
    assert world.cancel() == "already_cancelled"
    if wait == DAY:
        come_due(world)
    world.run()
    assert (world.ses.requests, world.queues.messages, world.queues.dead) == ([], {}, [])
    assert world.told_of("failed") == ["ann"]
    assert world.told[0]["description"] == "cancelled before it was sent"


@pytest.mark.parametrize("later", [{}, {"send_at": START + DAY}])
def test_a_job_that_is_cancelled_before_it_comes_is_never_sent(later: dict[str, Any]) -> None:
    world = World()
    assert world.cancel() == "cancelled"
    world.put(**later)
    world.run()
    assert (world.ses.requests, world.scheduler.schedules, world.queues.messages) == ([], {}, {})
    assert world.told_of("failed") == ["ann"]


def test_a_large_merge_that_is_cancelled_before_it_comes_is_never_sent() -> None:
    world = World()
    assert world.cancel("job-news") == "cancelled"
    world.put(**newsletter(130))
    world.run()
    assert (world.ses.requests, world.queues.messages) == ([], {})
    (event,) = world.told
    assert (event["event_type"], event["recipient"]) == ("failed", None)


def test_a_job_that_was_sent_cannot_be_cancelled() -> None:
    world = World()
    world.put(send_at=START + 600)
    world.run()
    assert world.cancel() == "too_late"
    assert world.told_of("failed") == []


def test_a_job_for_later_that_can_never_be_sent_is_refused_now() -> None:
    world = World()
    world.put(send_at=START + DAY, esp_extra={"Colour": "blue"})
    world.deliver()
    assert (world.told_of("failed"), world.scheduler.schedules, world.queues.messages) == (["ann"], {}, {})


def test_the_same_id_with_another_time_is_refused() -> None:
    world = World()
    world.put(send_at=START + DAY)
    world.put(send_at=START + 2 * DAY)
    world.deliver()
    assert (len(world.scheduler.schedules), len(world.queues.dead)) == (1, 1)
    assert world.reasons[0].startswith("$.job_id: ")


def test_a_job_that_is_due_after_the_queue_keeps_it_has_its_files_read_when_it_is_due() -> None:
    world = World()
    world.s3.objects["shop-invoices", "17.pdf"] = b"%PDF-1.7 as it was"
    invoice = {"filename": "17.pdf", "content_type": "application/pdf"}
    world.put(
        send_at=START + DAY, attachments=[{**invoice, "s3": {"bucket": "shop-invoices", "key": "17.pdf"}}]
    )
    world.deliver()
    world.s3.objects["shop-invoices", "17.pdf"] = b"%PDF-1.7 as it is"
    come_due(world)
    world.run()
    assert b"JVBERi0xLjcgYXMgaXQgaXM" in world.ses.requests[0]["Content"]["Raw"]["Data"]
