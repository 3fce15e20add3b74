"""The limits of SQS messages, and the characters that SQS refuses.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import functools
import re
from typing import Final

# of a message with its attributes, and of all messages of a call
MAX_MESSAGE_BYTES: Final = 1024 * 1024
MAX_CALL_MESSAGES: Final = 10
# how long a message can be delayed
MAX_DELAY_SECONDS: Final = 15 * 60
# The largest body that is sent; the rest is for attributes, such as those of a dead letter.
MAX_BODY_BYTES: Final = 1000 * 1000

# JSON may contain these characters, an SQS message may not. They only occur in JSON strings.
_JSON_ESCAPES: Final = {0xFFFE: r"\ufffe", 0xFFFF: r"\uffff"}


def escape_json(text: str) -> str:
    """Return JSON with the characters escaped that SQS refuses."""
    return text.translate(_JSON_ESCAPES)


def replace_refused(text: str) -> str:
    """Return a text with a space in place of every character that SQS refuses."""
    return _refused().sub(" ", text)


@functools.cache
def _refused() -> re.Pattern[str]:
    # compiled when needed: so many characters take longer than importing most modules
    return re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
