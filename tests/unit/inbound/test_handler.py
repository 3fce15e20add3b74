"""Which events, retries and dead letters the records of a batch become."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import EndpointConnectionError

from inbound import handler
from inbound.aws.s3 import RAW_BYTES
from inbound.handler import process
from inbound.receive import DELIVERIES_UNTIL_REPORTED
from tests.unit.fakes.clients import FakeEvents, FakeSqs, refusal
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.fakes.s3 import FakeS3
from tests.unit.inbound.world import (
    ABSENT,
    BUCKET,
    FOLDER,
    MESSAGE_ID,
    RAW_KEY,
    SETTINGS,
    TOPIC,
    World,
    in_bucket,
    received,
    record,
)

MAIL = (
    b"From: Ada <ada@example.org>\r\nTo: support@inbound.example.com\r\nSubject: The secret plan\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\n\r\nMeet at noon.\r\n"
    b'--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="plan.csv"\r\n\r\n'
    b"noon;bridge\r\n--b--\r\n"
)


def test_a_received_mail_is_published_as_email_inbound() -> None:
    world = World(MAIL)
    assert process([record(received())], world.wiring) == ()
    (entry,) = world.events.taken
    assert entry["DetailType"] == "email.inbound"
    assert entry["Source"] == "mailbus"
    assert entry["Resources"] == (TOPIC,)
    assert entry["Time"].isoformat() == "2026-11-18T08:00:02.987000+00:00"
    assert world.detail["message_id"] == world.detail["event_id"] == MESSAGE_ID
    assert world.detail["message"]["text"] == "Meet at noon."
    assert world.stored(f"{FOLDER}1-plan.csv") == b"noon;bridge"


def test_the_envelope_is_that_of_smtp_and_not_of_the_headers() -> None:
    world = World(MAIL)
    process([record(received())], world.wiring)
    assert world.detail["message"]["envelope_sender"] == "bounce+4711@mail.example.org"
    assert world.detail["message"]["envelope_recipients"] == ["support@inbound.example.com"]


@pytest.mark.parametrize(
    ("status", "detected"),
    [("PASS", False), ("FAIL", True), ("GRAY", None), ("PROCESSING_FAILED", None), ("DISABLED", None)],
)
def test_spam_detected_is_null_unless_the_verdict_is_pass_or_fail(
    status: str, *, detected: bool | None
) -> None:
    world = World(MAIL)
    process([record(received(receipt__spamVerdict={"status": status}))], world.wiring)
    assert world.detail["spam_detected"] is detected
    assert world.detail["spam_verdict"] == status


def test_a_notification_without_verdicts_and_times_has_an_event() -> None:
    world = World(MAIL)
    message = {
        "notificationType": "Received",
        "mail": {"messageId": MESSAGE_ID},
        "receipt": {"action": {"type": "S3", "bucketName": BUCKET, "objectKey": RAW_KEY}},
    }
    process([record(message)], world.wiring)
    detail = world.detail
    verdicts = ["spam", "virus", "spf", "dkim", "dmarc"]
    assert [detail[f"{name}_verdict"] for name in verdicts] == [None] * len(verdicts)
    assert detail["spam_detected"] is None
    assert detail["dmarc_policy"] is None
    assert detail["message"]["envelope_sender"] is None
    assert detail["message"]["envelope_recipients"] == []
    assert detail["timestamp"] == "2026-11-18T08:00:03.111000Z"


def test_the_mails_time_replaces_a_missing_receipt_time() -> None:
    world = World(MAIL)
    process([record(received(receipt__timestamp=ABSENT))], world.wiring)
    assert world.detail["timestamp"] == "2026-11-18T08:00:02.123000Z"


REFUSED = [
    (
        received(receipt__action__bucketName="somebody-elses-bucket"),
        "WiringError",
        ["somebody-elses-bucket", TOPIC, BUCKET],
    ),
    (received(receipt__action__objectKey=f"parts/{MESSAGE_ID}"), "WiringError", ["'raw/'", BUCKET, TOPIC]),
    (received(receipt__action__objectKey="../raw/x"), "WiringError", ["'raw/'", BUCKET]),
    (received(receipt__action={"type": "Bounce"}), "WiringError", ["'Bounce'", TOPIC, "S3 action"]),
    (received(receipt__action={"type": "Lambda"}, content="From: a@b"), "WiringError", ["'Lambda'", TOPIC]),
    ({"notificationType": "Bounce", "bounce": {}, "mail": {}}, "WiringError", ["Bounce", TOPIC, "tracking"]),
    (
        {"eventType": "Open", "open": {}, "mail": {"messageId": "x"}},
        "WiringError",
        ["Open", TOPIC, "tracking"],
    ),
    ({"notificationType": "Postcard"}, "InvalidNotification", ["'Postcard'", TOPIC]),
    ({}, "InvalidNotification", ["notificationType", TOPIC]),
    ([], "InvalidNotification", ["object", TOPIC]),
    ("Hello from the console", "InvalidNotification", ["not SES's", TOPIC]),
    ("", "InvalidNotification", ["not SES's", TOPIC]),
    ("[" * 100_000, "InvalidNotification", ["not SES's", TOPIC]),
    (received(mail=ABSENT), "InvalidNotification", ["mail", TOPIC]),
    (received(receipt=ABSENT), "InvalidNotification", ["receipt", TOPIC]),
    (received(receipt__action=ABSENT), "InvalidNotification", ["action", TOPIC]),
    (received(receipt__action__bucketName=ABSENT), "InvalidNotification", ["bucketName", TOPIC]),
    (received(receipt__action__objectKey=None), "InvalidNotification", ["objectKey", TOPIC]),
    (received(receipt__recipients="all"), "InvalidNotification", ["receipt.recipients", TOPIC]),
    (received(mail__messageId="../../raw/x"), "InvalidNotification", ["messageId", TOPIC]),
    (received(mail__messageId=""), "InvalidNotification", ["messageId", TOPIC]),
]


@pytest.mark.parametrize(("message", "error", "named"), REFUSED)
def test_a_refused_notification_is_dead_lettered_with_its_reason_and_nothing_is_read(
    message: dict[str, object] | str, error: str, named: list[str]
) -> None:
    world = World(MAIL)
    refused = record(message)
    assert process([refused], world.wiring) == ()
    (letter,) = world.sqs.sent
    assert letter["body"] == refused.body
    assert letter["attributes"]["Error"] == error
    assert letter["attributes"]["OriginalMessageId"] == "sqs-1"
    assert [name for name in named if name not in letter["attributes"]["Reason"]] == []
    assert (world.s3.reads, world.s3.writes, world.events.taken) == ([], [], [])


@pytest.mark.parametrize("body", ["", "{}", "null", "\0", '{"Type": "Notification"}', json.dumps(received())])
def test_a_body_that_is_not_an_sns_notification_is_dead_lettered(body: str) -> None:
    world = World(MAIL)
    bare = record(received())
    bare = type(bare)(message_id="sqs-1", receipt_handle="h", body=body)
    assert process([bare], world.wiring) == ()
    (letter,) = world.sqs.sent
    assert letter["attributes"]["Error"] == "InvalidNotification"
    assert "not an SNS notification" in letter["attributes"]["Reason"]


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        {
            "notificationType": "AmazonSnsSubscriptionSucceeded",
            "mail": {"messageId": "AMAZON_SES_SETUP_NOTIFICATION"},
        },
        received(mail__messageId="AMAZON_SES_SETUP_NOTIFICATION"),
        received(receipt__action__objectKey="raw/AMAZON_SES_SETUP_NOTIFICATION"),
    ],
)
def test_test_messages_of_ses_are_ignored(message: dict[str, object] | str) -> None:
    world = World(MAIL)
    assert process([record(message)], world.wiring) == ()
    assert (world.sqs.sent, world.events.taken, world.s3.reads) == ([], [], [])


def test_a_missing_mail_is_reported_at_once() -> None:
    world = World(s3=FakeS3())
    assert process([record(received())], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert "NoSuchKey" in world.detail["description"]


@pytest.mark.parametrize("code", ["AccessDenied", "403"])
def test_a_mail_to_which_access_is_denied_is_retried_then_reported(code: str) -> None:
    world = World(s3=FakeS3(in_bucket({RAW_KEY: MAIL}), refused={RAW_KEY: code}))
    for delivery in range(1, DELIVERIES_UNTIL_REPORTED):
        early = record(received(), receive_count=delivery)
        assert process([early], world.wiring) == (early,)
    assert world.events.taken == []
    assert process([record(received(), receive_count=DELIVERIES_UNTIL_REPORTED)], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert code in world.detail["description"]
    assert world.detail["message"] is None
    assert world.detail["raw"] == {"bucket": BUCKET, "key": RAW_KEY, "size": None}
    assert world.sqs.sent == []


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"])
def test_temporary_errors_of_s3_requeue_the_record(code: str) -> None:
    world = World(s3=FakeS3(in_bucket({RAW_KEY: MAIL}), refused={RAW_KEY: code}))
    late = record(received(), receive_count=9)
    assert process([late], world.wiring) == (late,)
    assert (world.events.taken, world.sqs.sent) == ([], [])


def test_a_record_with_too_many_deliveries_is_dead_lettered_with_its_last_error() -> None:
    most = SETTINGS.max_receives
    s3 = World(s3=FakeS3(in_bucket({RAW_KEY: MAIL}), refused={RAW_KEY: "SlowDown"}))
    assert process([record(received(), receive_count=most)], s3.wiring) == ()
    bus = World(MAIL, events=FakeEvents(verdict=lambda _: "ThrottlingException"))
    assert process([record(received(), receive_count=most)], bus.wiring) == ()
    for world, code in ((s3, "SlowDown"), (bus, "ThrottlingException")):
        (letter,) = world.sqs.sent
        assert (letter["attributes"]["Error"], letter["attributes"]["Code"]) == ("PublishError", code)


def test_a_record_for_which_there_was_never_time_is_dead_lettered() -> None:
    world = World(MAIL)
    batch = [record(received(), receive_count=SETTINGS.max_receives, message_id=f"sqs-{n}") for n in (1, 2)]
    assert process(batch, world.wiring, has_time=lambda: False) == ()
    (letter,) = world.sqs.sent
    assert (letter["attributes"]["Code"], letter["attributes"]["OriginalMessageId"]) == ("OutOfTime", "sqs-2")


def test_nothing_is_published_before_every_part_is_stored() -> None:
    world = World(s3=FakeS3(in_bucket({RAW_KEY: MAIL}), refused={f"{FOLDER}1-plan.csv": "SlowDown"}))
    given = record(received())
    assert process([given], world.wiring) == (given,)
    assert world.events.taken == []


def test_an_object_larger_than_any_mail_is_reported_and_not_fetched() -> None:
    world = World(s3=_Huge(in_bucket({RAW_KEY: b""})))
    assert process([record(received())], world.wiring) == ()
    assert world.detail["event_type"] == "inbound_failed"
    assert world.detail["raw"]["size"] == RAW_BYTES + 1


class _Huge(FakeS3):
    def get_object(self, *, Bucket: str, Key: str) -> dict[str, object]:  # noqa: N803 - AWS's names
        return {**super().get_object(Bucket=Bucket, Key=Key), "ContentLength": RAW_BYTES + 1, "Body": None}


def test_a_throttled_bus_requeues_the_record() -> None:
    world = World(MAIL, events=FakeEvents(verdict=lambda _: "ThrottlingException"))
    given = record(received())
    assert process([given], world.wiring) == (given,)
    assert world.sqs.sent == []


def test_an_event_that_the_bus_refuses_is_dead_lettered_with_its_reason() -> None:
    world = World(MAIL, events=FakeEvents(verdict=lambda _: "MalformedDetail"))
    assert process([record(received())], world.wiring) == ()
    (letter,) = world.sqs.sent
    assert (letter["attributes"]["Error"], letter["attributes"]["Code"]) == (
        "PublishError",
        "MalformedDetail",
    )


def test_an_unreachable_dead_letter_queue_requeues_the_record() -> None:
    outage = EndpointConnectionError(endpoint_url="https://sqs.eu-west-1.amazonaws.com")
    world = World(MAIL, sqs=FakeSqs(outage=outage))
    given = record({})
    assert process([given], world.wiring) == (given,)


def test_one_bad_record_does_not_fail_its_batch() -> None:
    world = World(
        s3=FakeS3(in_bucket({RAW_KEY: MAIL, "raw/b": MAIL, "raw/c": b"\x00"}), refused={"raw/b": "SlowDown"})
    )
    busy = record(received(receipt__action__objectKey="raw/b"), message_id="busy")
    batch = [
        record("nonsense", message_id="nonsense"),
        busy,
        record(received(receipt__action__objectKey="raw/c"), message_id="unreadable"),
        record(received(), message_id="good"),
    ]
    assert process(batch, world.wiring) == (busy,)
    assert [detail["event_type"] for detail in world.details] == ["inbound_failed", "inbound"]
    assert [letter["attributes"]["OriginalMessageId"] for letter in world.sqs.sent] == ["nonsense"]


def test_mails_that_take_long_requeue_the_rest_of_their_batch() -> None:
    keys = [f"raw/{number}" for number in range(4)]
    world = World(s3=FakeS3(in_bucket(dict.fromkeys(keys, MAIL))))
    batch = [record(received(receipt__action__objectKey=key), message_id=key) for key in keys]
    assert process(batch, world.wiring, has_time=lambda: len(world.events.taken) < 2) == tuple(batch[2:])
    assert len(world.details) == 2


def test_the_first_mail_of_a_batch_is_always_read() -> None:
    world = World(MAIL)
    assert process([record(received())], world.wiring, has_time=lambda: False) == ()
    assert world.detail["event_type"] == "inbound"


def test_half_of_the_functions_time_is_reserved_for_the_last_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [f"raw/{number}" for number in range(5)]
    world = World(s3=FakeS3(in_bucket(dict.fromkeys(keys, MAIL))))
    monkeypatch.setattr(handler, "wire", lambda _: world.wiring)
    bodies = [record(received(receipt__action__objectKey=key)).body for key in keys]
    event = {
        "Records": [
            {
                "messageId": f"record-{number}",
                "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCg{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1763630045000"},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }
    # 20 of 120 seconds a mail
    context = FakeLambdaContext(lambda: 120 - 20 * len(world.events.taken))
    answer = handler.lambda_handler(event, context)  # type: ignore[arg-type] # all that is used of it
    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["record-3", "record-4"]


def test_the_events_of_a_batch_are_counted_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(MAIL)
    process([record(received()), record(received(), message_id="sqs-2")], world.wiring)
    [written] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert written["InboundEvents"] == [2.0]
    assert written["service"] == "mailbus-dev-inbound"


def test_the_log_has_records_and_errors_but_no_content_of_the_mail() -> None:
    world = World(MAIL, events=FakeEvents(outages=(refusal("InternalFailure", "ada@example.org"),) * 9))
    process([record(received()), record("nonsense of ada@example.org")], world.wiring)
    fine = World(MAIL)
    process([record(received())], fine.wiring)
    logged = world.logged.getvalue() + fine.logged.getvalue()
    assert "sqs-1" in logged
    assert "InternalFailure" in logged
    secrets = ["secret plan", "noon", "ada@", "support@", "bounce+4711", "plan.csv"]
    assert [secret for secret in secrets if secret in logged] == []
