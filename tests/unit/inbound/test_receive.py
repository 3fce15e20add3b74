"""A mail in S3 and a mail in its notification have the same event, and the raw mail is stored."""

from __future__ import annotations

import json
from base64 import b64encode, encodebytes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.handler import process
from tests.unit.fakes.s3 import FakeS3
from tests.unit.inbound.encrypted_mail import FakeKms, encrypted
from tests.unit.inbound.world import (
    ABSENT,
    BUCKET,
    FOLDER,
    MESSAGE_ID,
    RAW_KEY,
    SETTINGS,
    TOPIC,
    World,
    received,
    record,
)

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
def test_a_mail_in_a_notification_has_the_same_event_as_in_s3(content: str, encoding: str | None) -> None:
    inside, stored = World(), World(MAIL)
    assert process([record(_published(content, encoding))], inside.wiring) == ()
    assert process([record(received())], stored.wiring) == ()
    assert inside.detail == stored.detail
    assert inside.detail["message"]["text"] == "Bis morgen in Köln."
    assert inside.detail["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": len(MAIL)}
    assert inside.stored(RAW_KEY) == MAIL
    assert inside.stored(f"{FOLDER}1-plan.csv") == b"noon;bridge"


@pytest.mark.parametrize("encoding", ["UTF8", "BASE64"])
def test_a_second_delivery_writes_the_same_keys_and_the_same_event(encoding: str) -> None:
    world = World()
    content = MAIL.decode() if encoding == "UTF8" else _base64(MAIL)
    for delivery in (1, 2):
        again = record(_published(content, encoding), receive_count=delivery)
        assert process([again], world.wiring) == ()
    first, second = world.details
    assert first == second
    assert first["event_id"] == MESSAGE_ID
    assert set(world.s3.writes) == {RAW_KEY, f"{FOLDER}1-plan.csv"}


def test_an_object_that_ses_stored_is_read_and_never_replaced() -> None:
    better = MAIL.replace(b"plan.csv", b"best.csv")
    world = World(better)
    lossy = MAIL.decode().replace("ö", "\ufffd")
    assert process([record(_published(lossy))], world.wiring) == ()
    assert world.stored(RAW_KEY) == better
    assert RAW_KEY not in world.s3.writes
    (attachment,) = world.detail["message"]["attachments"]
    assert attachment["filename"] == "best.csv"
    assert world.detail["message"]["defects"] == []


def test_a_mail_that_ses_stored_encrypted_is_not_stored_in_clear() -> None:
    kms = FakeKms()
    content, metadata = encrypted(MAIL, kms)
    world = World(content, kms=kms)
    world.s3.metadata = metadata
    assert process([record(_published(MAIL.decode()))], world.wiring) == ()
    assert world.stored(RAW_KEY) == content
    assert world.detail["message"]["subject"] == "Grüße"


def test_bytes_that_ses_replaced_are_a_defect() -> None:
    world = World()
    latin = MAIL.replace("Köln".encode(), "Köln".encode("latin-1"))
    process([record(_published(latin.decode("utf-8", "replace")))], world.wiring)
    assert world.detail["message"]["defects"] == ["lost_bytes"]
    assert world.detail["message"]["text"] == "Bis morgen in K\ufffdln."


def test_a_base64_mail_loses_no_byte() -> None:
    world = World()
    latin = MAIL.replace("Köln".encode(), "Köln".encode("latin-1")).replace(b"utf-8", b"latin1")
    process([record(_published(_base64(latin), "BASE64"))], world.wiring)
    assert world.detail["message"]["text"] == "Bis morgen in Köln."
    assert world.detail["message"]["defects"] == []
    assert world.stored(RAW_KEY) == latin


def test_a_replacement_character_in_a_base64_mail_is_not_a_lost_byte() -> None:
    world = World()
    mail = MAIL.replace("Köln".encode(), "\ufffd".encode())
    process([record(_published(_base64(mail), "BASE64"))], world.wiring)
    assert world.detail["message"]["defects"] == []


@pytest.mark.parametrize(
    "content", ["From: ada@example.org\r\n\r\nhi", "RnJvbTo", "RnJv bTo=", "RnJvbTo=RnJv", "Größe", "===="]
)
@pytest.mark.parametrize("encoding", ["BASE64", "Base64", "base64"])
def test_invalid_base64_is_reported_and_stored_unchanged(content: str, encoding: str) -> None:
    world = World()
    for _ in range(2):
        assert process([record(_published(content, encoding))], world.wiring) == ()
    first, second = world.details
    assert first == second
    assert first["event_type"] == "inbound_failed"
    assert "Base64" in first["description"]
    assert first["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": len(content.encode())}
    assert world.stored(RAW_KEY) == content.encode()


@pytest.mark.parametrize("encoding", ["UTF8", "UTF-8", "utf-8"])
def test_text_that_is_valid_base64_stays_text_if_the_encoding_is_utf8(encoding: str) -> None:
    world = World()
    process([record(_published("RnJvbTo=", encoding))], world.wiring)
    assert world.stored(RAW_KEY) == b"RnJvbTo="


@pytest.mark.parametrize("content", [ABSENT, None])
@pytest.mark.parametrize("encoding", ["UTF8", "BASE64", None])
def test_an_sns_action_without_the_mail_is_reported_and_nothing_is_stored(
    content: object, encoding: str | None
) -> None:
    world = World()
    message = _published(None, encoding)
    if content is ABSENT:
        del message["content"]
    assert process([record(message)], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert "no content" in world.detail["description"]
    assert world.detail["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": None}
    assert world.s3.writes == []


@pytest.mark.parametrize("content", [["From: ada@example.org"], {"mail": "x"}, 7, True])
def test_content_that_is_not_text_is_dead_lettered(content: object) -> None:
    world = World()
    assert process([record(_published(content))], world.wiring) == ()
    (letter,) = world.sqs.sent
    assert letter["attributes"]["Error"] == "InvalidNotification"
    assert "content" in letter["attributes"]["Reason"]
    assert world.s3.writes == []


def test_an_empty_mail_is_reported() -> None:
    world = World()
    assert process([record(_published(""))], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert "empty" in world.detail["description"]


def test_a_mail_that_cannot_be_read_is_stored_unchanged() -> None:
    world = World()
    binary = b"\0\xff\xfe" * 100
    assert process([record(_published(_base64(binary), "BASE64"))], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert world.stored(RAW_KEY) == binary


def test_the_largest_mail_of_an_sns_action_fits_the_bus() -> None:
    world = World()
    head = "From: a@example.org\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    mail = (head + "\x01" * (150 * 1024 - len(head))).encode()
    process([record(_published(_base64(mail), "BASE64"))], world.wiring)
    assert world.detail["message"]["text"] is None
    assert world.stored(f"{FOLDER}body.txt") == mail[len(head) :]
    assert len(world.events.taken[0]["Detail"].encode()) < SETTINGS.event_bytes


@pytest.mark.parametrize("status", ["PASS", "FAIL", "GRAY", None])
def test_verdicts_are_the_same_for_both_actions(status: str | None) -> None:
    inside, stored = World(), World(MAIL)
    verdict = ABSENT if status is None else {"status": status}
    process([record(_published(MAIL.decode(), receipt__spamVerdict=verdict))], inside.wiring)
    process([record(received(receipt__spamVerdict=verdict))], stored.wiring)
    detected = {"PASS": False, "FAIL": True}.get(status or "")
    for world in (inside, stored):
        assert (world.detail["spam_verdict"], world.detail["spam_detected"]) == (status, detected)


def test_the_test_message_of_an_sns_action_is_ignored() -> None:
    world = World()
    greeting = _published("From: no-reply-aws@amazon.com", mail__messageId="AMAZON_SES_SETUP_NOTIFICATION")
    assert process([record(greeting)], world.wiring) == ()
    assert (world.s3.objects, world.events.taken, world.sqs.sent) == ({}, [], [])


@pytest.mark.parametrize("message_id", ["../parts/x", "a/b", "", "x" * 201, "a\nb"])
def test_a_message_id_cannot_leave_the_raw_prefix(message_id: str) -> None:
    world = World()
    assert process([record(_published(MAIL.decode(), mail__messageId=message_id))], world.wiring) == ()
    assert len(world.sqs.sent) == 1
    assert world.s3.objects == {}


def test_a_mail_of_another_accounts_topic_is_stored_in_the_deployments_bucket() -> None:
    world = World()
    ours = record(_published(MAIL.decode()))
    foreign = "arn:aws:sns:us-west-2:999999999999:their-mail"
    theirs = type(ours)(message_id="1", receipt_handle="1", body=ours.body.replace(TOPIC, foreign))
    assert process([theirs], world.wiring) == ()
    assert world.detail["raw"]["bucket"] == BUCKET
    assert world.events.taken[0]["Resources"] == (foreign,)
    assert {bucket for bucket, _ in world.s3.objects} == {BUCKET}


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ConditionalRequestConflict", "AccessDenied"])
def test_nothing_is_published_before_the_mail_itself_is_stored(code: str) -> None:
    world = World(s3=FakeS3(refused={RAW_KEY: code}))
    early = record(_published(MAIL.decode()))
    assert process([early], world.wiring) == (early,)
    assert world.events.taken == []
    last = record(_published(MAIL.decode()), receive_count=SETTINGS.max_receives)
    assert process([last], world.wiring) == ()
    (letter,) = world.sqs.sent
    assert letter["attributes"]["Code"] == code
    assert json.loads(json.loads(letter["body"])["Message"])["content"] == MAIL.decode()


def test_content_of_an_s3_action_is_ignored() -> None:
    world = World(MAIL)
    process([record(received(content="Subject: another\r\n\r\n"))], world.wiring)
    assert world.detail["message"]["subject"] == "Grüße"
    assert world.stored(RAW_KEY) == MAIL


@given(mail=st.binary(max_size=400), encoding=st.sampled_from(["BASE64", None]))
def test_any_bytes_are_stored_and_have_an_event(mail: bytes, encoding: str | None) -> None:
    world = World()
    whole = b"Return-Path: <a@b>\r\n" + mail
    assert process([record(_published(_base64(whole), encoding))], world.wiring) == ()
    assert world.detail["event_type"] in {"inbound", "inbound_failed"}
    assert world.stored(RAW_KEY) == whole


@given(content=st.text(max_size=400), encoding=st.sampled_from(["UTF8", "BASE64", None, "x"]))
def test_any_text_in_a_notification_is_an_event_or_a_dead_letter(content: str, encoding: str | None) -> None:
    world = World()
    assert process([record(_published(content, encoding))], world.wiring) == ()
    assert len(world.events.taken) + len(world.sqs.sent) == 1
