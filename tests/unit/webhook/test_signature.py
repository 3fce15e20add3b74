"""Only messages that SNS signed recently are accepted."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from tests.unit.webhook.world import (
    CERTIFICATE_URL,
    NOW,
    TOPIC,
    World,
    certificate,
    ec_key,
    notification,
    rsa_key,
    signed,
    subscription_message,
    without,
)

OK = HTTPStatus.OK


FORBIDDEN = HTTPStatus.FORBIDDEN


BAD_CERTIFICATES = {
    "expired": (certificate(rsa_key(), ends=NOW - timedelta(seconds=1)), "not valid now"),
    "not valid yet": (certificate(rsa_key(), begins=NOW + timedelta(seconds=1)), "not valid now"),
    "of another key": (certificate(rsa_key("another")), "not SNS's signature"),
    "of another host": (certificate(rsa_key(), names=("sqs.amazonaws.com",)), "not issued to SNS"),
    "of a host that begins alike": (
        certificate(rsa_key(), names=("sns.amazonaws.com.example.com",)),
        "not issued to SNS",
    ),
    "of a host that ends alike": (
        certificate(rsa_key(), names=("evil.sns.amazonaws.com",)),
        "not issued to SNS",
    ),
    "of another partition's domain": (
        certificate(rsa_key(), names=("sns-signing.eu-west-1.amazonaws.eu",)),
        "not issued to SNS",
    ),
    "of a wildcard": (certificate(rsa_key(), names=("*.amazonaws.com",)), "not issued to SNS"),
    "without names": (certificate(rsa_key(), names=()), "not issued to SNS"),
    "of an elliptic curve": (certificate(ec_key()), "no RSA key"),
    "of a short key": (certificate(rsa_key("short", 1024)), "no RSA key"),
}


@pytest.mark.parametrize(("pem", "reason"), BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_a_certificate_that_is_not_valid_now_or_not_snss_is_refused(pem: bytes, reason: str) -> None:
    world = World()
    world.files[CERTIFICATE_URL] = pem
    assert world.post(signed(notification())).status == FORBIDDEN
    assert reason in world.refusal_reason()


@pytest.mark.parametrize(
    "name",
    [
        "sns.amazonaws.com",
        "sns.us-east-1.amazonaws.com",
        "sns-signing.ap-east-1.amazonaws.com",
        "sns-us-gov-west-1.amazonaws.com",
        "sns-cn-north-1.amazonaws.com.cn",
        "sns-signing.eusc-de-east-1.amazonaws.eu",
        "sns-us-iso-east-1.c2s.ic.gov",
        "sns-signing.eu-isoe-west-1.cloud.adc-e.uk",
    ],
)
def test_all_names_of_snss_certificates_are_accepted(name: str) -> None:
    world = World()
    world.files[CERTIFICATE_URL] = certificate(rsa_key(), names=("example.com", name))
    assert world.post(signed(notification())).status == OK


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
def test_an_altered_field_is_refused(kind: str, field: str, version: str) -> None:
    other = {
        "Timestamp": "2026-11-22T11:59:59.123Z",
        "TopicArn": f"{TOPIC}-of-others",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
    }
    world = World(topics=(TOPIC, f"{TOPIC}-of-others"))
    whole = notification() if kind == "Notification" else subscription_message(kind)
    message = signed(whole | {"SignatureVersion": version})
    assert world.post(message | {field: other.get(field, "altered")}).status == FORBIDDEN
    assert "not SNS's signature" in world.refusal_reason()


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("SubscriptionConfirmation", "UnsubscribeConfirmation"),
        ("UnsubscribeConfirmation", "SubscriptionConfirmation"),
        ("SubscriptionConfirmation", "Notification"),
    ],
)
def test_a_message_with_another_type_is_refused(was: str, becomes: str) -> None:
    world = World()
    assert world.post(signed(subscription_message(was)) | {"Type": becomes}).status == FORBIDDEN


def test_an_added_or_removed_subject_is_refused() -> None:
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
def test_a_signature_that_is_not_snss_is_refused(message: dict[str, Any]) -> None:
    world = World()
    assert world.post(message).status == FORBIDDEN
    assert world.refusal_reason().startswith("Signature is not")


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
def test_a_signed_message_that_is_too_old_or_too_new_is_refused(timestamp: str, reason: str) -> None:
    world = World()
    assert world.post(signed(notification(Timestamp=timestamp))).status == FORBIDDEN
    assert reason in world.refusal_reason()
    assert world.fetched == []
