"""The deployed system as applications, SES, senders of mail and an operator use it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from bench.chaos import jobs as job_kinds
from bench.chaos.observed import Accepted, Letter
from mailbus.chunks import chunked
from mailbus.client import Client
from mailbus.events import JOB_ID_TAG
from mailbus.stages import DEAD_LETTER_QUEUE_URLS
from mailbus_cli.dead_letters import selection
from mailbus_cli.deployment import find
from mailbus_local import clients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from bench.chaos.jobs import Job
    from bench.chaos.notifications import Notification
    from bench.chaos.received import ReceivedMail
    from mailbus_local.subscriber import Aws

LANES: Final = {"transactional": "SendQueueUrl", "bulk": "BulkQueueUrl"}
WORK_QUEUES: Final = (*LANES.values(), "TrackingQueueUrl", "InboundQueueUrl", "TimelineQueueUrl")
TOPICS: Final = {"tracking": "TrackingTopicArn", "inbound": "InboundTopicArn"}
#: The topic of another region that the webhook of the stage `local` takes notifications from.
WEBHOOK_TOPIC: Final = "arn:aws:sns:eu-west-1:000000000000:mail-events"
WEBHOOK_REGION: Final = "eu-west-1"
BATCH: Final = 10
COMMAND_SECONDS: Final = 600
POLL_SECONDS: Final = 0.5


class System:
    """A running system; `directory` is the one that it was started in."""

    def __init__(self, aws: Aws, directory: Path) -> None:
        self.outputs: Mapping[str, Any] = aws.outputs
        self._directory = directory
        self._sqs = aws.client("sqs")
        self._sns = aws.client("sns")
        self._s3 = aws.client("s3")
        self._ses = aws.client("sesv2")
        self._dynamodb = aws.client("dynamodb")
        self._cloudwatch = aws.client("cloudwatch")
        self._secrets = aws.client("secretsmanager")
        self._simulator = httpx.Client(
            base_url=f"{self.outputs['ses_endpoint_url']}/_simulator/", timeout=120, trust_env=False
        )
        self._elsewhere = clients.client("sns", url=self.outputs["sns_endpoint_url"], region=WEBHOOK_REGION)

    def close(self) -> None:
        """Close the connections."""
        self._simulator.close()

    # --- what goes in

    def store_file(self) -> None:
        """Store the file that jobs refer to."""
        self._s3.put_object(Bucket=job_kinds.SOURCE_BUCKET, Key=job_kinds.FILE_KEY, Body=job_kinds.FILE)

    def enqueue(self, jobs: Sequence[Job]) -> tuple[list[Job], dict[str, float]]:
        """Put jobs on the queues of their lanes, with their copies.

        Return them with the ids that they have, and when the scheduled ones are due (epoch seconds).
        """
        now = time.time()
        due = {job.job_id: now + job.send_in for job in jobs if job.send_in is not None}
        enqueued: list[Job] = []
        for lane, output in LANES.items():
            of_lane = [job for job in jobs if job.lane == lane]
            ids = self._send(
                self.outputs[output], [(job, self._body(job, now)) for job in of_lane if job.at != "client"]
            )
            # a body without a readable id has that of its message
            enqueued += [
                msgspec.structs.replace(job, job_id=ids[number]) if job.text is not None else job
                for number, job in enumerate(job for job in of_lane if job.at != "client")
            ]
            client = Client(self.outputs[output], sqs=self._sqs, s3=self._s3, dynamodb=self._dynamodb)
            for job in of_lane:
                if job.at == "client":
                    client.send(job.document)
                    enqueued.append(job)
        return enqueued, due

    def publish(self, queue: str, notifications: Sequence[Notification]) -> None:
        """Publish on the topic of a queue, or on that of the webhook, each as often as it has copies."""
        copies = [one for one in notifications for _ in range(one.copies)]
        for own in chunked((one for one in copies if not one.by_webhook), BATCH):
            self._publish(self._sns, self.outputs[TOPICS[queue]], own)
        for other in chunked((one for one in copies if one.by_webhook), BATCH):
            self._publish(self._elsewhere, WEBHOOK_TOPIC, other)

    def subscribe_webhook(self) -> None:
        """Subscribe the webhook to its topic, with its password; it has to confirm that."""
        secret = json.loads(
            self._secrets.get_secret_value(SecretId=self.outputs["WebhookSecretArn"])["SecretString"]
        )
        host = self.outputs["WebhookUrl"].removeprefix("http://")
        endpoint = f"http://{secret['username']}:{secret['password']}@{host}tracking?{uuid.uuid4().hex}"
        self._elsewhere.subscribe(TopicArn=WEBHOOK_TOPIC, Protocol="https", Endpoint=endpoint)

    def webhook_has_confirmed(self) -> bool:
        """Return whether its subscription is confirmed: what is published before is not delivered."""
        attributes = self._elsewhere.get_topic_attributes(TopicArn=WEBHOOK_TOPIC)["Attributes"]
        return int(attributes["SubscriptionsConfirmed"]) > 0

    def receive(self, mails: Iterable[ReceivedMail]) -> list[str]:
        """Let mails arrive; return SES's ids of them."""
        return [
            str(
                self._simulator.post(
                    "inbound",
                    params={"mail_from": mail.sender, "rcpt_to": mail.recipient},
                    content=mail.raw,
                )
                .raise_for_status()
                .json()["message_id"]
            )
            for mail in mails
        ]

    # --- SES, and the account

    def account(self) -> dict[str, Any]:
        """Return the state of SES's account."""
        state: dict[str, Any] = self._simulator.get("account").raise_for_status().json()
        return state

    def change_account(self, changes: Mapping[str, Any]) -> None:
        """Change the account."""
        self._simulator.put("account", json=dict(changes)).raise_for_status()

    def add_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Let calls of SES fail."""
        if faults:
            self._simulator.post("faults", json=[dict(fault) for fault in faults]).raise_for_status()

    def clear_faults(self) -> None:
        """End the faults of SES that have not happened yet."""
        self._simulator.delete("faults").raise_for_status()

    def change_identity(self, status: str) -> None:
        """Set whether SES knows the second identity as verified."""
        path = f"identities/{job_kinds.UNVERIFIED}"
        self._simulator.put(path, json={"verification_status": status}).raise_for_status()

    def raise_bounce_rate(self) -> None:
        """Let the account's bounce rate rise over the guard's limit."""
        for value in (0.01, 0.2):
            self._cloudwatch.put_metric_data(
                Namespace="AWS/SES", MetricData=[{"MetricName": "Reputation.BounceRate", "Value": value}]
            )

    # --- what an operator does

    def command(self, *arguments: str) -> str:
        """Run `mailbus`, and return what it prints."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "mailbus_cli", *arguments, "--local", "--directory", str(self._directory)],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=True,
        )
        return done.stdout

    def fix(self, jobs: Iterable[Job]) -> None:
        """Fix what made jobs fail: verify the identity, create the template, store the documents."""
        self.change_identity("SUCCESS")
        self._ses.create_email_template(
            TemplateName=job_kinds.TEMPLATE,
            TemplateContent={"Subject": "Your order {{order}}", "Text": "It is on its way."},
        )
        for job in jobs:
            if job.at == "missing":
                self._store(job, time.time())

    # --- what came out

    def letters(self) -> tuple[Letter, ...]:
        """Return all dead letters, by the command line's own reading."""
        deployment = find(local=True, stage=None, directory=self._directory)
        return tuple(
            Letter(
                queue=reading.queue,
                text=letter.body if letter.lane else _published(letter.body),
                code=letter.code if "Code" in letter.attributes else None,
                reason=letter.reason,
                job_id=letter.job_id,
            )
            for reading in selection.read_queues(deployment)
            for letter in reading.letters
        )

    def other_letters(self) -> dict[str, int]:
        """Return how many letters there are in dead-letter queues that the commands do not read."""
        read = {self.outputs[output] for output in DEAD_LETTER_QUEUE_URLS.values()}
        found = self._sqs.list_queues().get("QueueUrls", [])
        dead = [url for url in found if "DeadLetter" in url and url not in read]
        return {url.rpartition("/")[2]: count for url in dead if (count := self.messages(url))}

    def refused_deliveries(self) -> list[str]:
        """Return the notifications that SNS could not deliver to the webhook, a line each."""
        url = f"{self.outputs['sns_endpoint_url']}/_simulator/deliveries"
        found = httpx.get(url, trust_env=False, timeout=120).raise_for_status().json()["deliveries"]
        return [
            f"the webhook did not take {one['message_id']}: {one['statuses']}"
            for one in found
            if one["type"] == "Notification" and one["statuses"][-1] != HTTPStatus.OK
        ]

    def accepted(self) -> tuple[Accepted, ...]:
        """Return everything that SES accepted, in order."""
        found: list[Accepted] = []
        query: dict[str, str] = {}
        while True:
            page = self._simulator.get("messages", params=query).raise_for_status().json()
            found += [
                Accepted(
                    message_id=message["message_id"],
                    job_id=message["tags"].get(JOB_ID_TAG, ""),
                    recipients=tuple(message["recipients"]),
                    at=message["accepted_at"],
                )
                for message in page["messages"]
            ]
            if page["next"] is None:
                return tuple(found)
            query = {"next": page["next"]}

    def waiting(self) -> dict[str, int]:
        """Return how many messages the work queues have, by queue, if any; delayed and in flight ones too."""
        counts = {output: self.messages(self.outputs[output]) for output in WORK_QUEUES}
        return {name: count for name, count in {**counts, "SES": self.unpublished()}.items() if count}

    def unpublished(self) -> int:
        """Return how many events SES has not published yet."""
        return int(self.account()["unpublished"])

    def jobs_waiting(self, *states: str) -> int:
        """Return how many messages the send queues have, in states as `messages` has them."""
        return sum(self.messages(self.outputs[output], *states) for output in LANES.values())

    def messages(self, url: str, *states: str) -> int:
        """Return how many messages a queue has: in all states, or "" (visible), "NotVisible", "Delayed"."""
        names = [f"ApproximateNumberOfMessages{state}" for state in states or ("", "NotVisible", "Delayed")]
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def _send(self, url: str, bodies: Sequence[tuple[Job, str]]) -> list[str]:
        """Send bodies with their copies; return the message id of each first copy."""
        copies = [(number, body) for number, (job, body) in enumerate(bodies) for _ in range(job.copies)]
        ids: dict[int, str] = {}
        for batch in chunked(copies, BATCH):
            entries = [{"Id": str(place), "MessageBody": body} for place, (_, body) in enumerate(batch)]
            answer = self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
            for sent in answer["Successful"]:
                ids.setdefault(batch[int(sent["Id"])][0], sent["MessageId"])
        return [ids[number] for number in range(len(bodies))]

    def _body(self, job: Job, now: float) -> str:
        if job.at == "message":
            return job.complete(now)
        if job.at == "stored":
            self._store(job, now)
        reference = {"bucket": self.outputs["JobsBucketName"], "key": job.key}
        return json.dumps({"job_id": job.job_id, "content_ref": reference})

    def _store(self, job: Job, now: float) -> None:
        self._s3.put_object(
            Bucket=self.outputs["JobsBucketName"], Key=job.key, Body=job.complete(now).encode()
        )

    @staticmethod
    def _publish(
        sns: Any,  # noqa: ANN401 - boto3's client
        topic_arn: str,
        notifications: Sequence[Notification],
    ) -> None:
        entries = [{"Id": str(place), "Message": one.text} for place, one in enumerate(notifications)]
        answer = sns.publish_batch(TopicArn=topic_arn, PublishBatchRequestEntries=entries)
        assert not answer.get("Failed")  # noqa: S101 - what was never published must not count


def _published(body: str) -> str:
    """Return what was published on a topic, of the message that SNS made of it."""
    try:
        return str(json.loads(body)["Message"])
    except (ValueError, TypeError, KeyError):
        return body
