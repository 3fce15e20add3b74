"""SES's notifications as they arrive: the golden payloads, changed as a test needs it, in SNS's envelope."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mailbus.aws.sns import parse_notification
from mailbus.ses_events import SES_EVENT_TYPES
from tracking.normalize import normalize

if TYPE_CHECKING:
    from mailbus.events import EmailEvent
    from tracking.normalize import NormalizedNotification

GOLDEN: Final = Path(__file__).parent / "golden"
TOPIC: Final = "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking"
SNS_ID: Final = "3b1f6a0e-6f38-5b0c-8d4b-08f5c7a1f9d2"
SNS_TIME: Final = "2026-11-20T09:14:05.000Z"
# by the name of an event's payload, the key of the object with its details
OBJECT_KEYS: Final = {
    f"event_{known.destination_name.lower()}": known.object_key for known in SES_EVENT_TYPES.values()
}
NAMES: Final = sorted(path.stem for path in GOLDEN.glob("*.json") if not path.name.endswith(".expected.json"))


def text(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


def payload(name: str) -> dict[str, Any]:
    """One of the golden payloads, to be changed freely."""
    loaded: dict[str, Any] = json.loads(text(name))
    return copy.deepcopy(loaded)


def expected_path(name: str) -> Path:
    return GOLDEN / f"{name}.expected.json"


def expected(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(expected_path(name).read_text(encoding="utf-8"))
    return loaded


def envelope(message: str, *, sns_id: str = SNS_ID, time: str = SNS_TIME, topic: str = TOPIC) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": sns_id,
            "TopicArn": topic,
            "Subject": "Amazon SES Email Event Notification",
            "Message": message,
            "Timestamp": time,
            "SignatureVersion": "2",
            "Signature": "dGhlIHNpZ25hdHVyZQ==",
        }
    )


def normalized(
    message: str | dict[str, Any], *, sns_id: str = SNS_ID, time: str = SNS_TIME
) -> NormalizedNotification:
    whole = message if isinstance(message, str) else json.dumps(message)
    return normalize(parse_notification(envelope(whole, sns_id=sns_id, time=time)), topic_arn=TOPIC)


def with_headers(*headers: tuple[str, str]) -> dict[str, Any]:
    """A delivery of a mail with these headers."""
    changed = payload("event_delivery")
    changed["mail"]["headers"] = [{"name": name, "value": value} for name, value in headers]
    return changed


def opened(recipients: int, padding: int = 0) -> str:
    """An open of a mail to so many recipients, with a header of so many characters."""
    changed = payload("event_open")
    changed["mail"] |= {
        "destination": [f"reader-{number}@example.org" for number in range(recipients)],
        "headers": [{"name": "X-Long", "value": "x" * padding}],
    }
    return envelope(json.dumps(changed))


def sent(number: int = 0) -> str:
    """The send event of a job, which the ledger may not have."""
    changed = payload("event_send")
    changed["mail"]["tags"] |= {"mailbus-job-id": [f"order-{number}"]}
    return envelope(json.dumps(changed))


def events(message: str | dict[str, Any]) -> tuple[EmailEvent, ...]:
    return normalized(message).events


def only(message: str | dict[str, Any]) -> EmailEvent:
    (event,) = events(message)
    return event
