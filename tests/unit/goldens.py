"""The golden events of the tests and of docs/: how each is computed, and its text.

`python -m tests.unit.goldens` writes them all again, so that a change of events shows as a diff.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from inbound.handler import process
from mailbus.aws.sns import parse_notification
from mailbus.bus_entries import bus_entry
from mailbus.events import DETAIL_TYPE_PREFIX, parse
from tests.unit.inbound.world import World, received, record
from tests.unit.tracking import notifications
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

MAILS: Final = sorted((Path(__file__).parent / "inbound/golden").glob("*.eml"))
EXAMPLES: Final = Path(__file__).parents[2] / "docs/event-examples.md"
# a line of the examples in docs/, beyond which an object or a list takes a line for each member
EXAMPLE_COLUMNS: Final = 110
_JSON_BLOCK: Final = re.compile(r"(?<=^```json\n).*?(?=^```)", re.DOTALL | re.MULTILINE)


def published(body: str, topic_arn: str) -> list[tuple[dict[str, Any], list[str]]]:
    """Return the detail and the resources of each event of an SNS notification."""
    normalized = normalize(parse_notification(body), topic_arn=topic_arn)
    entries = [bus_entry(event, normalized.resources) for event in normalized.events]
    return [(json.loads(one.detail), list(one.resources)) for one in entries]


def golden_of_notification(name: str) -> str:
    """Return the text of a golden of tracking: the events of a notification, but for SES's JSON in them."""
    events = published(notifications.envelope(notifications.text(name)), notifications.TOPIC)
    assert all(detail.pop("esp_event") == notifications.payload(name) for detail, _ in events)
    resources = {tuple(resources) for _, resources in events}
    assert len(resources) == 1
    golden = {"resources": list(*resources), "events": [detail for detail, _ in events]}
    return json.dumps(golden, indent=2, ensure_ascii=False) + "\n"


def receive(mail: Path) -> World:
    """Receive a mail; the world has its event."""
    world = World(mail.read_bytes())
    assert process([record(received())], world.wiring) == ()
    return world


def golden_of_mail(world: World) -> str:
    """Return the text of a golden of received mail."""
    return json.dumps(world.detail, indent=1, ensure_ascii=False) + "\n"


def examples_page() -> str:
    """Return the text of the page of examples, with each event computed from the SES JSON in it."""
    return _JSON_BLOCK.sub(lambda block: _example(block[0]), _page())


def _page() -> str:
    return EXAMPLES.read_text(encoding="utf-8")


def _example(block: str) -> str:
    event = json.loads(block)
    if "time" not in event or "detail" not in event:
        return block
    if event["detail"].get("esp_event") is None:
        # an event of the sender or of received mail: only fields that it does not have yet are added
        detail = json.loads(bus_entry(parse(event)).detail)
        return _compact_json(event | {"detail": detail}) + "\n"
    topic_arn = event["resources"][-1]
    body = notifications.envelope(
        json.dumps(event["detail"]["esp_event"]), time=event["detail"]["timestamp"], topic=topic_arn
    )
    ((detail, resources),) = published(body, topic_arn)
    computed = {
        "detail-type": f"{DETAIL_TYPE_PREFIX}{detail['event_type']}",
        "time": f"{detail['timestamp'][:19]}Z",
        "resources": resources,
        "detail": detail,
    }
    return _compact_json(event | computed) + "\n"


def _compact_json(value: Any, indent: str = "", used: int = 0) -> str:
    """Write JSON with each object and list in one line, if it fits."""
    line = json.dumps(value, ensure_ascii=False)
    if used + len(line) <= EXAMPLE_COLUMNS or not isinstance(value, dict | list):
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        keys = [f"{inner}{json.dumps(key)}: " for key in value]
        members = [
            key + _compact_json(member, inner, len(key))
            for key, member in zip(keys, value.values(), strict=True)
        ]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    members = [inner + _compact_json(member, inner, len(inner)) for member in value]
    return "[\n" + ",\n".join(members) + f"\n{indent}]"


def goldens() -> Iterator[tuple[Path, str]]:
    """Compute the text of every golden."""
    for name in notifications.NAMES:
        yield notifications.expected_path(name), golden_of_notification(name)
    for mail in MAILS:
        yield mail.with_suffix(".json"), golden_of_mail(receive(mail))
    yield EXAMPLES, examples_page()


if __name__ == "__main__":
    for path, text in goldens():
        path.write_text(text, encoding="utf-8")
