from __future__ import annotations

import base64

import pytest

from mailbus_local.ses.scanning import EICAR, GTUBE
from tests.unit.mailbus_local.simulated_ses import MAIL, InboundEnvironment


def test_a_stored_mail_has_a_notification(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"], ScanEnabled=True)
    response = inbound.receive("support@inbound.example.com").json()
    assert response == {
        "message_id": response["message_id"],
        "rules": ["rule-1"],
        "recipients": ["support@inbound.example.com"],
    }
    key = f"raw/{response['message_id']}"
    assert inbound.stored(key).endswith(b"\r\n" + MAIL)
    notification = inbound.notification()
    assert notification["notificationType"] == "Received"
    assert notification["receipt"]["action"] == {
        "type": "S3",
        "topicArn": inbound.env.topic,
        "bucketName": inbound.bucket,
        "objectKeyPrefix": "raw/",
        "objectKey": key,
    }
    assert notification["receipt"]["recipients"] == ["support@inbound.example.com"]
    assert {
        name: notification["receipt"][f"{name}Verdict"]["status"] for name in ("spam", "virus", "spf", "dkim")
    } == {
        "spam": "PASS",
        "virus": "PASS",
        "spf": "PASS",
        "dkim": "GRAY",
    }
    assert "content" not in notification
    mail = notification["mail"]
    assert mail["messageId"] == response["message_id"]
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


def test_a_stored_mail_begins_with_sess_headers(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(notifies=False), Recipients=["inbound.example.com"], ScanEnabled=True)
    message_id = inbound.receive("support@inbound.example.com").json()["message_id"]
    head = inbound.stored(f"raw/{message_id}").decode("latin-1").split("From:")[0]
    assert head.startswith("Return-Path: <bounces@sender.example>\r\nReceived: from sender.example")
    assert f"id {message_id}\r\n for support@inbound.example.com;" in head
    assert "X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n" in head
    assert "\r\nReceived-SPF: pass (spfCheck: domain of sender.example designates 127.0.0.1 as" in head
    assert head.endswith("\r\n dmarc=none header.from=sender.example;\r\n")
    assert "dkim=" not in head


def test_without_scanning_the_verdicts_are_disabled(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"])
    message_id = inbound.receive("support@inbound.example.com", raw=MAIL + GTUBE).json()["message_id"]
    notification = inbound.notification()
    assert notification["receipt"]["spamVerdict"] == {"status": "DISABLED"}
    assert notification["receipt"]["virusVerdict"] == {"status": "DISABLED"}
    assert b"X-SES-Spam-Verdict" not in inbound.stored(f"raw/{message_id}")


@pytest.mark.parametrize(("stops", "verdict"), [(True, "DISABLED"), (False, "FAIL")])
def test_a_rule_after_a_stop_action_does_not_enable_scanning(
    inbound: InboundEnvironment, *, stops: bool, verdict: str
) -> None:
    stop = [{"StopAction": {"Scope": "RuleSet"}}] if stops else []
    inbound.add_rule(inbound.s3_action(), *stop, Recipients=["inbound.example.com"])
    inbound.add_rule(
        inbound.s3_action("late/", notifies=False), Recipients=["inbound.example.com"], ScanEnabled=True
    )
    inbound.receive("support@inbound.example.com", raw=MAIL + GTUBE)
    assert inbound.notification()["receipt"]["spamVerdict"] == {"status": verdict}


@pytest.mark.parametrize(("mark", "verdict"), [(GTUBE, "spamVerdict"), (EICAR, "virusVerdict")])
def test_a_test_string_fails_its_scan_even_in_base64(
    inbound: InboundEnvironment, mark: bytes, verdict: str
) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"], ScanEnabled=True)
    encoded = (
        b"From: a@sender.example\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(mark)
    )
    inbound.receive("support@inbound.example.com", raw=encoded)
    notification = inbound.notification()
    assert notification["receipt"][verdict] == {"status": "FAIL"}


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b"\xff\xfe\x00", b"no headers at all", b"Subject: x\n\nlf only\n"]
)
def test_malformed_mail_is_received(inbound: InboundEnvironment, raw: bytes) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"], ScanEnabled=True)
    response = inbound.receive("support@inbound.example.com", raw=raw, mail_from="")
    assert inbound.stored(f"raw/{response.json()['message_id']}").endswith(raw)
    notification = inbound.notification()
    assert notification["mail"]["source"] == ""


def test_headers_over_10_kb_are_truncated(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"])
    inbound.receive(
        "support@inbound.example.com",
        raw=b"X-Filler: "
        + b"f" * 500
        + b"\r\n"
        + b"".join(b"X-%d: %s\r\n" % (number, b"v" * 500) for number in range(30))
        + MAIL,
    )
    notification = inbound.notification()
    assert notification["mail"]["headersTruncated"] is True
    assert notification["mail"]["commonHeaders"]["subject"] == "Grüße"


@pytest.mark.parametrize(
    "header",
    [b"Subject: " + b"s" * 1_000_000, b"To: " + b", ".join(b"a%d@x.example" % n for n in range(20_000))],
)
def test_an_oversized_header_is_left_out_of_the_notification(
    inbound: InboundEnvironment, header: bytes
) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["inbound.example.com"])
    response = inbound.receive("support@inbound.example.com", raw=header + b"\r\nFrom: a@x.example\r\n\r\nhi")
    notification = inbound.notification()
    assert notification["mail"]["messageId"] == response.json()["message_id"]
    assert notification["mail"]["commonHeaders"]["from"] == ["a@x.example"]
    assert notification["mail"]["destination"] == ["support@inbound.example.com"]
    assert header in inbound.stored(f"raw/{response.json()['message_id']}")
