"""Dead letters have the record unchanged and the reason in attributes that SQS accepts."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.aws.dead_letters import REASON_CHARACTERS, DeadLetterQueue, attributes
from mailbus.aws.sqs import Record
from mailbus.errors import (
    InvalidJob,
    InvalidNotification,
    MailbusError,
    PublishError,
    SendError,
    UnsupportedFeature,
    WiringError,
)
from tests.unit.fakes.clients import DEAD_LETTERS, FakeSqs, refusal

MESSAGE_ID = "059f36b4-87a3-44ab-83d2-661975830a7d"
RECORD = Record(
    message_id=MESSAGE_ID, receipt_handle="AQEBwJnKyrHigUMZj6rYigCg", body='{"to": "ada@example.org"'
)
SQS_TAKES = re.compile("[\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


def test_a_record_is_sent_unchanged_with_the_reason_in_its_attributes() -> None:
    client = FakeSqs()
    DeadLetterQueue(client, DEAD_LETTERS).send(RECORD, InvalidNotification("no mail object"))  # type: ignore[arg-type] # a fake
    assert client.sent == [
        {
            "queue": DEAD_LETTERS,
            "body": RECORD.body,
            "attributes": {
                "Error": "InvalidNotification",
                "Code": "InvalidNotification",
                "Reason": "no mail object",
                "OriginalMessageId": MESSAGE_ID,
            },
        }
    ]


# What the attributes of the record below take: names, types, values.
PART_SIZE = len("Part") + len("Number") + len("7")
ID_SIZE = len("OriginalMessageId") + len("String") + len(MESSAGE_ID)
ERROR_SIZE = len("Error") + len("String") + len("InvalidJob")
CODE_SIZE = len("Code") + len("String") + len("InvalidJob")
PATH_SIZE = len("Path") + len("String") + len("$.to[0]")
REASON_SIZE = len("Reason") + len("String") + len("$.to[0]: ünlesbar".encode())
ALL = ["Part", "OriginalMessageId", "Error", "Path", "Code", "Reason"]


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (0, []),
        (PART_SIZE - 1, []),
        (PART_SIZE, ALL[:1]),
        (PART_SIZE + ID_SIZE - 1, ["Part", "Error", "Path", "Code"]),
        (PART_SIZE + ID_SIZE, ALL[:2]),
        (PART_SIZE + ID_SIZE + ERROR_SIZE + PATH_SIZE, ALL[:4]),
        (PART_SIZE + ID_SIZE + ERROR_SIZE + PATH_SIZE + CODE_SIZE, ALL[:5]),
        (PART_SIZE + ID_SIZE + ERROR_SIZE + PATH_SIZE + CODE_SIZE + REASON_SIZE - 1, ALL[:5]),
        (PART_SIZE + ID_SIZE + ERROR_SIZE + PATH_SIZE + CODE_SIZE + REASON_SIZE, ALL),
    ],
)
def test_a_large_body_leaves_room_for_the_most_important_attributes(room: int, kept: list[str]) -> None:
    client = FakeSqs()
    body = "x" * (room % 2) + "ü" * ((1024 * 1024 - room) // 2)
    full = msgspec.structs.replace(RECORD, body=body, part=7)
    DeadLetterQueue(client, DEAD_LETTERS).send(full, InvalidJob("$.to[0]", "ünlesbar"))  # type: ignore[arg-type] # a fake
    (letter,) = client.sent
    assert (letter["body"], list(letter["attributes"])) == (body, kept)


def test_a_record_that_was_a_dead_letter_before_keeps_its_first_id() -> None:
    client = FakeSqs()
    again = msgspec.structs.replace(RECORD, redriven_from="7c1c8f0e-1f0f-4d07-9d1e-3a3f0b8f2a11")
    DeadLetterQueue(client, DEAD_LETTERS).send(again, InvalidNotification("no mail object"))  # type: ignore[arg-type] # a fake
    assert client.sent[0]["attributes"]["OriginalMessageId"] == "7c1c8f0e-1f0f-4d07-9d1e-3a3f0b8f2a11"


def test_an_unreachable_queue_raises() -> None:
    client = FakeSqs(outage=refusal("ServiceUnavailable"))
    with pytest.raises(type(refusal(""))):
        DeadLetterQueue(client, DEAD_LETTERS).send(RECORD, InvalidNotification("no mail object"))  # type: ignore[arg-type] # a fake


@pytest.mark.parametrize(
    ("error", "name", "code", "extra"),
    [
        (InvalidJob("$.to[0]", "not an address"), "InvalidJob", "InvalidJob", {"Path": "$.to[0]"}),
        (
            InvalidJob("$.job_id", "is another job's", code="JobIdConflict"),
            "InvalidJob",
            "JobIdConflict",
            {"Path": "$.job_id"},
        ),
        (
            UnsupportedFeature("$.send_at", "send_at", "not yet"),
            "UnsupportedFeature",
            "UnsupportedFeature",
            {"Path": "$.send_at"},
        ),
        (SendError("MessageRejected", "no", retryable=False), "SendError", "MessageRejected", {}),
        (PublishError("EntryTooLarge", "too large"), "PublishError", "EntryTooLarge", {}),
        (WiringError("wrong topic"), "WiringError", "WiringError", {}),
        (MailbusError(""), "MailbusError", "MailbusError", {}),
    ],
)
def test_attributes_have_the_errors_class_code_reason_and_path(
    error: MailbusError, name: str, code: str, extra: dict[str, str]
) -> None:
    described = attributes(error, MESSAGE_ID)
    assert described.pop("Error") == name
    assert described.pop("Code") == code
    assert described.pop("OriginalMessageId") == MESSAGE_ID
    assert described.pop("Reason") == (str(error) or "unknown")
    assert described == extra


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_every_attribute_is_valid_for_sqs_whatever_its_error_has(path: str, reason: str) -> None:
    for value in attributes(InvalidJob(path, reason), MESSAGE_ID).values():
        assert SQS_TAKES.fullmatch(value)
        assert len(value) <= REASON_CHARACTERS


def test_a_dead_letter_names_its_queue_and_stays_in_its_tenants_group() -> None:
    client = FakeSqs()
    arn = "arn:aws:sqs:eu-west-1:210987654321:bulk"
    record = msgspec.structs.replace(RECORD, queue_arn=arn, group_id="tenant-a")
    DeadLetterQueue(client, DEAD_LETTERS).send(record, InvalidJob("$.to", "is missing"))  # type: ignore[arg-type] # a fake
    (letter,) = client.sent
    assert (letter["attributes"]["Queue"], letter["group"]) == (arn, "tenant-a")
