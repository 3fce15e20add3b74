"""What the webhook takes, what it refuses, and what it says of it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from mailbus.aws.sns import parse_notification
from mailbus.metrics import REFUSED_MESSAGES, UNCONFIRMED_SUBSCRIPTIONS
from tests.unit.webhook.sns_world import (
    CERTIFICATE_URL,
    CHINESE_TOPIC,
    INBOUND_QUEUE,
    NOW,
    PRIVATE,
    TOKEN,
    TOPIC,
    TRACKING_QUEUE,
    World,
    certificate,
    client_error,
    ec_key,
    event,
    handshake,
    notification,
    rsa_key,
    signed,
)
from webhook.certificates import REMEMBERED, Unreachable

OK = HTTPStatus.OK
MALFORMED = HTTPStatus.BAD_REQUEST
FORBIDDEN = HTTPStatus.FORBIDDEN
LATER = HTTPStatus.SERVICE_UNAVAILABLE
REGION_CERTIFICATE = "SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
SNS = "sns.us-east-1.amazonaws.com"
MISSING: Any = object()


def without(message: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != field}


def refusal(world: World) -> str:
    """Give the one reason in the log, of a message that is refused and counted."""
    assert world.nothing_happened()
    assert (REFUSED_MESSAGES, 1) in world.measured
    (line,) = [line for line in world.log if line["message"] == "message refused"]
    assert line["request_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    return str(line["reason"])


# What is taken


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(("resource", "queue"), [("/tracking", TRACKING_QUEUE), ("/inbound", INBOUND_QUEUE)])
def test_a_notification_gets_unchanged_into_the_queue_of_its_path(
    version: str, resource: str, queue: str
) -> None:
    world = World()
    message = signed(notification(SignatureVersion=version))
    assert world.post(message, resource).status == OK
    assert world.sqs.sent == [(queue, json.dumps(message))]
    assert world.measured == []


def test_what_is_taken_reads_as_what_sns_puts_on_a_queue_itself() -> None:
    world = World()
    world.post(signed(notification()))
    read = parse_notification(world.sqs.sent[0][1])
    assert (read.topic_arn, read.message_id) == (TOPIC, "26858270-545e-5848-82a2-e05566af3dcf")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(without(notification(), "Subject"), id="no subject"),
        pytest.param(notification(Subject=None), id="a null subject"),
        pytest.param(notification(Subject="Bounce: Grüße"), id="a subject beyond ASCII"),
        pytest.param(notification(Message=""), id="an empty message"),
        pytest.param(notification(Message="line\nMessageId\nforged\n"), id="a message of several lines"),
        pytest.param(notification(Message="\U0001f600 \u2028 \x7f"), id="a message beyond the basic plane"),
        pytest.param(
            notification(MessageAttributes={"lane": {"Type": "String", "Value": "bulk"}}), id="attributes"
        ),
        pytest.param(notification(SequenceNumber="10000000000000003000"), id="a field of a newer SNS"),
        pytest.param(notification(Timestamp="2026-11-22T11:59:58Z"), id="no fraction of a second"),
        pytest.param(notification(Timestamp="2026-11-22T10:31:00.000Z"), id="SNS's last try"),
        pytest.param(notification(Timestamp="2026-11-22T12:04:00.000Z"), id="a clock that is slow"),
    ],
)
def test_everything_that_sns_may_post_is_taken(message: dict[str, Any]) -> None:
    world = World()
    assert world.post(signed(message)).status == OK
    assert len(world.sqs.sent) == 1


def test_the_body_that_api_gateway_encodes_is_read_as_well() -> None:
    world = World()
    body = json.dumps(signed(notification()), ensure_ascii=False)
    encoded = event(base64.b64encode(body.encode()).decode(), isBase64Encoded=True)
    assert world.send(encoded).status == OK
    assert world.sqs.sent == [(TRACKING_QUEUE, body)]


def test_the_largest_message_that_sns_publishes_is_taken_however_it_is_escaped() -> None:
    world = World()
    largest = notification(Message='"' * 256 * 1024)
    assert world.post(signed(largest)).status == OK


def test_characters_that_a_queue_refuses_are_written_otherwise() -> None:
    world = World()
    message = signed(notification(Message="a\uffffb\ufffe"))
    world.send(event(json.dumps(message, ensure_ascii=False)))
    body = world.sqs.sent[0][1]
    assert not {"\uffff", "\ufffe"} & set(body)
    assert json.loads(body) == message


def test_headers_that_are_missing_do_not_matter() -> None:
    world = World()
    assert world.send(event(json.dumps(signed(notification())), headers=None)).status == OK


def test_a_message_that_sns_repeats_is_taken_again_as_it_is() -> None:
    world = World()
    message = signed(notification())
    world.post(message)
    world.now += timedelta(minutes=20)
    assert world.post(message).status == OK
    assert world.sqs.sent[0] == world.sqs.sent[1]


def test_a_message_from_china_is_signed_from_china() -> None:
    world = World(topics=(CHINESE_TOPIC,))
    url = f"https://sns.cn-north-1.amazonaws.com.cn/{REGION_CERTIFICATE}"
    world.files[url] = certificate(rsa_key(), names=("sns-cn-north-1.amazonaws.com.cn",))
    message = signed(notification(TopicArn=CHINESE_TOPIC, SigningCertURL=url))
    assert world.post(message).status == OK


def test_the_log_says_what_was_taken_and_not_what_is_in_it() -> None:
    world = World()
    world.post(signed(notification()))
    (line,) = world.log
    assert line["message"] == "message taken"
    assert (line["topic_arn"], line["resource"]) == (TOPIC, "/tracking")
    assert PRIVATE not in json.dumps(line)


def test_a_certificate_is_fetched_once() -> None:
    world = World()
    for _ in range(3):
        world.post(signed(notification()))
    assert world.fetched == [CERTIFICATE_URL]


def test_so_many_certificates_are_remembered_and_no_more() -> None:
    world = World()
    urls = [f"https://{SNS}/SimpleNotificationService-{number:032x}.pem" for number in range(REMEMBERED + 1)]
    messages = [signed(notification(SigningCertURL=url)) for url in urls]
    world.files |= dict.fromkeys(urls, certificate(rsa_key()))
    for message in [*messages[:REMEMBERED], messages[0]]:
        world.post(message)
    assert world.fetched == urls[:REMEMBERED]
    world.post(messages[-1])
    world.post(messages[0])
    assert world.fetched == [*urls, urls[0]]


# What is refused: the certificate's address, before anything is fetched

ELSEWHERE = {
    "another host": f"https://example.com/{REGION_CERTIFICATE}",
    "http": f"http://sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "file": f"file:///{REGION_CERTIFICATE}",
    "no scheme": f"//sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a longer host": f"https://sns.us-east-1.amazonaws.com.example.com/{REGION_CERTIFICATE}",
    "a host that ends alike": f"https://evilsns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a domain that ends alike": f"https://sns.us-east-1.evilamazonaws.com/{REGION_CERTIFICATE}",
    "a subdomain": f"https://evil.sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a bucket called sns": f"https://sns.s3-us-west-2.amazonaws.com/{REGION_CERTIFICATE}",
    "a bucket called sns, in another style": f"https://sns.s3.us-west-2.amazonaws.com/{REGION_CERTIFICATE}",
    "another service": f"https://sqs.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "no region": f"https://sns.amazonaws.com/{REGION_CERTIFICATE}",
    "China's domain elsewhere": f"https://sns.us-east-1.amazonaws.com.cn/{REGION_CERTIFICATE}",
    "China without its domain": f"https://sns.cn-north-1.amazonaws.com/{REGION_CERTIFICATE}",
    "another country's domain": f"https://sns.us-east-1.amazonaws.com.co/{REGION_CERTIFICATE}",
    "a dot that is any character": f"https://sns.us-east-1xamazonaws.com/{REGION_CERTIFICATE}",
    "a Cyrillic letter": f"https://sns.us-east-1.am\u0430zonaws.com/{REGION_CERTIFICATE}",
    "fullwidth dots": f"https://sns\uff0eus-east-1\uff0eamazonaws\uff0ecom/{REGION_CERTIFICATE}",
    "a digit of another script": f"https://sns.us-east-\u0661.amazonaws.com/{REGION_CERTIFICATE}",
    "a long s that folds": f"https://\u017fns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "capitals": f"https://SNS.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a trailing dot": f"https://sns.us-east-1.amazonaws.com./{REGION_CERTIFICATE}",
    "a user": f"https://sns.us-east-1.amazonaws.com@example.com/{REGION_CERTIFICATE}",
    "a user before it": f"https://user:pw@sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a port": f"https://sns.us-east-1.amazonaws.com:8443/{REGION_CERTIFICATE}",
    "the port of https": f"https://sns.us-east-1.amazonaws.com:443/{REGION_CERTIFICATE}",
    "a backslash": f"https://example.com\\@sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "a backslash for a slash": f"https://sns.us-east-1.amazonaws.com\\{REGION_CERTIFICATE}",
    "an encoded slash": f"https://example.com%2f.sns.us-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "an encoded host": f"https://sns%2eus-east-1.amazonaws.com/{REGION_CERTIFICATE}",
    "another path": "https://sns.us-east-1.amazonaws.com/?Action=GetEndpointAttributes",
    "another file": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-7506.exe",
    "a folder": f"https://sns.us-east-1.amazonaws.com/uploads/{REGION_CERTIFICATE}",
    "a path that goes up": f"https://sns.us-east-1.amazonaws.com/../{REGION_CERTIFICATE}",
    "an encoded path": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-75%30.pem",
    "a query": f"{CERTIFICATE_URL}?x=1",
    "a fragment": f"{CERTIFICATE_URL}#x",
    "a line feed at the end": f"{CERTIFICATE_URL}\n",
    "a line feed inside": f"https://sns.us-east-1\n.amazonaws.com/{REGION_CERTIFICATE}",
    "a space before": f" {CERTIFICATE_URL}",
    "a tab inside": f"https://sns.us-east-1.amaz\tonaws.com/{REGION_CERTIFICATE}",
    "nothing": "",
    "very long": "https://sns." + "a-" * 50_000,
}


@pytest.mark.parametrize("url", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_certificate_from_anywhere_but_sns_is_refused_and_not_even_asked_for(url: str) -> None:
    world = World()
    world.files[url] = certificate(rsa_key())
    assert world.post(signed(notification(SigningCertURL=url))).status == FORBIDDEN
    assert world.fetched == []
    assert refusal(world).startswith("SigningCertURL is not one of SNS's")


@pytest.mark.parametrize(
    "host",
    [
        "sns.us-east-1.amazonaws.com",
        "sns.ap-southeast-7.amazonaws.com",
        "sns.us-gov-west-1.amazonaws.com",
        "sns.mx-central-1.amazonaws.com",
        "sns.cn-northwest-1.amazonaws.com.cn",
    ],
)
def test_a_certificate_may_come_from_sns_in_every_region(host: str) -> None:
    world = World()
    url = f"https://{host}/{REGION_CERTIFICATE}"
    world.files[url] = certificate(rsa_key())
    assert world.post(signed(notification(SigningCertURL=url))).status == OK


# What is refused: the certificate itself

BAD_CERTIFICATES = {
    "expired": (certificate(rsa_key(), ends=NOW - timedelta(seconds=1)), "not valid now"),
    "not valid yet": (certificate(rsa_key(), begins=NOW + timedelta(seconds=1)), "not valid now"),
    "of another key": (certificate(rsa_key("another")), "not that of SNS"),
    "of another host": (certificate(rsa_key(), names=("sqs.amazonaws.com",)), "not issued to SNS"),
    "of a host that begins alike": (
        certificate(rsa_key(), names=("sns.amazonaws.com.example.com",)),
        "not issued to SNS",
    ),
    "of a host that ends alike": (
        certificate(rsa_key(), names=("evil.sns.amazonaws.com",)),
        "not issued to SNS",
    ),
    "of a wildcard": (certificate(rsa_key(), names=("*.amazonaws.com",)), "not issued to SNS"),
    "without names": (certificate(rsa_key(), names=()), "not issued to SNS"),
    "of an elliptic curve": (certificate(ec_key()), "no RSA key"),
    "of a short key": (certificate(rsa_key("short", 1024)), "no RSA key"),
}


@pytest.mark.parametrize(("pem", "reason"), BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_a_certificate_that_is_not_sns_s_now_is_refused(pem: bytes, reason: str) -> None:
    world = World()
    world.files[CERTIFICATE_URL] = pem
    assert world.post(signed(notification())).status == FORBIDDEN
    assert reason in refusal(world)


@pytest.mark.parametrize(
    "name",
    [
        "sns.amazonaws.com",
        "sns.us-east-1.amazonaws.com",
        "sns-signing.ap-east-1.amazonaws.com",
        "sns-us-gov-west-1.amazonaws.com",
        "sns-cn-north-1.amazonaws.com.cn",
    ],
)
def test_sns_goes_by_several_names(name: str) -> None:
    world = World()
    world.files[CERTIFICATE_URL] = certificate(rsa_key(), names=("example.com", name))
    assert world.post(signed(notification())).status == OK


def test_a_certificate_that_expires_while_it_is_remembered_is_refused() -> None:
    world = World()
    world.files[CERTIFICATE_URL] = certificate(rsa_key(), ends=NOW + timedelta(minutes=1))
    message = signed(notification())
    assert world.post(message).status == OK
    world.now += timedelta(minutes=2)
    assert world.post(message).status == FORBIDDEN


def test_a_certificate_that_sns_renews_in_its_place_is_fetched_again() -> None:
    world = World()
    world.files[CERTIFICATE_URL] = certificate(rsa_key(), ends=NOW + timedelta(minutes=1))
    message = signed(notification())
    world.post(message)
    world.now += timedelta(minutes=2)
    world.files[CERTIFICATE_URL] = certificate(rsa_key())
    assert world.post(message).status == OK


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(Unreachable(reason="status 404"), id="not found"),
        pytest.param(Unreachable(reason="TimeoutError"), id="too slow"),
        pytest.param(b"<html>Service Unavailable</html>", id="a page"),
        pytest.param(b"", id="nothing"),
        pytest.param(certificate(rsa_key())[:700], id="half of it"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="junk in PEM"),
    ],
)
def test_without_a_certificate_sns_is_to_try_again_and_it_is_not_remembered(
    file: bytes | Unreachable,
) -> None:
    world = World()
    good = world.files[CERTIFICATE_URL]
    world.files[CERTIFICATE_URL] = file
    message = signed(notification())
    assert world.post(message).status == LATER
    assert world.nothing_happened()
    assert world.measured == []
    assert world.log[0]["missing"] == "signing certificate"
    world.files[CERTIFICATE_URL] = good
    assert world.post(message).status == OK


# What is refused: the signature


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *[("Notification", field) for field in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn")],
        *[
            ("SubscriptionConfirmation", field)
            for field in ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn")
        ],
        ("UnsubscribeConfirmation", "Token"),
    ],
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_a_field_that_was_altered_is_noticed(kind: str, field: str, version: str) -> None:
    other = {
        "Timestamp": "2026-11-22T11:59:59.123Z",
        "TopicArn": f"{TOPIC}-of-others",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
    }
    world = World(topics=(TOPIC, f"{TOPIC}-of-others"))
    whole = notification() if kind == "Notification" else handshake(kind)
    message = signed(whole | {"SignatureVersion": version})
    assert world.post(message | {field: other.get(field, "altered")}).status == FORBIDDEN
    assert "not that of SNS" in refusal(world)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("UnsubscribeConfirmation", "SubscriptionConfirmation"),
        ("SubscriptionConfirmation", "Notification"),
    ],
)
def test_a_message_cannot_pass_for_one_of_another_type(was: str, becomes: str) -> None:
    world = World()
    assert world.post(signed(handshake(was)) | {"Type": becomes}).status == FORBIDDEN


def test_a_subject_cannot_be_added_or_taken_away() -> None:
    world = World()
    assert world.post(signed(without(notification(), "Subject")) | {"Subject": "Urgent"}).status == FORBIDDEN
    assert world.post(without(signed(notification()), "Subject")).status == FORBIDDEN
    assert world.nothing_happened()


FORGED = {
    "signed by another key": signed(notification(), key=rsa_key("another")),
    "of version 1, passed for 2": signed(notification(), sha1=True),
    "of version 2, passed for 1": signed(notification(SignatureVersion="1"), sha1=False),
    "signature of another message": notification()
    | {"Signature": signed(notification(Message="other"))["Signature"]},
    "empty signature": notification(Signature=""),
    "short signature": notification(Signature="AAAA"),
    "signature that is not base64": notification(Signature="not base64!"),
    "signature beyond ASCII": notification(Signature="é" * 344),
    "signature in the alphabet of URLs": signed(notification()) | {"Signature": "_-" * 172},
    "signature of lines": signed(notification()) | {"Signature": "AAAA\nAAAA"},
    "signature with a letter of no alphabet inside": {
        name: f"{value[:9]}!{value[9:]}" if name == "Signature" else value
        for name, value in signed(notification()).items()
    },
    "huge signature": notification(Signature="A" * 400_000),
}


@pytest.mark.parametrize("message", FORGED.values(), ids=FORGED)
def test_a_signature_that_is_not_sns_s_is_refused(message: dict[str, Any]) -> None:
    world = World()
    assert world.post(message).status == FORBIDDEN
    assert refusal(world).startswith("Signature is not")


# What is refused: the time


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        ("2026-11-22T10:29:59.000Z", "90 minutes ago"),
        ("2026-11-20T12:00:00.000Z", "2880 minutes ago"),
        ("0001-01-01T00:00:00.000Z", "minutes ago"),
        ("2026-11-22T12:06:00.000Z", "6 minutes ahead"),
        ("9999-12-31T23:59:59.999Z", "minutes ahead"),
    ],
)
def test_a_message_of_another_time_is_refused_however_well_it_is_signed(timestamp: str, reason: str) -> None:
    world = World()
    assert world.post(signed(notification(Timestamp=timestamp))).status == FORBIDDEN
    assert reason in refusal(world)
    assert world.fetched == []


# What is refused: the topic


@pytest.mark.parametrize(
    "topic",
    [
        "arn:aws:sns:us-east-1:666666666666:mail-events",
        "arn:aws:sns:us-west-2:123456789012:mail-events",
        "arn:aws:sns:us-east-1:123456789012:mail-events2",
        "arn:aws:sns:us-east-1:123456789012:mail-event",
        "arn:aws:sns:us-east-1:123456789012:Mail-Events",
        "arn:aws:sns:us-east-1:123456789012:mail-events.fifo",
        "arn:aws-cn:sns:us-east-1:123456789012:mail-events",
        f"{TOPIC}:b24e11a2-06bd-4e73-aa29-0ed2de3b41b5",
        "mail-events",
        "*",
    ],
)
@pytest.mark.parametrize("kind", ["Notification", "UnsubscribeConfirmation"])
def test_a_topic_that_is_not_on_the_list_is_refused_by_name(topic: str, kind: str) -> None:
    world = World()
    whole = notification() if kind == "Notification" else handshake(kind)
    assert world.post(signed(whole | {"TopicArn": topic})).status == FORBIDDEN
    assert refusal(world) == f"topic {topic} is not on the list: add it to webhook.topic_arns, and deploy"


# What is refused: the form

WRONG_TYPES: tuple[Any, ...] = (None, 7, True, [], {}, ["Notification"])


@pytest.mark.parametrize(
    "field",
    [
        "Type",
        "MessageId",
        "TopicArn",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
    ],
)
@pytest.mark.parametrize("value", [MISSING, *WRONG_TYPES], ids=["missing", *map(str, WRONG_TYPES)])
def test_every_field_has_to_be_there_and_be_text(field: str, value: Any) -> None:
    world = World()
    whole = signed(notification())
    message = without(whole, field) if value is MISSING else whole | {field: value}
    assert world.send(event(json.dumps(message))).status == MALFORMED
    assert refusal(world).startswith("not a message of SNS")
    assert world.fetched == []


@pytest.mark.parametrize("field", ["Token", "SubscribeURL"])
@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
@pytest.mark.parametrize("value", [MISSING, *WRONG_TYPES, "", "two\nlines"])
def test_a_confirmation_has_to_have_its_token_and_address(kind: str, field: str, value: Any) -> None:
    world = World()
    whole = signed(handshake(kind))
    message = without(whole, field) if value is MISSING else whole | {field: value}
    assert world.post(message).status == MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "notification"},
        {"Type": "Notification "},
        {"Type": ""},
        {"Type": "N" * 100_000},
        {"SignatureVersion": "3"},
        {"SignatureVersion": ""},
        {"SignatureVersion": "2.0"},
        {"Subject": 7},
        {"MessageId": "two\nlines"},
        {"MessageId": "x\n"},
        {"MessageId": ""},
        {"TopicArn": f"{TOPIC}\nType\nNotification"},
        {"Timestamp": "yesterday"},
        {"Timestamp": ""},
        {"Timestamp": "2026-11-22T11:59:58.123"},
        {"Timestamp": "2026-11-22T11:59:58.123+00:00"},
        {"Timestamp": "2026-11-22 11:59:58Z"},
        {"Timestamp": "2026-13-22T11:59:58Z"},
        {"Timestamp": "2026-11-22T25:59:58Z"},
        {"Timestamp": "2026-11-22T11:59:58.123Z\n"},
        {"Timestamp": "٢٠٢٦-11-22T11:59:58Z"},
    ],
    ids=str,
)
def test_a_field_that_sns_would_not_write_is_refused(changes: dict[str, Any]) -> None:
    world = World()
    assert world.send(event(json.dumps(signed(notification()) | changes))).status == MALFORMED
    assert len(refusal(world)) < 400
    assert world.fetched == []


@pytest.mark.parametrize(
    "field", ["Type", "SignatureVersion", "Timestamp", "MessageId", "TopicArn", "Subject"]
)
@pytest.mark.parametrize("said", ["ada@example.org, my password is", "ada@example.org` - at `$.Nowhere`\n"])
def test_a_refusal_says_where_the_mistake_is_and_quotes_nothing(field: str, said: str) -> None:
    world = World()
    value = [said] if field == "Subject" else said
    answer = world.send(event(json.dumps(signed(notification()) | {field: value})))
    assert answer.status == MALFORMED
    told = f"{answer}{world.log}"
    assert "ada@example.org" not in told
    assert "Nowhere" not in told
    if field != "Timestamp":
        assert f"$.{field}" in refusal(world)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "Successfully validated SNS topic",
        "null",
        "7",
        '"Notification"',
        "[]",
        "{}",
        "[" * 100_000,
        '{"Type":' * 50_000,
        "\ufeff{}",
        json.dumps(signed(notification()))[:-1],
        json.dumps(signed(notification())) + "x",
        json.dumps([signed(notification())]),
        json.dumps({"Records": [{"Sns": signed(notification())}]}),
        '{"Type":"Notification","Message":"\\ud800"}',
        "\ud800",
    ],
    ids=lambda body: repr(body)[:30],
)
def test_what_is_no_message_at_all_is_refused(body: str | None) -> None:
    world = World()
    assert world.send(event(body)).status == MALFORMED
    assert refusal(world)


@pytest.mark.parametrize("body", ["not base64!", "QUJ", base64.b64encode(b"\xff\xfe{}").decode(), "Grüße"])
def test_an_encoded_body_that_is_no_text_is_refused(body: str) -> None:
    world = World()
    assert world.send(event(body, isBase64Encoded=True)).status == MALFORMED
    assert refusal(world).startswith("the body is not text in UTF-8")


@pytest.mark.parametrize("size", [1024 * 1024, 6 * 1024 * 1024])
def test_what_is_larger_than_sns_posts_is_refused_unread(size: int) -> None:
    world = World()
    answer = world.post(signed(notification(Message="é" * size)))
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert refusal(world) == "larger than what SNS posts"
    assert world.fetched == []


@pytest.mark.parametrize("header", ["SubscriptionConfirmation", "Anything", ""])
def test_a_header_that_contradicts_the_type_is_refused(header: str) -> None:
    world = World()
    other = event(json.dumps(signed(notification())), headers={"X-Amz-Sns-Message-Type": header})
    assert world.send(other).status == MALFORMED
    assert [line["reason"] for line in world.log if "reason" in line] == [
        "the header x-amz-sns-message-type contradicts the message's Type"
    ]


def test_raw_delivery_is_told_what_to_change() -> None:
    world = World()
    proxied = event('{"eventType":"Bounce"}', headers={"x-amz-sns-rawdelivery": "true"})
    assert world.send(proxied).status == MALFORMED
    assert "turn RawMessageDelivery off" in refusal(world)


@pytest.mark.parametrize("resource", ["/", "/Tracking", "/tracking/", "/inbound", "/prod/tracking"])
def test_nothing_is_received_elsewhere(resource: str) -> None:
    world = World(inbound=False)
    assert world.post(signed(notification()), resource).status == HTTPStatus.NOT_FOUND
    assert refusal(world) == f"nothing is received at {resource} in this deployment"


# Subscriptions


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_is_confirmed_in_its_topic_s_own_region(version: str) -> None:
    world = World()
    assert world.post(signed(handshake(SignatureVersion=version))).status == OK
    assert world.sns.confirmed == [("us-east-1", TOPIC, TOKEN)]
    assert world.sqs.sent == []
    assert world.measured == []
    (line,) = world.log
    assert (line["message"], line["topic_arn"]) == ("subscription confirmed", TOPIC)
    assert TOKEN not in json.dumps(world.log)


def test_where_confirming_is_off_the_log_has_what_confirming_by_hand_takes() -> None:
    world = World(confirm=False)
    assert world.post(signed(handshake())).status == FORBIDDEN
    assert world.nothing_happened()
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1), (REFUSED_MESSAGES, 1)]
    first = world.log[0]
    assert (first["topic_arn"], first["token"]) == (TOPIC, TOKEN)
    assert first["reason"] == "webhook.confirm_subscriptions is off"


def test_a_subscription_of_a_topic_that_is_not_on_the_list_is_not_confirmed_but_made_known() -> None:
    world = World(topics=(CHINESE_TOPIC,))
    assert world.post(signed(handshake())).status == FORBIDDEN
    assert world.nothing_happened()
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1), (REFUSED_MESSAGES, 1)]
    assert (world.log[0]["topic_arn"], world.log[0]["token"]) == (TOPIC, TOKEN)


@pytest.mark.parametrize(
    "outage",
    [
        client_error("AuthorizationError", "ConfirmSubscription"),
        client_error("InvalidParameter", "ConfirmSubscription"),
        EndpointConnectionError(endpoint_url="https://sns.us-east-1.amazonaws.com"),
    ],
    ids=["not allowed", "token too old", "away"],
)
def test_where_confirming_fails_sns_tries_again_and_somebody_is_told(outage: Exception) -> None:
    world = World()
    world.sns.outage = outage
    message = signed(handshake())
    assert world.post(message).status == LATER
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1)]
    assert world.log[0]["token"] == TOKEN
    world.sns.outage = None
    assert world.post(message).status == OK


@pytest.mark.parametrize(
    "message",
    [
        signed(handshake(), key=rsa_key("another")),
        signed(handshake()) | {"TopicArn": CHINESE_TOPIC},
        signed(handshake(Timestamp="2026-11-20T12:00:00.000Z")),
        signed(handshake(SigningCertURL=f"https://example.com/{REGION_CERTIFICATE}")),
    ],
    ids=["another key", "altered", "old", "certificate from elsewhere"],
)
def test_the_token_of_a_message_that_sns_did_not_sign_is_not_logged(message: dict[str, Any]) -> None:
    world = World(confirm=False)
    assert world.post(message).status == FORBIDDEN
    assert world.measured == [(REFUSED_MESSAGES, 1)]
    assert TOKEN not in world.stream.getvalue()
    assert "token" not in world.stream.getvalue()


def test_a_subscription_that_somebody_ended_is_made_known_with_what_takes_that_back() -> None:
    world = World()
    assert world.post(signed(handshake("UnsubscribeConfirmation"))).status == OK
    assert world.nothing_happened()
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1)]
    (line,) = world.log
    assert (line["topic_arn"], line["token"], line["message_type"]) == (
        TOPIC,
        TOKEN,
        "UnsubscribeConfirmation",
    )


# Trouble of our own


@pytest.mark.parametrize(
    "outage",
    [
        client_error("AWS.SimpleQueueService.NonExistentQueue", "SendMessage"),
        client_error("ThrottlingException", "SendMessage"),
        EndpointConnectionError(endpoint_url=TRACKING_QUEUE),
    ],
)
def test_while_the_queue_is_away_sns_is_to_try_again(outage: Exception) -> None:
    world = World()
    world.sqs.outage = outage
    message = signed(notification())
    assert world.post(message).status == LATER
    assert world.log[0]["missing"] == "queue"
    assert world.measured == []
    world.sqs.outage = None
    assert world.post(message).status == OK


def test_what_nobody_foresaw_makes_sns_try_again_and_its_words_are_not_logged() -> None:
    world = World()
    world.sqs.outage = MemoryError(PRIVATE)
    assert world.post(signed(notification())).status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert world.log[0]["error"] == "MemoryError"
