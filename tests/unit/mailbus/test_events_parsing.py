from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent

import mailbus
from mailbus import events
from mailbus.bus_entries import bus_entry
from mailbus.errors import InvalidEvent
from mailbus.events import AnyEvent, Bounce, EmailEvent, InboundEvent, InboundMessage
from tests.unit.mailbus.whole_events import golden_details, whole

if TYPE_CHECKING:
    from collections.abc import Callable

DETAILS = dict(golden_details())
BOUNCE = DETAILS["event_bounce"]
MAIL = DETAILS["newsletter"]
ADDRESS = "ada.lovelace@example.org"
PARTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "what a Lambda function is called with": lambda event: event,
    "the text of an SQS message": json.dumps,
    "its bytes": lambda event: json.dumps(event).encode(),
    "its text in other characters": lambda event: json.dumps(event, ensure_ascii=False),
    "the detail alone": lambda event: event["detail"],
    "the text of the detail alone": lambda event: json.dumps(event["detail"]),
    "a mapping that is no dict": MappingProxyType,
    "Powertools' own wrapper": EventBridgeEvent,
    "a replayed event": lambda event: {**event, "replay-name": "after-the-outage"},
}


@pytest.mark.parametrize("part", PARTS)
def test_an_event_is_parsed_in_every_form_that_a_rule_can_pass_on(part: str) -> None:
    bounce = events.parse(PARTS[part](whole(BOUNCE)))
    assert isinstance(bounce, EmailEvent)
    assert bounce.event_type == "bounced"
    assert bounce.timestamp == datetime.fromisoformat(BOUNCE["timestamp"])
    assert bounce.timestamp.tzinfo is UTC
    assert bounce.bounce is not None
    assert bounce.bounce.type == "Permanent"
    assert bounce.metadata == {"order": 4711, "tenant": "north", "express": True}
    assert bounce.esp_event == BOUNCE["esp_event"]
    received = events.parse(PARTS[part](whole(MAIL)))
    assert isinstance(received, InboundEvent)
    assert received.message is not None
    assert received.message.subject == MAIL["message"]["subject"]


@pytest.mark.parametrize("name", sorted(DETAILS))
def test_nothing_of_an_event_gets_lost(name: str) -> None:
    read = events.parse(whole(DETAILS[name]))
    assert json.loads(bus_entry(read).detail) == DETAILS[name]


def _reaction(event: AnyEvent) -> str:
    match event:
        case EmailEvent(event_type="bounced", reject_reason="bounced", recipient=str(address)):
            return f"never again: {address}"
        case EmailEvent(bounce=Bounce(type="Transient")):
            return "later"
        case EmailEvent(event_type="clicked", bot="likely"):
            return "a machine followed a link"
        case EmailEvent(event_type="clicked", click_url=str(url)):
            return f"somebody reads {url}"
        case InboundEvent(event_type="inbound", message=InboundMessage(subject=str(subject))):
            return f"answer {subject}"
        case _:
            return "nothing to do"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("event_bounce", f"never again: {BOUNCE['recipient']}"),
        ("event_click", "a machine followed a link"),
        ("newsletter", f"answer {MAIL['message']['subject']}"),
        ("event_delivery", "nothing to do"),
    ],
)
def test_a_consumer_distinguishes_events_with_match(name: str, expected: str) -> None:
    assert _reaction(events.parse(whole(DETAILS[name]))) == expected


def test_what_a_newer_version_adds_is_left_out() -> None:
    newer = {**BOUNCE, "brand_indicator": "shown", "bounce": {**BOUNCE["bounce"], "retried": 3}}
    assert events.parse(whole(newer, new="field")) == events.parse(whole(BOUNCE))


def test_what_an_older_version_did_not_have_is_null() -> None:
    """From an archive, say."""
    older = {
        name: value for name, value in BOUNCE.items() if name not in {"bot", "esp_event_ref", "link_tags"}
    }
    assert events.parse(whole(older)) == events.parse(whole(BOUNCE))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "not JSON"),
        ("not JSON", "not JSON"),
        ("{'event_type': 'sent'}", "body of one message"),
        (b"\xff\xfe", "not JSON"),
        ("\ud800", "not JSON"),
        ('{"event_type": "sent"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"detail":' * 100_000 + "1" + "}" * 100_000, "not JSON"),
        ("null", "one event at a time"),
        ("[]", "one event at a time"),
        (json.dumps([whole(BOUNCE)]), "one event at a time"),
        (json.dumps(json.dumps(whole(BOUNCE))), "one event at a time"),
        (None, "one event at a time"),
        (4711, "one event at a time"),
    ],
)
def test_what_is_not_a_json_object_is_refused(given: Any, says: str) -> None:
    with pytest.raises(InvalidEvent, match=says):
        events.parse(given)


@pytest.mark.parametrize(
    "batch",
    [
        {"Records": [{"eventSource": "aws:sqs", "body": json.dumps(whole(BOUNCE))}]},
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(whole(BOUNCE))}}]},
        {"Records": []},
    ],
)
def test_a_batch_is_refused_with_the_way_to_its_events(batch: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match=r'record\["body"\] of each of its Records'):
        events.parse(batch)


@pytest.mark.parametrize("source", ["aws.ses", "Mailbus", "", None, 7])
def test_an_event_of_another_source_is_refused_with_what_the_rule_should_match(source: object) -> None:
    with pytest.raises(InvalidEvent, match="let the rule match only source 'mailbus'"):
        events.parse(whole(BOUNCE, source=source))


@pytest.mark.parametrize("detail", [None, [], "{}", json.dumps(BOUNCE), 7])
def test_a_detail_that_is_no_object_is_refused(detail: object) -> None:
    with pytest.raises(InvalidEvent, match="pass events on as objects"):
        events.parse({**whole(BOUNCE), "detail": detail})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"detail": {}},
        {"event_type": None},
        {"event_type": ["sent"]},
        {"event_type": {}},
        {"recipient": ADDRESS},
        # SES's own words, passed by: a subscription of the tracking topic itself
        {"eventType": "Bounce", "mail": {"destination": [ADDRESS]}},
        {"Type": "Notification", "Message": json.dumps({"eventType": "Bounce"})},
    ],
)
def test_an_object_without_an_event_type_is_refused_with_the_likely_reason(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match="input transformer"):
        events.parse(given)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"event_type": "teleported"}, "event_type 'teleported'"),
        ({"event_type": "Bounced"}, "event_type 'Bounced'"),
        ({"event_type": "x" * 100_000}, "x{40}'"),
        ({"schema_version": 2}, "schema_version '2'"),
        ({"schema_version": 0}, "schema_version '0'"),
        ({"schema_version": "1"}, "schema_version '1'"),
        ({"schema_version": None}, "schema_version 'None'"),
        ({"schema_version": 2, "bounce": "of another form"}, "schema_version '2'"),
    ],
)
def test_an_event_of_another_version_asks_for_its_package(changed: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidEvent, match=names) as refused:
        events.parse(whole({**BOUNCE, **changed}))
    assert "update the package" in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("changed", "at"),
    [
        ({"event_id": 7}, r"\$.event_id"),
        ({"timestamp": "yesterday"}, r"\$.timestamp"),
        ({"timestamp": None}, r"\$.timestamp"),
        ({"recipient": [ADDRESS]}, r"\$.recipient"),
        ({"metadata": {"order": {}}}, r"\$.metadata"),
        ({"metadata": None}, r"\$.metadata"),
        ({"tags": "shipping"}, r"\$.tags"),
        ({"reject_reason": "BOUNCED"}, r"\$.reject_reason"),
        ({"reject_reason": ADDRESS}, r"\$.reject_reason"),
        ({"bounce": {"type": 5}}, r"\$.bounce.type"),
        ({"bot": "maybe"}, r"\$.bot"),
        ({"esp_event": []}, r"\$.esp_event"),
        ({"schema_version": True}, r"\$.schema_version"),
        # as an inbound event it lacks nothing, but its message is of another form
        ({"event_type": "inbound", "message": ADDRESS}, r"\$.message"),
    ],
)
def test_a_field_of_a_wrong_type_is_named_and_its_value_is_not(changed: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidEvent, match=at) as refused:
        events.parse(whole({**BOUNCE, **changed}))
    assert ADDRESS not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("field", ["event_id", "timestamp"])
def test_a_field_without_which_nothing_can_be_done_is_missed(field: str) -> None:
    lacking = {name: value for name, value in BOUNCE.items() if name != field}
    with pytest.raises(InvalidEvent, match=f"missing required field `{field}`"):
        events.parse(whole(lacking))


def test_a_report_of_ses_may_be_nested_as_deeply_as_json_can_be_read() -> None:
    deep = "{}"
    for _ in range(100):
        deep = f'{{"in": {deep}}}'
    read = events.parse(json.dumps(whole({**BOUNCE, "esp_event": json.loads(deep)})))
    assert isinstance(read, EmailEvent)
    assert read.esp_event == json.loads(deep)


def test_importing_the_names_of_consumers_loads_no_client() -> None:
    assert mailbus.EmailEvent is EmailEvent
    assert mailbus.InboundEvent is InboundEvent
    assert mailbus.events is events
    program = (
        "import sys, mailbus\n"
        "assert 'msgspec' not in sys.modules\n"
        "mailbus.events.parse({'event_type': 'sent', 'event_id': '0', 'timestamp': '2026-11-20T12:00:00Z'})\n"
        "from mailbus import EmailEvent, events\n"
        "assert 'boto3' not in sys.modules\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(mailbus.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
