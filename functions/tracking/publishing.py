"""How a batch's events get onto the bus, large ones without SES's own JSON.

Each recipient's event holds all of SES's JSON, which a report of many makes large: so they are wrapped a
slice at a time, and what could be anything but SES's is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.aws.event_bus import TOO_LARGE, PublishFailure
from mailbus.errors import InvalidNotification, PublishError
from mailbus.events import BusEntry, EmailEvent, entry
from tracking.tracker import Held, Reading, each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tracking.normalize import Report
    from tracking.tracker import Tracker

# of wrapped events that are in memory at a time
SLICE_BYTES: Final = 16 * 1024 * 1024
# An event has SES's JSON, and what is read out of it.
EVENT_SHARE: Final = 2
# A message of SNS has up to 1 MiB, and a mail of SES up to 50 recipients.
# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
REPORT_BYTES: Final = 64 * 1024 * 1024


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way, with the record that it came from."""

    reading: Reading
    event: EmailEvent


class _Put(msgspec.Struct, frozen=True, kw_only=True):
    """What a slice left behind: which parcels failed and why, and which could not even be wrapped."""

    failed: list[tuple[Parcel, PublishFailure]]
    held: list[Held]


def bounded(report: Report) -> Report:
    """Give the report, unless its events would be more together than SES can mean: `InvalidNotification`."""
    together = len(report.events) * len(report.esp_event)
    if together > REPORT_BYTES:
        reason = (
            f"a report of {len(report.esp_event)} bytes on {len(report.events)} recipients comes to "
            f"{together} bytes of events, more than {REPORT_BYTES}: SES reports on 50 recipients at most, "
            "and only SES may publish to the tracking topic"
        )
        raise InvalidNotification(reason)
    return report


def publish(readings: Iterable[Reading], tracker: Tracker) -> list[Held]:
    """Put events on the bus; one that is too large refers to SES's own JSON in S3 instead.

    Those come last: they wait for S3 too.
    """
    parcels = [
        Parcel(reading=reading, event=event) for reading in readings for event in reading.report.events
    ]
    first = _put_all(parcels, _whole, tracker)
    light, unstored = each(
        _by_report([parcel for parcel, failure in first.failed if failure.code == TOO_LARGE]),
        lambda of_one: _lightened(of_one, tracker),
        lambda of_one: of_one[0].reading.record,
    )
    last = _put_all(light, _light, tracker)
    wrong = [(parcel, failure) for parcel, failure in first.failed if failure.code != TOO_LARGE]
    return [
        *first.held,
        *unstored,
        *last.held,
        *(
            Held(
                record=parcel.reading.record,
                error=PublishError(failure.code, failure.reason),
                again=failure.retryable,
            )
            for parcel, failure in (*wrong, *last.failed)
        ),
    ]


def _put_all(parcels: Iterable[Parcel], wrap: Callable[[Parcel], BusEntry], tracker: Tracker) -> _Put:
    together = _Put(failed=[], held=[])
    for slice_ in _slices(parcels):
        put = _put(slice_, wrap, tracker)
        together = _Put(failed=together.failed + put.failed, held=together.held + put.held)
    return together


def _slices(parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
    """Group parcels in order into what may be wrapped at a time."""
    slice_: list[Parcel] = []
    filled = 0
    for parcel in parcels:
        size = EVENT_SHARE * len(parcel.reading.report.esp_event)
        if slice_ and filled + size > SLICE_BYTES:
            yield slice_
            slice_, filled = [], 0
        slice_.append(parcel)
        filled += size
    if slice_:
        yield slice_


def _put(parcels: Sequence[Parcel], wrap: Callable[[Parcel], BusEntry], tracker: Tracker) -> _Put:
    wrapped, held = each(
        parcels, lambda parcel: [(parcel, wrap(parcel))], lambda parcel: parcel.reading.record
    )
    failures = tracker.bus.publish([whole for _, whole in wrapped], seconds=tracker.seconds_to_publish)
    return _Put(failed=[(wrapped[index][0], failure) for index, failure in failures.items()], held=held)


def _whole(parcel: Parcel) -> BusEntry:
    report = parcel.reading.report
    return entry(parcel.event, report.resources, esp_event=report.esp_event)


def _light(parcel: Parcel) -> BusEntry:
    return entry(parcel.event, parcel.reading.report.resources)


def _by_report(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    """Group what has SES's JSON in common."""
    groups: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        groups.setdefault(parcel.reading.record.message_id, []).append(parcel)
    return list(groups.values())


def _lightened(parcels: Sequence[Parcel], tracker: Tracker) -> list[Parcel]:
    stored = tracker.esp_events().store(parcels[0].reading.report.esp_event)
    return [
        Parcel(reading=parcel.reading, event=msgspec.structs.replace(parcel.event, esp_event_ref=stored))
        for parcel in parcels
    ]
