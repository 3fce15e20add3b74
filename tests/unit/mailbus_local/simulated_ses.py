"""A simulated SES in front of MiniStack, with clients and with the resources of one test."""

from __future__ import annotations

import json
import time
import uuid
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mailbus_local.ses.server import SimulatedSes

REGION = "us-east-1"
ACCOUNT = "000000000000"
# An empty SQS response takes a second; a message is there long before.
MAX_EMPTY_RESPONSES = 15
POLL_SECONDS = 0.05
NOTIFICATION_TYPES = ("Bounce", "Complaint", "Delivery")
SETUP_ID = "AMAZON_SES_SETUP_NOTIFICATION"
UNLIMITED = {
    "max_send_rate": 1_000_000,
    "max_24_hour_send": -1,
    "sending_enabled": True,
    "production_access": True,
    "latency_ms": 0,
    "limit_bulk_calls": False,
    "enforcement_status": "HEALTHY",
    "pricing_plan": "NONE",
    "sent_last_24_hours": 0,
}

UNSET = {
    "ForwardingEnabled": True,
    "BounceTopic": "",
    "ComplaintTopic": "",
    "DeliveryTopic": "",
    "HeadersInBounceNotificationsEnabled": False,
    "HeadersInComplaintNotificationsEnabled": False,
    "HeadersInDeliveryNotificationsEnabled": False,
}
RAW = (
    b"From: Shop <shop@example.com>\r\n"
    b"To: Alice <alice@customer.example>\r\n"
    b"Cc: bob@customer.example\r\n"
    b"Bcc: secret@customer.example\r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"Message-ID: <mine@example.com>\r\n"
    b"X-SES-MESSAGE-TAGS: campaign=spring, lane=bulk\r\n"
    b'X-Metadata: {"order": 4711}\r\n'
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\n"
    b"\r\n"
    b"Your order is on its way.\r\n"
)


def aws_client(service: str, url: str, region: str = REGION) -> Any:
    """Return a boto3 client without retries."""
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs know literal names only
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class SesClients:
    """The simulator and its clients, shared by all tests."""

    def __init__(self, simulator: SimulatedSes, upstream_url: str) -> None:
        self.simulator = simulator
        self.sesv2 = aws_client("sesv2", simulator.url)
        self.ses = aws_client("ses", simulator.url)
        self.sns = aws_client("sns", upstream_url)
        self.sqs = aws_client("sqs", upstream_url)
        self.s3 = aws_client("s3", upstream_url)
        self.kms = aws_client("kms", upstream_url)
        self.http = httpx.Client(base_url=f"{simulator.url}/_simulator", timeout=30)

    def close(self) -> None:
        self.http.close()
        for client in (self.sesv2, self.ses, self.sns, self.sqs, self.s3, self.kms):
            client.close()


class SesEnvironment:
    """The simulator for one test, with a topic and a configuration set that are created on first use."""

    def __init__(self, clients: SesClients) -> None:
        self.name = f"t{uuid.uuid4().hex}"
        self.clients = clients
        self.simulator = clients.simulator
        self.sesv2, self.ses, self.http = clients.sesv2, clients.ses, clients.http
        self.sns, self.sqs, self.s3, self.kms = clients.sns, clients.sqs, clients.s3, clients.kms

    def reset(self) -> None:
        """Remove faults, limits and suppressed addresses."""
        self.http.delete("/faults")
        for summary in self.sesv2.list_suppressed_destinations()["SuppressedDestinationSummaries"]:
            self.sesv2.delete_suppressed_destination(EmailAddress=summary["EmailAddress"])
        self.sesv2.put_account_suppression_attributes(SuppressedReasons=["BOUNCE", "COMPLAINT"])
        assert self.http.put("/account", json=UNLIMITED).is_success

    def get_account(self) -> Any:
        """Return the account's limits; SES answers once a second, and another test may have just asked."""
        while True:
            try:
                return self.sesv2.get_account()
            except self.sesv2.exceptions.TooManyRequestsException:
                time.sleep(POLL_SECONDS)

    @cached_property
    def topic(self) -> str:
        arn: str = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.sns.subscribe(
            TopicArn=arn,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}",
            Attributes={"RawMessageDelivery": "true"},
        )
        assert self._queue
        return arn

    @cached_property
    def _queue(self) -> str:
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        url: str = self.sqs.create_queue(QueueName=self.name, Attributes={"Policy": policy})["QueueUrl"]
        return url

    @cached_property
    def configuration_set(self) -> str:
        self.sesv2.create_configuration_set(ConfigurationSetName=self.name)
        return self.name

    def publish_events(self, *event_types: str) -> None:
        """Publish these events of the test's configuration set to its topic."""
        self.sesv2.create_configuration_set_event_destination(
            ConfigurationSetName=self.configuration_set,
            EventDestinationName="events",
            EventDestination={
                "Enabled": True,
                "MatchingEventTypes": list(event_types),
                "SnsDestination": {"TopicArn": self.topic},
            },
        )

    def messages(self, count: int) -> list[str]:
        """Wait for this number of messages of the topic."""
        found: list[str] = []
        empty = 0
        while len(found) < count and empty < MAX_EMPTY_RESPONSES:
            response = self.sqs.receive_message(
                QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            received = response.get("Messages", [])
            empty += not received
            for message in received:
                found.append(message["Body"])
                self.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) >= count, f"only {len(found)} of {count} messages: {found}"
        return found

    def events(self, count: int) -> list[dict[str, Any]]:
        """Wait for this number of events; SES's validation message comes before them."""
        texts = [text for text in self.messages(count + 1) if text.startswith("{")]
        assert len(texts) == count, texts
        return [json.loads(text) for text in texts]

    def send(
        self,
        *to: str,
        subject: str = "Your order",
        text: str = "Your order 4711 is on its way.",
        tags: tuple[tuple[str, str], ...] = (),
    ) -> str:
        """Send a Simple message with the test's configuration set."""
        message_id: str = self.sesv2.send_email(
            FromEmailAddress="Shop <shop@example.com>",
            Destination={"ToAddresses": list(to)},
            Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}},
            EmailTags=[{"Name": name, "Value": value} for name, value in tags],
            ConfigurationSetName=self.configuration_set,
        )["MessageId"]
        return message_id

    def send_raw(self, raw: bytes, *to: str) -> str:
        """Send a Raw message."""
        message_id: str = self.sesv2.send_email(
            Content={"Raw": {"Data": raw}}, Destination={"ToAddresses": list(to)}
        )["MessageId"]
        return message_id

    def send_error(self, **request: Any) -> tuple[str, str]:
        """Send a message that SES rejects. Return the error's code and message."""
        simple = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hello"}}}}
        complete = {
            "FromEmailAddress": "shop@example.com",
            "Destination": {"ToAddresses": ["alice@customer.example"]},
            "Content": simple,
            **request,
        }
        with pytest.raises(ClientError) as caught:
            self.sesv2.send_email(**complete)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    def message(self, message_id: str) -> dict[str, Any]:
        """Return an accepted message, as the control API shows it."""
        token: str | None = None
        while True:
            page = self.http.get("/messages", params={"next": token} if token else {}).json()
            for message in page["messages"]:
                if message["message_id"] == message_id:
                    found: dict[str, Any] = message
                    return found
            token = page["next"]
            assert token, f"{message_id} was not accepted"

    def publish_notifications(self, identity: str, *notification_types: str, headers: bool = False) -> None:
        """Publish the identity's notifications to the test's topic; SES confirms each type."""
        for notification_type in notification_types:
            self.ses.set_identity_notification_topic(
                Identity=identity, NotificationType=notification_type, SnsTopic=self.topic
            )
            if headers:
                self.ses.set_identity_headers_in_notifications_enabled(
                    Identity=identity, NotificationType=notification_type, Enabled=True
                )
        confirmations = [json.loads(text) for text in self.messages(len(notification_types))]
        assert {confirmation["notificationType"] for confirmation in confirmations} == {
            "AmazonSnsSubscriptionSucceeded"
        }

    def notification_attributes(self, identity: str) -> dict[str, Any]:
        response = self.ses.get_identity_notification_attributes(Identities=[identity])
        found: dict[str, Any] = response["NotificationAttributes"][identity]
        return found


MAIL = (
    b"From: =?utf-8?q?J=C3=BCrgen?= <juergen@sender.example>\r\n"
    b"To: Support <support@inbound.example.com>\r\n"
    b"Cc: boss@sender.example\r\n"
    b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
    b"Date: Fri, 20 Nov 2026 10:00:00 +0100\r\n"
    b"Message-ID: <42@sender.example>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n"
    b"\r\n"
    b"Gr\xfc\xdfe\r\n"
)


class InboundEnvironment:
    """The simulator for one test, with an active receipt rule set and a bucket."""

    def __init__(self, ses_environment: SesEnvironment) -> None:
        self.env = ses_environment
        self.bucket = f"mail-{self.env.name}"
        self.rule_set = self.env.name[:30]
        self._rules = 0
        self.env.s3.create_bucket(Bucket=self.bucket)
        self.env.ses.create_receipt_rule_set(RuleSetName=self.rule_set)
        self.env.ses.set_active_receipt_rule_set(RuleSetName=self.rule_set)

    def add_rule(self, *actions: dict[str, Any], **more: Any) -> None:
        self._rules += 1
        rule = {"Name": f"rule-{self._rules}", "Enabled": True, "Actions": list(actions), **more}
        last = {"After": f"rule-{self._rules - 1}"} if self._rules > 1 else {}
        self.env.ses.create_receipt_rule(RuleSetName=self.rule_set, Rule=rule, **last)

    def s3_action(
        self, prefix: str = "raw/", *, notifies: bool = True, kms_key: str | None = None
    ) -> dict[str, Any]:
        topic = {"TopicArn": self.env.topic} if notifies else {}
        key = {"KmsKeyArn": kms_key} if kms_key else {}
        return {"S3Action": {"BucketName": self.bucket, "ObjectKeyPrefix": prefix, **topic, **key}}

    def sns_action(self, encoding: str = "UTF-8") -> dict[str, Any]:
        return {"SNSAction": {"TopicArn": self.env.topic, "Encoding": encoding}}

    def receive(
        self, *recipients: str, raw: bytes = MAIL, mail_from: str = "bounces@sender.example"
    ) -> httpx.Response:
        parameters = {"mail_from": mail_from, "rcpt_to": list(recipients)}
        return self.env.http.post("/inbound", params=parameters, content=raw)

    def notification(self) -> dict[str, Any]:
        """Wait for the notification of a mail; setup notifications come before it."""
        while True:
            for text in self.env.messages(1):
                found: dict[str, Any] = json.loads(text)
                if found["mail"]["messageId"] != SETUP_ID:
                    return found

    def stored(self, key: str) -> bytes:
        content: bytes = self.env.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def objects(self) -> list[str]:
        listed = self.env.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [item["Key"] for item in listed]
