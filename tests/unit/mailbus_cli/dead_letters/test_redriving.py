"""A letter is deleted once its queue has taken it; nothing is lost, whatever fails in between."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus_cli.dead_letters.redriving import delete, redrive
from tests.unit.fakes.clients import refusal
from tests.unit.mailbus_cli.dead_letters.fake_sqs import (
    ARN,
    HOST,
    SEND,
    TRACKING,
    FakeSqs,
    deployment_of,
    text_of,
)


class Killed(BaseException):
    """The process ends here."""


def filled(number: int, **attributes: str) -> tuple[FakeSqs, list[str]]:
    sqs = FakeSqs()
    ids = [
        sqs.put("send-dead", text_of(job_id=f"job-{one}"), {"Code": "Expired", **attributes})
        for one in range(number)
    ]
    return sqs, ids


def results(outcomes: tuple[Any, ...]) -> list[str]:
    return [outcome.result for outcome in outcomes]


def test_a_letter_goes_to_its_queue_and_is_gone() -> None:
    sqs, ids = filled(3)
    body = sqs.bodies("send-dead")[1]
    assert results(redrive(deployment_of(sqs), SEND, {ids[1]: None})) == ["redriven"]
    assert sqs.bodies("send") == [body]
    assert sqs.visible("send-dead") == [ids[0], ids[2]]


def test_letters_of_both_lanes_go_to_their_own() -> None:
    sqs, ids = filled(1)
    other = sqs.put("send-dead", text_of(job_id="news"), {"Queue": f"{ARN}:bulk"})
    redrive(deployment_of(sqs), SEND, {ids[0]: None, other: None})
    assert (len(sqs.bodies("send")), sqs.bodies("bulk")) == (1, [text_of(job_id="news")])


def test_a_letter_of_another_function_goes_back_to_it_unchanged() -> None:
    sqs = FakeSqs()
    letter = sqs.put("tracking-dead", "not even JSON", {"Error": "PublishError", "Code": "Throttling"})
    redrive(deployment_of(sqs), TRACKING, {letter: None})
    assert sqs.bodies("tracking") == ["not even JSON"]


def test_what_a_part_and_a_tenant_need_is_kept_and_the_reason_is_not() -> None:
    sqs = FakeSqs()
    letter = sqs.put(
        "send-dead",
        text_of(),
        {"Part": "3", "OriginalMessageId": "first", "Code": "Expired", "Reason": "late"},
        system={"MessageGroupId": "tenant-a"},
    )
    redrive(deployment_of(sqs), SEND, {letter: None})
    [message] = sqs.queues[f"{HOST}/send"]
    assert message.attributes == {
        "Part": {"DataType": "Number", "StringValue": "3"},
        "OriginalMessageId": {"DataType": "String", "StringValue": "first"},
    }
    assert message.system == {"MessageGroupId": "tenant-a"}


def test_an_edited_letter_is_sent_with_its_new_body() -> None:
    sqs, ids = filled(1)
    redrive(deployment_of(sqs), SEND, {ids[0]: text_of(subject="New")})
    assert sqs.bodies("send") == [text_of(subject="New")]


@pytest.mark.parametrize("number", [1, 10, 25, 60])
def test_many_letters_are_redriven_each_once(number: int) -> None:
    sqs, ids = filled(number)
    done: list[str] = []
    redrive(deployment_of(sqs), SEND, dict.fromkeys(ids), done=lambda outcome: done.append(outcome.id))
    assert (len(sqs.bodies("send")), sqs.bodies("send-dead")) == (number, [])
    assert sorted(done) == sorted(ids)


def test_large_letters_are_sent_by_calls_of_their_own() -> None:
    sqs = FakeSqs()
    ids = [sqs.put("send-dead", text_of(text="x" * 600_000)) for _ in range(3)]
    assert results(redrive(deployment_of(sqs), SEND, dict.fromkeys(ids))) == ["redriven"] * 3


def test_a_body_that_no_message_can_have_is_refused_and_its_letter_stays() -> None:
    sqs, ids = filled(2)
    outcomes = redrive(deployment_of(sqs), SEND, {ids[0]: "x" * 1_100_000, ids[1]: None})
    assert [(one.result, one.reason) for one in outcomes] == [
        ("refused", "is larger than 1 MiB"),
        ("redriven", None),
    ]
    assert sqs.visible("send-dead") == [ids[0]]


def test_a_letter_that_is_not_there_is_said_to_be_gone() -> None:
    sqs, ids = filled(12)
    assert results(redrive(deployment_of(sqs), SEND, {"other": None, ids[11]: None})) == ["gone", "redriven"]
    assert len(sqs.visible("send-dead")) == 11


def test_a_letter_that_somebody_else_has_is_left_to_them() -> None:
    sqs, ids = filled(1)
    sqs.receive_message(QueueUrl=f"{HOST}/send-dead", MaxNumberOfMessages=1, VisibilityTimeout=30)
    assert results(redrive(deployment_of(sqs), SEND, {ids[0]: None})) == ["gone"]


def test_a_letter_that_the_queue_does_not_take_stays() -> None:
    sqs, ids = filled(3)
    sqs.refuses = lambda call, text: call == "send" and "job-1" in text
    outcomes = redrive(deployment_of(sqs), SEND, dict.fromkeys(ids))
    assert results(outcomes) == ["redriven", "refused", "redriven"]
    assert sqs.visible("send-dead") == [ids[1]]


def test_letters_that_may_not_be_sent_stay_with_the_reason() -> None:
    sqs, ids = filled(3)
    sqs.fails = lambda name, _: refusal("AccessDenied") if name == "send_message_batch" else None
    outcomes = redrive(deployment_of(sqs), SEND, dict.fromkeys(ids))
    assert results(outcomes) == ["refused"] * 3
    assert outcomes[0].reason
    assert len(sqs.visible("send-dead")) == 3


def test_a_letter_that_was_sent_and_cannot_be_deleted_is_said_to_be_there_still() -> None:
    sqs, ids = filled(1)
    sqs.fails = lambda name, _: refusal("AccessDenied") if name == "delete_message_batch" else None
    [outcome] = redrive(deployment_of(sqs), SEND, {ids[0]: None})
    assert (outcome.result, outcome.is_done, len(sqs.bodies("send"))) == ("kept", False, 1)
    assert sqs.visible("send-dead") == ids


def test_deleting_removes_the_chosen_letters_alone() -> None:
    sqs, ids = filled(12)
    assert results(delete(deployment_of(sqs), SEND, [ids[0], ids[11]])) == ["deleted", "deleted"]
    assert (sqs.visible("send-dead"), sqs.bodies("send")) == (ids[1:11], [])


def test_a_letter_that_cannot_be_deleted_is_refused() -> None:
    sqs, ids = filled(1)
    sqs.refuses = lambda call, _: call == "delete"
    [outcome] = delete(deployment_of(sqs), SEND, ids)
    assert (outcome.result, outcome.reason) == ("refused", "InternalError")


@settings(deadline=None)
@given(
    number=st.integers(1, 24),
    killed_at=st.integers(1, 20),
    per_receive=st.integers(1, 10),
)
def test_a_redrive_that_is_killed_anywhere_loses_no_letter(
    number: int, killed_at: int, per_receive: int
) -> None:
    sqs, ids = filled(number)
    sqs.per_receive = per_receive

    def fails(*_: Any) -> Exception | None:
        if len(sqs.calls) == killed_at:
            raise Killed
        return None

    sqs.fails = fails
    with contextlib.suppress(Killed):
        redrive(deployment_of(sqs), SEND, dict.fromkeys(ids))
    sqs.fails, sqs.now = lambda *_: None, 100.0
    jobs = {f"job-{one}" for one in range(number)}
    kept = "".join(sqs.bodies("send") + sqs.bodies("send-dead"))
    assert {job for job in jobs if f'"{job}"' in kept} == jobs
    # once more: what was sent and not deleted is there twice, for the ledger to absorb
    redrive(deployment_of(sqs), SEND, dict.fromkeys(ids))
    assert sqs.bodies("send-dead") == []
    assert number <= len(sqs.bodies("send")) <= number + 10
