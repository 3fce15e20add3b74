"""SES's notifications of a mail, as SNS puts them on the tracking queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.world.ses import Accepted

TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:mailbus-sim-tracking"


def reports(mail: Accepted) -> Iterator[tuple[str, str]]:
    """Yield the kind and the message body of each notification of a mail: it is sent, then delivered."""
    moment = datetime.fromtimestamp(mail.at, UTC).isoformat(timespec="milliseconds")
    described = {
        "timestamp": moment,
        "messageId": mail.message_id,
        "source": "shop@example.com",
        "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/example.com",
        "destination": list(mail.addresses),
        "headersTruncated": False,
        "headers": [],
        "tags": {name: [value] for name, value in mail.tags.items()},
    }
    delivery = {
        "timestamp": moment,
        "processingTimeMillis": 470,
        "recipients": list(mail.addresses),
        "smtpResponse": "250 ok",
        "reportingMTA": "a.amazonses.com",
    }
    yield "Send", _envelope(mail, {"eventType": "Send", "mail": described, "send": {}})
    yield "Delivery", _envelope(mail, {"eventType": "Delivery", "mail": described, "delivery": delivery})


def _envelope(mail: Accepted, notification: dict[str, Any]) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": f"{notification['eventType']}-{mail.message_id}",
            "TopicArn": TOPIC,
            "Message": json.dumps(notification),
            "Timestamp": datetime.fromtimestamp(mail.at, UTC).isoformat(),
        }
    )
