"""All letters of a queue are read, each once, and given back at once."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailbus_cli.dead_letters.reading import read
from tests.unit.fakes.clients import refusal
from tests.unit.mailbus_cli.dead_letters.fake_sqs import HOST, SEND, FakeSqs, deployment_of, text_of


def filled(number: int) -> FakeSqs:
    sqs = FakeSqs()
    for one in range(number):
        sqs.put("send-dead", text_of(job_id=f"job-{one}"), {"Code": "Expired"})
    return sqs


@pytest.mark.parametrize("number", [0, 1, 10, 11, 137])
def test_every_letter_is_read_once_and_can_be_received_again_at_once(number: int) -> None:
    sqs = filled(number)
    reading = read(deployment_of(sqs), SEND)
    assert sorted(letter.name for letter in reading.letters) == sorted(f"job-{one}" for one in range(number))
    assert (reading.left, reading.hidden, len(sqs.visible("send-dead"))) == (0, 0, number)


def test_the_newest_letter_comes_first() -> None:
    assert [letter.name for letter in read(deployment_of(filled(3)), SEND).letters] == [
        "job-2",
        "job-1",
        "job-0",
    ]


def test_queues_that_give_few_at_a_time_are_read_whole() -> None:
    sqs = filled(20)
    sqs.per_receive = 3
    assert len(read(deployment_of(sqs), SEND).letters) == 20


def test_a_letter_that_is_received_twice_is_one() -> None:
    sqs = filled(3)
    # as if each were visible again by the next receive
    sqs.fails = lambda *_: setattr(sqs, "now", sqs.now + 40)
    reading = read(deployment_of(sqs), SEND)
    assert (len(reading.letters), reading.left) == (3, 0)


def test_too_many_letters_are_read_in_part_and_the_rest_is_counted() -> None:
    reading = read(deployment_of(filled(60)), SEND, most=20)
    assert 20 <= len(reading.letters) < 60
    assert len(reading.letters) + reading.left == 60


def test_reading_ends_in_time() -> None:
    ticks = count(0, 10)
    sqs = filled(90)
    reading = read(deployment_of(sqs), SEND, clock=lambda: next(ticks))
    assert 0 < reading.left < 90
    assert len(sqs.visible("send-dead")) == 90


def test_letters_that_somebody_else_reads_are_counted() -> None:
    sqs = filled(3)
    sqs.receive_message(QueueUrl=f"{HOST}/send-dead", MaxNumberOfMessages=2, VisibilityTimeout=30)
    reading = read(deployment_of(sqs), SEND)
    assert (len(reading.letters), reading.hidden) == (1, 2)


def test_a_reader_that_is_denied_a_call_gives_back_what_it_has() -> None:
    sqs = filled(30)

    def fails(name: str, _: dict[str, Any]) -> Exception | None:
        return refusal("AccessDenied") if name == "receive_message" and sqs.calls.count(name) > 1 else None

    sqs.fails = fails
    with pytest.raises(ClientError):
        read(deployment_of(sqs), SEND)
    assert len(sqs.visible("send-dead")) == 30


def test_a_reader_that_may_not_give_letters_back_has_read_them() -> None:
    sqs = filled(3)
    sqs.fails = lambda name, _: refusal("AccessDenied") if name == "change_message_visibility_batch" else None
    assert len(read(deployment_of(sqs), SEND).letters) == 3
