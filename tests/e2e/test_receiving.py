from __future__ import annotations

import hashlib
import json
import smtplib
import uuid
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import System

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def _mail(subject: str = "Hilfe — bitte") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ada Lovelace <ada@example.org>"
    mail["To"] = "support@inbound.example.com"
    mail["Subject"] = subject
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content("Grüße aus Köln")
    mail.add_alternative('<p>Grüße <img src="cid:logo"></p>', subtype="html")
    mail.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>", disposition="inline")
    mail.add_attachment("a,b\n1,2\n", subtype="csv", filename="../größe.csv")
    return mail


def _stored(system: System, place: dict[str, str]) -> bytes:
    answer = system.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])
    content: bytes = answer["Body"].read()
    return content


def test_a_received_mail_becomes_an_event_with_its_parts_in_s3(system: System) -> None:
    message_id = system.receive(_mail().as_bytes())

    (event,) = system.wait(1, message_id=message_id)
    message = event["message"]

    assert event["event_type"] == "inbound"
    assert event["event_id"] == message_id
    assert message["subject"] == "Hilfe — bitte"
    assert message["from_email"] == [{"name": "Ada Lovelace", "address": "ada@example.org"}]
    assert message["envelope_sender"] == "ada@example.org"
    assert message["envelope_recipients"] == ["support@inbound.example.com"]
    assert message["text"].strip() == "Grüße aus Köln"
    assert "Grüße" in message["html"]
    (inline,) = message["inlines"]
    assert (inline["content_id"], inline["content_type"]) == ("logo", "image/png")
    assert _stored(system, inline["s3"]) == PNG
    (attachment,) = message["attachments"]
    assert attachment["filename"] == "../größe.csv"
    assert ".." not in attachment["s3"]["key"]
    content = _stored(system, attachment["s3"])
    assert content.splitlines() == [b"a,b", b"1,2"]
    assert attachment["sha256"] == hashlib.sha256(content).hexdigest()
    assert attachment["size"] == len(content)
    assert event["raw"]["bucket"] == system.outputs["InboundBucketName"]
    assert b"ada@example.org" in _stored(system, event["raw"])


def test_mail_arrives_by_smtp_too(system: System) -> None:
    subject = f"by SMTP {uuid.uuid4().hex}"
    with smtplib.SMTP(system.outputs["smtp_host"], system.outputs["smtp_port"]) as smtp:
        smtp.send_message(_mail(subject))

    events = _wait_inbound(system, subject)

    assert events[0]["message"]["envelope_recipients"] == ["support@inbound.example.com"]


def _wait_inbound(system: System, subject: str) -> list[dict[str, Any]]:
    def matching(events: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
        details = (event["detail"] for event in events)
        return [d for d in details if (d.get("message") or {}).get("subject") == subject]

    assert system.wait_until(lambda events: bool(matching(events)))
    return matching(system.whole_events())


def test_an_unknown_recipient_is_refused_by_smtp(system: System) -> None:
    with (
        smtplib.SMTP(system.outputs["smtp_host"], system.outputs["smtp_port"]) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        smtp.sendmail("ada@example.org", ["nobody@elsewhere.example"], b"Subject: x\r\n\r\nx")
    assert refused.value.recipients["nobody@elsewhere.example"][0] == 550


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe" * 2000,
        b"no headers at all",
        b"Subject: =?utf-8?B?broken\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xe9",
    ],
)
def test_a_mail_that_is_hardly_one_gives_an_event_and_keeps_its_bytes(system: System, raw: bytes) -> None:
    message_id = system.receive(raw)

    (event,) = system.wait(1, message_id=message_id)

    assert event["event_type"] in {"inbound", "inbound_failed"}
    assert _stored(system, event["raw"]).endswith(raw)


def test_a_large_mail_stays_below_the_limit_of_the_bus(system: System) -> None:
    mail = EmailMessage()
    mail["Subject"] = "large"
    mail.set_content("x" * 76 + "\n" * 1 + "Grüße\n" * 100_000)

    message_id = system.receive(mail.as_bytes())

    (event,) = system.wait(1, message_id=message_id)
    assert event["message"]["text"] is None
    assert _stored(system, event["message"]["text_ref"]).decode().count("Grüße") == 100_000


def _received(message_id: str, **action: str) -> str:
    return json.dumps(
        {
            "notificationType": "Received",
            "mail": {
                "timestamp": "2026-11-22T10:00:00.000Z",
                "source": "ada@example.org",
                "messageId": message_id,
                "destination": ["support@inbound.example.com"],
            },
            "receipt": {
                "timestamp": "2026-11-22T10:00:00.000Z",
                "recipients": ["support@inbound.example.com"],
                "action": {"type": "S3", **action},
            },
        }
    )


def test_a_notification_that_names_another_bucket_is_refused(system: System) -> None:
    message_id = f"foreign-{uuid.uuid4().hex}"
    s3 = system.client("s3")
    s3.create_bucket(Bucket="somebody-else")
    s3.put_object(Bucket="somebody-else", Key=f"raw/{message_id}", Body=b"Subject: secret\r\n\r\n")

    system.publish(
        "InboundTopicArn",
        _received(message_id, bucketName="somebody-else", objectKey=f"raw/{message_id}"),
    )

    letter = system.dead_letter("InboundDeadLetterQueueUrl", message_id)
    assert letter["Error"] == "WiringError"
    assert "somebody-else" in letter["Reason"]
    assert not system.details(message_id=message_id)


def test_an_object_that_is_gone_is_reported(system: System) -> None:
    message_id = f"gone-{uuid.uuid4().hex}"
    bucket = system.outputs["InboundBucketName"]

    system.publish("InboundTopicArn", _received(message_id, bucketName=bucket, objectKey=f"raw/{message_id}"))

    (event,) = system.wait(1, message_id=message_id)
    assert event["event_type"] == "inbound_failed"


@pytest.mark.parametrize(
    "message", ["not JSON {}", '{{"notificationType": "Received", "x": "{}"}}', '["{}"]']
)
def test_a_malformed_receipt_is_kept_with_its_reason(system: System, message: str) -> None:
    mark = uuid.uuid4().hex

    system.publish("InboundTopicArn", message.format(mark))

    letter = system.dead_letter("InboundDeadLetterQueueUrl", mark)
    assert letter["Error"] == "InvalidNotification"
    assert letter["Reason"]


def test_a_bounce_on_the_inbound_topic_is_reported_as_a_wiring_mistake(system: System) -> None:
    mark = f"bounce-{uuid.uuid4().hex}"
    mail = {"messageId": mark, "timestamp": "2026-11-22T10:00:00.000Z"}

    system.publish("InboundTopicArn", json.dumps({"eventType": "Bounce", "mail": mail, "bounce": {}}))

    letter = system.dead_letter("InboundDeadLetterQueueUrl", mark)
    assert letter["Error"] == "WiringError"
    assert system.outputs["InboundTopicArn"] in letter["Reason"]


def test_the_set_up_message_of_ses_left_nothing_behind(system: System) -> None:
    before = system.dead_letters("InboundDeadLetterQueueUrl")
    bucket = system.outputs["InboundBucketName"]
    keys = [item["Key"] for item in system.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    key = "raw/AMAZON_SES_SETUP_NOTIFICATION"
    setup = _received("AMAZON_SES_SETUP_NOTIFICATION", bucketName=bucket, objectKey=key)

    system.publish("InboundTopicArn", setup)
    message_id = system.receive(b"Subject: after\r\n\r\nit")

    assert system.wait(1, message_id=message_id)
    system.wait_until_empty("InboundQueueUrl")
    assert key in keys
    assert not system.details(message_id="AMAZON_SES_SETUP_NOTIFICATION")
    assert system.dead_letters("InboundDeadLetterQueueUrl") == before
