from __future__ import annotations

import base64
import json
import smtplib
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailbus_local.ses.receipts import SETUP_ID
from mailbus_local.ses.scanning import EICAR, GTUBE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from conftest import Lab

MAIL = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <juergen@sender.example>\r\n"
    b"To: Support <support@inbound.example.com>\r\n"
    b"Cc: boss@sender.example\r\n"
    b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    b"Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
    b"Message-ID: <42@sender.example>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n"
    b"\r\n"
    b"Gr\xfc\xdfe\r\n"
)


class Room:
    """The lab, with a rule set of its own that is active, and a bucket."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.bucket = f"mail-{lab.configuration_set}"
        self.rule_set = lab.configuration_set[:30]
        self._rules = 0
        lab.s3.create_bucket(Bucket=self.bucket)
        lab.ses.create_receipt_rule_set(RuleSetName=self.rule_set)
        lab.ses.set_active_receipt_rule_set(RuleSetName=self.rule_set)

    def rule(self, *actions: dict[str, Any], **more: Any) -> None:
        self._rules += 1
        rule = {"Name": f"rule-{self._rules}", "Enabled": True, "Actions": list(actions), **more}
        last = {"After": f"rule-{self._rules - 1}"} if self._rules > 1 else {}
        self.lab.ses.create_receipt_rule(RuleSetName=self.rule_set, Rule=rule, **last)

    def stores(
        self, prefix: str = "raw/", *, tells: bool = True, kms_key: str | None = None
    ) -> dict[str, Any]:
        topic = {"TopicArn": self.lab.topic} if tells else {}
        key = {"KmsKeyArn": kms_key} if kms_key else {}
        return {"S3Action": {"BucketName": self.bucket, "ObjectKeyPrefix": prefix, **topic, **key}}

    def publishes(self, encoding: str = "UTF-8") -> dict[str, Any]:
        return {"SNSAction": {"TopicArn": self.lab.topic, "Encoding": encoding}}

    def receive(
        self, *recipients: str, raw: bytes = MAIL, mail_from: str = "bounces@sender.example"
    ) -> httpx.Response:
        parameters = [("mail_from", mail_from), *(("rcpt_to", recipient) for recipient in recipients)]
        return self.lab.http.post("/inbound", params=parameters, content=raw)

    def told(self) -> dict[str, Any]:
        """Wait for the notification of a mail; those of the set-up come before it."""
        while True:
            for text in self.lab.told(1):
                told: dict[str, Any] = json.loads(text)
                if told["mail"]["messageId"] != SETUP_ID:
                    return told

    def stored(self, key: str) -> bytes:
        content: bytes = self.lab.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.lab.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]


@pytest.fixture
def room(lab: Lab) -> Iterator[Room]:
    yield Room(lab)
    lab.ses.set_active_receipt_rule_set()


def test_a_mail_is_stored_and_told_of(room: Room) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"], ScanEnabled=True)
    answer = room.receive("support@inbound.example.com").json()
    assert answer == {
        "message_id": answer["message_id"],
        "rules": ["rule-1"],
        "recipients": ["support@inbound.example.com"],
    }
    key = f"raw/{answer['message_id']}"
    assert room.stored(key).endswith(b"\r\n" + MAIL)
    told = room.told()
    assert told["notificationType"] == "Received"
    assert told["receipt"]["action"] == {
        "type": "S3",
        "topicArn": room.lab.topic,
        "bucketName": room.bucket,
        "objectKeyPrefix": "raw/",
        "objectKey": key,
    }
    assert told["receipt"]["recipients"] == ["support@inbound.example.com"]
    assert {
        name: told["receipt"][f"{name}Verdict"]["status"] for name in ("spam", "virus", "spf", "dkim")
    } == {
        "spam": "PASS",
        "virus": "PASS",
        "spf": "PASS",
        "dkim": "GRAY",
    }
    assert "content" not in told
    mail = told["mail"]
    assert mail["messageId"] == answer["message_id"]
    assert mail["source"] == "bounces@sender.example"
    assert mail["destination"] == ["support@inbound.example.com", "boss@sender.example"]
    assert mail["commonHeaders"] == {
        "returnPath": "bounces@sender.example",
        "from": ["Jürgen <juergen@sender.example>"],
        "date": "Fri, 20 Nov 2026 10:00:00 +0100",
        "to": ["Support <support@inbound.example.com>"],
        "cc": ["boss@sender.example"],
        "messageId": "<42@sender.example>",
        "subject": "Grüße",
    }


def test_the_stored_mail_begins_with_what_ses_adds(room: Room) -> None:
    room.rule(room.stores(tells=False), Recipients=["inbound.example.com"], ScanEnabled=True)
    message_id = room.receive("support@inbound.example.com").json()["message_id"]
    head = room.stored(f"raw/{message_id}").decode("latin-1").split("From:")[0]
    assert head.startswith("Return-Path: <bounces@sender.example>\r\nReceived: from sender.example")
    assert f"id {message_id}\r\n for support@inbound.example.com;" in head
    assert "X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n" in head


def test_a_rule_that_does_not_scan_says_that_verdicts_are_disabled(room: Room) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"])
    message_id = room.receive("support@inbound.example.com", raw=MAIL + GTUBE).json()["message_id"]
    told = room.told()
    assert told["receipt"]["spamVerdict"] == {"status": "DISABLED"}
    assert told["receipt"]["virusVerdict"] == {"status": "DISABLED"}
    assert b"X-SES-Spam-Verdict" not in room.stored(f"raw/{message_id}")


@pytest.mark.parametrize(("stops", "verdict"), [(True, "DISABLED"), (False, "FAIL")])
def test_a_rule_that_no_mail_reaches_has_none_scanned(room: Room, stops: bool, verdict: str) -> None:  # noqa: FBT001 - pytest's
    stop = [{"StopAction": {"Scope": "RuleSet"}}] if stops else []
    room.rule(room.stores(), *stop, Recipients=["inbound.example.com"])
    room.rule(room.stores("late/", tells=False), Recipients=["inbound.example.com"], ScanEnabled=True)
    room.receive("support@inbound.example.com", raw=MAIL + GTUBE)
    assert room.told()["receipt"]["spamVerdict"] == {"status": verdict}


@pytest.mark.parametrize(("mark", "verdict"), [(GTUBE, "spamVerdict"), (EICAR, "virusVerdict")])
def test_a_test_mark_fails_its_scan_even_in_base64(room: Room, mark: bytes, verdict: str) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"], ScanEnabled=True)
    encoded = (
        b"From: a@sender.example\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(mark)
    )
    room.receive("support@inbound.example.com", raw=encoded)
    told = room.told()
    assert told["receipt"][verdict] == {"status": "FAIL"}


@pytest.mark.parametrize("encoding", ["UTF-8", "Base64"])
def test_an_sns_action_carries_the_mail_itself(room: Room, encoding: str) -> None:
    room.rule(room.publishes(encoding), Recipients=["inbound.example.com"])
    raw = MAIL.replace(b"Gr\xfc\xdfe", b"Hello")
    room.receive("support@inbound.example.com", raw=raw)
    told = room.told()
    content = told["content"].encode()
    mail = base64.b64decode(content, validate=True) if encoding == "Base64" else content
    assert mail.endswith(b"\r\n" + raw)
    assert told["receipt"]["action"]["encoding"] == {"UTF-8": "UTF8", "Base64": "BASE64"}[encoding]


def test_mail_over_150_kb_bounces_from_an_sns_action(room: Room) -> None:
    room.rule(room.publishes(), Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com", raw=MAIL + b"a line of text\r\n" * 10_000)
    assert (answer.status_code, answer.json()["smtp_reply"][:9]) == (422, "552 5.3.4")


def test_control_characters_make_a_mail_too_large_for_an_sns_action_in_utf_8(room: Room) -> None:
    room.rule(room.publishes(), Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com", raw=MAIL + b"\x01" * 60_000)
    assert (answer.status_code, answer.json()["smtp_reply"][:9]) == (422, "552 5.3.4")


def test_utf_8_loses_bytes_that_base64_keeps(room: Room) -> None:
    room.rule(room.publishes("UTF-8"), Recipients=["utf8@inbound.example.com"])
    room.rule(room.publishes("Base64"), Recipients=["base64@inbound.example.com"])
    room.receive("utf8@inbound.example.com")
    assert room.told()["content"].endswith("Gr\ufffd\ufffde\r\n")
    room.receive("base64@inbound.example.com")
    assert base64.b64decode(room.told()["content"], validate=True).endswith(b"Gr\xfc\xdfe\r\n")


def test_an_encrypted_mail_opens_by_its_own_metadata_alone(room: Room) -> None:
    key = room.lab.kms.create_key()["KeyMetadata"]["Arn"]
    room.rule(room.stores(kms_key=key), Recipients=["inbound.example.com"])
    message_id = room.receive("support@inbound.example.com").json()["message_id"]
    answer = room.lab.s3.get_object(Bucket=room.bucket, Key=f"raw/{message_id}")
    content, metadata = answer["Body"].read(), answer["Metadata"]
    assert MAIL not in content
    context = json.loads(metadata.pop("x-amz-matdesc"))
    assert context == {
        "aws:ses:message-id": message_id,
        "aws:ses:rule-name": "rule-1",
        "aws:ses:source-account": "000000000000",
        "kms_cmk_id": key,
    }
    wrapped, iv = (base64.b64decode(metadata.pop(name)) for name in ("x-amz-key-v2", "x-amz-iv"))
    assert metadata == {
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "kms",
        "x-amz-tag-len": "128",
        "x-amz-unencrypted-content-length": str(len(content) - 16),
    }
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        room.lab.kms.decrypt(
            CiphertextBlob=wrapped, EncryptionContext={**context, "aws:ses:rule-name": "rule-2"}
        )
    unwrapped = room.lab.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"]
    assert AESGCM(unwrapped).decrypt(iv, content, None).endswith(b"\r\n" + MAIL)
    with pytest.raises(InvalidTag):
        AESGCM(unwrapped).decrypt(iv, content[:-1], None)


def test_every_encrypted_mail_has_a_key_and_a_vector_of_its_own(room: Room) -> None:
    key = room.lab.kms.create_key()["KeyMetadata"]["Arn"]
    room.rule(room.stores(kms_key=key), Recipients=["inbound.example.com"])
    ids = [room.receive("support@inbound.example.com").json()["message_id"] for _ in range(2)]
    first, second = (
        room.lab.s3.head_object(Bucket=room.bucket, Key=f"raw/{message_id}")["Metadata"] for message_id in ids
    )
    assert first["x-amz-iv"] != second["x-amz-iv"]
    assert first["x-amz-key-v2"] != second["x-amz-key-v2"]


def test_the_setup_mail_of_an_encrypting_rule_is_encrypted_too(room: Room) -> None:
    key = room.lab.kms.create_key()["KeyMetadata"]["Arn"]
    room.rule(room.stores(kms_key=key), Recipients=["inbound.example.com"])
    assert b"Amazon" not in room.stored("raw/AMAZON_SES_SETUP_NOTIFICATION")


@pytest.mark.parametrize("ended", ["disabled", "no such key"])
def test_a_key_that_cannot_be_used_is_a_temporary_failure(room: Room, ended: str) -> None:
    key = room.lab.kms.create_key()["KeyMetadata"]["Arn"]
    if ended == "disabled":
        room.lab.kms.disable_key(KeyId=key)
    else:
        key = f"{key.rpartition('/')[0]}/00000000-0000-0000-0000-000000000000"
    room.rule(room.stores(kms_key=key), Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com")
    assert (answer.status_code, answer.json()["smtp_reply"][:9]) == (502, "451 4.3.0")
    assert key in answer.json()["smtp_reply"]
    assert room.objects() == []


def test_rules_apply_in_order_until_one_stops(room: Room) -> None:
    add = {"AddHeaderAction": {"HeaderName": "X-Team", "HeaderValue": "support"}}
    stop = {"StopAction": {"Scope": "RuleSet"}}
    room.rule(room.stores("plain/", tells=False), Recipients=["inbound.example.com"])
    room.rule(room.stores("off/", tells=False), Recipients=["inbound.example.com"], Enabled=False)
    room.rule(add, room.stores("added/", tells=False), stop, Recipients=["inbound.example.com"])
    room.rule(room.stores("late/", tells=False), Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com").json()
    assert answer["rules"] == ["rule-1", "rule-3"]
    received = sorted(key for key in room.objects() if not key.endswith("SETUP_NOTIFICATION"))
    assert received == [f"added/{answer['message_id']}", f"plain/{answer['message_id']}"]
    assert b"X-Team: support\r\n" in room.stored(received[0])
    assert b"X-Team" not in room.stored(received[1])


@pytest.mark.parametrize(
    ("condition", "recipient", "takes"),
    [
        ("support@inbound.example.com", "Support@Inbound.example.com", True),
        ("support@inbound.example.com", "support+order-4711@inbound.example.com", True),
        ("support+a@inbound.example.com", "support+a@inbound.example.com", True),
        ("support+a@inbound.example.com", "support@inbound.example.com", False),
        ("support@inbound.example.com", "sales@inbound.example.com", False),
        ("example.com", "support@example.com", True),
        ("example.com", "support@inbound.example.com", False),
        (".example.com", "support@inbound.example.com", True),
        (".example.com", "support@example.com", False),
        (None, "anybody@deep.inbound.example.com", True),
        (None, "anybody@elsewhere.example", False),
        ("elsewhere.example", "anybody@elsewhere.example", False),
    ],
)
def test_a_rule_takes_the_recipients_of_its_conditions(
    room: Room, condition: str | None, recipient: str, *, takes: bool
) -> None:
    conditions = {"Recipients": [condition]} if condition else {}
    room.rule(room.stores(tells=False), **conditions)
    answer = room.receive(recipient)
    if takes:
        assert answer.json()["recipients"] == [recipient]
    else:
        assert answer.status_code == 422
        assert answer.json()["error"].startswith("550 5.1.1")


def test_only_recipients_with_a_rule_are_named(room: Room) -> None:
    room.rule(room.stores(), Recipients=["sales@inbound.example.com"])
    room.receive("sales@inbound.example.com", "hr@inbound.example.com")
    told = room.told()
    assert told["receipt"]["recipients"] == ["sales@inbound.example.com"]


def test_without_an_active_rule_set_nothing_is_received(lab: Lab) -> None:
    answer = lab.http.post(
        "/inbound", params={"mail_from": "a@b.example", "rcpt_to": "support@example.com"}, content=MAIL
    )
    assert answer.status_code == 422


def test_a_bounce_action_answers_with_its_reply_and_tells_its_topic(room: Room) -> None:
    bounce = {
        "SmtpReplyCode": "550",
        "StatusCode": "5.7.1",
        "Message": "Not taken here",
        "Sender": "no@example.com",
        "TopicArn": room.lab.topic,
    }
    room.rule({"BounceAction": bounce}, Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com")
    assert (answer.status_code, answer.json()["smtp_reply"]) == (422, "550 5.7.1 Not taken here")
    told = room.told()
    assert told["receipt"]["action"]["type"] == "Bounce"
    assert told["receipt"]["action"]["statusCode"] == "5.7.1"


def test_an_action_that_is_not_simulated_is_refused_before_any_other_is_done(room: Room) -> None:
    function = {"LambdaAction": {"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f"}}
    room.rule(room.stores(tells=False), Recipients=["inbound.example.com"])
    room.rule(function, Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com")
    assert (answer.status_code, "rule-2" in answer.json()["error"]) == (501, True)
    assert room.objects() == ["raw/AMAZON_SES_SETUP_NOTIFICATION"]


def test_a_missing_bucket_is_a_temporary_failure(room: Room) -> None:
    action = {"S3Action": {"BucketName": "no-such-bucket-here", "ObjectKeyPrefix": ""}}
    room.rule(action, Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com")
    assert (answer.status_code, answer.json()["smtp_reply"][:9]) == (502, "451 4.3.0")


@pytest.mark.parametrize("encoding", ["UTF-8", "Base64"])
def test_making_a_rule_tries_its_bucket_and_its_topic(room: Room, encoding: str) -> None:
    room.rule(room.stores(), room.publishes(encoding), Recipients=["inbound.example.com"])
    assert room.objects() == ["raw/AMAZON_SES_SETUP_NOTIFICATION"]
    to_bucket, to_topic = (json.loads(text) for text in room.lab.told(2))
    for told in (to_bucket, to_topic):
        assert told["mail"]["messageId"] == "AMAZON_SES_SETUP_NOTIFICATION"
    assert "content" in to_topic


@pytest.mark.parametrize(
    "parameters",
    [
        {"rcpt_to": "support@inbound.example.com"},
        {"mail_from": "a@b.example"},
        {"mail_from": "a@b.example", "rcpt_to": "x@example.com\r\nBcc: y@example.com"},
    ],
)
def test_an_inbound_call_without_its_envelope_is_refused(lab: Lab, parameters: dict[str, str]) -> None:
    answer = lab.http.post("/inbound", params=parameters, content=MAIL)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\xff\xfe\x00", b"no headers at all", b"Subject: x\n\nlf only\n"]
)
def test_mail_that_is_hardly_mail_is_still_received(room: Room, raw: bytes) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"], ScanEnabled=True)
    answer = room.receive("support@inbound.example.com", raw=raw, mail_from="")
    assert room.stored(f"raw/{answer.json()['message_id']}").endswith(raw)
    told = room.told()
    assert told["mail"]["source"] == ""


def test_headers_over_10_kb_are_truncated(room: Room) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"])
    room.receive(
        "support@inbound.example.com",
        raw=b"X-Filler: "
        + b"f" * 500
        + b"\r\n"
        + b"".join(b"X-%d: %s\r\n" % (number, b"v" * 500) for number in range(30))
        + MAIL,
    )
    told = room.told()
    assert told["mail"]["headersTruncated"] is True
    assert told["mail"]["commonHeaders"]["subject"] == "Grüße"


@pytest.mark.parametrize(
    "header",
    [b"Subject: " + b"s" * 1_000_000, b"To: " + b", ".join(b"a%d@x.example" % n for n in range(20_000))],
)
def test_a_header_that_no_notification_has_room_for_is_left_out_of_it(room: Room, header: bytes) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"])
    answer = room.receive("support@inbound.example.com", raw=header + b"\r\nFrom: a@x.example\r\n\r\nhi")
    told = room.told()
    assert told["mail"]["messageId"] == answer.json()["message_id"]
    assert told["mail"]["commonHeaders"]["from"] == ["a@x.example"]
    assert told["mail"]["destination"] == ["support@inbound.example.com"]
    assert header in room.stored(f"raw/{answer.json()['message_id']}")


def test_mail_arrives_by_smtp(room: Room) -> None:
    room.rule(room.stores(), Recipients=["inbound.example.com"])
    with smtplib.SMTP("127.0.0.1", room.lab.simulator.smtp_port) as door:
        door.ehlo()
        assert door.esmtp_features["size"] == str(40 * 1024 * 1024)
        refused = door.sendmail(
            "bounces@sender.example", ["support@inbound.example.com", "nobody@elsewhere.example"], MAIL
        )
    assert refused["nobody@elsewhere.example"][0] == 550
    told = room.told()
    assert told["receipt"]["recipients"] == ["support@inbound.example.com"]
    assert room.stored(told["receipt"]["action"]["objectKey"]).endswith(b"\r\n" + MAIL)


def test_smtp_gives_the_reply_of_a_bounce_action(room: Room) -> None:
    bounce = {"SmtpReplyCode": "550", "StatusCode": "5.7.1", "Message": "No", "Sender": "no@example.com"}
    room.rule({"BounceAction": bounce}, Recipients=["inbound.example.com"])
    with (
        smtplib.SMTP("127.0.0.1", room.lab.simulator.smtp_port) as door,
        pytest.raises(smtplib.SMTPDataError) as caught,
    ):
        door.sendmail("bounces@sender.example", ["support@inbound.example.com"], MAIL)
    assert (caught.value.smtp_code, caught.value.smtp_error) == (550, b"5.7.1 No")


def test_a_rule_that_ministack_refuses_makes_no_setup_notification(room: Room) -> None:
    with pytest.raises(ClientError):
        room.rule(room.stores(), Recipients=["not a recipient"])
    assert room.objects() == []
