from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mailbus_local.sns.server import SnsOverHttps, SnsSettings
from mailbus_local.sns.signing import host_of, string_to_sign
from tests.unit.mailbus_local.http_subscriber import SECONDS, HttpSubscriber
from tests.unit.mailbus_local.sns_messages import HASHES, PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def sns(ministack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnsOverHttps]:
    server = SnsOverHttps(SnsSettings(upstream_url=ministack, directory=tmp_path_factory.mktemp("sns")))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(sns: SnsOverHttps) -> Iterator[Any]:
    server = boto3.client(
        "sns",
        endpoint_url=sns.url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield server
    server.close()


@pytest.fixture
def topic_arn(client: Any) -> str:
    return str(client.create_topic(Name=f"t{uuid.uuid4().hex}")["TopicArn"])


def _fetch(sns: SnsOverHttps, url: str) -> subprocess.CompletedProcess[str]:
    """Open a URL in another process with the environment of a function."""
    return subprocess.run(
        [sys.executable, "-c", f"import urllib.request as r; print(r.urlopen({url!r}).read().decode())"],
        env={"PATH": os.environ["PATH"], **sns.function_environment()},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _key(sns: SnsOverHttps, message: dict[str, Any]) -> RSAPublicKey:
    fetched = _fetch(sns, message["SigningCertURL"])
    assert fetched.returncode == 0, fetched.stderr
    key = x509.load_pem_x509_certificate(fetched.stdout.encode()).public_key()
    assert isinstance(key, RSAPublicKey)
    return key


def _sign(sns: SnsOverHttps, message: dict[str, Any], version: str) -> dict[str, Any]:
    response = httpx.post(f"{sns.url}/_simulator/sign", params={"version": version}, json=message)
    signed: dict[str, Any] = response.raise_for_status().json()
    return signed


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signature_is_valid_by_the_certificate_at_its_url(sns: SnsOverHttps, version: str) -> None:
    signed = _sign(sns, PUBLISHED, version)

    assert signed["SignatureVersion"] == version
    assert signed["SigningCertURL"].startswith(
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-"
    )
    key, signature = _key(sns, signed), base64.b64decode(signed["Signature"])
    key.verify(signature, string_to_sign(signed), padding.PKCS1v15(), HASHES[version])
    with pytest.raises(InvalidSignature):
        key.verify(
            signature, string_to_sign({**signed, "Message": "Hello"}), padding.PKCS1v15(), HASHES[version]
        )


@pytest.mark.parametrize(
    ("message", "version"), [(PUBLISHED, "3"), ({**PUBLISHED, "Type": "Greeting"}, "2"), ({}, "1")]
)
def test_only_messages_of_sns_are_signed(sns: SnsOverHttps, message: dict[str, Any], version: str) -> None:
    response = httpx.post(f"{sns.url}/_simulator/sign", params={"version": version}, json=message)

    assert response.status_code == 400


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"])
def test_sns_has_a_host_in_every_region(sns: SnsOverHttps, region: str) -> None:
    message = _sign(sns, {**PUBLISHED, "TopicArn": f"arn:aws:sns:{region}:123456789012:MyTopic"}, "2")

    assert message["SigningCertURL"].startswith(f"https://{host_of(region)}/")
    assert _key(sns, message).key_size == 2048


def test_an_unknown_certificate_is_not_found(sns: SnsOverHttps) -> None:
    fetched = _fetch(sns, "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00.pem")

    assert "404" in fetched.stderr


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "sns.us-east-1.amazonaws.com.example.com",
        "sns.us-east-1.amazonaws.com.cn",
        "sqs.us-east-1.amazonaws.com",
        "169.254.169.254",
    ],
)
def test_the_proxy_forbids_all_other_hosts(sns: SnsOverHttps, host: str) -> None:
    fetched = _fetch(sns, f"https://{host}/")

    assert fetched.returncode != 0
    assert "403" in fetched.stderr


def test_a_client_that_does_not_trust_the_authority_cannot_connect(sns: SnsOverHttps) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get("https://sns.us-east-1.amazonaws.com/", proxy=sns.url, verify=ssl.create_default_context())


def test_functions_use_it_whatever_proxy_the_machine_has(sns: SnsOverHttps) -> None:
    environment = sns.function_environment()

    assert environment["HTTPS_PROXY"] == environment["https_proxy"] == sns.url
    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost"


def test_a_subscription_is_confirmed_by_the_token_of_its_confirmation(
    sns: SnsOverHttps, client: Any, topic_arn: str, subscriber: HttpSubscriber
) -> None:
    client.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint=subscriber.url)

    (_, first), (headers, second) = subscriber.wait(2)
    message = json.loads(second)
    assert first == second
    assert headers["x-amz-sns-message-type"] == message["Type"] == "SubscriptionConfirmation"
    assert message["SubscribeURL"].startswith(f"https://sns.{REGION}.amazonaws.com/?Action=Confirm")
    _key(sns, message).verify(
        base64.b64decode(message["Signature"]), string_to_sign(message), padding.PKCS1v15(), HASHES["1"]
    )
    client.confirm_subscription(TopicArn=topic_arn, Token=message["Token"])
    attributes = client.get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    assert attributes["SubscriptionsConfirmed"] == "1"


def _confirm(client: Any, topic_arn: str, subscriber: HttpSubscriber) -> None:
    client.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint=subscriber.url)
    token = json.loads(subscriber.wait(2)[1][1])["Token"]
    client.confirm_subscription(TopicArn=topic_arn, Token=token)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_message_is_delivered_without_credentials_first_and_then_with_those_of_the_url(
    sns: SnsOverHttps, client: Any, topic_arn: str, subscriber: HttpSubscriber, version: str
) -> None:
    client.set_topic_attributes(TopicArn=topic_arn, AttributeName="SignatureVersion", AttributeValue=version)
    _confirm(client, topic_arn, subscriber)

    client.publish(TopicArn=topic_arn, Message="It is on its way: Grüße", Subject="Your order")

    (first, body), (second, again) = subscriber.wait(2)
    assert "authorization" not in first
    assert second["authorization"].startswith("Basic ")
    assert body == again
    message = json.loads(body)
    assert (message["Type"], message["Message"]) == ("Notification", "It is on its way: Grüße")
    assert message["SignatureVersion"] == version
    assert first["x-amz-sns-message-id"] == message["MessageId"]
    assert first["x-amz-sns-topic-arn"] == topic_arn
    assert first["content-type"] == "text/plain; charset=UTF-8"
    _key(sns, message).verify(
        base64.b64decode(message["Signature"]), string_to_sign(message), padding.PKCS1v15(), HASHES[version]
    )


def test_an_endpoint_on_another_machine_is_an_error(client: Any, topic_arn: str) -> None:
    with pytest.raises(ClientError, match="this machine only"):
        client.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint="https://sns:x@example.com/tracking")


def test_topics_are_those_of_the_embedded_aws(ministack: str, topic_arn: str) -> None:
    direct = boto3.client(
        "sns",
        endpoint_url=ministack,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert direct.get_topic_attributes(TopicArn=topic_arn)["Attributes"]["TopicArn"] == topic_arn
    direct.close()


def test_a_raw_message_is_delivered_unchanged_with_its_header(
    client: Any, topic_arn: str, subscriber: HttpSubscriber
) -> None:
    attributes = {"RawMessageDelivery": "true"}
    client.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=subscriber.url, Attributes=attributes)
    client.confirm_subscription(TopicArn=topic_arn, Token=json.loads(subscriber.wait(2)[1][1])["Token"])

    client.publish(TopicArn=topic_arn, Message='{"eventType": "Send"}')

    _, (headers, body) = subscriber.wait(2)
    assert body == b'{"eventType": "Send"}'
    assert headers["x-amz-sns-rawdelivery"] == "true"


def test_before_the_start_there_is_no_function_environment(tmp_path: Path) -> None:
    sns = SnsOverHttps(SnsSettings(upstream_url="http://127.0.0.1:1", directory=tmp_path))
    with pytest.raises(RuntimeError, match="start it first"):
        sns.function_environment()
    sns.stop()


def test_without_ministack_the_api_is_unavailable(tmp_path: Path) -> None:
    sns = SnsOverHttps(SnsSettings(upstream_url="http://127.0.0.1:1", directory=tmp_path))
    sns.start()
    response = httpx.post(sns.url, data={"Action": "ListTopics"})
    sns.stop()
    assert response.status_code == 503
    assert "does not respond" in response.text
