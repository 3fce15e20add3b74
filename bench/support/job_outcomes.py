"""The outcomes of jobs: mails that SES accepted, events on the bus, dead letters, records in the ledger."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.support.deployment import QUEUES
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.ledger.items import key_item, number, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from bench.support.deployment import Deployment
    from mailbus.ledger.records import JobRecord

DEAD_LETTERS: Final = "SendDeadLetterQueueUrl"
BATCH: Final = 10


class OutcomeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of mails, one for each recipient of a job; `open_records` counts records of the ledger.

    `without_event` are accepted mails that have no `queued` event, or several different ones.
    """

    jobs: int
    mails: int
    accepted: int
    failed: int
    lost: int
    sent_twice: int
    accepted_and_failed: int
    without_event: int
    open_records: int
    still_queued: int


class JobOutcomes:
    """Collects the outcomes of the jobs given to `expect`. Each recipient of a job gets one mail."""

    def __init__(self, deployment: Deployment, simulator: httpx.Client) -> None:
        self._deployment = deployment
        self._simulator = simulator
        self._jobs: dict[str, dict[str, Any]] = {}
        self._page = ""
        self._seen = 0
        self._copies: Counter[str] = Counter()
        self._event_ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._dead_lettered: set[str] = set()

    def expect(self, jobs: Sequence[dict[str, Any]]) -> None:
        """Add jobs whose outcomes count."""
        self._jobs |= {job["job_id"]: job for job in jobs}

    def settled(self, *, drained: bool) -> bool:
        """Look again; True if each mail is accepted or failed, with its events, and no record is open.

        With `drained` the send queues must be empty too.
        """
        records = self._open_records()
        # looked at after the ledger: what a dead worker had sent before is among the accepted mails by now
        self._update()
        for record in records:
            self._end_doubt(record)
        return not records and not self._unsettled() and not (drained and self._queued())

    def count(self) -> OutcomeCounts:
        """Count what is known now."""
        recipients = [address for job in self._jobs.values() for address in job["to"]]
        accepted = {address for address in recipients if self._copies[address]}
        failed = {address for address in recipients if self._failed(address)}
        return OutcomeCounts(
            jobs=len(self._jobs),
            mails=len(recipients),
            accepted=len(accepted),
            failed=len(failed),
            lost=len(set(recipients) - accepted - failed),
            sent_twice=sum(self._copies[address] > 1 for address in recipients),
            accepted_and_failed=len(accepted & failed),
            without_event=sum(len(self._event_ids["queued", address]) != 1 for address in accepted - failed),
            open_records=len(self._open_records()),
            still_queued=self._queued(),
        )

    def _end_doubt(self, record: JobRecord) -> None:
        """End the time of doubt of entries that SES never got, once no worker has their lease.

        What SES got is settled by SES's own event, however long that takes: the journey's time of doubt is
        so long that it does not end by itself.
        """
        first = (record.key.part or 0) * PART_RECIPIENTS
        recipients = self._jobs[record.key.job_id]["to"][first : first + PART_RECIPIENTS]
        in_doubt = set(record.open) & set(record.unsettled)
        now = time.time()
        if not in_doubt or record.lease_until > now or not record.called_at:
            return
        if any(self._copies[recipients[entry]] for entry in in_doubt):
            return
        dynamodb = self._deployment.client("dynamodb")
        try:
            dynamodb.update_item(
                TableName=self._deployment.outputs["LedgerTableName"],
                Key=key_item(record.key),
                UpdateExpression="SET called_at = :long_ago",
                ConditionExpression="version = :version",
                ExpressionAttributeValues={":long_ago": number(0.0), ":version": number(record.version)},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            # somebody works on it again
            return
        finally:
            dynamodb.close()

    def _update(self) -> None:
        while True:
            query = {"next": self._page} if self._page else {}
            page = self._simulator.get("messages", params=query).raise_for_status().json()
            new = page["messages"][self._seen - int(self._page or 0) :]
            self._copies.update(
                address
                for message in new
                if message["tags"].get("mailbus-job-id") in self._jobs
                for address in message["recipients"]
            )
            self._seen += len(new)
            if page["next"] is None:
                break
            self._page = page["next"]
        for event in self._deployment.events():
            detail = event["detail"]
            # events of received mail have no recipient; none of them is the journey's
            self._event_ids[detail["event_type"], detail.get("recipient")].add(detail["event_id"])
        self._take_dead_letters()

    def _take_dead_letters(self) -> None:
        sqs = self._deployment.client("sqs")
        url = self._deployment.outputs[DEAD_LETTERS]
        while True:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=BATCH, VisibilityTimeout=2)
            messages = answer.get("Messages", [])
            own = [message for message in messages if _job_id(message["Body"]) in self._jobs]
            for message in own:
                self._dead_lettered.add(_job_id(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if not own:
                break
        sqs.close()

    def _failed(self, address: str) -> bool:
        return any(self._event_ids[event_type, address] for event_type in ("failed", "rejected"))

    def _unsettled(self) -> list[str]:
        return [
            address
            for job_id, job in self._jobs.items()
            for address in job["to"]
            if not (self._copies[address] and self._event_ids["queued", address])
            and not (self._failed(address) and job_id in self._dead_lettered)
        ]

    def _open_records(self) -> list[JobRecord]:
        dynamodb = self._deployment.client("dynamodb")
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=self._deployment.outputs["LedgerTableName"], ConsistentRead=True
        )
        items = [item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("job#")]
        dynamodb.close()
        records = [read(item) for item in items]
        return [
            record
            for record in records
            if record.key.job_id in self._jobs
            and (record.state == "scheduled" or set(record.open) & set(record.unsettled))
        ]

    def _queued(self) -> int:
        sqs = self._deployment.client("sqs")
        names = [f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed")]
        queued = sum(
            int(count)
            for queue in QUEUES
            for count in sqs.get_queue_attributes(
                QueueUrl=self._deployment.outputs[queue], AttributeNames=names
            )["Attributes"].values()
        )
        sqs.close()
        return queued


def _job_id(body: str) -> str:
    try:
        return str(json.loads(body)["job_id"])
    except (ValueError, TypeError, KeyError):
        return ""
