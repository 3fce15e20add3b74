"""How a batch's events get onto the bus, large ones without SES's own JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.bus import TOO_LARGE
from mailbus.errors import PublishError
from mailbus.events import BusEntry, EmailEvent, entry
from tracking.tracker import Held, Reading, each

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracking.tracker import Tracker


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way, wrapped as it is, with the record that it came from."""

    reading: Reading
    event: EmailEvent
    whole: BusEntry


def wrapped(reading: Reading) -> list[Parcel]:
    """Wrap each event of a report for the bus."""
    report = reading.report
    return [
        Parcel(
            reading=reading,
            event=event,
            whole=entry(event, report.resources, esp_event=report.esp_event),
        )
        for event in report.events
    ]


def publish(parcels: Sequence[Parcel], tracker: Tracker) -> list[Held]:
    """Put events on the bus; one that is too large refers to SES's own JSON in S3 instead."""
    failures = tracker.bus.publish([parcel.whole for parcel in parcels])
    too_large = [parcels[index] for index, failure in failures.items() if failure.code == TOO_LARGE]
    light, held = each(
        _by_report(too_large),
        lambda of_one: _lightened(of_one, tracker),
        lambda of_one: of_one[0].reading.record,
    )
    still = tracker.bus.publish([parcel.whole for parcel in light])
    wrong = [(parcels[index], failure) for index, failure in failures.items() if failure.code != TOO_LARGE]
    wrong += [(light[index], failure) for index, failure in still.items()]
    return held + [
        Held(
            record=parcel.reading.record,
            error=PublishError(failure.code, failure.reason),
            again=failure.retryable,
        )
        for parcel, failure in wrong
    ]


def _by_report(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    """Group what has SES's JSON in common."""
    groups: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        groups.setdefault(parcel.reading.record.message_id, []).append(parcel)
    return list(groups.values())


def _lightened(parcels: Sequence[Parcel], tracker: Tracker) -> list[Parcel]:
    report = parcels[0].reading.report
    stored = tracker.esp_events().store(report.esp_event)
    return [
        msgspec.structs.replace(
            parcel,
            whole=entry(msgspec.structs.replace(parcel.event, esp_event_ref=stored), report.resources),
        )
        for parcel in parcels
    ]
