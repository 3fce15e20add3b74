"""The URL of a send queue, as a setting of an application has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import Final

_URL: Final = re.compile(r"https?://[^/\s]+/\S+")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")
_OUTPUTS: Final = "use the stack output SendQueueUrl or BulkQueueUrl"


def check_queue_url(url: object) -> None:
    """Raise `ConfigurationError` with what to write instead if this cannot be a queue's URL."""
    if not url:
        reason = f"the queue's URL is missing; {_OUTPUTS}, or the stage's name: Client(stage=\"prod\")"
    elif not isinstance(url, str):
        reason = f"the queue's URL must be a string, not {type(url).__name__}; {_OUTPUTS}"
    elif url.startswith("arn:"):
        reason = f"this is the queue's ARN, not its URL, which begins with https://; {_OUTPUTS}"
    elif _NAME.fullmatch(url):
        reason = f"this is the queue's name, not its URL, which begins with https://; {_OUTPUTS}"
    elif not _URL.fullmatch(url):
        reason = f"the queue's URL is invalid (it is {url!r}); {_OUTPUTS}"
    else:
        return
    raise ConfigurationError(reason)
