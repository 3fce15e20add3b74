"""When the oldest message of a queue of the embedded AWS was sent; nobody receives it by that.

SQS reports ages to CloudWatch only, which MiniStack does not do; but it shows the messages of a queue.
"""

from __future__ import annotations

import http.client
import urllib.parse
from typing import Final

import msgspec

TIMEOUT_SECONDS: Final = 10
_PATH: Final = "/_ministack/sqs/messages"


class _Message(msgspec.Struct, frozen=True):
    sent_at: int = msgspec.field(name="SentTimestamp")


class _Answer(msgspec.Struct, frozen=True):
    # by account, region and queue
    messages: dict[str, dict[str, dict[str, list[_Message]]]]


_DECODER: Final = msgspec.json.Decoder(_Answer)


def oldest_sent(endpoint_url: str, queue_url: str) -> int | None:
    """Return when the oldest message was sent, in epoch seconds; None if there is none.

    The answer has the bodies of all messages, so this is for queues of some thousands. Raises `OSError`.
    """
    parts = urllib.parse.urlsplit(endpoint_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"{_PATH}?{urllib.parse.urlencode({'QueueUrl': queue_url})}")
        answer = _DECODER.decode(connection.getresponse().read())
    except (http.client.HTTPException, msgspec.DecodeError) as error:
        reason = f"MiniStack did not show the messages of {queue_url}"
        raise OSError(reason) from error
    finally:
        connection.close()
    sent = (
        message.sent_at
        for regions in answer.messages.values()
        for queues in regions.values()
        for messages in queues.values()
        for message in messages
    )
    return min(sent, default=None)
