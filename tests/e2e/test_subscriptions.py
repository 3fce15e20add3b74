"""The example of consumers, deployed beside Mailbus: what reaches the function, the queue, the endpoint."""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_local import assembly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import System

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = ROOT / "examples" / "subscriptions" / "patterns"
SECONDS = 30.0
POLL_SECONDS = 0.1
EVENT = {
    "version": "0",
    "id": "3d1f6a52-5b0e-4b8c-9a57-2f4d1f5f9a11",
    "source": "mailbus",
    "account": "000000000000",
    "region": "us-east-1",
    "time": "2026-11-22T10:00:00Z",
    "resources": [],
}


class Partner:
    """An endpoint on loopback that keeps what is posted to it. EventBridge itself takes HTTPS alone."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        partner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                partner.requests.append((headers, json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/mail-events"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def about(self, job_id: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
        return [request for request in self.requests if request[1]["job_id"] == job_id]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Deployed:
    """The example's stack, by its outputs."""

    def __init__(self, system: System, outputs: dict[str, str], partner: Partner) -> None:
        self.outputs = outputs
        self.partner = partner
        self._dynamodb = system.client("dynamodb")
        self._sqs = system.client("sqs")
        self._queued: list[dict[str, Any]] = []

    def notes(self, about: str) -> list[str]:
        """What the consumer's table says about an address or a job."""
        answer = self._dynamodb.query(
            TableName=self.outputs["NotesTableName"],
            KeyConditionExpression="about = :about",
            ExpressionAttributeValues={":about": {"S": about}},
        )
        return [item["what"]["S"] for item in answer["Items"]]

    def queued(self, job_id: str) -> list[dict[str, Any]]:
        """Take from the queue what has come, and give what is about a job."""
        answer = self._sqs.receive_message(QueueUrl=self.outputs["QueueUrl"], MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(
                QueueUrl=self.outputs["QueueUrl"], ReceiptHandle=message["ReceiptHandle"]
            )
            self._queued.append(json.loads(message["Body"])["detail"])
        return [detail for detail in self._queued if detail["job_id"] == job_id]

    def letters(self, output: str) -> int:
        attribute = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])


def _wait(what: str, enough: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not enough():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(POLL_SECONDS)


@pytest.fixture(scope="module")
def deployed(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    directory = tmp_path_factory.mktemp("subscriptions")
    synthesized, adapted, outputs = directory / "synthesized", directory / "adapted", directory / "out.json"
    partner = Partner()
    try:
        system.cdk(
            directory,
            "synth",
            *("--quiet", "--output", str(synthesized)),
            *("--app", f"{sys.executable} -m examples.subscriptions"),
            *("--context", f"bus={system.outputs['EventBusName']}"),
            *("--context", f"endpoint={partner.url}"),
            *("--context", "architecture=host"),
        )
        assembly.adapt(synthesized, adapted)
        system.cdk(
            directory,
            "deploy",
            *("--app", str(adapted), "--all", "--require-approval", "never", "--method", "direct"),
            *("--outputs-file", str(outputs)),
        )
        yield Deployed(system, json.loads(outputs.read_text())["mail-subscriptions"], partner)
    finally:
        partner.close()


# --- through the deployed stack


def test_a_hard_bounce_is_noted_once_however_often_it_is_told(system: System, deployed: Deployed) -> None:
    address = f"bounce+{uuid.uuid4().hex[:8]}@simulator.amazonses.com"
    job_id = system.send(to=[address])
    (event,) = system.wait(1, job_id=job_id, event_type="bounced")
    expected = [f"bounced#{event['event_id']}"]
    _wait("a note about the address", lambda: deployed.notes(f"address#{address}") == expected)

    entry = {
        "EventBusName": system.outputs["EventBusName"],
        "Source": "mailbus",
        "DetailType": "email.bounced",
        "Detail": json.dumps(event),
    }
    system.client("events").put_events(Entries=[entry])
    # the one behind it tells that the repeated one was delivered too
    later = dict(event, event_id=uuid.uuid4().hex)
    system.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(later)}])

    both = sorted([*expected, f"bounced#{later['event_id']}"])
    _wait("a note of the later event", lambda: sorted(deployed.notes(f"address#{address}")) == both)
    _wait("all three on the queue", lambda: len(deployed.queued(job_id)) == 3)
    assert sorted(deployed.notes(f"address#{address}")) == both


def test_a_complaint_is_noted_about_the_address(system: System, deployed: Deployed) -> None:
    address = f"complaint+{uuid.uuid4().hex[:8]}@simulator.amazonses.com"
    job_id = system.send(to=[address])

    (event,) = system.wait(1, job_id=job_id, event_type="complained")

    expected = [f"complained#{event['event_id']}"]
    _wait("a note about the address", lambda: deployed.notes(f"address#{address}") == expected)


def test_a_click_is_noted_about_its_job_unless_a_bot_made_it(system: System, deployed: Deployed) -> None:
    job_id = system.send()
    (sent,) = system.wait(1, job_id=job_id, event_type="delivered")
    for link, bot in (("https://example.com/a", "Likely"), ("https://example.com/b", "Unlikely")):
        click = {"event_type": "Click", "link": link, "is_bot_event": bot}
        system.simulator.post(f"events/{sent['message_id']}", json=click).raise_for_status()
    clicks = system.wait(2, job_id=job_id, event_type="clicked")

    people = [f"clicked#{click['event_id']}" for click in clicks if click["bot"] != "likely"]

    assert len(people) == 1
    _wait("a note about the job", lambda: deployed.notes(f"job#{job_id}") == people)


def test_a_tag_leads_to_the_queue_and_other_mail_does_not(system: System, deployed: Deployed) -> None:
    other = system.send(tags=["newsletter"])
    job_id = system.send(tags=["welcome", "invoice"])
    system.wait(3, job_id=other)

    _wait("all events on the queue", lambda: len(deployed.queued(job_id)) == 3)

    types = sorted(detail["event_type"] for detail in deployed.queued(job_id))
    assert types == ["delivered", "queued", "sent"]
    assert deployed.queued(other) == []


def test_the_endpoint_gets_a_tenants_events_with_the_key_and_each_events_id(
    system: System, deployed: Deployed
) -> None:
    secret = system.client("secretsmanager").get_secret_value(
        SecretId=deployed.outputs["EndpointKeySecretArn"]
    )
    other = system.send()
    job_id = system.send(esp_extra={"TenantName": "shop"})
    details = {
        detail["event_id"]: detail
        for detail in system.wait(3, job_id=job_id)
        if "ses:tenant-name" in detail["message_tags"]
    }
    system.wait(3, job_id=other)

    _wait("the endpoint is told", lambda: len(deployed.partner.about(job_id)) == len(details))

    assert {detail["event_type"] for detail in details.values()} >= {"sent", "delivered"}
    for headers, body in deployed.partner.about(job_id):
        assert headers["x-api-key"] == secret["SecretString"]
        assert headers["content-type"].startswith("application/json")
        assert body == details[headers["idempotency-key"]]
    assert deployed.partner.about(other) == []


def test_the_outputs_name_the_rules_as_eventbridge_does(system: System, deployed: Deployed) -> None:
    told = {value for name, value in deployed.outputs.items() if name.endswith("Rule")}
    rules = system.client("events").list_rules(EventBusName=system.outputs["EventBusName"])["Rules"]
    assert len(told) == 6
    assert told <= {rule["Name"] for rule in rules}


def test_nothing_of_all_this_ended_in_a_dead_letter_queue(system: System, deployed: Deployed) -> None:
    system.wait_until_empty("TrackingQueueUrl")
    queues = [name for name in deployed.outputs if name.endswith("DeadLetterQueueUrl")]
    assert len(queues) == 7
    assert {name: deployed.letters(name) for name in queues} == dict.fromkeys(queues, 0)


# --- each pattern with events as they are


def _event(event_type: str, **fields: object) -> dict[str, Any]:
    detail = {
        "event_type": event_type,
        "event_id": "0f" * 16,
        "job_id": "job-1",
        "recipient": "ann@example.com",
        "tags": ["welcome"],
        "message_tags": {"ses:from-domain": ["example.com"]},
        "reject_reason": None,
        "bot": None,
        "bounce": None,
        **fields,
    }
    return {**EVENT, "detail-type": f"email.{event_type}", "detail": detail}


def _bounce(kind: str) -> dict[str, Any]:
    return {"type": kind, "sub_type": "General", "status": None}


@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        ("bounces", _event("bounced", bounce=_bounce("Permanent")), True),
        ("bounces", _event("bounced", bounce=_bounce("Transient")), True),
        ("bounces", _event("delivered"), False),
        ("bounces", {**_event("bounced"), "source": "aws.ses"}, False),
        ("hard_bounces", _event("bounced", reject_reason="bounced", bounce=_bounce("Permanent")), True),
        ("hard_bounces", _event("bounced", reject_reason="bounced", bounce=_bounce("Transient")), False),
        ("hard_bounces", _event("bounced", reject_reason="bounced", bounce=_bounce("Undetermined")), False),
        ("hard_bounces", _event("bounced", reject_reason="unsubscribed", bounce=_bounce("Permanent")), False),
        ("hard_bounces", _event("bounced", reject_reason="blocked", bounce=_bounce("Permanent")), False),
        ("hard_bounces", _event("bounced"), False),
        ("complaints", _event("complained", reject_reason="spam"), True),
        ("complaints", _event("complained"), False),
        ("complaints", _event("bounced", reject_reason="spam"), False),
        ("clicks_without_bots", _event("clicked", bot="unlikely"), True),
        ("clicks_without_bots", _event("clicked", bot=None), True),
        ("clicks_without_bots", _event("clicked", bot="likely"), False),
        ("clicks_without_bots", _event("opened", bot="unlikely"), False),
        ("tenant", _event("sent", message_tags={"ses:tenant-name": ["shop"]}), True),
        ("tenant", _event("sent", message_tags={"ses:tenant-name": ["Shop"]}), False),
        ("tenant", _event("sent"), False),
        ("tag", _event("opened", tags=["invoice"]), True),
        ("tag", _event("opened", tags=["welcome", "invoice"]), True),
        ("tag", _event("opened", tags=["invoices"]), False),
        ("tag", _event("opened", tags=[]), False),
    ],
)
def test_a_pattern_lets_through_what_its_name_says(
    system: System, pattern: str, event: dict[str, Any], *, matches: bool
) -> None:
    answer = system.client("events").test_event_pattern(
        EventPattern=(PATTERNS / f"{pattern}.json").read_text(), Event=json.dumps(event)
    )
    assert answer["Result"] is matches


def test_every_pattern_takes_an_event_that_crossed_the_system(system: System) -> None:
    job_id = system.send(
        to=["bounce@simulator.amazonses.com"], tags=["invoice"], esp_extra={"TenantName": "shop"}
    )
    system.wait(3, job_id=job_id)
    complained = system.send(to=["complaint@simulator.amazonses.com"])
    (delivered, *_) = system.wait(1, job_id=complained, event_type="delivered")
    system.wait(1, job_id=complained, event_type="complained")
    system.simulator.post(
        f"events/{delivered['message_id']}", json={"event_type": "Click", "link": "https://example.com/"}
    ).raise_for_status()
    system.wait(1, job_id=complained, event_type="clicked")
    told = [event for event in system.whole_events() if event["detail"].get("job_id") in {job_id, complained}]

    matching = {
        path.stem: any(
            system.client("events").test_event_pattern(
                EventPattern=path.read_text(), Event=json.dumps(event)
            )["Result"]
            for event in told
        )
        for path in PATTERNS.glob("*.json")
    }

    assert matching == dict.fromkeys(matching, True)
    assert len(matching) == 6
