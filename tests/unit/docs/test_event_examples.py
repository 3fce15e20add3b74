"""The examples of docs/ are what tracking makes of SES's JSON, to the last field."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final, get_args

import jsonschema
import pytest

from mailbus.events import EmailEvent, EventType, InboundEvent, LaneEvent, LaneEventType, detail_type, parse
from tests.unit.goldens import EXAMPLES, examples_page

DOCS: Final = Path(__file__).resolve().parents[3] / "docs"
SENDERS_OWN: Final = ["queued", "rejected", "failed", "failed"]


def wholes(page: str) -> list[dict[str, Any]]:
    """The whole events of a page, without patterns and jobs."""
    blocks = re.findall(r"^```json\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    return [event for event in map(json.loads, blocks) if "detail-type" in event and "detail" in event]


EVENTS: Final = [event for event in wholes("event-examples.md") if "time" in event]
OF_LANES: Final = [event for event in wholes("guard.md") if "time" in event]
RECEIVED: Final = [event for event in wholes("received-mail.md") if "time" in event]


def named(events: list[dict[str, Any]]) -> list[object]:
    return [
        pytest.param(event, id=f"{number}-{event['detail-type']}") for number, event in enumerate(events, 1)
    ]


def test_every_type_of_event_has_an_example() -> None:
    shown = {event["detail"]["event_type"] for event in (*EVENTS, *RECEIVED, *OF_LANES)}

    assert shown == set(get_args(EventType)) | set(get_args(LaneEventType))


@pytest.mark.parametrize("event", named([*EVENTS, *RECEIVED, *OF_LANES]))
def test_an_example_is_as_its_schema_says_and_can_be_read(event: dict[str, Any]) -> None:
    schema = json.loads((DOCS / "schemas" / f"{event['detail-type']}.json").read_text())

    errors = [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(event)]
    parsed = parse(event)

    assert errors == []
    assert event["detail-type"] == detail_type(parsed.event_type)
    assert sorted(event["detail"]) == sorted(type(parsed).__struct_fields__)
    of_mail = InboundEvent if event in RECEIVED else EmailEvent
    assert isinstance(parsed, LaneEvent if event in OF_LANES else of_mail)


def test_the_examples_are_what_tracking_makes_of_sess_json_in_them() -> None:
    assert examples_page() == EXAMPLES.read_text(encoding="utf-8")


def test_only_examples_of_the_senders_own_events_have_no_ses_json() -> None:
    assert [e["detail"]["event_type"] for e in EVENTS if not e["detail"]["esp_event"]] == SENDERS_OWN
