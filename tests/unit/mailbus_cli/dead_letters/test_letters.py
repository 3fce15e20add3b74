"""A letter says what it is of, why it is dead, and which queue it came from."""

from __future__ import annotations

import json

import pytest

from mailbus.errors import InvalidJob
from mailbus_cli.dead_letters.contents import Contents, read_contents
from mailbus_cli.dead_letters.letters import Letter, group, kept_attributes, letter_of
from mailbus_cli.dead_letters.queues import LetterQueue, named, queues
from mailbus_cli.errors import UsageError
from tests.unit.mailbus_cli.dead_letters.fake_sqs import ARN, HOST, OUTPUTS, SEND, TRACKING, FakeSqs, text_of


def letter(
    attributes: dict[str, str],
    body: str = text_of(),
    *,
    queue: LetterQueue = SEND,
    source: str | None = None,
) -> Letter:
    sqs = FakeSqs()
    name = queue.url.rpartition("/")[2]
    system = {"DeadLetterQueueSourceArn": f"{ARN}:{source}"} if source else {}
    sqs.put(name, body, attributes, system=system, sent=1_795_000_000)
    received = sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    [message] = received["Messages"]
    return letter_of(queue, message)


INVALID = {
    "Error": "InvalidJob",
    "Code": "InvalidJob",
    "Reason": str(InvalidJob("$.attachments[0].content", "must be base64")),
    "Path": "$.attachments[0].content",
    "OriginalMessageId": "first",
}


def test_a_letter_of_the_sender() -> None:
    found = letter({**INVALID, "Queue": f"{ARN}:bulk"})
    assert (found.title, found.reason) == ("InvalidJob at $.attachments[0].content", "must be base64")
    assert (found.job_id, found.name, found.contents.recipients) == (
        "ticket-3317",
        "ticket-3317",
        ("kim@example.net",),
    )
    assert (found.source, found.lane, found.sent_at.year) == (f"{HOST}/bulk", "bulk", 2026)


@pytest.mark.parametrize(
    ("attributes", "source", "lane"),
    [
        ({"Queue": f"{ARN}:bulk"}, None, "bulk"),
        ({"Queue": f"{ARN}:send"}, None, "transactional"),
        ({}, "bulk", "bulk"),
        ({"TARGET_ARN": f"{ARN}:bulk"}, None, "bulk"),
        # letters of earlier versions, and of queues that are not this deployment's
        ({}, None, "transactional"),
        ({"Queue": "arn:aws:sqs:eu-west-1:210987654321:other"}, None, "transactional"),
    ],
)
def test_a_job_came_from_the_queue_of_its_lane(
    attributes: dict[str, str], source: str | None, lane: str
) -> None:
    assert letter(attributes, source=source).lane == lane


@pytest.mark.parametrize(
    ("attributes", "source", "title", "reason"),
    [
        ({"Code": "Rejected", "Reason": "Rejected: not verified"}, None, "Rejected", "not verified"),
        ({"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "denied"}, None, "NO_PERMISSIONS", "denied"),
        ({"ErrorCode": "AccessDenied", "ErrorMessage": "no"}, None, "AccessDenied", "no"),
        ({"Error": "InvalidJob"}, None, "InvalidJob", None),
        ({}, None, "no reason given", None),
        ({}, "send", "moved by SQS", "received too often without an answer of the function"),
    ],
)
def test_who_dead_lettered_it_says_why(
    attributes: dict[str, str], source: str | None, title: str, reason: str | None
) -> None:
    found = letter(attributes, source=source)
    assert (found.title, found.reason) == (title, reason)


def test_an_attribute_that_is_no_text_says_nothing() -> None:
    binary = {"Error": {"DataType": "Binary", "BinaryValue": b"x"}}
    assert (
        letter_of(SEND, {"MessageId": "1", "Body": "", "MessageAttributes": binary}).code == "no reason given"
    )


def test_a_redriven_message_keeps_its_part_and_its_first_id() -> None:
    assert kept_attributes(letter({**INVALID, "Part": "7", "Waiting": "{}"})) == {
        "Part": {"DataType": "Number", "StringValue": "7"},
        "OriginalMessageId": {"DataType": "String", "StringValue": "first"},
    }


def test_a_message_that_sqs_moved_has_its_first_id() -> None:
    moved = letter({}, text_of(job_id=None), source="send")
    assert kept_attributes(moved)["OriginalMessageId"]["StringValue"] == moved.id == moved.job_id


def test_the_id_of_a_letter_that_the_function_sent_is_not_the_first_one() -> None:
    assert kept_attributes(letter({"Code": "InvalidJob"})) == {}


def test_a_part_that_is_no_number_is_none() -> None:
    assert letter({"Part": "all"}).part is None


def test_letters_with_the_same_error_at_the_same_place_are_a_group_newest_first() -> None:
    same = [letter(INVALID) for _ in range(2)]
    groups = group((letter({"Code": "Expired"}), *same))
    assert [(one.title, len(one.letters)) for one in groups] == [
        ("InvalidJob at $.attachments[0].content", 2),
        ("Expired", 1),
    ]
    assert groups[0].oldest == same[0].sent_at


NOTIFICATION = {"mail": {"destination": ["a@x.net", "b@x.net"], "tags": {"mailbus-job-id": ["order-7"]}}}
RECEIPT = {"receipt": {"recipients": ["a@x.net"]}, "mail": 7}
EVENT = {"detail": {"job_id": "order-7", "recipient": "a@x.net"}}


@pytest.mark.parametrize(
    ("queue", "body", "job_id", "recipients"),
    [
        ("send", text_of(to="Ann <a@x.net>", cc=["b@x.net"], bcc=["c@x.net"]), "ticket-3317", "abc"),
        ("send", '{"job_id": "no id!", "to": [1, null, "a@x.net"]}', None, "a"),
        ("tracking", json.dumps({"Message": json.dumps(NOTIFICATION)}), "order-7", "ab"),
        ("tracking", json.dumps(NOTIFICATION), "order-7", "ab"),
        ("inbound", json.dumps({"Message": json.dumps(RECEIPT)}), None, "a"),
        ("timeline", json.dumps(EVENT), "order-7", "a"),
    ],
)
def test_a_body_says_what_it_is_of(queue: str, body: str, job_id: str | None, recipients: str) -> None:
    found = read_contents(queue, body)
    assert (found.job_id, found.recipients) == (job_id, tuple(f"{one}@x.net" for one in recipients))


def test_of_many_recipients_the_first_are_named_and_all_are_counted() -> None:
    found = read_contents("send", text_of(to=[f"{one}@x.net" for one in range(50)]))
    assert (len(found.recipients), found.recipient_count) == (3, 50)


@pytest.mark.parametrize("queue", ["send", "tracking", "timeline", "other"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"Message": "{"}',
        '{"Message": "[]"}',
        '{"mail": [], "detail": 1}',
        "\ud800",
    ],
)
def test_a_body_that_says_nothing_is_of_nothing(queue: str, body: str) -> None:
    assert read_contents(queue, body) == Contents()


def test_the_queues_are_those_of_the_outputs_jobs_first() -> None:
    assert [queue.name for queue in queues(OUTPUTS)] == ["send", "tracking", "timeline"]
    assert [source.lane for source in SEND.sources] == ["transactional", "bulk"]
    assert (TRACKING.has_jobs, SEND.has_jobs) == (False, True)


def test_a_queue_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="'sent'") as raised:
        named(OUTPUTS, "sent")
    assert raised.value.hint == "one of send, tracking, timeline"
