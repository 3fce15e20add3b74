"""Two queues lead to SES: mail that somebody waits for goes before the rest, and both keep to its rate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import System

RATE = 10
BACKLOG = 80


def test_mail_of_the_bulk_lane_arrives_as_any_other(system: System) -> None:
    job = system.job(tags=["bulk"], metadata={"lane": 2})

    system.enqueue(json.dumps(job), "BulkQueueUrl")

    events = system.wait(3, job_id=job["job_id"])
    assert {event["event_type"] for event in events} == {"queued", "sent", "delivered"}
    assert all(event["metadata"] == {"lane": 2} for event in events)


def test_a_bulk_backlog_lets_transactional_mail_go_first_and_overruns_no_rate(system: System) -> None:
    system.change_account(max_send_rate=RATE)
    throttled = system.simulator.get("account").raise_for_status().json()["throttled"]
    backlog = [system.job() for _ in range(BACKLOG)]

    for start in range(0, BACKLOG, 10):
        bodies = [json.dumps(job) for job in backlog[start : start + 10]]
        system.enqueue_together(bodies, "BulkQueueUrl")
    ids = {job["job_id"] for job in backlog}
    system.wait_until(lambda events: any(event["detail"].get("job_id") in ids for event in events))
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
    # in one queue it would have been the last
    assert sent["accepted_at"] < times[-1]
    # from the second full bucket on, what one second took has to have come back
    assert times[-1] - times[0] > (BACKLOG - 2 * RATE) / RATE
    assert system.simulator.get("account").raise_for_status().json()["throttled"] == throttled
