"""SNS of another region, which delivers to the webhook over HTTPS."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import httpx

from tests.e2e.system import eventually

if TYPE_CHECKING:
    from tests.e2e.system import System

TOPIC = "arn:aws:sns:eu-west-1:000000000000:mail-events"
REGION = "eu-west-1"


class Sns:
    """SNS of the other region, the webhook's URL, and the secret."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.url = system.outputs["WebhookUrl"]
        self._secret = system.outputs["WebhookSecretArn"]
        self._secrets = system.client("secretsmanager")
        self.http = httpx.Client(timeout=120)
        self._simulator = f"{system.outputs['sns_endpoint_url']}/_simulator"
        self.client = boto3.client(
            "sns",
            endpoint_url=system.outputs["sns_endpoint_url"],
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def close(self) -> None:
        self.http.close()
        self.client.close()

    def credentials(self) -> tuple[str, str]:
        secret = json.loads(self._secrets.get_secret_value(SecretId=self._secret)["SecretString"])
        return secret["username"], secret["password"]

    def rotate(self) -> tuple[str, str]:
        """Make a new password the current one, as docs/webhook.md describes."""
        new = {"username": "sns", "password": uuid.uuid4().hex}
        self._secrets.put_secret_value(SecretId=self._secret, SecretString=json.dumps(new))
        return new["username"], new["password"]

    def subscribe(self, topic_arn: str, path: str) -> str:
        """Subscribe the webhook, with its password, to a topic; return the URL that SNS shows."""
        user, password = self.credentials()
        host = self.url.removeprefix("http://")
        endpoint = f"http://{user}:{password}@{host}{path}?{uuid.uuid4().hex}"
        self.client.subscribe(TopicArn=topic_arn, Protocol="https", Endpoint=endpoint)
        return f"{self.url}{path}{endpoint[endpoint.index('?') :]}"

    def deliveries(self, url: str) -> list[dict[str, Any]]:
        """Return what SNS delivered to a URL, and the answers."""
        found = self.http.get(f"{self._simulator}/deliveries").raise_for_status().json()["deliveries"]
        return [delivery for delivery in found if delivery["url"] == url]

    def wait_for_delivery(self, url: str, kind: str) -> dict[str, Any]:
        def probe() -> list[dict[str, Any]]:
            return [delivery for delivery in self.deliveries(url) if delivery["type"] == kind]

        return eventually(probe, f"SNS delivers a {kind}")[0]

    def sign(self, message: dict[str, Any], version: str = "2") -> dict[str, Any]:
        """Have a message signed by the key whose certificate SNS's host serves."""
        answer = self.http.post(f"{self._simulator}/sign", params={"version": version}, json=message)
        complete: dict[str, Any] = answer.raise_for_status().json()
        return complete

    def post(
        self,
        message: dict[str, Any] | str,
        path: str = "tracking",
        credentials: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """Post a message with valid credentials, as SNS's second attempt does."""
        body = message if isinstance(message, str) else json.dumps(message)
        headers = {"content-type": "text/plain; charset=UTF-8"}
        return self.http.post(
            f"{self.url}{path}",
            content=body.encode(),
            headers=headers,
            auth=credentials or self.credentials(),
        )


def notification(message: dict[str, Any], **changed: str) -> dict[str, Any]:
    """An SNS message of now, still to be signed."""
    return {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": TOPIC,
        "Message": json.dumps(message),
        "Timestamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "UnsubscribeURL": f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}:1",
        **changed,
    }


def delivered(message_id: str) -> dict[str, Any]:
    """SES's event of a mail that was sent in the other region."""
    return {
        "eventType": "Delivery",
        "mail": {
            "timestamp": "2026-11-22T10:00:00.000Z",
            "source": "billing@example.org",
            "sourceArn": "arn:aws:ses:eu-west-1:000000000000:identity/example.org",
            "sendingAccountId": "000000000000",
            "messageId": message_id,
            "destination": ["jane@example.net"],
            "headersTruncated": False,
            "headers": [
                {"name": "From", "value": "billing@example.org"},
                {"name": "To", "value": "jane@example.net"},
                {"name": "Subject", "value": "Your invoice"},
            ],
            "commonHeaders": {
                "from": ["billing@example.org"],
                "to": ["jane@example.net"],
                "subject": "Your invoice",
            },
            "tags": {"ses:configuration-set": ["billing"]},
        },
        "delivery": {
            "timestamp": "2026-11-22T10:00:02.000Z",
            "processingTimeMillis": 1820,
            "recipients": ["jane@example.net"],
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": "a7-12.smtp-out.eu-west-1.amazonses.com",
        },
    }
