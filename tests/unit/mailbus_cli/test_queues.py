from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailbus_cli.doctor.facts import Facts
from mailbus_cli.queues import Counts, Queue, Situation, read, state_of

OUTPUTS = {
    "SendQueueUrl": "https://sqs/1/send",
    "BulkQueueUrl": "https://sqs/1/bulk",
    "SendDeadLetterQueueUrl": "https://sqs/1/send-dead",
    "TrackingQueueUrl": "https://sqs/1/tracking",
    "TrackingDeadLetterQueueUrl": "https://sqs/1/tracking-dead",
}


class Sqs:
    """SQS that answers these numbers of messages, and denies other queues."""

    def __init__(self, counts: dict[str, tuple[int, int, int]]) -> None:
        self._counts = counts

    def get_queue_attributes(self, *, QueueUrl: str, **_: Any) -> Any:  # noqa: N803 - as boto3
        name = QueueUrl.rpartition("/")[2]
        if name not in self._counts:
            error = {"Error": {"Code": "AccessDenied", "Message": f"not on {name}"}}
            raise ClientError(error, "GetQueueAttributes")  # type: ignore[arg-type]
        ready, delayed, in_flight = self._counts[name]
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(ready),
                "ApproximateNumberOfMessagesDelayed": str(delayed),
                "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            }
        }


class Stage:
    def __init__(self, counts: dict[str, tuple[int, int, int]]) -> None:
        self.outputs = OUTPUTS
        self._sqs = Sqs(counts)

    def client(self, _service: str, *, region: str | None = None) -> Sqs:  # noqa: ARG002 - as of all
        return self._sqs


def facts(**counts: tuple[int, int, int]) -> Facts:
    named = {name.replace("_", "-"): value for name, value in counts.items()}
    return Facts(Stage(named), None)  # type: ignore[arg-type]


def situation(
    name: str = "bulk",
    counts: tuple[int, int, int] | None = (0, 0, 0),
    *,
    oldest: float | None = None,
    **more: Any,
) -> Situation:
    known = None if counts is None else Counts(ready=counts[0], delayed=counts[1], in_flight=counts[2])
    queue = Queue(name=name, counts=known, dead_letter_queue=name, dead_letters=0, oldest=oldest)
    return Situation(queue=queue, **more)


def test_all_queues_are_read_with_their_dead_letters() -> None:
    found = read(
        facts(
            send=(0, 3, 4),
            bulk=(1181, 23, 40),
            send_dead=(3, 0, 1),
            tracking=(12, 0, 100),
            tracking_dead=(0, 0, 0),
        ),
        {"bulk": 86.0},
    )
    assert [(one.name, one.dead_letter_queue, one.dead_letters, one.oldest) for one in found.all] == [
        ("transactional", "send", 4, None),
        ("bulk", "send", 4, 86.0),
        ("tracking", "tracking", 0, None),
    ]
    assert (found.waiting, found.dead_letters, found.error) == (1207, {"send": 4}, None)


def test_an_age_is_that_of_a_queue_with_messages() -> None:
    found = read(facts(send=(0, 0, 1), bulk=(0, 0, 0), send_dead=(0, 0, 0), tracking_dead=(0, 0, 0)))
    aged = found.with_ages({"transactional": 7.0, "bulk": 9.0, "tracking": 11.0})
    assert [one.oldest for one in aged.all] == [7.0, None, None]


def test_a_queue_that_is_denied_leaves_the_others() -> None:
    found = read(facts(send=(1, 0, 0), send_dead=(0, 0, 0), tracking=(2, 0, 0), tracking_dead=(5, 0, 0)))
    assert [one.counts and one.counts.ready for one in found.all] == [1, None, 2]
    assert (found.waiting, found.dead_letters) == (None, {"tracking": 5})
    assert "not on bulk" in str(found.error)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (situation(), "keeping up"),
        (situation("transactional", (5, 3, 4), pace=1.0), "keeping up"),
        (situation(counts=(1181, 23, 40), pace=12.1), "done in 2 min"),
        (situation(counts=(300, 0, 40), pace=12.1), "done in 24 s"),
        (situation(counts=(1181, 0, 40), pace=0.0), "catching up"),
        (situation("tracking", (1181, 0, 40), pace=12.1), "catching up"),
        (situation(counts=(9, 0, 0), pace=12.1, is_paused=True), "paused"),
        (situation("tracking", (9, 0, 1), is_paused=True), "keeping up"),
        (situation(counts=(0, 9, 0), is_quota_used=True), "waits for the quota"),
        (situation(counts=(0, 0, 0), is_quota_used=True), "keeping up"),
        (situation("inbound", (9, 0, 0), oldest=300.0), "nobody reads it"),
        (situation("inbound", (9, 0, 4), oldest=300.0), "keeping up"),
        (situation("transactional", (1, 3, 0), oldest=300.0), "keeping up"),
        (situation("transactional", (0, 3, 0), oldest=1000.0), "keeping up"),
        (situation("tracking", (9, 0, 4), oldest=1000.0), "late"),
        (situation("bulk", (9, 0, 4), oldest=1000.0), "keeping up"),
        (situation(counts=None, is_paused=True), "not known"),
    ],
)
def test_the_state_of_a_queue_in_words(given: Situation, words: str) -> None:
    assert state_of(given).words == words
