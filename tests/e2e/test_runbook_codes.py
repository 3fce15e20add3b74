"""docs/runbook.md: what dead letters a fault makes, by the page's commands, and what becomes of them."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.refusing import refusing
from tests.e2e.test_runbook import Operator, look, on_call, sent_event, waiting_for
from tests.unit.tracking.notifications import envelope

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.commands import Commands
    from tests.e2e.system import System


@pytest.fixture
def operator(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Operator:
    return on_call(commands, monkeypatch, capsys, tmp_path)


def last_delivery(event: dict[str, Any]) -> dict[str, Any]:
    """What Lambda invokes the tracking function with when an event of SES comes for the 1000th time."""
    sent_at = round((time.time() - 3600) * 1000)
    record = {
        "messageId": uuid.uuid4().hex,
        "receiptHandle": "none",
        "body": envelope(json.dumps(event)),
        "attributes": {"ApproximateReceiveCount": "1000", "SentTimestamp": str(sent_at)},
    }
    return {"Records": [record]}


def test_a_job_that_waited_for_13_days_is_sent_once_it_is_redriven(
    system: System, operator: Operator
) -> None:
    operator.run('mailbus pause bulk --stage prod --reason "quota"')
    job = system.job()
    system.client("sqs").send_message(
        QueueUrl=system.outputs["BulkQueueUrl"],
        MessageBody=json.dumps(job),
        MessageAttributes=waiting_for(13 * 24 * 3600),
    )
    operator.sees(look("It waited for 13 days"), job["job_id"])
    operator.run('mailbus resume bulk --stage prod --reason "list of March removed"')
    operator.run("mailbus dead-letters redrive --stage prod --error waitedtoolong --queue send --yes")
    system.wait(1, job_id=job["job_id"], event_type="delivered")
    assert len(system.sent_for(job["job_id"])) == 1


def test_an_event_is_too_large(system: System, operator: Operator) -> None:
    large = sent_event(headers=[{"name": "X-Tag", "value": "a" * 100_000}] * 3)
    system.enqueue(envelope(json.dumps(large)), "TrackingQueueUrl")
    operator.sees(look("The event is too large"), "the bus accepts 262144")
    letter = system.dead_letter("TrackingDeadLetterQueueUrl", large["mail"]["messageId"])
    assert letter["Code"] == "EntryTooLarge"


def test_events_that_the_bus_refuses_are_on_it_once_they_are_redriven(
    system: System, operator: Operator
) -> None:
    malformed, old = sent_event(), sent_event()
    with (
        refusing("ValidationException") as bus,
        system.deployed_with("Tracker", AWS_ENDPOINT_URL_EVENTBRIDGE=bus.url),
    ):
        system.publish("TrackingTopicArn", json.dumps(malformed))
        operator.sees(look("AWS refuses the event"), "ValidationException")
        # as it comes after half an hour of deliveries
        bus.code = "AccessDeniedException"
        answer = system.client("lambda").invoke(
            FunctionName=system.function_name("Tracker"), Payload=json.dumps(last_delivery(old)).encode()
        )
        assert "FunctionError" not in answer
        operator.sees(look("It was tried too often"), "error=AccessDeniedException")
    operator.run("mailbus dead-letters redrive --stage prod --queue tracking --all --yes")
    for event in (malformed, old):
        system.wait(1, message_id=event["mail"]["messageId"])
