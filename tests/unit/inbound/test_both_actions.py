"""A mail comes by S3, or inside its notification: the event is the same, and the raw mail is kept."""

from __future__ import annotations

import json
from base64 import b64encode, encodebytes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.handler import process
from tests.unit.inbound.arrivals import (
    ABSENT,
    BUCKET,
    MESSAGE_ID,
    PLACE,
    RAW_KEY,
    SETTINGS,
    TOPIC,
    FakeS3,
    Room,
    received,
    record,
)
from tests.unit.inbound.sealed import FakeKms, sealed

MAIL = (
    "Return-Path: <ada@example.org>\r\nReceived: from example.org\r\n"
    "From: Ada <ada@example.org>\r\nTo: support@inbound.example.com\r\nSubject: Grüße\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "Bis morgen in Köln.\r\n"
    '--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="plan.csv"\r\n\r\n'
    "noon;bridge\r\n--b--\r\n"
).encode()


def _published(content: object, encoding: str | None = "UTF8", **changes: Any) -> dict[str, Any]:
    """SES's message from an SNS action."""
    action = {"type": "SNS", "topicArn": TOPIC} | ({} if encoding is None else {"encoding": encoding})
    return received(receipt__action=action, content=content, **changes)


def _base64(mail: bytes) -> str:
    return b64encode(mail).decode()


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (MAIL.decode(), "UTF8"),
        (MAIL.decode(), "UTF-8"),
        (MAIL.decode(), "utf-8"),
        (_base64(MAIL), "BASE64"),
        (_base64(MAIL), "Base64"),
        (encodebytes(MAIL).decode(), "BASE64"),
        (encodebytes(MAIL).decode().replace("\n", "\r\n"), "BASE64"),
        (MAIL.decode(), None),
        (_base64(MAIL), None),
        (MAIL.decode(), "EBCDIC"),
        (_base64(MAIL), ""),
    ],
)
def test_a_mail_inside_its_notification_is_the_event_of_the_same_mail_in_s3(
    content: str, encoding: str | None
) -> None:
    inside, stored = Room(), Room(MAIL)
    assert process([record(_published(content, encoding))], inside.wiring) == ()
    assert process([record(received())], stored.wiring) == ()
    assert inside.detail == stored.detail
    assert inside.detail["message"]["text"] == "Bis morgen in Köln."
    assert inside.detail["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": len(MAIL)}
    assert inside.stored(RAW_KEY) == MAIL
    assert inside.stored(f"{PLACE}1-plan.csv") == b"noon;bridge"


@pytest.mark.parametrize("encoding", ["UTF8", "BASE64"])
def test_a_second_delivery_writes_the_same_keys_and_the_same_event(encoding: str) -> None:
    room = Room()
    content = MAIL.decode() if encoding == "UTF8" else _base64(MAIL)
    for delivery in (1, 2):
        again = record(_published(content, encoding), receive_count=delivery)
        assert process([again], room.wiring) == ()
    first, second = room.details
    assert first == second
    assert first["event_id"] == MESSAGE_ID
    assert set(room.s3.written) == {RAW_KEY, f"{PLACE}1-plan.csv"}


def test_what_ses_itself_stored_is_read_and_never_written_over() -> None:
    better = MAIL.replace(b"plan.csv", b"best.csv")
    room = Room(better)
    lossy = MAIL.decode().replace("ö", "\ufffd")
    assert process([record(_published(lossy))], room.wiring) == ()
    assert room.stored(RAW_KEY) == better
    assert RAW_KEY not in room.s3.written
    (attachment,) = room.detail["message"]["attachments"]
    assert attachment["filename"] == "best.csv"
    assert room.detail["message"]["defects"] == []


def test_a_mail_that_ses_stored_encrypted_does_not_get_stored_in_clear() -> None:
    kms = FakeKms()
    content, metadata = sealed(MAIL, kms)
    room = Room(content, kms=kms)
    room.s3.metadata = metadata
    assert process([record(_published(MAIL.decode()))], room.wiring) == ()
    assert room.stored(RAW_KEY) == content
    assert room.detail["message"]["subject"] == "Grüße"


def test_bytes_that_utf_8_could_not_carry_are_told_of() -> None:
    room = Room()
    latin = MAIL.replace("Köln".encode(), "Köln".encode("latin-1"))
    process([record(_published(latin.decode("utf-8", "replace")))], room.wiring)
    assert room.detail["message"]["defects"] == ["lost_bytes"]
    assert room.detail["message"]["text"] == "Bis morgen in K\ufffdln."


def test_base64_loses_no_byte_and_tells_of_none() -> None:
    room = Room()
    latin = MAIL.replace("Köln".encode(), "Köln".encode("latin-1")).replace(b"utf-8", b"latin1")
    process([record(_published(_base64(latin), "BASE64"))], room.wiring)
    assert room.detail["message"]["text"] == "Bis morgen in Köln."
    assert room.detail["message"]["defects"] == []
    assert room.stored(RAW_KEY) == latin


def test_a_character_of_the_mails_own_is_no_lost_byte_in_base64() -> None:
    room = Room()
    mail = MAIL.replace("Köln".encode(), "\ufffd".encode())
    process([record(_published(_base64(mail), "BASE64"))], room.wiring)
    assert room.detail["message"]["defects"] == []


@pytest.mark.parametrize(
    "content", ["From: ada@example.org\r\n\r\nhi", "RnJvbTo", "RnJv bTo=", "RnJvbTo=RnJv", "Größe", "===="]
)
@pytest.mark.parametrize("encoding", ["BASE64", "Base64", "base64"])
def test_base64_that_is_none_is_reported_and_kept_as_it_came(content: str, encoding: str) -> None:
    room = Room()
    for _ in range(2):
        assert process([record(_published(content, encoding))], room.wiring) == ()
    first, second = room.details
    assert first == second
    assert first["event_type"] == "inbound_failed"
    assert "Base64" in first["description"]
    assert first["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": len(content.encode())}
    assert room.stored(RAW_KEY) == content.encode()


@pytest.mark.parametrize("encoding", ["UTF8", "UTF-8", "utf-8"])
def test_text_that_could_be_base64_stays_text_where_the_encoding_says_so(encoding: str) -> None:
    room = Room()
    process([record(_published("RnJvbTo=", encoding))], room.wiring)
    assert room.stored(RAW_KEY) == b"RnJvbTo="


@pytest.mark.parametrize("content", [ABSENT, None])
@pytest.mark.parametrize("encoding", ["UTF8", "BASE64", None])
def test_an_sns_action_without_the_mail_is_reported_and_nothing_is_stored(
    content: object, encoding: str | None
) -> None:
    room = Room()
    message = _published(None, encoding)
    if content is ABSENT:
        del message["content"]
    assert process([record(message)], room.wiring) == ()
    assert room.detail["event_type"] == "inbound_failed"
    assert "no content" in room.detail["description"]
    assert room.detail["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": None}
    assert room.s3.written == []


@pytest.mark.parametrize("content", [["From: ada@example.org"], {"mail": "x"}, 7, True])
def test_content_that_is_no_text_is_kept_with_its_reason(content: object) -> None:
    room = Room()
    assert process([record(_published(content))], room.wiring) == ()
    (letter,) = room.sqs.sent
    assert letter["attributes"]["Error"] == "InvalidNotification"
    assert "content" in letter["attributes"]["Reason"]
    assert room.s3.written == []


def test_an_empty_mail_is_reported() -> None:
    room = Room()
    assert process([record(_published(""))], room.wiring) == ()
    assert room.detail["event_type"] == "inbound_failed"
    assert "empty" in room.detail["description"]


def test_a_mail_that_cannot_be_read_is_kept_as_it_came() -> None:
    room = Room()
    binary = b"\0\xff\xfe" * 100
    assert process([record(_published(_base64(binary), "BASE64"))], room.wiring) == ()
    assert room.detail["event_type"] == "inbound_failed"
    assert room.stored(RAW_KEY) == binary


def test_the_largest_mail_of_an_sns_action_fits_the_bus() -> None:
    room = Room()
    head = "From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    mail = (head + "\x01" * (150 * 1024 - len(head))).encode()
    process([record(_published(_base64(mail), "BASE64"))], room.wiring)
    assert room.detail["message"]["text"] is None
    assert room.stored(f"{PLACE}body.txt") == mail[len(head) :]
    assert len(room.events.taken[0]["Detail"].encode()) < SETTINGS.event_bytes


@pytest.mark.parametrize("status", ["PASS", "FAIL", "GRAY", None])
def test_verdicts_come_with_either_action(status: str | None) -> None:
    inside, stored = Room(), Room(MAIL)
    verdict = ABSENT if status is None else {"status": status}
    process([record(_published(MAIL.decode(), receipt__spamVerdict=verdict))], inside.wiring)
    process([record(received(receipt__spamVerdict=verdict))], stored.wiring)
    detected = {"PASS": False, "FAIL": True}.get(status or "")
    for room in (inside, stored):
        assert (room.detail["spam_verdict"], room.detail["spam_detected"]) == (status, detected)


def test_the_greeting_of_an_sns_action_is_passed_over() -> None:
    room = Room()
    greeting = _published("From: no-reply-aws@amazon.com", mail__messageId="AMAZON_SES_SETUP_NOTIFICATION")
    assert process([record(greeting)], room.wiring) == ()
    assert (room.s3.objects, room.events.taken, room.sqs.sent) == ({}, [], [])


@pytest.mark.parametrize("message_id", ["../parts/x", "a/b", "", "x" * 201, "a\nb"])
def test_a_message_id_never_leads_out_of_the_raw_prefix(message_id: str) -> None:
    room = Room()
    assert process([record(_published(MAIL.decode(), mail__messageId=message_id))], room.wiring) == ()
    assert len(room.sqs.sent) == 1
    assert room.s3.objects == {}


def test_a_topic_of_another_account_has_its_mail_kept_in_the_deployments_own_bucket() -> None:
    room = Room()
    ours = record(_published(MAIL.decode()))
    foreign = "arn:aws:sns:us-west-2:999999999999:their-mail"
    theirs = type(ours)(message_id="1", receipt_handle="1", body=ours.body.replace(TOPIC, foreign))
    assert process([theirs], room.wiring) == ()
    assert room.detail["raw"]["bucket"] == BUCKET
    assert room.events.taken[0]["Resources"] == (foreign,)
    assert {bucket for bucket, _ in room.s3.objects} == {BUCKET}


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ConditionalRequestConflict", "AccessDenied"])
def test_nothing_is_published_before_the_mail_itself_is_kept(code: str) -> None:
    room = Room(s3=FakeS3({}, outages={RAW_KEY: code}))
    early = record(_published(MAIL.decode()))
    assert process([early], room.wiring) == (early,)
    assert room.events.taken == []
    last = record(_published(MAIL.decode()), receive_count=SETTINGS.max_receives)
    assert process([last], room.wiring) == ()
    (letter,) = room.sqs.sent
    assert letter["attributes"]["Code"] == code
    assert json.loads(json.loads(letter["body"])["Message"])["content"] == MAIL.decode()


def test_content_beside_an_s3_action_is_not_the_mail() -> None:
    room = Room(MAIL)
    process([record(received(content="Subject: another\r\n\r\n"))], room.wiring)
    assert room.detail["message"]["subject"] == "Grüße"
    assert room.stored(RAW_KEY) == MAIL


@given(mail=st.binary(max_size=400), encoding=st.sampled_from(["BASE64", None]))
def test_whatever_bytes_arrive_are_kept_and_told_of(mail: bytes, encoding: str | None) -> None:
    room = Room()
    whole = b"Return-Path: <a@b>\r\n" + mail
    assert process([record(_published(_base64(whole), encoding))], room.wiring) == ()
    assert room.detail["event_type"] in {"inbound", "inbound_failed"}
    assert room.stored(RAW_KEY) == whole


@given(content=st.text(max_size=400), encoding=st.sampled_from(["UTF8", "BASE64", None, "x"]))
def test_whatever_text_stands_in_a_notification_it_is_an_event_or_a_dead_letter(
    content: str, encoding: str | None
) -> None:
    room = Room()
    assert process([record(_published(content, encoding))], room.wiring) == ()
    assert len(room.events.taken) + len(room.sqs.sent) == 1
