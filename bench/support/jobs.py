"""Jobs as an application enqueues them, and the SQS records that contain them."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any, Final

FUNCTION_NAME: Final = "mailbus-bench-sender"
SENDER: Final = "Shop <shop@example.com>"
RECIPIENT: Final = "jane@example.net"
SUBJECT: Final = "Your order"
TEXT: Final = "Thank you for your order 1001.\n" * 20
HTML: Final = "<p>Thank you for your order <b>1001</b>.</p>\n" * 20


def body() -> str:
    """Return a job for one recipient as JSON, with an id of its own."""
    return json.dumps(
        {
            "job_id": uuid.uuid4().hex,
            "from_email": SENDER,
            "to": [RECIPIENT],
            "subject": SUBJECT,
            "text": TEXT,
            "html": HTML,
            "tags": ["receipt"],
            "metadata": {"order": 1001},
        }
    )


def merge_body() -> str:
    """Return a merge for 50 recipients as JSON, with an id of its own."""
    to = [f"jane+{number}@example.net" for number in range(50)]
    merge = {
        "text": f"Dear {{{{first_name}}}},\n{TEXT}",
        "to": to,
        "merge_data": {address: {"first_name": "Jane"} for address in to},
    }
    return json.dumps(json.loads(body()) | merge)


def record(queue_arn: str, text: str) -> dict[str, Any]:
    """Return an SQS record with a job, as the event source mapping passes it."""
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "none: the event source deletes what was sent",
        "body": text,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(round(time.time() * 1000))},
        "messageAttributes": {},
        "eventSourceARN": queue_arn,
    }
