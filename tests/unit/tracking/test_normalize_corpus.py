"""Public SES payloads: each gives events, is ignored, or is refused for a reason listed here.

The results of a reference parser are stored beside them. A table here explains each difference; there are no
others.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from mailbus.aws.sns import parse_notification
from mailbus.errors import InvalidNotification, WiringError
from mailbus.ses_events import SES_EVENT_TYPES
from tests.unit.tracking.notifications import SNS_TIME, TOPIC, envelope
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Mapping

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "ses"
INDEX = CORPUS / "index.tsv"

if not INDEX.exists():
    pytest.skip("the corpus of public payloads is not here", allow_module_level=True)

with INDEX.open(encoding="utf-8") as lines:
    ROWS = {row["file"]: row["kind"] for row in csv.DictReader(lines, delimiter="\t")}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a payload: `events`, `ignored` or `refused`, with the reason."""

    outcome: str
    reason: str = ""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Payloads that we and the reference treat differently; our reason contains `reason`."""

    reference: str
    ours: str
    reason: str
    why: str
    payloads: int


AGREED: Final = {("events", "events"): 49, ("ignored", "ignored"): 1}
DIFFERENT_OUTCOMES: Final = (
    Difference(
        reference="ignored",
        ours="refused",
        reason="only Notification is processed",
        why="SNS confirms and ends subscriptions of queues itself: on a queue such a message is a wiring"
        " error, and one of an unknown type may be anything; ignoring them would hide both",
        payloads=4,
    ),
    Difference(
        reference="ignored",
        ours="refused",
        reason="neither eventType nor notificationType",
        why="JSON that is not of SES: somebody else publishes to the topic, and would never notice",
        payloads=3,
    ),
    Difference(
        reference="error",
        ours="refused",
        reason="not SES's JSON",
        why="text that is not of SES; the reference quotes all of it in its error, we do not",
        payloads=3,
    ),
    Difference(
        reference="error",
        ours="refused",
        reason="no mail object",
        why="a delivery without a message has no recipient; the reference raises KeyError",
        payloads=1,
    ),
    Difference(
        reference="inbound",
        ours="refused",
        reason="let the receipt rule publish to the inbound topic",
        why="received mail on the tracking topic is a wiring error",
        payloads=8,
    ),
    Difference(
        reference="inbound",
        ours="refused",
        reason="neither eventType nor notificationType",
        why="a receipt rule's Lambda action calls a function; it cannot come by the topic",
        payloads=11,
    ),
)
# by field: the event types for which it may differ (all, if none are listed), and why
DIFFERENT_FIELDS: Final[Mapping[str, tuple[frozenset[str], str]]] = {
    "event_id": (frozenset(), "its id is SNS's, new with every topic that SES publishes the same event to"),
    "timestamp": (frozenset(), "its time is SNS's, hours late after a redelivery; ours is the event's own"),
    "event_type": (frozenset({"deferred", "unsubscribed", "subscribed"}), "it knows no such SES types"),
    "description": (
        frozenset({"deferred", "unsubscribed", "subscribed"}),
        "its description reason that it does not",
    ),
    "mta_response": (frozenset({"deferred"}), "the receiving server's answer is in SES's event"),
}
# the key of the object that has the event's own time, if SES gives one
OBJECT_KEYS: Final = {
    event_type: known.object_key for known in SES_EVENT_TYPES.values() for event_type in known.event_types
}


def body(file: str) -> str:
    """Return a payload as an SQS message body.

    A few of the reference's own test envelopes have not all the fields that SNS always writes.
    """
    found: dict[str, Any] = json.loads((CORPUS / file).read_text(encoding="utf-8"))
    match ROWS[file]:
        case "ses":
            return envelope(json.dumps(found))
        case "sns":
            return json.dumps({"TopicArn": TOPIC, "Timestamp": SNS_TIME} | found)
        case "lambda-sns":
            return json.dumps(found["Records"][0]["Sns"])
        case "lambda-ses":
            return envelope(json.dumps(found["Records"][0]["ses"]))
        case "sqs":
            queued: str = found["Records"][0]["body"]
            return queued
        case other:
            pytest.fail(f"a payload of a new kind: {other}")


def ours(file: str) -> list[dict[str, Any]]:
    events = normalize(parse_notification(body(file)), topic_arn=TOPIC).events
    return [json.loads(msgspec.json.encode(event)) for event in events]


def outcome_of(file: str) -> Outcome:
    try:
        return Outcome(outcome="events" if ours(file) else "ignored")
    except (WiringError, InvalidNotification) as error:
        return Outcome(outcome="refused", reason=str(error))


def reference(file: str) -> dict[str, Any]:
    oracle = CORPUS / "oracle" / file.replace("/", "__")
    results: list[dict[str, Any]] = json.loads(oracle.read_text(encoding="utf-8"))["results"]
    return next((result for result in results if result["view"] == "tracking"), {"outcome": "inbound"})


def classes(file: str) -> list[object]:
    our_outcome, theirs = outcome_of(file), reference(file)["outcome"]
    agreed = [pair for pair in AGREED if pair == (theirs, our_outcome.outcome)]
    return agreed + [
        difference
        for difference in DIFFERENT_OUTCOMES
        if (difference.reference, difference.ours) == (theirs, our_outcome.outcome)
        and difference.reason in our_outcome.reason
    ]


@pytest.mark.parametrize("file", list(ROWS))
def test_every_public_payload_has_a_listed_outcome(file: str) -> None:
    assert len(classes(file)) == 1, (reference(file)["outcome"], outcome_of(file))


def test_the_table_of_different_outcomes_is_complete_and_exact() -> None:
    found = Counter(kind for file in ROWS for kind in classes(file))
    assert found == AGREED | {difference: difference.payloads for difference in DIFFERENT_OUTCOMES}


TRACKED = [file for file in ROWS if reference(file)["outcome"] == "events"]


@pytest.mark.parametrize("file", TRACKED)
def test_an_event_differs_from_the_references_only_as_the_table_explains(file: str) -> None:
    got, want = ours(file), reference(file)["events"]
    assert len(got) == len(want)
    for event, theirs in zip(got, want, strict=True):
        differing = {name for name, value in theirs.items() if event[name] != value}
        allowed = {
            name for name, (types, _) in DIFFERENT_FIELDS.items() if not types or event["event_type"] in types
        }
        assert differing <= allowed
        if "event_type" in differing:
            assert theirs["event_type"] == "unknown"


@pytest.mark.parametrize("file", TRACKED)
def test_an_event_has_its_own_time_or_snss_if_ses_gives_none(file: str) -> None:
    notification = parse_notification(body(file))
    body_json = json.loads(notification.message)
    for event in ours(file):
        own = body_json.get(OBJECT_KEYS.get(event["event_type"], ""), {}).get("timestamp")
        expected = datetime.fromisoformat(own) if own else notification.timestamp
        assert datetime.fromisoformat(event["timestamp"]) == expected.astimezone(UTC)


def test_every_field_of_the_table_differs_somewhere() -> None:
    differing = {
        name
        for file in TRACKED
        for event, theirs in zip(ours(file), reference(file)["events"], strict=True)
        for name, value in theirs.items()
        if event[name] != value
    }
    assert differing == set(DIFFERENT_FIELDS)


def test_payloads_of_different_events_have_different_ids() -> None:
    events_by_id: dict[str, set[tuple[str, ...]]] = {}
    for file in TRACKED:
        for event in ours(file):
            key = (event["event_type"], event["message_id"], event["recipient"])
            events_by_id.setdefault(event["event_id"], set()).add(tuple(map(str, key)))
    assert all(len(same) == 1 for same in events_by_id.values())
