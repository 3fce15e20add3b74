"""Public SES payloads: each gives events, is ignored, or is refused for a stated reason.

What a reference parser made of them lies beside them; where we differ from it, the table says why.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.errors import InvalidNotification, WiringError
from mailbus.sns import parse_notification
from tests.unit.tracking.reports import SNS_TIME, TOPIC, envelope
from tracking.normalize import normalize

if TYPE_CHECKING:
    from mailbus.events import EmailEvent

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "ses"
INDEX = CORPUS / "index.tsv"

if not INDEX.exists():
    pytest.skip("the corpus of public payloads is not here", allow_module_level=True)

with INDEX.open(encoding="utf-8") as lines:
    ROWS = {row["file"]: row["kind"] for row in csv.DictReader(lines, delimiter="\t")}
# not its ids and times: it takes SNS's message id and time for the event's own
SAME_FIELDS = (
    "event_type",
    "message_id",
    "recipient",
    "reject_reason",
    "description",
    "mta_response",
    "tags",
    "metadata",
    "user_agent",
    "click_url",
)
# our event types that the reference calls `unknown`, having no name for them
UNKNOWN_TO_REFERENCE = {"deferred", "unsubscribed", "subscribed"}
# what we say of those events and the reference leaves out
SAID_OF_UNKNOWN = {"event_type", "description", "mta_response"}


def body(file: str) -> str:
    """Bring a payload into the form in which it lies on the queue.

    A few of the reference's own test envelopes lack what SNS always writes.
    """
    found: dict[str, Any] = json.loads((CORPUS / file).read_text(encoding="utf-8"))
    if ROWS[file] == "ses":
        return envelope(json.dumps(found))
    if ROWS[file] == "sns":
        return json.dumps({"TopicArn": TOPIC, "Timestamp": SNS_TIME} | found)
    return json.dumps(found)


def ours(file: str) -> tuple[EmailEvent, ...]:
    return normalize(parse_notification(body(file)), topic_arn=TOPIC).events


def outcome(file: str) -> tuple[str, str]:
    try:
        return ("events" if ours(file) else "ignored"), ""
    except WiringError as error:
        return "wiring", str(error)
    except InvalidNotification as error:
        return "refused", str(error)


def reference(file: str) -> dict[str, Any]:
    oracle = CORPUS / "oracle" / file.replace("/", "__")
    results: list[dict[str, Any]] = json.loads(oracle.read_text(encoding="utf-8"))["results"]
    return next((result for result in results if result["view"] == "tracking"), {"outcome": "not tracking"})


def expected_outcome(file: str) -> str:
    """Say what has to come of a payload, by what wraps it and what it is."""
    if ROWS[file] not in {"ses", "sns"}:
        return "refused"
    found = json.loads(body(file))
    message = found["Message"]
    if found["Type"] != "Notification":
        return "refused"
    if message.startswith("Successfully validated SNS topic"):
        return "ignored"
    try:
        inner = json.loads(message)
    except ValueError:
        return "refused"
    if inner.get("notificationType") == "Received":
        return "wiring"
    return "events" if "mail" in inner else "refused"


@pytest.mark.parametrize("file", list(ROWS))
def test_every_public_payload_comes_to_something_stated(file: str) -> None:
    came, reason = outcome(file)
    assert came == expected_outcome(file)
    assert bool(reason) == (came in {"wiring", "refused"})


TRACKED = [file for file in ROWS if reference(file)["outcome"] == "events"]


@pytest.mark.parametrize("file", TRACKED)
def test_we_agree_with_the_reference_on_what_happened(file: str) -> None:
    got = [
        json.loads(json.dumps({name: getattr(event, name) for name in SAME_FIELDS})) for event in ours(file)
    ]
    want = [{name: event[name] for name in SAME_FIELDS} for event in reference(file)["events"]]
    assert len(got) == len(want)
    for event, theirs in zip(got, want, strict=True):
        if event["event_type"] in UNKNOWN_TO_REFERENCE:
            assert theirs["event_type"] == "unknown"
            assert {k: v for k, v in event.items() if k not in SAID_OF_UNKNOWN} == {
                k: v for k, v in theirs.items() if k not in SAID_OF_UNKNOWN
            }
        else:
            assert event == theirs


def test_the_reference_tracks_nothing_that_we_refuse() -> None:
    assert {outcome(file)[0] for file in TRACKED} == {"events"}
    assert len(TRACKED) >= 40
