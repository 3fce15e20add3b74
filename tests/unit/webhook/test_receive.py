"""What the webhook queues, confirms and refuses."""

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
from tests.unit.webhook.world import (
    CHINESE_TOPIC,
    INBOUND_QUEUE,
    PRIVATE,
    TOKEN,
    TOPIC,
    TRACKING_QUEUE,
    World,
    certificate,
    client_error,
    event,
    notification,
    rsa_key,
    signed,
    subscription_message,
    without,
)

OK = HTTPStatus.OK


FORBIDDEN = HTTPStatus.FORBIDDEN


LATER = HTTPStatus.SERVICE_UNAVAILABLE


REGION_CERTIFICATE = "SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(("resource", "queue"), [("/tracking", TRACKING_QUEUE), ("/inbound", INBOUND_QUEUE)])
def test_a_notification_is_queued_unchanged_by_its_path(version: str, resource: str, queue: str) -> None:
    world = World()
    message = signed(notification(SignatureVersion=version))
    assert world.post(message, resource).status == OK
    assert world.queued == [(queue, json.dumps(message))]
    assert world.measured == []


def test_a_queued_message_is_parsed_like_snss_own() -> None:
    world = World()
    world.post(signed(notification()))
    read = parse_notification(world.queued[0][1])
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
def test_every_kind_of_message_that_sns_may_post_is_queued(message: dict[str, Any]) -> None:
    world = World()
    assert world.post(signed(message)).status == OK
    assert len(world.queued) == 1


def test_a_base64_encoded_body_is_decoded() -> None:
    world = World()
    body = json.dumps(signed(notification()), ensure_ascii=False)
    encoded = event(base64.b64encode(body.encode()).decode(), isBase64Encoded=True)
    assert world.send(encoded).status == OK
    assert world.queued == [(TRACKING_QUEUE, body)]


def test_the_largest_message_of_sns_is_accepted_when_escaped() -> None:
    world = World()
    largest = notification(Message='"' * 256 * 1024)
    assert world.post(signed(largest)).status == OK


def test_characters_that_a_queue_refuses_are_escaped() -> None:
    world = World()
    message = signed(notification(Message="a\uffffb\ufffe"))
    world.send(event(json.dumps(message, ensure_ascii=False)))
    body = world.queued[0][1]
    assert not {"\uffff", "\ufffe"} & set(body)
    assert json.loads(body) == message


def test_a_request_without_headers_is_accepted() -> None:
    world = World()
    assert world.send(event(json.dumps(signed(notification())), headers=None)).status == OK


def test_a_repeated_message_is_queued_again() -> None:
    world = World()
    message = signed(notification())
    world.post(message)
    world.now += timedelta(minutes=20)
    assert world.post(message).status == OK
    assert world.queued[0] == world.queued[1]


def test_a_message_of_a_chinese_region_is_verified_by_its_own_certificate() -> None:
    world = World(topics=(CHINESE_TOPIC,))
    url = f"https://sns.cn-north-1.amazonaws.com.cn/{REGION_CERTIFICATE}"
    world.files[url] = certificate(rsa_key(), names=("sns-cn-north-1.amazonaws.com.cn",))
    message = signed(notification(TopicArn=CHINESE_TOPIC, SigningCertURL=url))
    assert world.post(message).status == OK


def test_the_log_names_a_queued_message_without_its_content() -> None:
    world = World()
    world.post(signed(notification()))
    (line,) = world.log
    assert line["message"] == "message queued"
    assert (line["topic_arn"], line["resource"]) == (TOPIC, "/tracking")
    assert PRIVATE not in json.dumps(line)


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
def test_an_unlisted_topic_is_refused_by_name(topic: str, kind: str) -> None:
    world = World()
    whole = notification() if kind == "Notification" else subscription_message(kind)
    assert world.post(signed(whole | {"TopicArn": topic})).status == FORBIDDEN
    assert world.refusal_reason() == f"topic {topic} is not in webhook.topic_arns: add it, and deploy"


@pytest.mark.parametrize("size", [1024 * 1024, 6 * 1024 * 1024])
def test_a_body_larger_than_snss_is_refused_unparsed(size: int) -> None:
    world = World()
    answer = world.post(signed(notification(Message="é" * size)))
    assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert world.refusal_reason() == "larger than what SNS posts"
    assert world.fetched == []


@pytest.mark.parametrize("resource", ["/", "/Tracking", "/tracking/", "/inbound", "/prod/tracking"])
def test_a_message_at_another_path_is_refused(resource: str) -> None:
    world = World(inbound=False)
    assert world.post(signed(notification()), resource).status == HTTPStatus.NOT_FOUND
    assert world.refusal_reason() == f"this deployment has no queue for {resource}"


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_is_confirmed_in_the_region_of_its_topic(version: str) -> None:
    world = World()
    assert world.post(signed(subscription_message(SignatureVersion=version))).status == OK
    assert world.sns.confirmed == [("us-east-1", TOPIC, TOKEN)]
    assert world.queued == []
    assert world.measured == []
    (line,) = world.log
    assert (line["message"], line["topic_arn"]) == ("subscription confirmed", TOPIC)
    assert TOKEN not in json.dumps(world.log)


def test_with_confirming_off_the_log_has_the_token() -> None:
    world = World(confirm=False)
    assert world.post(signed(subscription_message())).status == FORBIDDEN
    assert world.nothing_happened()
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1), (REFUSED_MESSAGES, 1)]
    first = world.log[0]
    assert (first["topic_arn"], first["token"]) == (TOPIC, TOKEN)
    assert first["reason"] == "webhook.confirm_subscriptions is off"


def test_a_subscription_of_an_unlisted_topic_is_not_confirmed_but_logged() -> None:
    world = World(topics=(CHINESE_TOPIC,))
    assert world.post(signed(subscription_message())).status == FORBIDDEN
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
def test_a_failed_confirmation_is_retried_by_sns_and_counted(outage: Exception) -> None:
    world = World()
    world.sns.outage = outage
    message = signed(subscription_message())
    assert world.post(message).status == LATER
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1)]
    assert world.log[0]["token"] == TOKEN
    world.sns.outage = None
    assert world.post(message).status == OK


@pytest.mark.parametrize(
    "message",
    [
        signed(subscription_message(), key=rsa_key("another")),
        signed(subscription_message()) | {"TopicArn": CHINESE_TOPIC},
        signed(subscription_message(Timestamp="2026-11-20T12:00:00.000Z")),
        signed(subscription_message(SigningCertURL=f"https://example.com/{REGION_CERTIFICATE}")),
    ],
    ids=["another key", "altered", "old", "certificate from elsewhere"],
)
def test_the_token_of_a_message_that_sns_did_not_sign_is_not_logged(message: dict[str, Any]) -> None:
    world = World(confirm=False)
    assert world.post(message).status == FORBIDDEN
    assert world.measured == [(REFUSED_MESSAGES, 1)]
    assert TOKEN not in world.stream.getvalue()
    assert "token" not in world.stream.getvalue()


def test_an_ended_subscription_is_logged_with_the_token_that_restores_it() -> None:
    world = World()
    assert world.post(signed(subscription_message("UnsubscribeConfirmation"))).status == OK
    assert world.nothing_happened()
    assert world.measured == [(UNCONFIRMED_SUBSCRIPTIONS, 1)]
    (line,) = world.log
    assert (line["topic_arn"], line["token"], line["message_type"]) == (
        TOPIC,
        TOKEN,
        "UnsubscribeConfirmation",
    )


@pytest.mark.parametrize(
    "outage",
    [
        client_error("AWS.SimpleQueueService.NonExistentQueue", "SendMessage"),
        client_error("ThrottlingException", "SendMessage"),
        EndpointConnectionError(endpoint_url=TRACKING_QUEUE),
    ],
)
def test_sns_retries_while_the_queue_is_unreachable(outage: Exception) -> None:
    world = World()
    world.sqs.outage = outage
    message = signed(notification())
    assert world.post(message).status == LATER
    assert world.log[0]["unavailable"] == "queue"
    assert world.measured == []
    world.sqs.outage = None
    assert world.post(message).status == OK


def test_an_unexpected_error_makes_sns_retry_and_its_message_is_not_logged() -> None:
    world = World()
    world.sqs.outage = MemoryError(PRIVATE)
    assert world.post(signed(notification())).status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert world.log[0]["error"] == "MemoryError"
