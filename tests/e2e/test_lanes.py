"""Two send queues: transactional mail goes first, and both together keep to the rate of SES."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.system import System

RATE = 20
BACKLOG = 80


def test_mail_of_the_bulk_queue_has_the_same_events(system: System) -> None:
    job = system.job(tags=["bulk"], metadata={"lane": 2})

    system.enqueue(json.dumps(job), "BulkQueueUrl")

    events = system.wait(3, job_id=job["job_id"])
    assert {event["event_type"] for event in events} == {"queued", "sent", "delivered"}
    assert all(event["metadata"] == {"lane": 2} for event in events)


def test_transactional_mail_overtakes_a_bulk_backlog_within_the_rate(system: System) -> None:
    system.change_account(max_send_rate=RATE)
    throttled = system.account()["throttled"]
    backlog = [system.job() for _ in range(BACKLOG)]

    system.enqueue_together([json.dumps(job) for job in backlog], "BulkQueueUrl")
    ids = {job["job_id"] for job in backlog}
    urgent = system.send()
    system.wait(1, job_id=urgent, event_type="queued")
    for job_id in ids:
        system.wait(1, job_id=job_id, event_type="queued")

    [sent] = system.sent_for(urgent)
    times = sorted(
        message["accepted_at"]
        for message in system.accepted()
        if message["tags"].get("mailbus-job-id") in ids
    )
    assert len(times) == BACKLOG
    # it was enqueued after them: in a single queue it would have been the last
    assert sent["accepted_at"] < times[-1]
    # after two full buckets the rest is sent at the rate
    assert times[-1] - times[0] > (BACKLOG - 2 * RATE) / RATE
    # a busy machine makes some calls late; without the pacing all that exceeds the full bucket is refused
    assert system.account()["throttled"] - throttled < RATE
