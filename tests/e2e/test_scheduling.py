"""Jobs for later, jobs taken back, and jobs whose time is over."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from mailbus import Client
from mailbus.jobs.fingerprint import fingerprint
from sender.aws.scheduler import schedule_name

if TYPE_CHECKING:
    from conftest import System

# Beyond what a queue hides a job for.
LATER = 16 * 60
POLL_SECONDS = 0.1


@pytest.fixture
def client(system: System) -> Client:
    return Client(
        system.outputs["SendQueueUrl"],
        sqs=system.client("sqs"),
        s3=system.client("s3"),
        dynamodb=system.client("dynamodb"),
    )


class Scheduler:
    """EventBridge Scheduler, with the deployment's one group."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._client = system.client("scheduler")
        self._group = system.outputs["EventBusName"]

    def wait(self, job_id: str) -> dict[str, Any]:
        """Wait until a job is on a schedule."""
        missing = self._client.exceptions.ResourceNotFoundException
        deadline = time.monotonic() + 10
        while True:
            try:
                found: dict[str, Any] = self._client.get_schedule(
                    GroupName=self._group, Name=schedule_name(job_id)
                )
            except missing:
                assert time.monotonic() < deadline, "the job is on no schedule"
                time.sleep(POLL_SECONDS)
            else:
                return found

    def is_there(self, job_id: str) -> bool:
        listed = self._client.list_schedules(GroupName=self._group, NamePrefix=schedule_name(job_id))
        return bool(listed["Schedules"])

    def let_time_pass(self, job_id: str) -> None:
        """Let a job on a schedule be due now, in every place that knows of its time."""
        schedule = self.wait(job_id)
        due = time.time()
        document = json.loads(schedule["Target"]["Input"]) | {"send_at": due}
        self._system.client("dynamodb").update_item(
            TableName=self._system.outputs["LedgerTableName"],
            Key={"pk": {"S": f"job#{job_id}"}, "sk": {"S": "job"}},
            UpdateExpression="SET due = :due, fingerprint = :fingerprint",
            ExpressionAttributeValues={
                ":due": {"N": f"{due:.3f}"},
                ":fingerprint": {"S": fingerprint(document)},
            },
        )
        self._client.update_schedule(
            **{
                field: schedule[field]
                for field in ("Name", "GroupName", "FlexibleTimeWindow", "ActionAfterCompletion")
            },
            ScheduleExpression=f"at({datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%S})",
            Target={**schedule["Target"], "Input": json.dumps(document)},
        )

    def wait_until_gone(self, job_id: str) -> None:
        deadline = time.monotonic() + 15
        while self.is_there(job_id):
            assert time.monotonic() < deadline, "the schedule stays after it ran"
            time.sleep(POLL_SECONDS)


@pytest.fixture
def scheduler(system: System) -> Scheduler:
    return Scheduler(system)


def moments(ahead: float) -> list[object]:
    """One moment as jobs may write it."""
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    return [
        at.isoformat(),
        at.astimezone(timezone(timedelta(hours=5, minutes=45))).isoformat(timespec="milliseconds"),
        at.timestamp(),
        int(at.timestamp()),
    ]


def test_a_job_whose_time_has_passed_is_sent_at_once(system: System) -> None:
    jobs = [system.send(send_at=moment) for moment in moments(-86_400)]

    for job_id in jobs:
        assert system.wait(1, job_id=job_id, event_type="delivered")


def test_a_job_is_sent_when_it_is_due_and_not_before(system: System) -> None:
    due = time.time() + 3
    jobs = [system.send(send_at=moment) for moment in moments(3)]

    for job_id in jobs:
        [event] = system.wait(1, job_id=job_id, event_type="queued")
        [sent] = system.sent_for(job_id)
        # jobs in whole seconds may be up to one earlier, as may what comes a second too early
        assert due - 2 <= sent["accepted_at"] < due + 15
        assert event["event_type"] == "queued"


def test_a_job_for_much_later_waits_on_a_schedule_and_can_be_taken_back_once(
    system: System, client: Client, scheduler: Scheduler
) -> None:
    due = time.time() + LATER
    job_id = system.send(send_at=due)

    schedule = scheduler.wait(job_id)
    first, second = client.cancel(job_id), client.cancel(job_id)
    scheduler.let_time_pass(job_id)
    [event] = system.wait(1, job_id=job_id)

    at = datetime.strptime(schedule["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert 0 <= at.timestamp() - due <= 1
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["Target"]["DeadLetterConfig"]["Arn"]
    assert (first, second) == ("cancelled", "already_cancelled")
    assert (event["event_type"], event["description"]) == ("failed", "cancelled before it was sent")
    assert system.sent_for(job_id) == []
    scheduler.wait_until_gone(job_id)


def test_what_was_on_a_schedule_is_sent_when_it_is_due_and_leaves_no_schedule(
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
    scheduler.let_time_pass(ordinary)
    system.wait(1, job_id=ordinary, event_type="delivered")

    scheduler.wait_until_gone(ordinary)
    assert len(system.sent_for(ordinary)) == 1
    assert client.cancel(ordinary) == "too_late"
    assert system.sent_for(large) == []
    assert client.cancel(large) == "cancelled"


def test_the_same_job_twice_is_on_one_schedule(system: System, client: Client, scheduler: Scheduler) -> None:
    job = system.job(send_at=time.time() + LATER)
    other = job | {"text": "another content"}

    system.enqueue(json.dumps(job))
    scheduler.wait(job["job_id"])
    system.enqueue(json.dumps(job))
    system.enqueue(json.dumps(other))
    [event] = system.wait(1, job_id=job["job_id"])

    assert event["description"].startswith("$.job_id")
    assert scheduler.is_there(job["job_id"])
    assert client.cancel(job["job_id"]) == "cancelled"


def test_schedules_outlive_the_function_that_made_them(system: System) -> None:
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


def test_a_job_in_its_queue_can_be_taken_back_until_it_is_due(system: System, client: Client) -> None:
    job_id = system.send(send_at=time.time() + 4)
    system.wait_until_known(job_id, lambda record: record.state == "scheduled")

    assert client.cancel(job_id) == "cancelled"

    [event] = system.wait(1, job_id=job_id)
    assert (event["event_type"], event["description"]) == ("failed", "cancelled before it was sent")
    assert system.sent_for(job_id) == []


def test_a_job_that_was_sent_cannot_be_taken_back(system: System, client: Client) -> None:
    job_id = system.send()
    system.wait(1, job_id=job_id, event_type="delivered")

    assert [client.cancel(job_id) for _ in range(2)] == ["too_late", "too_late"]


def test_a_job_taken_back_before_it_comes_is_not_sent(system: System, client: Client) -> None:
    job = system.job()

    answers = [client.cancel(job["job_id"]) for _ in range(2)]
    system.enqueue(json.dumps(job))

    [event] = system.wait(1, job_id=job["job_id"])
    assert answers == ["cancelled", "already_cancelled"]
    assert (event["event_type"], event["description"]) == ("failed", "cancelled before it was sent")
    assert system.sent_for(job["job_id"]) == []


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"send_at": "2999-01-01T00:00:00Z"}, "$.send_at", "year"),
        ({"send_at": "tomorrow"}, "$.send_at", ""),
        ({"send_at": "2026-11-22T10:00:00"}, "$.send_at", "offset"),
        ({"send_at": True}, "$.send_at", ""),
        ({"send_at": 1e400}, "$.send_at", ""),
        ({"send_at": -1}, "$.send_at", ""),
        (
            {"send_at": "2999-01-01T00:00:00Z", "expires_at": "2998-01-01T00:00:00Z"},
            "$.expires_at",
            "send_at",
        ),
        ({"expires_at": "2020-02-30T00:00:00Z"}, "$.expires_at", ""),
    ],
)
def test_a_time_that_cannot_be_is_refused(
    system: System, change: dict[str, Any], path: str, reason: str
) -> None:
    job_id = system.send(**change)

    [event] = system.wait(1, job_id=job_id)

    assert event["event_type"] == "failed"
    assert event["description"].startswith(path)
    assert reason in event["description"]
    assert system.sent_for(job_id) == []


def test_a_job_whose_time_is_over_is_not_sent_and_says_so(system: System) -> None:
    passed = system.send(expires_at=time.time() - 1)
    in_time = system.send(expires_at=time.time() + 300)
    system.wait(1, job_id=in_time, event_type="delivered")
    # paused: it waits until nothing can come of it
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
