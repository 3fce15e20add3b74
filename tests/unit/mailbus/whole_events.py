"""Events as a rule's target gets them: EventBridge's own fields around the `detail`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailbus.events import detail_type

if TYPE_CHECKING:
    from collections.abc import Iterator

UNIT: Final = Path(__file__).parents[1]


def whole(detail: dict[str, Any], **others: Any) -> dict[str, Any]:
    """Put EventBridge's fields around a detail; `others` are more of them, or other values."""
    return {
        "version": "0",
        "id": "8f6d5c1e-0a57-4c55-bd6a-9a1a1f6f7a10",
        "detail-type": detail_type(detail["event_type"]),
        "source": "mailbus",
        "account": "210987654321",
        "time": "2026-11-20T09:14:03Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:ses:eu-west-1:210987654321:identity/shop.example.com"],
        "detail": detail,
        **others,
    }


def golden_details() -> Iterator[tuple[str, dict[str, Any]]]:
    """The details of all events that the tests of tracking and of received mail expect, by their file."""
    for path in sorted((UNIT / "tracking/golden").glob("*.expected.json")):
        name = path.name.removesuffix(".expected.json")
        ses = json.loads((path.parent / f"{name}.json").read_text(encoding="utf-8"))
        for event in json.loads(path.read_text(encoding="utf-8"))["events"]:
            yield name, {**event, "esp_event": ses}
    for path in sorted((UNIT / "inbound/golden").glob("*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))
