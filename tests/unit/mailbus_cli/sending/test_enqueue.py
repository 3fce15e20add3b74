from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import pytest

from mailbus.client import Client, Result
from mailbus.errors import ConfigurationError, MailbusError, SendError
from mailbus_cli.sending.enqueue import CHUNK, enqueue
from mailbus_cli.sending.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

ROWS = [Row(line=number, job={"job_id": f"j-{number}"}) for number in range(95)]


class _Client:
    """Enqueues all but the jobs that have an error."""

    def __init__(self, errors: Mapping[str, MailbusError] | None = None) -> None:
        self.errors = errors or {}
        self.taken: list[str] = []
        self._lock = threading.Lock()

    def send_many(self, jobs: Iterable[Mapping[str, Any]]) -> list[Result]:
        ids = [job["job_id"] for job in jobs]
        with self._lock:
            self.taken += ids
        return [
            Result(job_id=job_id, error=self.errors[job_id])
            if job_id in self.errors
            else Result(job_id=job_id, message_id="m")
            for job_id in ids
        ]


def test_all_jobs_are_enqueued_in_tens_and_counted() -> None:
    client, counts = _Client(), list[int]()
    outcome = enqueue(cast("Client", client), ROWS, counts.append)
    assert sorted(client.taken) == sorted(row.job["job_id"] for row in ROWS)
    assert [result.job_id for result in outcome.enqueued] == [row.job["job_id"] for row in ROWS]
    assert (outcome.failures, outcome.untried, outcome.interrupted, outcome.stopped) == ((), 0, False, None)
    assert sum(counts) == 95
    assert max(counts) == CHUNK


def test_a_job_that_fails_does_not_stop_the_others() -> None:
    client = _Client({"j-3": SendError("Throttled", "slow down", retryable=True)})
    outcome = enqueue(cast("Client", client), ROWS, lambda _count: None)
    assert len(outcome.enqueued) == 94
    assert [(failure.row.line, failure.reason) for failure in outcome.failures] == [
        (3, "Throttled: slow down")
    ]


def test_an_error_of_settings_ends_it_and_says_what_was_not_tried() -> None:
    error = ConfigurationError("AccessDenied: allow the application sqs:SendMessage on the queue")
    many = [Row(line=number, job={"job_id": f"j-{number}"}) for number in range(2000)]
    client = _Client({row.job["job_id"]: error for row in many})
    outcome = enqueue(cast("Client", client), many, lambda _count: None)
    assert outcome.stopped == str(error)
    assert outcome.enqueued == ()
    assert len(outcome.failures) + outcome.untried == 2000
    assert len(client.taken) == len(outcome.failures)


@pytest.mark.parametrize("after", [0, 40])
def test_ctrl_c_counts_what_was_enqueued(after: int) -> None:
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if done > after:
            raise KeyboardInterrupt

    client = _Client()
    outcome = enqueue(cast("Client", client), ROWS, advance)
    assert outcome.interrupted
    assert len(outcome.enqueued) == len(client.taken) >= after
    assert outcome.untried == 95 - len(client.taken)
