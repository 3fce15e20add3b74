"""Many more waiting jobs than the workers hold, and what is in flight meanwhile."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.system import System

JOBS = 200
MOST = 150
# without rate the jobs are held by the workers for 10 s, and wait for a few seconds between
SOME = 5
QUEUE = "BulkQueueUrl"
# four workers of the lane with ten messages each
MOST_IN_FLIGHT = 40
# what is counted changes while it is counted: ten messages more may be seen twice
SLACK = 10


def _not_due(_system: System) -> dict[str, Any]:
    return {"send_at": time.time() + 14 * 60}


def _paused(system: System) -> dict[str, Any]:
    # fast enough that most have waited once before the first waits a second time
    system.change_account(sending_enabled=False, max_send_rate=1000)
    return {}


def _without_quota(system: System) -> dict[str, Any]:
    system.change_account(max_24_hour_send=1)
    return {}


def _throttled(system: System) -> dict[str, Any]:
    system.add_faults({"operation": "SendEmail", "error": "TooManyRequestsException", "probability": 1})
    return {}


def _in_doubt(system: System) -> dict[str, Any]:
    system.add_faults({"operation": "SendEmail", "error": "ConnectionReset", "probability": 1})
    return {}


def _without_rate(system: System) -> dict[str, Any]:
    system.change_account(max_send_rate=1)
    return {}


@pytest.fixture
def bulk(system: System) -> Iterator[str]:
    """The bulk queue, which is empty again for the tests that follow."""
    url = system.outputs[QUEUE]
    sqs = system.client("sqs")

    def emptied() -> bool:
        # workers send copies of what they hold
        sqs.purge_queue(QueueUrl=url)
        return not system.message_count(url, "", "NotVisible", "Delayed")

    yield url
    eventually(emptied, "the bulk queue is empty")


@pytest.mark.parametrize(
    ("wait", "many"),
    [
        (_not_due, MOST),
        (_paused, MOST),
        (_without_quota, MOST),
        (_throttled, MOST),
        (_in_doubt, MOST),
        (_without_rate, SOME),
    ],
)
def test_what_waits_is_not_in_flight_and_due_jobs_of_both_lanes_are_sent(
    system: System, bulk: str, wait: Callable[[System], dict[str, Any]], many: int
) -> None:
    before = system.account()
    fields = wait(system)
    in_flight: list[int] = []

    def waiting() -> int:
        in_flight.append(system.message_count(bulk, "NotVisible"))
        return system.message_count(bulk, "Delayed")

    system.enqueue_together([json.dumps(system.job(**fields)) for _ in range(JOBS)], QUEUE)
    eventually(lambda: waiting() >= many, "jobs wait")
    assert max(in_flight) <= MOST_IN_FLIGHT + SLACK, in_flight

    system.simulator.delete("faults").raise_for_status()
    limits = ("max_send_rate", "max_24_hour_send", "sending_enabled")
    system.change_account(**{name: before[name] for name in limits})
    others = {"subject": "Your password"}
    due = system.job(**others)
    urgent = system.send(**others)
    system.enqueue(json.dumps(due), QUEUE)
    for job_id in (urgent, due["job_id"]):
        system.wait(1, job_id=job_id, event_type="queued")
    assert len(system.sent_for(urgent)) == len(system.sent_for(due["job_id"])) == 1
