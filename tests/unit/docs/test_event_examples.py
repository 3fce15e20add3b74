"""The examples of docs/ are what the code makes of SES's reports, to the last field."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, get_args

import jsonschema
import pytest

from mailbus.aws.sns import parse_notification
from mailbus.events import DETAIL_TYPE_PREFIX, EmailEvent, EventType, InboundEvent, entry, parse
from tracking.normalize import normalize

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
SENT_BY_NOBODY_YET: Final = {"autoresponded"}
SENDERS_OWN: Final = ["queued", "rejected", "failed", "failed"]


def wholes(page: str) -> list[dict[str, Any]]:
    """The whole events of a page; a pattern or a job is none."""
    blocks = re.findall(r"^```json\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    return [event for event in map(json.loads, blocks) if "detail-type" in event and "detail" in event]


EVENTS: Final = [event for event in wholes("event-examples.md") if "time" in event]
RECEIVED: Final = [event for event in wholes("receiving.md") if "time" in event]


def named(events: list[dict[str, Any]]) -> list[object]:
    return [
        pytest.param(event, id=f"{number}-{event['detail-type']}") for number, event in enumerate(events, 1)
    ]


def as_published(event: dict[str, Any]) -> list[tuple[dict[str, Any], list[str]]]:
    """What becomes of SES's JSON in an example, published again: each event's detail and resources."""
    topic_arn = event["resources"][-1]
    envelope = {
        "Type": "Notification",
        "MessageId": "8f2a2b1e-6f38-5b0c-8d4b-08f5c7a1f9d2",
        "TopicArn": topic_arn,
        "Timestamp": event["detail"]["timestamp"],
        "Message": json.dumps(event["detail"]["esp_event"]),
    }
    report = normalize(parse_notification(json.dumps(envelope)), topic_arn=topic_arn)
    entries = [entry(each, report.resources, esp_event=report.esp_event) for each in report.events]
    return [(json.loads(each.detail), list(each.resources)) for each in entries]


def test_every_type_of_event_has_an_example() -> None:
    shown = {event["detail"]["event_type"] for event in (*EVENTS, *RECEIVED)}

    assert shown == set(get_args(EventType)) - SENT_BY_NOBODY_YET


@pytest.mark.parametrize("event", named([*EVENTS, *RECEIVED]))
def test_an_example_is_as_its_schema_says_and_can_be_read(event: dict[str, Any]) -> None:
    schema = json.loads((DOCS / "schemas" / f"{event['detail-type']}.json").read_text())

    mistakes = [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(event)]
    told = parse(event)

    assert mistakes == []
    assert event["detail-type"] == f"{DETAIL_TYPE_PREFIX}{told.event_type}"
    assert sorted(event["detail"]) == sorted(type(told).__struct_fields__)
    assert isinstance(told, InboundEvent if event in RECEIVED else EmailEvent)


@pytest.mark.parametrize("event", named([event for event in EVENTS if event["detail"]["esp_event"]]))
def test_an_example_is_what_becomes_of_sess_report(event: dict[str, Any]) -> None:
    assert as_published(event) == [(event["detail"], event["resources"])]


def test_only_the_senders_own_examples_have_no_report_of_ses() -> None:
    assert [e["detail"]["event_type"] for e in EVENTS if not e["detail"]["esp_event"]] == SENDERS_OWN
