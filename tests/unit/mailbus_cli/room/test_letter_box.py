"""The room keeps what it has read of the dead-letter queues, and why a queue could not be read."""

from __future__ import annotations

import json

from mailbus_cli.dead_letters.redriving import Outcome
from mailbus_cli.room.letter_box import LetterBox, explained, policy
from tests.unit.fakes.clients import refusal
from tests.unit.mailbus_cli.dead_letters.fake_sqs import SEND, FakeLambda, FakeSqs, deployment_of, text_of


def filled(number: int) -> tuple[FakeSqs, LetterBox]:
    sqs = FakeSqs()
    for one in range(number):
        code = "Expired" if one % 2 else "InvalidJob"
        sqs.put("send-dead", text_of(job_id=f"job-{one}"), {"Code": code})
    return sqs, LetterBox(deployment_of(sqs))


def test_a_queue_is_read_when_it_is_asked_for_alone() -> None:
    sqs, box = filled(3)
    assert box.reading(SEND) is None
    assert "receive_message" not in sqs.calls
    box.read(SEND)
    reading = box.reading(SEND)
    assert reading is not None
    assert len(reading.letters) == 3


def test_letters_are_chosen_by_id_and_by_error() -> None:
    _, box = filled(4)
    box.read(SEND)
    assert len(box.chosen(SEND, {"letter-1"}, {"Expired"})) == 3
    assert box.letter(SEND, "letter-1") is not None
    assert box.letter(SEND, "other") is None


def test_what_is_done_is_not_listed_any_more_and_is_said_once() -> None:
    _, box = filled(4)
    box.read(SEND)
    outcomes = [
        Outcome(id="letter-1", result="redriven"),
        Outcome(id="letter-2", result="gone"),
        Outcome(id="letter-3", result="refused", reason="no room"),
    ]
    box.settle(SEND, outcomes, verb="redriven")
    assert [one.id for one in box.chosen(SEND, {f"letter-{n}" for n in range(9)}, ())] == [
        "letter-4",
        "letter-3",
    ]
    notice = box.notice(SEND)
    assert notice is not None
    assert (notice.text, notice.is_problem) == ("1 redriven. 2 not redriven: no room.", True)
    assert box.notice(SEND) is None


def test_a_queue_that_may_not_be_read_says_what_is_missing_until_it_is_read() -> None:
    sqs, box = filled(1)
    sqs.fails = lambda name, _: (
        refusal("AccessDenied", operation="ReceiveMessage") if name == "receive_message" else None
    )
    box.read(SEND)
    denied = box.refusal(SEND)
    assert denied is not None
    assert denied.kind == "denied"
    sqs.fails = lambda *_: None
    box.read(SEND)
    assert box.refusal(SEND) is None


def test_each_queue_is_counted_where_that_is_allowed() -> None:
    sqs, box = filled(2)
    assert box.counts() == {"send": 2, "tracking": 0, "timeline": 0}
    sqs.fails = lambda *_: refusal("AccessDenied")
    assert box.counts() == {"send": None, "tracking": None, "timeline": None}


def test_the_senders_settings_are_read_once() -> None:
    deployment = deployment_of(FakeSqs(), **{"lambda": FakeLambda(None)})
    box = LetterBox(deployment)
    assert box.defaults() is None
    deployment.client("lambda").variables = {"SEND_DEFAULTS": "{}"}
    assert box.defaults() is None


def test_the_policy_names_the_queue() -> None:
    deployment = deployment_of(FakeSqs())
    statement = json.loads(policy(deployment, SEND))
    assert statement["Resource"] == "arn:aws:sqs:eu-west-1:210987654321:send-dead"
    assert "sqs:ReceiveMessage" in statement["Action"]


def test_errors_that_are_not_of_aws_are_not_explained() -> None:
    assert explained(ValueError("x")) is None
    assert explained(refusal("AccessDenied")) is not None
