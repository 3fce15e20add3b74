from __future__ import annotations

import base64
import json

import pytest
from botocore.exceptions import ClientError

from tests.unit.mailbus_local.simulated_ses import MAIL, InboundEnvironment, SesEnvironment


@pytest.mark.parametrize("encoding", ["UTF-8", "Base64"])
def test_an_sns_action_publishes_the_whole_mail(inbound: InboundEnvironment, encoding: str) -> None:
    inbound.add_rule(inbound.sns_action(encoding), Recipients=["inbound.example.com"])
    raw = MAIL.replace(b"Gr\xfc\xdfe", b"Hello")
    inbound.receive("support@inbound.example.com", raw=raw)
    notification = inbound.notification()
    content = notification["content"].encode()
    mail = base64.b64decode(content, validate=True) if encoding == "Base64" else content
    assert mail.endswith(b"\r\n" + raw)
    assert notification["receipt"]["action"]["encoding"] == {"UTF-8": "UTF8", "Base64": "BASE64"}[encoding]


def test_an_sns_action_rejects_mail_over_150_kb(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.sns_action(), Recipients=["inbound.example.com"])
    response = inbound.receive("support@inbound.example.com", raw=MAIL + b"a line of text\r\n" * 10_000)
    assert (response.status_code, response.json()["smtp_reply"][:9]) == (422, "552 5.3.4")


def test_an_sns_action_rejects_utf_8_mail_whose_escaped_characters_exceed_256_kb(
    inbound: InboundEnvironment,
) -> None:
    inbound.add_rule(inbound.sns_action(), Recipients=["inbound.example.com"])
    response = inbound.receive("support@inbound.example.com", raw=MAIL + b"\x01" * 60_000)
    assert (response.status_code, response.json()["smtp_reply"][:9]) == (422, "552 5.3.4")


def test_utf_8_loses_bytes_that_base64_keeps(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.sns_action("UTF-8"), Recipients=["utf8@inbound.example.com"])
    inbound.add_rule(inbound.sns_action("Base64"), Recipients=["base64@inbound.example.com"])
    inbound.receive("utf8@inbound.example.com")
    assert inbound.notification()["content"].endswith("Gr\ufffd\ufffde\r\n")
    inbound.receive("base64@inbound.example.com")
    assert base64.b64decode(inbound.notification()["content"], validate=True).endswith(b"Gr\xfc\xdfe\r\n")


def test_rules_apply_in_order_until_a_stop_action(inbound: InboundEnvironment) -> None:
    add = {"AddHeaderAction": {"HeaderName": "X-Team", "HeaderValue": "support"}}
    stop = {"StopAction": {"Scope": "RuleSet"}}
    inbound.add_rule(inbound.s3_action("plain/", notifies=False), Recipients=["inbound.example.com"])
    inbound.add_rule(
        inbound.s3_action("off/", notifies=False), Recipients=["inbound.example.com"], Enabled=False
    )
    inbound.add_rule(
        add, inbound.s3_action("added/", notifies=False), stop, Recipients=["inbound.example.com"]
    )
    inbound.add_rule(inbound.s3_action("late/", notifies=False), Recipients=["inbound.example.com"])
    response = inbound.receive("support@inbound.example.com").json()
    assert response["rules"] == ["rule-1", "rule-3"]
    received = sorted(key for key in inbound.objects() if not key.endswith("SETUP_NOTIFICATION"))
    assert received == [f"added/{response['message_id']}", f"plain/{response['message_id']}"]
    assert b"X-Team: support\r\n" in inbound.stored(received[0])
    assert b"X-Team" not in inbound.stored(received[1])


def test_the_receipt_has_only_the_matched_recipients(inbound: InboundEnvironment) -> None:
    inbound.add_rule(inbound.s3_action(), Recipients=["sales@inbound.example.com"])
    inbound.receive("sales@inbound.example.com", "hr@inbound.example.com")
    notification = inbound.notification()
    assert notification["receipt"]["recipients"] == ["sales@inbound.example.com"]


def test_without_an_active_rule_set_mail_is_rejected(env: SesEnvironment) -> None:
    response = env.http.post(
        "/inbound", params={"mail_from": "a@b.example", "rcpt_to": "support@example.com"}, content=MAIL
    )
    assert (response.status_code, response.json()["error"][:9]) == (422, "550 5.1.1")


def test_a_bounce_action_rejects_with_its_reply_and_publishes_a_notification(
    inbound: InboundEnvironment,
) -> None:
    bounce = {
        "SmtpReplyCode": "550",
        "StatusCode": "5.7.1",
        "Message": "Not taken here",
        "Sender": "no@example.com",
        "TopicArn": inbound.env.topic,
    }
    inbound.add_rule({"BounceAction": bounce}, Recipients=["inbound.example.com"])
    response = inbound.receive("support@inbound.example.com")
    assert (response.status_code, response.json()["smtp_reply"]) == (422, "550 5.7.1 Not taken here")
    notification = inbound.notification()
    assert notification["receipt"]["action"]["type"] == "Bounce"
    assert notification["receipt"]["action"]["statusCode"] == "5.7.1"


def test_an_action_that_is_not_simulated_fails_before_any_other_is_performed(
    inbound: InboundEnvironment,
) -> None:
    function = {"LambdaAction": {"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f"}}
    inbound.add_rule(inbound.s3_action(notifies=False), Recipients=["inbound.example.com"])
    inbound.add_rule(function, Recipients=["inbound.example.com"])
    response = inbound.receive("support@inbound.example.com")
    assert (response.status_code, "rule-2" in response.json()["error"]) == (501, True)
    assert inbound.objects() == ["raw/AMAZON_SES_SETUP_NOTIFICATION"]


def test_a_missing_bucket_is_a_temporary_failure(inbound: InboundEnvironment) -> None:
    bucket = f"deleted-{inbound.bucket}"
    inbound.env.s3.create_bucket(Bucket=bucket)
    inbound.add_rule({"S3Action": {"BucketName": bucket}}, Recipients=["inbound.example.com"])
    inbound.env.s3.delete_object(Bucket=bucket, Key="AMAZON_SES_SETUP_NOTIFICATION")
    inbound.env.s3.delete_bucket(Bucket=bucket)
    response = inbound.receive("support@inbound.example.com")
    assert (response.status_code, response.json()["smtp_reply"][:9]) == (502, "451 4.3.0")


@pytest.mark.parametrize("encoding", ["UTF-8", "Base64"])
def test_a_new_rule_sends_a_setup_notification_to_its_bucket_and_topic(
    inbound: InboundEnvironment, encoding: str
) -> None:
    inbound.add_rule(inbound.s3_action(), inbound.sns_action(encoding), Recipients=["inbound.example.com"])
    assert inbound.objects() == ["raw/AMAZON_SES_SETUP_NOTIFICATION"]
    to_bucket, to_topic = (json.loads(text) for text in inbound.env.messages(2))
    for notification in (to_bucket, to_topic):
        assert notification["mail"]["messageId"] == "AMAZON_SES_SETUP_NOTIFICATION"
    assert "content" in to_topic


@pytest.mark.parametrize(
    "parameters",
    [
        {"rcpt_to": "support@inbound.example.com"},
        {"mail_from": "a@b.example"},
        {"mail_from": "a@b.example", "rcpt_to": "x@example.com\r\nBcc: y@example.com"},
    ],
)
def test_an_inbound_call_without_its_envelope_is_an_error(
    env: SesEnvironment, parameters: dict[str, str]
) -> None:
    response = env.http.post("/inbound", params=parameters, content=MAIL)
    assert response.status_code == 400


def test_an_invalid_rule_sends_no_setup_notification(inbound: InboundEnvironment) -> None:
    with pytest.raises(ClientError):
        inbound.add_rule(inbound.s3_action(), Recipients=["not a recipient"])
    assert inbound.objects() == []
