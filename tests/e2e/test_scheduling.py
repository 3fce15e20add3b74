"""Scheduled jobs, cancelled jobs and expired jobs."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from mailbus import Client
from tests.e2e.scheduler import Scheduler

if TYPE_CHECKING:
    from tests.e2e.system import System

# Longer than a job is delayed in its queue.
LATER = 16 * 60


@pytest.fixture
def client(system: System) -> Client:
    return Client(
        system.outputs["SendQueueUrl"],
        sqs=system.client("sqs"),
        s3=system.client("s3"),
        dynamodb=system.client("dynamodb"),
    )


@pytest.fixture
def scheduler(system: System) -> Scheduler:
    return Scheduler(system)


def spellings(ahead: float) -> list[object]:
    """Return one time in each form that jobs may have."""
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    return [
        at.isoformat(),
        at.astimezone(timezone(timedelta(hours=5, minutes=45))).isoformat(timespec="milliseconds"),
        at.timestamp(),
        int(at.timestamp()),
    ]


def test_a_job_with_a_past_send_at_is_sent_at_once(system: System) -> None:
    jobs = [system.send(send_at=moment) for moment in spellings(-86_400)]

    for job_id in jobs:
        assert system.wait(1, job_id=job_id, event_type="delivered")


def test_a_job_is_not_sent_before_it_is_due(system: System) -> None:
    due = time.time() + 3
    jobs = [system.send(send_at=moment) for moment in spellings(3)]

    for job_id in jobs:
        [event] = system.wait(1, job_id=job_id, event_type="queued")
        [sent] = system.sent_for(job_id)
        # one second for jobs in whole seconds, one for queues, which may deliver a second early
        assert due - 2 <= sent["accepted_at"]
        assert event["event_type"] == "queued"


def test_a_job_beyond_the_delay_of_queues_has_a_schedule_and_is_cancelled_once(
    system: System, client: Client, scheduler: Scheduler
) -> None:
    due = time.time() + LATER
    job_id = system.send(send_at=due)

    schedule = scheduler.wait(job_id)
    first, second = client.cancel(job_id), client.cancel(job_id)
    scheduler.make_due(job_id)
    [event] = system.wait(1, job_id=job_id)

    at = datetime.strptime(schedule["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert 0 <= at.timestamp() - due <= 1
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["Target"]["DeadLetterConfig"]["Arn"]
    assert (first, second) == ("cancelled", "already_cancelled")
    assert (event["event_type"], event["description"]) == ("failed", "cancelled before it was sent")
    assert system.sent_for(job_id) == []
    scheduler.wait_until_gone(job_id)


def test_a_schedule_enqueues_its_job_when_due_and_is_deleted(
    system: System, client: Client, scheduler: Scheduler
) -> None:
    to = [f"success+{number}@simulator.amazonses.com" for number in range(60)]
    ordinary = system.send(send_at=time.time() + LATER)
    # too large for a schedule's input, and for one message of the queue
    large = client.send(
        system.job(
            to=to,
            text="long " * 60_000,
            merge_global_data={"all": 60},
            send_at=time.time() + LATER,
        )
    ).job_id

    schedule = scheduler.wait(large)
    assert "content_ref" in json.loads(schedule["Target"]["Input"])
    scheduler.make_due(ordinary)
    system.wait(1, job_id=ordinary, event_type="delivered")

    scheduler.wait_until_gone(ordinary)
    assert len(system.sent_for(ordinary)) == 1
    assert client.cancel(ordinary) == "too_late"
    assert system.sent_for(large) == []
    assert client.cancel(large) == "cancelled"


def test_the_same_job_twice_has_one_schedule(system: System, client: Client, scheduler: Scheduler) -> None:
    job = system.job(send_at=time.time() + LATER)
    other = job | {"text": "another content"}

    system.enqueue(json.dumps(job))
    scheduler.wait(job["job_id"])
    system.enqueue(json.dumps(job))
    system.enqueue(json.dumps(other))
    [event] = system.wait(1, job_id=job["job_id"])

    assert event["description"].startswith("$.job_id")
    assert scheduler.exists(job["job_id"])
    assert client.cancel(job["job_id"]) == "cancelled"


def test_schedules_belong_to_the_stack_of_state(system: System) -> None:
    stacks = system.client("cloudformation")
    types = {
        summary["StackName"]: {
            resource["ResourceType"]
            for resource in stacks.describe_stack_resources(StackName=summary["StackName"])["StackResources"]
        }
        for summary in stacks.list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])[
            "StackSummaries"
        ]
    }

    group = "AWS::Scheduler::ScheduleGroup"
    assert [stack for stack, found in types.items() if group in found] == ["mailbus-local-state"]
    assert "AWS::Lambda::EventSourceMapping" in types["mailbus-local-mail"]


def test_a_delayed_job_can_be_cancelled_until_it_is_due(system: System, client: Client) -> None:
    job_id = system.send(send_at=time.time() + 4)
    system.wait_for_record(job_id, lambda record: record.state == "scheduled")

    assert client.cancel(job_id) == "cancelled"

    [event] = system.wait(1, job_id=job_id)
    assert (event["event_type"], event["description"]) == ("failed", "cancelled before it was sent")
    assert system.sent_for(job_id) == []


def test_a_sent_job_cannot_be_cancelled(system: System, client: Client) -> None:
    job_id = system.send()
    system.wait(1, job_id=job_id, event_type="delivered")

    assert [client.cancel(job_id) for _ in range(2)] == ["too_late", "too_late"]


def test_a_job_cancelled_before_it_is_enqueued_is_not_sent(system: System, client: Client) -> None:
    job = system.job()

    answers = [client.cancel(job["job_id"]) for _ in range(2)]
    system.enqueue(json.dumps(job))

    [event] = system.wait(1, job_id=job["job_id"])
    assert answers == ["cancelled", "already_cancelled"]
    assert (event["event_type"], event["description"]) == ("failed", "cancelled before it was sent")
    assert system.sent_for(job["job_id"]) == []


def test_an_expired_job_is_not_sent_and_reported(system: System) -> None:
    passed = system.send(expires_at=time.time() - 1)
    in_time = system.send(expires_at=time.time() + 300)
    system.wait(1, job_id=in_time, event_type="delivered")
    # paused, so that the job waits until it has expired
    system.simulator.put("account", json={"sending_enabled": False}).raise_for_status()
    waited = system.send(expires_at=time.time() + 3)

    [first] = system.wait(1, job_id=passed)
    [second] = system.wait(1, job_id=waited)

    for event in (first, second):
        assert event["event_type"] == "failed"
        assert "expires_at" in event["description"]
    for job_id in (passed, waited):
        assert system.sent_for(job_id) == []
        assert system.dead_letter("SendDeadLetterQueueUrl", job_id)["Code"] == "Expired"
