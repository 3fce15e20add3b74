"""Events as entries of EventBridge's `PutEvents`."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Final

import msgspec

from mailbus.events import AnyEvent, detail_type

_ENCODER: Final = msgspec.json.Encoder()


class _Buffer(threading.local):
    """A thread's buffer for JSON, as large as its largest event: a new one grows again with each event."""

    def __init__(self) -> None:
        self.json = bytearray()


_BUFFER: Final = _Buffer()


class BusEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to EventBridge. `detail` is JSON; `resources` are ARNs."""

    detail_type: str
    time: datetime
    detail: str
    resources: tuple[str, ...] = ()


def bus_entry(event: AnyEvent, resources: tuple[str, ...] = ()) -> BusEntry:
    """Return the entry of an event; its `esp_event` may be `msgspec.Raw`, which is copied as it is."""
    buffer = _BUFFER.json
    _ENCODER.encode_into(event, buffer)
    return BusEntry(
        detail_type=detail_type(event.event_type),
        time=event.timestamp,
        detail=buffer.decode(),
        resources=resources,
    )
