"""Events as entries of EventBridge's `PutEvents`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from mailbus.events import AnyEvent, detail_type

_ENCODER: Final = msgspec.json.Encoder()


class BusEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to EventBridge. `detail` is JSON; `resources` are ARNs."""

    detail_type: str
    time: datetime
    detail: str
    resources: tuple[str, ...] = ()


def bus_entry(event: AnyEvent, resources: tuple[str, ...] = ()) -> BusEntry:
    """Return the entry of an event; its `esp_event` may be `msgspec.Raw`, which is copied as it is."""
    return BusEntry(
        detail_type=detail_type(event.event_type),
        time=event.timestamp,
        detail=_ENCODER.encode(event).decode(),
        resources=resources,
    )
