"""SNS over HTTPS, through the deployed API: topics of another region, and forged messages."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mailbus_cdk.quotas import BY_NAME
from mailbus_local.sns.signing import sign_message
from tests.e2e.sns import TOPIC, Sns, delivered, notification
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.system import System

FOREIGN = "arn:aws:sns:eu-west-1:000000000000:somebody-elses"


@pytest.fixture(scope="module")
def sns(system: System) -> Iterator[Sns]:
    found = Sns(system)
    yield found
    found.close()


def _received(message_id: str, action: dict[str, str]) -> dict[str, Any]:
    return {
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
            "action": action,
        },
    }


MAIL = b"From: ada@example.org\r\nTo: support@inbound.example.com\r\nSubject: Where is it?\r\n\r\nHello\r\n"


def _new_id() -> str:
    return f"0102019ab2c3d4e5-{uuid.uuid4()}-000000"


# Authentication


def test_without_credentials_the_answer_asks_sns_for_them(sns: Sns) -> None:
    message = sns.sign(notification(delivered(_new_id())))

    answer = sns.http.post(f"{sns.url}tracking", json=message)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Mailbus"'


@pytest.mark.parametrize("wrong", [("sns", "a guess"), ("root", ""), ("", ""), ("sns", "\u00fc" * 40)])
def test_wrong_credentials_get_the_same_answer(sns: Sns, wrong: tuple[str, str]) -> None:
    answer = sns.post(sns.sign(notification(delivered(_new_id()))), credentials=wrong)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Mailbus"'


def test_the_webhook_has_only_two_paths(sns: Sns) -> None:
    assert sns.post("{}", path="elsewhere").status_code in {403, 404}
    assert sns.http.get(f"{sns.url}tracking", auth=sns.credentials()).status_code in {403, 404, 405}


# From a topic to the bus


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_topic_of_another_region_is_confirmed_and_its_messages_become_events(
    system: System, sns: Sns, version: str
) -> None:
    sns.client.set_topic_attributes(TopicArn=TOPIC, AttributeName="SignatureVersion", AttributeValue=version)
    url = sns.subscribe(TOPIC, "tracking")
    assert sns.wait_for_delivery(url, "SubscriptionConfirmation")["statuses"] == [401, 200]
    message_id = _new_id()

    sns.client.publish(TopicArn=TOPIC, Message=json.dumps(delivered(message_id)))

    (event,) = system.wait(1, message_id=message_id)
    assert (event["event_type"], event["recipient"]) == ("delivered", "jane@example.net")
    requests = sns.wait_for_delivery(url, "Notification")["statuses"]
    assert requests == [401, 200]
    # the first one is answered that it needs credentials
    assert len(requests) * BY_NAME["sns-publish"].per_mail == BY_NAME["api-requests"].per_mail


def test_sns_counts_the_confirmed_subscription(sns: Sns) -> None:
    before = _confirmed(sns)

    url = sns.subscribe(TOPIC, "tracking")

    sns.wait_for_delivery(url, "SubscriptionConfirmation")
    assert _confirmed(sns) == before + 1


def _confirmed(sns: Sns) -> int:
    return int(sns.client.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["SubscriptionsConfirmed"])


def test_a_message_that_is_delivered_twice_is_one_event(system: System, sns: Sns) -> None:
    message_id = _new_id()
    message = sns.sign(notification(delivered(message_id)))

    assert [sns.post(message).status_code for _ in range(2)] == [200, 200]

    copies = system.wait_for_copies(1, message_id=message_id)
    system.wait_until_empty("TrackingQueueUrl")
    assert {copy["event_id"] for copy in copies} == {
        event["event_id"] for event in system.details(message_id=message_id)
    }
    assert len(system.details(message_id=message_id)) == 1


def test_a_received_mail_is_reported_by_the_other_path(system: System, sns: Sns) -> None:
    message_id = system.receive(MAIL)
    (event,) = system.wait(1, message_id=message_id)
    action = {"type": "S3", "bucketName": event["raw"]["bucket"], "objectKey": event["raw"]["key"]}

    answer = sns.post(sns.sign(notification(_received(message_id, action))), path="inbound")

    assert answer.status_code == 200
    _, again = system.wait_for_copies(2, message_id=message_id)
    assert (again["event_id"], again["message"]["subject"]) == (event["event_id"], "Where is it?")


def test_a_mail_inside_its_notification_becomes_an_event_and_is_stored(system: System, sns: Sns) -> None:
    message_id = uuid.uuid4().hex
    action = {"type": "SNS", "topicArn": TOPIC, "encoding": "UTF-8"}
    received = {**_received(message_id, action), "content": MAIL.decode()}

    assert sns.post(sns.sign(notification(received)), path="inbound").status_code == 200

    (event,) = system.wait(1, message_id=message_id)
    assert (event["event_type"], event["message"]["subject"]) == ("inbound", "Where is it?")
    bucket = system.outputs["InboundBucketName"]
    assert event["raw"] == {"bucket": bucket, "key": f"raw/{message_id}", "size": len(MAIL)}
    answer = system.client("s3").get_object(Bucket=bucket, Key=f"raw/{message_id}")
    assert answer["Body"].read() == MAIL


# Forged messages


def _forged(sns: Sns, message: dict[str, Any]) -> dict[str, Any]:
    """Sign a message by a key of our own, under the name of the certificate of SNS."""
    genuine = sns.sign(message)
    name = genuine["SigningCertURL"].rpartition("/")[2]
    key = rsa.generate_private_key(65_537, 2048)
    return sign_message(message, key=key, certificate_name=name, version="2")


def _altered(sns: Sns, message: dict[str, Any]) -> dict[str, Any]:
    return {**sns.sign(message), "Message": message["Message"].replace("Delivery", "Bounce", 1)}


def _of_another_topic(sns: Sns, message: dict[str, Any]) -> dict[str, Any]:
    return sns.sign({**message, "TopicArn": FOREIGN})


def _too_old(sns: Sns, message: dict[str, Any]) -> dict[str, Any]:
    return sns.sign({**message, "Timestamp": "2026-01-01T10:00:00.000Z"})


def _with_a_certificate_of_a_look_alike(sns: Sns, message: dict[str, Any]) -> dict[str, Any]:
    genuine = sns.sign(message)
    url = genuine["SigningCertURL"].replace(".amazonaws.com/", ".amazonaws.com.example.net/")
    return {**genuine, "SigningCertURL": url}


@pytest.mark.parametrize(
    "made", [_forged, _altered, _of_another_topic, _too_old, _with_a_certificate_of_a_look_alike]
)
def test_a_message_that_is_forged_old_or_of_another_topic_is_refused(
    system: System, sns: Sns, made: Callable[[Sns, dict[str, Any]], dict[str, Any]]
) -> None:
    bad, good = _new_id(), _new_id()

    assert sns.post(made(sns, notification(delivered(bad)))).status_code == 403

    assert sns.post(sns.sign(notification(delivered(good)))).status_code == 200
    system.wait(1, message_id=good)
    assert not system.details(message_id=bad)


@pytest.mark.parametrize("body", ["", "not JSON", "[]", '{"Type": "Notification"}', "null"])
def test_a_body_that_is_no_sns_message_is_refused_as_malformed(sns: Sns, body: str) -> None:
    assert sns.post(body).status_code == 400


def test_a_subscription_to_an_unlisted_topic_is_not_confirmed(sns: Sns) -> None:
    topic_arn = sns.client.create_topic(Name="somebody-elses")["TopicArn"]
    assert topic_arn == FOREIGN

    url = sns.subscribe(topic_arn, "tracking")

    assert sns.wait_for_delivery(url, "SubscriptionConfirmation")["statuses"] == [401, 403]
    attributes = sns.client.get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    assert attributes["SubscriptionsConfirmed"] == "0"


# The secret


def test_the_new_and_the_previous_password_work_and_older_ones_do_not(system: System, sns: Sns) -> None:
    oldest = sns.rotate()
    before = sns.rotate()
    current = sns.rotate()
    message = sns.sign(notification(delivered(_new_id())))

    _wait_until_accepted(sns, message, current)
    assert sns.post(message, credentials=before).status_code == 200
    # What the authorizer remembers of the secret goes with its process.
    with system.deployed_with("WebhookAuthorizer", POWERTOOLS_LOG_LEVEL="DEBUG"):
        assert sns.post(message, credentials=oldest).status_code == 401
        assert sns.post(message, credentials=before).status_code == 200
        assert sns.post(message, credentials=current).status_code == 200


def _wait_until_accepted(sns: Sns, message: dict[str, Any], credentials: tuple[str, str]) -> None:
    def probe() -> bool:
        status = sns.post(message, credentials=credentials).status_code
        assert status in {200, 401}
        return status == 200

    eventually(probe, "the new password works")
