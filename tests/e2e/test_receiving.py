from __future__ import annotations

import contextlib
import hashlib
import json
import smtplib
import uuid
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.system import System

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def _mail(subject: str = "Hilfe — bitte") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Ada Lovelace <ada@example.org>"
    mail["To"] = "support@inbound.example.com"
    mail["Subject"] = subject
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content("Grüße aus Köln")
    mail.add_alternative('<p>Grüße <img src="cid:logo"></p>', subtype="html")
    html = mail.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(PNG, "image", "png", cid="<logo>", disposition="inline")
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
    assert message["recipients"] == ["support@inbound.example.com"]
    assert message["text"].strip() == "Grüße aus Köln"
    assert "Grüße" in message["html"]
    (inline,) = message["inlines"]
    assert (inline["content_id"], inline["content_type"]) == ("logo", "image/png")
    assert _stored(system, inline["s3"]) == PNG
    (attachment,) = message["attachments"]
    assert attachment["filename"] == "../größe.csv"
    assert (attachment["charset"], attachment["method"]) == ("utf-8", None)
    assert ".." not in attachment["s3"]["key"]
    content = _stored(system, attachment["s3"])
    assert content.splitlines() == [b"a,b", b"1,2"]
    assert attachment["sha256"] == hashlib.sha256(content).hexdigest()
    assert attachment["size"] == len(content)
    assert event["raw"]["bucket"] == system.outputs["InboundBucketName"]
    assert b"ada@example.org" in system.raw_mail(event)


def test_the_text_of_a_reply_is_joined_and_stripped_of_its_quote(system: System) -> None:
    answer = (
        "From: Ada Lovelace <ada@example.org>\r\nTo: support@inbound.example.com\r\n"
        "Subject: Re: Votre commande\r\nMessage-ID: <2@example.org>\r\nIn-Reply-To: <1@example.com>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; format=flowed; delsp=yes\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
        "Voici la photo\N{NO-BREAK SPACE}: https://example.org/photos/ \r\n2026/11/livre.jpg\r\n\r\n"
        "Ada\r\n\r\n"
        "> Le 2 nov. 2026 à 10:00, La Boutique  \r\n"
        "> <support@inbound.example.com> a écrit\N{NO-BREAK SPACE}:\r\n>\r\n"
        "> Avez-vous une photo\N{NO-BREAK SPACE}?\r\n"
    )
    message_id = system.receive(answer.encode())

    (event,) = system.wait(1, message_id=message_id)

    own = "Voici la photo\N{NO-BREAK SPACE}: https://example.org/photos/2026/11/livre.jpg\n\nAda"
    assert event["message"]["text"].startswith(own)
    assert event["message"]["stripped_text"] == own


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


@contextlib.contextmanager
def _rule_before_all_others(system: System, *actions: dict[str, Any], recipient: str) -> Iterator[None]:
    """Add a rule for one recipient's mail that comes first and stops; remove it in the end."""
    ses = system.client("ses")
    rule_set = ses.describe_active_receipt_rule_set()["Metadata"]["Name"]
    name = f"test-{uuid.uuid4().hex}"
    rule = {
        "Name": name,
        "Enabled": True,
        "ScanEnabled": True,
        "Recipients": [recipient],
        "Actions": [*actions, {"StopAction": {"Scope": "RuleSet"}}],
    }
    ses.create_receipt_rule(RuleSetName=rule_set, Rule=rule)
    try:
        yield
    finally:
        ses.delete_receipt_rule(RuleSetName=rule_set, RuleName=name)


@pytest.mark.parametrize("encoding", ["UTF-8", "Base64"])
def test_a_mail_inside_its_notification_becomes_the_same_event(system: System, encoding: str) -> None:
    publish = {"SNSAction": {"TopicArn": system.outputs["InboundTopicArn"], "Encoding": encoding}}
    address = f"{encoding.lower()}@inbound.example.com"
    mail = _mail().as_bytes()

    with _rule_before_all_others(system, publish, recipient=address):
        message_id = system.receive(mail, address)
        (event,) = system.wait(1, message_id=message_id)

    message = event["message"]
    assert (message["subject"], message["text"].strip()) == ("Hilfe — bitte", "Grüße aus Köln")
    assert (message["envelope_recipients"], message["defects"]) == ([address], [])
    assert event["spam_verdict"] == "PASS"
    (inline,) = message["inlines"]
    assert _stored(system, inline["s3"]) == PNG
    assert event["raw"]["key"] == f"raw/{message_id}"
    raw = _stored(system, event["raw"])
    assert raw.endswith(mail)
    assert event["raw"]["size"] == len(raw)


def test_a_mail_too_large_for_a_notification_bounces(system: System) -> None:
    publish = {"SNSAction": {"TopicArn": system.outputs["InboundTopicArn"]}}
    address = "small@inbound.example.com"
    raw = b"Subject: large\r\n\r\n" + b"a line of text\r\n" * 10_000

    with (
        _rule_before_all_others(system, publish, recipient=address),
        pytest.raises(httpx.HTTPStatusError) as refused,
    ):
        system.receive(raw, address)

    assert refused.value.response.json()["smtp_reply"].startswith("552")


def test_a_mail_that_ses_encrypted_is_decrypted_and_its_object_stays_encrypted(system: System) -> None:
    message_id = system.receive(_mail().as_bytes())
    (event,) = system.wait(1, message_id=message_id)

    assert event["event_type"] == "inbound"
    assert event["message"]["text"].strip() == "Grüße aus Köln"
    (attachment,) = event["message"]["attachments"]
    assert _stored(system, attachment["s3"]).splitlines() == [b"a,b", b"1,2"]
    stored = _stored(system, event["raw"])
    assert b"ada@example.org" not in stored
    assert event["raw"]["size"] == len(stored)


def _notification_of(system: System, message_id: str, key: str) -> str:
    return _received(message_id, bucketName=system.outputs["InboundBucketName"], objectKey=key)


def test_an_altered_or_moved_encrypted_mail_is_reported_and_not_read(system: System) -> None:
    s3, bucket = system.client("s3"), system.outputs["InboundBucketName"]
    message_id = system.receive(_mail().as_bytes())
    system.wait(1, message_id=message_id)
    genuine = s3.get_object(Bucket=bucket, Key=f"raw/{message_id}")
    content, metadata = genuine["Body"].read(), genuine["Metadata"]
    moved = f"moved-{uuid.uuid4().hex}"
    rebound = f"rebound-{uuid.uuid4().hex}"
    s3.put_object(Bucket=bucket, Key=f"raw/{moved}", Body=content, Metadata=metadata)
    s3.put_object(
        Bucket=bucket,
        Key=f"raw/{rebound}",
        Body=content,
        Metadata={**metadata, "x-amz-matdesc": metadata["x-amz-matdesc"].replace(message_id, rebound)},
    )
    reasons = {}
    for other in (moved, rebound):
        system.publish("InboundTopicArn", _notification_of(system, other, f"raw/{other}"))
        (event,) = system.wait(1, message_id=other)
        assert (event["event_type"], event["message"]) == ("inbound_failed", None)
        reasons[other] = event["description"]
    s3.put_object(Bucket=bucket, Key=f"raw/{message_id}", Body=content[:-1] + b"?", Metadata=metadata)
    system.publish("InboundTopicArn", _notification_of(system, message_id, f"raw/{message_id}"))
    (altered,) = system.wait(1, message_id=message_id, event_type="inbound_failed")

    assert "bound to another mail" in reasons[moved]
    assert "InvalidCiphertextException" in reasons[rebound]
    assert "its tag does not match" in altered["description"]


def test_a_disabled_key_is_reported_with_the_fix(system: System) -> None:
    kms, s3 = system.client("kms"), system.client("s3")
    bucket, key = system.outputs["InboundBucketName"], system.outputs["InboundKeyArn"]
    message_id = system.receive(_mail().as_bytes())
    system.wait(1, message_id=message_id)
    kms.disable_key(KeyId=key)
    try:
        system.publish("InboundTopicArn", _notification_of(system, message_id, f"raw/{message_id}"))

        (event,) = system.wait(1, message_id=message_id, event_type="inbound_failed")
    finally:
        kms.enable_key(KeyId=key)
    assert "DisabledException" in event["description"]
    assert "enable" in event["description"]
    assert s3.head_object(Bucket=bucket, Key=f"raw/{message_id}")["ContentLength"] == event["raw"]["size"]


def test_an_unknown_recipient_is_refused_by_smtp(system: System) -> None:
    with (
        smtplib.SMTP(system.outputs["smtp_host"], system.outputs["smtp_port"]) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        smtp.sendmail("ada@example.org", ["nobody@elsewhere.example"], b"Subject: x\r\n\r\nx")
    assert refused.value.recipients["nobody@elsewhere.example"][0] == 550


def test_malformed_mail_becomes_an_event_and_is_stored_unchanged(system: System) -> None:
    mails = (
        b"",
        b"\x00\xff\xfe" * 2000,
        b"no headers at all",
        b"Subject: =?utf-8?B?broken\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xe9",
    )
    received = {system.receive(raw): raw for raw in mails}

    for message_id, raw in received.items():
        (event,) = system.wait(1, message_id=message_id)
        assert event["event_type"] in {"inbound", "inbound_failed"}
        assert system.raw_mail(event).endswith(raw)


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


def test_a_notification_of_another_bucket_is_refused(system: System) -> None:
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


def test_a_missing_object_is_reported(system: System) -> None:
    message_id = f"gone-{uuid.uuid4().hex}"
    bucket = system.outputs["InboundBucketName"]

    system.publish("InboundTopicArn", _received(message_id, bucketName=bucket, objectKey=f"raw/{message_id}"))

    (event,) = system.wait(1, message_id=message_id)
    assert event["event_type"] == "inbound_failed"


def test_a_malformed_notification_is_dead_lettered_with_its_reason(system: System) -> None:
    templates = ("not JSON {}", '{{"notificationType": "Received", "x": "{}"}}', '["{}"]')
    messages = {uuid.uuid4().hex: template for template in templates}

    for mark, template in messages.items():
        system.publish("InboundTopicArn", template.format(mark))

    for mark in messages:
        letter = system.dead_letter("InboundDeadLetterQueueUrl", mark)
        assert letter["Error"] == "InvalidNotification"
        assert letter["Reason"]


def test_a_bounce_on_the_inbound_topic_is_a_wiring_error(system: System) -> None:
    mark = f"bounce-{uuid.uuid4().hex}"
    mail = {"messageId": mark, "timestamp": "2026-11-22T10:00:00.000Z"}

    system.publish("InboundTopicArn", json.dumps({"eventType": "Bounce", "mail": mail, "bounce": {}}))

    letter = system.dead_letter("InboundDeadLetterQueueUrl", mark)
    assert letter["Error"] == "WiringError"
    assert system.outputs["InboundTopicArn"] in letter["Reason"]


def test_the_setup_message_of_ses_causes_no_event_and_no_dead_letter(system: System) -> None:
    before = system.count_dead_letters("InboundDeadLetterQueueUrl")
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
    assert system.count_dead_letters("InboundDeadLetterQueueUrl") == before
