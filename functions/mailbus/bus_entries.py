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


def bus_entry(
    event: AnyEvent, resources: tuple[str, ...] = (), *, esp_event: bytes | None = None
) -> BusEntry:
    """Return the entry of an event, with SES's event JSON in it if that is given."""
    whole = event if esp_event is None else msgspec.structs.replace(event, esp_event=msgspec.Raw(esp_event))
    return BusEntry(
        detail_type=detail_type(event.event_type),
        time=event.timestamp,
        detail=_ENCODER.encode(whole).decode(),
        resources=resources,
    )
