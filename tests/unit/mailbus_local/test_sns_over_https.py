from __future__ import annotations

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mailbus_local.sns.delivery import Courier, Delivery, may_pass, target
from mailbus_local.sns.server import SnsOverHttps, SnsSettings
from mailbus_local.sns.signing import host_of, text_to_sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "eu-west-1"
SECONDS = 15
PASSWORD = "cY3rnQ0tFJ"  # noqa: S105 - nobody's
HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 - version 1 is of SHA-1
# The documentation's own example of a notification.
PUBLISHED = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
    "Subject": "My First Message",
    "Message": "Hello world!",
    "Timestamp": "2012-05-02T00:54:06.655Z",
}


class Endpoint:
    """A subscriber over HTTP: it asks for credentials, and answers them by what is planned."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.planned: list[int] = []
        self.header = "WWW-Authenticate"
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                given = {name.lower(): value for name, value in self.headers.items()}
                endpoint.requests.append((given, body))
                expected = base64.b64encode(f"sns:{PASSWORD}".encode()).decode()
                if given.get("authorization") != f"Basic {expected}":
                    self.send_response(401)
                    self.send_header(endpoint.header, 'Basic realm="test"')
                else:
                    self.send_response(endpoint.planned.pop(0) if endpoint.planned else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://sns:{PASSWORD}@{self.address}/tracking"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture(scope="module")
def sns(ministack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnsOverHttps]:
    made = SnsOverHttps(SnsSettings(upstream_url=ministack, directory=tmp_path_factory.mktemp("sns")))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(sns: SnsOverHttps) -> Iterator[Any]:
    made = boto3.client(
        "sns",
        endpoint_url=sns.url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield made
    made.close()


@pytest.fixture
def topic_arn(client: Any) -> str:
    return str(client.create_topic(Name=f"t{uuid.uuid4().hex}")["TopicArn"])


def _wait(endpoint: Endpoint, count: int) -> list[tuple[dict[str, str], bytes]]:
    deadline = time.monotonic() + SECONDS
    while len(endpoint.requests) < count:
        assert time.monotonic() < deadline, f"{len(endpoint.requests)} of {count} requests"
        time.sleep(0.01)
    return endpoint.requests


def _fetch(sns: SnsOverHttps, url: str) -> subprocess.CompletedProcess[str]:
    """Open a URL in a process of its own, as a function does: by its environment alone."""
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
    answer = httpx.post(f"{sns.url}/_simulator/sign", params={"version": version}, json=message)
    signed: dict[str, Any] = answer.raise_for_status().json()
    return signed


# Signing


def test_the_text_to_sign_is_the_one_of_the_documentation() -> None:
    assert text_to_sign(PUBLISHED).decode() == (
        "Message\nHello world!\nMessageId\n22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324\nSubject\nMy First Message\n"
        "Timestamp\n2012-05-02T00:54:06.655Z\nTopicArn\narn:aws:sns:us-west-2:123456789012:MyTopic\n"
        "Type\nNotification\n"
    )


def test_a_message_without_a_subject_is_signed_without_one() -> None:
    assert b"Subject" not in text_to_sign({k: v for k, v in PUBLISHED.items() if k != "Subject"})


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signature_is_good_by_the_certificate_at_its_url(sns: SnsOverHttps, version: str) -> None:
    signed = _sign(sns, PUBLISHED, version)

    assert signed["SignatureVersion"] == version
    assert signed["SigningCertURL"].startswith(
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-"
    )
    key, signature = _key(sns, signed), base64.b64decode(signed["Signature"])
    key.verify(signature, text_to_sign(signed), padding.PKCS1v15(), HASHES[version])
    with pytest.raises(InvalidSignature):
        key.verify(
            signature, text_to_sign({**signed, "Message": "Hello"}), padding.PKCS1v15(), HASHES[version]
        )


@pytest.mark.parametrize(
    ("message", "version"), [(PUBLISHED, "3"), ({**PUBLISHED, "Type": "Greeting"}, "2"), ({}, "1")]
)
def test_what_sns_never_signs_is_not_signed_here(
    sns: SnsOverHttps, message: dict[str, Any], version: str
) -> None:
    answer = httpx.post(f"{sns.url}/_simulator/sign", params={"version": version}, json=message)

    assert answer.status_code == 400


# The host behind the proxy


@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"])
def test_sns_has_its_host_in_every_region(sns: SnsOverHttps, region: str) -> None:
    message = _sign(sns, {**PUBLISHED, "TopicArn": f"arn:aws:sns:{region}:123456789012:MyTopic"}, "2")

    assert message["SigningCertURL"].startswith(f"https://{host_of(region)}/")
    assert _key(sns, message).key_size == 2048


def test_a_certificate_of_another_name_is_not_there(sns: SnsOverHttps) -> None:
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
def test_the_proxy_leads_nowhere_else(sns: SnsOverHttps, host: str) -> None:
    fetched = _fetch(sns, f"https://{host}/")

    assert fetched.returncode != 0
    assert "403" in fetched.stderr


def test_who_does_not_trust_the_authority_gets_no_further(sns: SnsOverHttps) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get("https://sns.us-east-1.amazonaws.com/", proxy=sns.url, verify=ssl.create_default_context())


def test_functions_find_it_whatever_the_machines_own_proxy_is(sns: SnsOverHttps) -> None:
    environment = sns.function_environment()

    assert environment["HTTPS_PROXY"] == environment["https_proxy"] == sns.url
    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost"


# Subscribing and delivering


def test_a_subscription_is_asked_to_be_confirmed_and_confirmed_by_its_token(
    sns: SnsOverHttps, client: Any, topic_arn: str, endpoint: Endpoint
) -> None:
    client.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint=endpoint.url)

    (_, first), (given, second) = _wait(endpoint, 2)
    message = json.loads(second)
    assert first == second
    assert given["x-amz-sns-message-type"] == message["Type"] == "SubscriptionConfirmation"
    assert message["SubscribeURL"].startswith(f"https://sns.{REGION}.amazonaws.com/?Action=Confirm")
    _key(sns, message).verify(
        base64.b64decode(message["Signature"]), text_to_sign(message), padding.PKCS1v15(), HASHES["1"]
    )
    client.confirm_subscription(TopicArn=topic_arn, Token=message["Token"])
    attributes = client.get_topic_attributes(TopicArn=topic_arn)["Attributes"]
    assert attributes["SubscriptionsConfirmed"] == "1"


def _confirmed(client: Any, topic_arn: str, endpoint: Endpoint) -> None:
    client.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint=endpoint.url)
    token = json.loads(_wait(endpoint, 2)[1][1])["Token"]
    client.confirm_subscription(TopicArn=topic_arn, Token=token)
    endpoint.requests.clear()


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_is_published_comes_without_credentials_first_and_then_with_those_of_the_url(
    sns: SnsOverHttps, client: Any, topic_arn: str, endpoint: Endpoint, version: str
) -> None:
    client.set_topic_attributes(TopicArn=topic_arn, AttributeName="SignatureVersion", AttributeValue=version)
    _confirmed(client, topic_arn, endpoint)

    client.publish(TopicArn=topic_arn, Message="It is on its way: Grüße", Subject="Your order")

    (first, body), (second, again) = _wait(endpoint, 2)
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
        base64.b64decode(message["Signature"]), text_to_sign(message), padding.PKCS1v15(), HASHES[version]
    )


def test_nothing_is_delivered_to_another_machine(client: Any, topic_arn: str) -> None:
    with pytest.raises(ClientError, match="nothing leaves this machine"):
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


def test_a_raw_message_is_delivered_as_it_is_and_says_so(
    client: Any, topic_arn: str, endpoint: Endpoint
) -> None:
    attributes = {"RawMessageDelivery": "true"}
    client.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=endpoint.url, Attributes=attributes)
    client.confirm_subscription(TopicArn=topic_arn, Token=json.loads(_wait(endpoint, 2)[1][1])["Token"])
    endpoint.requests.clear()

    client.publish(TopicArn=topic_arn, Message='{"eventType": "Send"}')

    _, (headers, body) = _wait(endpoint, 2)
    assert body == b'{"eventType": "Send"}'
    assert headers["x-amz-sns-rawdelivery"] == "true"


# Trying again


HEADERS = {
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "x-amz-sns-topic-arn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
}


def _deliver(url: str) -> Delivery:
    courier = Courier(retry_seconds=(0, 0, 0))
    courier.deliver(target(url), HEADERS, b"{}")
    deadline = time.monotonic() + SECONDS
    while not courier.deliveries:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    courier.stop()
    (delivery,) = courier.deliveries
    return delivery


@pytest.mark.parametrize(
    ("planned", "statuses"),
    [
        ([200], (401, 200)),
        ([503, 200], (401, 503, 401, 200)),
        ([429, 500, 200], (401, 429, 401, 500, 401, 200)),
        ([503, 503, 503, 503, 200], (401, 503) * 4),
        ([403, 200], (401, 403)),
        ([400, 200], (401, 400)),
        ([413, 200], (401, 413)),
    ],
)
def test_what_may_pass_is_tried_three_times_more_and_what_is_refused_is_not(
    endpoint: Endpoint, planned: list[int], statuses: tuple[int, ...]
) -> None:
    endpoint.planned = planned

    assert _deliver(endpoint.url).statuses == statuses


def test_a_wrong_password_is_not_tried_again(endpoint: Endpoint) -> None:
    assert _deliver(endpoint.url.replace(PASSWORD, "wrong")).statuses == (401, 401)


def test_credentials_are_not_given_to_who_does_not_ask_by_the_header(endpoint: Endpoint) -> None:
    # So API Gateway renames it where a function returns it.
    endpoint.header = "x-amzn-Remapped-WWW-Authenticate"

    assert _deliver(endpoint.url).statuses == (401,)
    assert all("authorization" not in headers for headers, _ in endpoint.requests)


def test_where_nobody_listens_it_is_tried_again(endpoint: Endpoint) -> None:
    endpoint.close()
    assert _deliver(endpoint.url).statuses == (0, 0, 0, 0)
    assert may_pass(0)


def test_a_url_keeps_its_path_and_query_and_loses_its_credentials() -> None:
    found = target("http://sns:p%40ss@127.0.0.1:4566/_aws/execute-api/ab12/local/tracking?x=1")

    assert found.url == "http://127.0.0.1:4566/_aws/execute-api/ab12/local/tracking?x=1"
    assert found.credentials == ("sns", "p@ss")


@pytest.mark.parametrize("url", ["https://example.com/", "ftp://127.0.0.1/", "tracking", "", "https://"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="nothing leaves this machine"):
        target(url)


def test_before_it_is_started_it_leads_nowhere(tmp_path: Path) -> None:
    sns = SnsOverHttps(SnsSettings(upstream_url="http://127.0.0.1:1", directory=tmp_path))
    with pytest.raises(RuntimeError, match="start it first"):
        sns.function_environment()
    sns.stop()


def test_without_the_embedded_aws_the_api_says_so(tmp_path: Path) -> None:
    sns = SnsOverHttps(SnsSettings(upstream_url="http://127.0.0.1:1", directory=tmp_path))
    sns.start()
    answer = httpx.post(sns.url, data={"Action": "ListTopics"})
    sns.stop()
    assert answer.status_code == 503
    assert "does not answer" in answer.text
