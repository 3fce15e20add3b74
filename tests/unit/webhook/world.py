"""SNS's key, certificate and messages, and the webhook with stand-ins for AWS."""

from __future__ import annotations

import base64
import functools
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aws_lambda_powertools import Logger
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mailbus.metrics import REFUSED_MESSAGES
from tests.unit.fakes.clients import FakeSqs, refusal
from webhook.aws.queues import Queues
from webhook.aws.subscriptions import Subscriptions
from webhook.certificates import Certificates, Unreachable
from webhook.http import Response, parse_request
from webhook.receive import Webhook, receive

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from mailbus.metrics import Metric

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
JUST_NOW = "2026-11-22T11:59:58.123Z"
TOPIC = "arn:aws:sns:us-east-1:123456789012:mail-events"
CHINESE_TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:mail-events"
CERTIFICATE_URL = (
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-7506a1e35b36ef5a444dd1a8e7cc3ed8.pem"
)
TRACKING_QUEUE = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking"
INBOUND_QUEUE = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-inbound"
TOKEN = "2336412f37fb687f5d51e6e2425929f52e8e353134fe72d55ef8b330217d82da"  # noqa: S105 - of nobody
# Must never be logged.
PRIVATE = "patient.zero@example.org"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(name: str = "SNS", bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return a key, the same one for the same name."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    key: PrivateKey,
    *,
    names: tuple[str, ...] = ("sns.amazonaws.com",),
    begins: datetime = NOW - timedelta(days=30),
    ends: datetime = NOW + timedelta(days=300),
) -> bytes:
    """Return a certificate like SNS's, in PEM."""
    issuer = _called("Amazon RSA 2048 M01")
    builder = _builder(key, names[0] if names else "sns.amazonaws.com", begins, ends).issuer_name(issuer)
    if names:
        builder = builder.add_extension(_alternatives(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def authority(key: rsa.RSAPrivateKey, name: str) -> bytes:
    """Return a self-signed certificate of an authority, for a server of this name."""
    public = key.public_key()
    begins, ends = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    return (
        _builder(key, name, begins, ends)
        .issuer_name(_called(name))
        .add_extension(_alternatives((name,)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def _builder(key: PrivateKey, name: str, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_called(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternatives(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


def notification(**changes: Any) -> dict[str, Any]:
    """Return a notification of a bounce, as SNS posts it."""
    event = {"eventType": "Bounce", "bounce": {"bouncedRecipients": [{"emailAddress": PRIVATE}]}}
    return {
        "Type": "Notification",
        "MessageId": "26858270-545e-5848-82a2-e05566af3dcf",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": json.dumps(event),
        "Timestamp": JUST_NOW,
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": f"https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}:b24e11a2",
    } | changes


def subscription_message(kind: str = "SubscriptionConfirmation", **changes: Any) -> dict[str, Any]:
    """Return the message that SNS posts when a subscription begins, or ends."""
    return {
        "Type": kind,
        "MessageId": "f3f2fc87-c426-4c2f-9044-b55890c0939c",
        "Token": TOKEN,
        "TopicArn": TOPIC,
        "Message": f"You have chosen to subscribe to the topic {TOPIC}.\nTo confirm, visit the SubscribeURL.",
        "SubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"
        f"&TopicArn={TOPIC}&Token={TOKEN}",
        "Timestamp": JUST_NOW,
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
    } | changes


def without(message: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != field}


def signed(
    message: dict[str, Any], *, key: rsa.RSAPrivateKey | None = None, sha1: bool | None = None
) -> dict[str, Any]:
    """Sign a message as SNS does: by its version unless `sha1` is given."""
    names = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"]
    ours = (
        names
        if message["Type"] != "Notification"
        else [name for name in names if name not in {"SubscribeURL", "Token"}]
    )
    text = "".join(f"{name}\n{message[name]}\n" for name in ours if message.get(name) is not None)
    weak = message["SignatureVersion"] == "1" if sha1 is None else sha1
    digest = hashes.SHA1() if weak else hashes.SHA256()  # noqa: S303 - SNS's version 1
    signature = (key or rsa_key()).sign(text.encode(), padding.PKCS1v15(), digest)
    return message | {"Signature": base64.b64encode(signature).decode()}


def event(body: str | None, resource: str = "/tracking", **changes: Any) -> dict[str, Any]:
    """Return the event of a REST API's proxy integration."""
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": "POST",
        "headers": {
            "Authorization": "Basic c25zOm9wZW5zZXNhbWU=",
            "Content-Type": "text/plain; charset=UTF-8",
            "User-Agent": "Amazon Simple Notification Service Agent",
        },
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "stage": "prod",
            "httpMethod": "POST",
        },
        "body": body,
        "isBase64Encoded": False,
    } | changes


def client_error(code: str, operation: str) -> ClientError:
    return refusal(code, PRIVATE, operation=operation)


class FakeSns:
    """SNS of all regions: records what was confirmed, with the region, or raises `outage`."""

    def __init__(self) -> None:
        self.confirmed: list[tuple[str, str, str]] = []
        self.outage: Exception | None = None
        self.region = ""

    def at(self, region: str) -> Any:
        self.region = region
        return self

    def confirm_subscription(self, *, TopicArn: str, Token: str) -> dict[str, str]:  # noqa: N803 - AWS's names
        if self.outage is not None:
            raise self.outage
        self.confirmed.append((self.region, TopicArn, Token))
        return {"SubscriptionArn": f"{TopicArn}:b24e11a2-06bd-4e73-aa29-0ed2de3b41b5"}


class World:
    """The webhook with stand-ins for AWS, at `NOW`."""

    def __init__(
        self, *, topics: tuple[str, ...] = (TOPIC,), confirm: bool = True, inbound: bool = True
    ) -> None:
        self.sqs = FakeSqs()
        self.sns = FakeSns()
        self.files: dict[str, bytes | Unreachable] = {CERTIFICATE_URL: certificate(rsa_key())}
        self.fetched: list[str] = []
        self.measured: list[tuple[str, float]] = []
        self.stream = io.StringIO()
        self.now = NOW
        queues: Any = self.sqs
        self.webhook = Webhook(
            routes={"/tracking": TRACKING_QUEUE} | ({"/inbound": INBOUND_QUEUE} if inbound else {}),
            topic_arns=frozenset(topics),
            confirm_subscriptions=confirm,
            certificates=Certificates(self.fetch),
            queues=Queues(queues),
            subscriptions=Subscriptions(self.sns.at),
            log=Logger(service=str(uuid4()), stream=self.stream),
            now=lambda: self.now,
            put_metric=self.put_metric,
        )

    def fetch(self, url: str) -> bytes | Unreachable:
        self.fetched.append(url)
        return self.files.get(url, Unreachable(reason="status 404"))

    def put_metric(self, name: Metric, value: float) -> None:
        self.measured.append((name, value))

    def post(self, message: dict[str, Any], resource: str = "/tracking", **headers: str) -> Response:
        """Post a message as SNS does; `headers` have underscores instead of dashes."""
        sns_headers = {"x-amz-sns-message-type": str(message.get("Type"))}
        given = sns_headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(event(json.dumps(message), resource, headers=given))

    def send(self, proxied: dict[str, Any]) -> Response:
        answer = receive(parse_request(proxied), self.webhook)
        assert PRIVATE not in self.stream.getvalue()
        assert "Basic" not in self.stream.getvalue()
        assert PRIVATE not in answer.reason
        return answer

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def queued(self) -> list[tuple[str, str]]:
        """The queue and the body of each message that was sent."""
        return [(message["queue"], message["body"]) for message in self.sqs.sent]

    def nothing_happened(self) -> bool:
        """Return True if nothing was sent or confirmed."""
        return not self.queued and not self.sns.confirmed

    def refusal_reason(self) -> str:
        """Return the reason in the log for a message that was refused and counted."""
        assert self.nothing_happened()
        assert (REFUSED_MESSAGES, 1) in self.measured
        (line,) = [line for line in self.log if line["message"] == "message refused"]
        assert line["request_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
        return str(line["reason"])
