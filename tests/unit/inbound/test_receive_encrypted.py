"""Receiving mail in a deployment that has SES encrypt it."""

from __future__ import annotations

import json
from base64 import b64encode

import msgspec
import pytest

from inbound.aws.s3 import RAW_BYTES
from inbound.handler import process
from inbound.receive import DELIVERIES_UNTIL_REPORTED
from tests.unit.inbound.encrypted_mail import (
    ACCOUNT,
    CONTEXT,
    ENCRYPTED,
    MAIL,
    SECRET,
    EncryptingWorld,
    FakeKms,
    encrypted,
    store_encrypted,
)
from tests.unit.inbound.world import (
    SETTINGS,
    TOPIC,
    World,
    received,
    record,
)


@pytest.mark.parametrize("metadata", [{}, {"etag-of-source": "9b2cf5"}], ids=["none", "a copy's own"])
def test_with_encryption_an_object_without_encryption_metadata_is_reported(metadata: dict[str, str]) -> None:
    content, _ = encrypted(MAIL, FakeKms())
    world = EncryptingWorld(content, metadata, FakeKms(), ENCRYPTED)
    assert "its object has no envelope in its metadata" in world.reason_of_failure(DELIVERIES_UNTIL_REPORTED)
    assert world.kms.asked == 0


def test_with_encryption_a_clear_object_is_reported() -> None:
    forged = MAIL.replace(b"Ada <ada@example.org>", b"The CEO <ceo@example.com>")
    world = EncryptingWorld(forged, {}, FakeKms(), ENCRYPTED)
    assert "SES did not write it" in world.reason_of_failure(DELIVERIES_UNTIL_REPORTED)


def test_a_clear_mail_is_retried_until_a_deployment_turns_encryption_off() -> None:
    world = EncryptingWorld(MAIL, {}, FakeKms(), ENCRYPTED)
    arrived = record(received(), receive_count=DELIVERIES_UNTIL_REPORTED - 1)
    assert process([arrived], world.wiring) == (arrived,)
    assert world.details == []
    world.wiring = msgspec.structs.replace(world.wiring, settings=SETTINGS)
    assert process([record(received(), receive_count=DELIVERIES_UNTIL_REPORTED)], world.wiring) == ()
    assert world.detail["message"]["text"] == SECRET.decode()


def test_with_encryption_an_encrypted_mail_is_read() -> None:
    kms = FakeKms()
    content, metadata = encrypted(MAIL, kms)
    world = EncryptingWorld(content, metadata, kms, ENCRYPTED)
    assert process([record(received())], world.wiring) == ()
    assert world.detail["message"]["text"] == SECRET.decode()


def test_with_encryption_a_mail_in_a_notification_is_stored_in_clear_and_read_again() -> None:
    world = World()
    world.wiring = msgspec.structs.replace(world.wiring, settings=ENCRYPTED)
    action = {"type": "SNS", "topicArn": TOPIC, "encoding": "BASE64"}
    notification = received(receipt__action=action, content=b64encode(MAIL).decode())
    for delivery in (1, 2):
        assert process([record(notification, receive_count=delivery)], world.wiring) == ()
    first, second = world.details
    assert first == second
    assert first["message"]["text"] == SECRET.decode()


def test_with_encryption_a_clear_object_that_exists_before_a_notification_is_reported() -> None:
    world = EncryptingWorld(MAIL.replace(b"noon", b"dusk"), {}, FakeKms(), ENCRYPTED)
    action = {"type": "SNS", "topicArn": TOPIC, "encoding": "BASE64"}
    notification = received(receipt__action=action, content=b64encode(MAIL).decode())
    assert process([record(notification, receive_count=DELIVERIES_UNTIL_REPORTED)], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"


def test_an_encrypted_object_larger_than_any_mail_is_not_fetched() -> None:
    kms = FakeKms()
    content, metadata = encrypted(MAIL, kms)
    world = EncryptingWorld(content, metadata, kms)
    fetch = world.s3.get_object
    world.s3.get_object = lambda **asked: {  # type: ignore[method-assign] # for this test alone
        **fetch(**asked),
        "ContentLength": RAW_BYTES + 1,
        "Body": None,
    }
    assert process([record(received())], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert f"{RAW_BYTES + 1} bytes" in world.detail["description"]
    assert kms.asked == 0


def test_a_mail_of_another_account_is_decrypted_if_its_topic_is_of_that_account() -> None:
    kms = FakeKms()
    other = "999999999999"
    content, metadata = encrypted(MAIL, kms, context={**CONTEXT, "aws:ses:source-account": other})
    world = EncryptingWorld(content, metadata, kms)
    notification = record(received())
    foreign = type(notification)(
        message_id="1",
        receipt_handle="1",
        body=notification.body.replace(f":{ACCOUNT}:mailbus", f":{other}:mailbus"),
    )
    assert process([foreign], world.wiring) == ()
    assert world.detail["event_type"] == "inbound"


def test_neither_the_log_nor_a_dead_letter_has_content_of_an_encrypted_mail() -> None:
    world = store_encrypted()
    process([record(received())], world.wiring)
    logged = world.logged.getvalue() + json.dumps(world.sqs.sent)
    assert [word for word in ("noon", "plan", "ada@", "kms_cmk_id") if word in logged] == []
