"""Jobs that cannot be sent: each is reported with its path and reason, and kept in the dead-letter queue."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.system import SOURCE_BUCKET

if TYPE_CHECKING:
    from tests.e2e.system import System

Change = dict[str, Any]
FILE = {"filename": "a.pdf", "content_type": "application/pdf"}
READER = "success+reader0@simulator.amazonses.com"
MERGE: Change = {
    "to": [READER],
    "subject": "Number {{number}}",
    "text": "You are {{number}} of {{all}}.",
    "merge_data": {READER: {"number": 0}},
    "merge_global_data": {"all": 1, "number": "nobody"},
}

# what is changed in a valid job, where the mistake is, a word of the reason
JOBS: list[tuple[Change, str, str]] = [
    ({"subjet": "typo"}, "$.subjet", "subject"),
    ({"to": 7}, "$.to", ""),
    ({"to": ["success@simulator.amazonses.com", "no address"]}, "$.to[1]", ""),
    ({"to": ["jörg@example.com"]}, "$.to[0]", "ASCII"),
    ({"to": ["Team: Billing <success@simulator.amazonses.com>"]}, "$.to[0]", "in quotes"),
    ({"to": ["success@simulator.amazonses.com\u200b"]}, "$.to[0]", "U+200B"),
    ({"cc": ["success@simulator.amazonses.com", " "]}, "$.cc[1]", "is empty"),
    ({"to": ["success@simu_lator.example"]}, "$.to[0]", '"_"'),
    ({"headers": {"X-Evil": "a\r\nBcc: victim@example.org"}}, "$.headers", ""),
    ({"subject": "a\nBcc: victim@example.org"}, "$.subject", ""),
    ({"headers": {"Bcc": "victim@example.org"}}, "$.headers", "bcc"),
    (
        {"attachments": [{"filename": "a", "content_type": "text/plain", "content": "*"}]},
        "$.attachments[0].content",
        "base64",
    ),
    ({"schema_version": 2}, "$.schema_version", ""),
    ({"to": [f"success+{n}@simulator.amazonses.com" for n in range(51)]}, "$", "50"),
    (
        {"attachments": [{**FILE, "s3": {"bucket": "somebody-elses", "key": "a"}}]},
        "$.attachments[0].s3",
        "",
    ),
    (
        {"attachments": [{**FILE, "s3": {"bucket": SOURCE_BUCKET, "key": "missing"}}]},
        "$.attachments[0].s3",
        "does not exist",
    ),
    (
        {"attachments": [{**FILE, "content": "AAEC", "s3": {"bucket": SOURCE_BUCKET, "key": "a"}}]},
        "$.attachments[0]",
        "content",
    ),
    (
        {"attachments": [{**FILE, "filename": "a\r\nX: y", "content": "AAEC"}]},
        "$.attachments[0].filename",
        "",
    ),
    ({"headers": {"Date": "today"}}, "$.headers", "date"),
    ({"headers": {"X-Nul": "a\u0000b"}}, "$.headers", ""),
    ({"esp_extra": {"Destination": {}}}, "$.esp_extra", "Destination"),
    ({"esp_extra": {"ConfigurationSet": "x"}}, "$.esp_extra", "ConfigurationSetName"),
    ({"metadata": {"nested": {"a": 1}}}, "$.metadata", "nested"),
    ({"metadata": {"a": "x" * 70_000}}, "$.metadata", ""),
    ({"track_opens": "yes"}, "$.track_opens", "bool"),
    ({"envelope_sender": "jörg@example.com"}, "$.envelope_sender", "ASCII"),
    ({"tags": ["a\nb"]}, "$.tags[0]", ""),
    ({"job_id": "with spaces, and ünïcode"}, "$.job_id", ""),
    ({"content_ref": {"bucket": SOURCE_BUCKET, "key": "a"}}, "$", "content_ref"),
    ({"send_at": "2999-01-01T00:00:00Z"}, "$.send_at", "year"),
    ({"send_at": "tomorrow"}, "$.send_at", ""),
    ({"send_at": "2026-11-22T10:00:00"}, "$.send_at", "offset"),
    ({"send_at": True}, "$.send_at", ""),
    ({"send_at": 1e400}, "$.send_at", ""),
    ({"send_at": -1}, "$.send_at", ""),
    (
        {"send_at": "2999-01-01T00:00:00Z", "expires_at": "2998-01-01T00:00:00Z"},
        "$.expires_at",
        "send_at",
    ),
    ({"expires_at": "2020-02-30T00:00:00Z"}, "$.expires_at", ""),
]
MERGES: list[tuple[Change, str, str]] = [
    ({"alternatives": [{"content": "x", "content_type": "text/calendar"}]}, "$.alternatives", ""),
    ({"headers": {"To": "all@example.org"}}, "$.headers.To", ""),
    ({"from_email": ["a@example.com", "b@example.com"]}, "$.from_email", ""),
    ({"template_id": "welcome"}, "$.subject", "template"),
    ({"headers": {f"X-{number}": "x" for number in range(16)}}, "$", "15"),
    ({"merge_data": {"stranger@example.org": {}}}, "$.merge_data", ""),
    (
        {"merge_headers": {READER: {"X-A": "a\r\nb"}}},
        "$.merge_headers",
        "",
    ),
    ({"merge_data": {}, "to": [], "cc": ["a@example.org"]}, "$.to", ""),
    ({"esp_extra": {"ListManagementOptions": {"ContactListName": "a"}}}, "$.esp_extra", "ListManagement"),
]


@pytest.mark.parametrize(
    ("base", "mistakes"),
    [
        pytest.param({}, JOBS, id="ordinary jobs"),
        pytest.param(MERGE, MERGES, id="merges"),
    ],
)
def test_a_job_that_cannot_be_sent_is_reported_with_its_path_and_kept(
    system: System, base: Change, mistakes: list[tuple[Change, str, str]]
) -> None:
    jobs = [system.job(**(base | change)) for change, _, _ in mistakes]

    # all of them in a few batches, since each waits for nothing but the others
    message_ids = system.enqueue_together([json.dumps(job) for job in jobs])

    for job, message_id, (_, path, reason) in zip(jobs, message_ids, mistakes, strict=True):
        # a job whose own id is refused has the queue's
        job_id = message_id if path == "$.job_id" else job["job_id"]
        event, *others = system.wait(1, job_id=job_id)
        assert {other["event_type"] for other in (event, *others)} == {"failed"}, (path, event)
        assert event["description"].startswith(path), event
        assert reason.lower() in event["description"].lower(), event
        letter = system.dead_letter("SendDeadLetterQueueUrl", json.dumps(job["job_id"]))
        assert json.loads(letter["body"]) == job
        assert letter["Path"].startswith(path)
        assert letter["Reason"] == event["description"]
        assert letter["Code"] == event["error_code"]
        assert system.sent_for(job["job_id"]) == []


def test_a_job_inside_another_services_message_is_reported_with_the_way_out(system: System) -> None:
    job = system.job()
    wrapped = {
        "EventBridge": {"version": "0", "detail-type": "Order", "source": "com.example", "detail": job},
        "SNS": {"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": json.dumps(job)},
    }

    message_ids = system.enqueue_together([json.dumps(body) for body in wrapped.values()])

    for message_id, service in zip(message_ids, wrapped, strict=True):
        (event,) = system.wait(1, job_id=message_id)
        assert event["event_type"] == "failed"
        assert event["description"].startswith(f"$: this is an {service} ")
    assert system.sent_for(job["job_id"]) == []


def test_a_body_that_is_no_job_is_reported_and_kept(system: System) -> None:
    bodies = ["", "{", "not json", "[]", "null", '{"a":' * 5000, '"\\ud800"']
    marked = [f"{body} {uuid.uuid4().hex}" for body in bodies]

    message_ids = system.enqueue_together(marked)

    for message_id, body in zip(message_ids, marked, strict=True):
        (event,) = system.wait(1, job_id=message_id)
        letter = system.dead_letter("SendDeadLetterQueueUrl", body)
        assert (event["event_type"], event["recipient"]) == ("failed", None)
        assert letter["body"] == body
        assert letter["OriginalMessageId"] == message_id
        assert letter["Error"] == "InvalidJob"
