"""Mailbus: Amazon SES as an event-driven mail service.

Applications use `from mailbus import Client, SendJob, Timeline`, consumers of events `from mailbus import
events`, and of received mail also `inbound`. Each name is loaded on first use, so that a function without
them does not load boto3.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Final

    from mailbus import events, inbound
    from mailbus.client import Client, Result, Sent
    from mailbus.events import EmailEvent, InboundEvent, LaneEvent
    from mailbus.jobs.contract import Alternative, Attachment, S3Object, SendJob
    from mailbus.ledger.cancellation import Cancellation
    from mailbus.timeline.reader import Timeline

__version__ = "0.1.0"
__all__ = [
    "Alternative",
    "Attachment",
    "Cancellation",
    "Client",
    "EmailEvent",
    "InboundEvent",
    "LaneEvent",
    "Result",
    "S3Object",
    "SendJob",
    "Sent",
    "Timeline",
    "__version__",
    "events",
    "inbound",
]

_MODULES: Final = frozenset({"events", "inbound"})
_HOMES: Final = {
    "Alternative": "mailbus.jobs.contract",
    "Attachment": "mailbus.jobs.contract",
    "Cancellation": "mailbus.ledger.cancellation",
    "Client": "mailbus.client",
    "EmailEvent": "mailbus.events",
    "InboundEvent": "mailbus.events",
    "LaneEvent": "mailbus.events",
    "Result": "mailbus.client",
    "S3Object": "mailbus.jobs.contract",
    "SendJob": "mailbus.jobs.contract",
    "Sent": "mailbus.client",
    "Timeline": "mailbus.timeline.reader",
}


def __getattr__(name: str) -> object:
    """Return one of the names above from its module."""
    if name in _MODULES:
        return importlib.import_module(f"mailbus.{name}")
    if name not in _HOMES:
        reason = f"module 'mailbus' has no attribute {name!r}"
        raise AttributeError(reason)
    return getattr(importlib.import_module(_HOMES[name]), name)
