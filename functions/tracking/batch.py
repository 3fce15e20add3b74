"""A batch of SES's reports, step by step: read, find its jobs, complete, publish, give back.

A record goes back to its queue while the bus cannot take its events, or the ledger cannot be told or asked:
events have deterministic ids, so that repeating them is harmless. What can never become an event, or has
come too often, is kept in the dead-letter queue with the reason, then acknowledged. What there is no time
for goes back too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.aws import sessions
from mailbus.aws.sns import parse_notification
from mailbus.errors import PublishError
from tracking.ledger_updates import identify, settle
from tracking.normalize import normalize
from tracking.publishing import bounded, publish
from tracking.tracker import Held, Reading, each

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailbus.aws.sqs import Record
    from mailbus.errors import MailbusError
    from tracking.tracker import Tracker

# An event takes some 2 KB before it is wrapped.
EVENTS_AT_ONCE: Final = 10_000


def process(batch: Sequence[Record], tracker: Tracker) -> tuple[Record, ...]:
    """Publish what the records report; return those that have to be tried again."""
    held: list[Held] = []
    events = 0
    for readings in _helpings(batch, held, tracker):
        known, unidentified = identify(readings, tracker)
        settled, unsettled = settle(known, tracker)
        held += unidentified + unsettled + publish(settled, tracker)
        events += _events(settled)
    back = _give_back(held, tracker)
    tracker.log.info("batch done", records=len(batch), events=events, given_back=len(back))
    return back


def _helpings(batch: Sequence[Record], held: list[Held], tracker: Tracker) -> Iterator[list[Reading]]:
    """Read as many records at a time as there is memory for what they report: nearly always all.

    What cannot be read, or not in time, is added to `held`.
    """
    helping: list[Reading] = []
    events = 0
    for record in batch:
        readings, unread = each([record], lambda record: _read(record, tracker), lambda record: record)
        helping += readings
        held += unread
        events += _events(readings)
        if events >= EVENTS_AT_ONCE:
            yield helping
            helping, events = [], 0
    yield helping


def _events(readings: Sequence[Reading]) -> int:
    return sum(len(reading.report.events) for reading in readings)


def _read(record: Record, tracker: Tracker) -> list[Reading]:
    if tracker.seconds_to_publish <= 0:
        raise sessions.NotTried
    report = normalize(
        parse_notification(record.body),
        topic_arn=tracker.settings.tracking_topic_arn,
        metadata_in_headers=tracker.settings.metadata_in_headers,
        trusts_other_topics=tracker.settings.trusts_other_topics,
    )
    return [Reading(record=record, report=bounded(report))]


def _give_back(held: Sequence[Held], tracker: Tracker) -> tuple[Record, ...]:
    """Keep what can never be done, or has come too often; the answer is what comes again.

    A record of several events comes again while one of them can be done.
    """
    by_record: dict[str, Held] = {}
    for one in held:
        former = by_record.get(one.record.message_id)
        if former is None or (one.again and not former.again):
            by_record[one.record.message_id] = one
    return tuple(one.record for one in by_record.values() if not _is_kept(one, tracker))


def _is_kept(held: Held, tracker: Tracker) -> bool:
    record, why = held.record, _name(held.error)
    if held.again and record.receive_count < tracker.settings.max_receives:
        tracker.log.warning("given back", sqs_message_id=record.message_id, error=why)
        if held.seconds is not None:
            tracker.queue.hide(record, held.seconds)
        return False
    try:
        tracker.dead_letters.send(record, held.error)
    except Exception as trouble:  # noqa: BLE001 - SQS moves it there itself when it has come too often
        put_error = type(trouble).__name__
        tracker.log.warning("not kept", sqs_message_id=record.message_id, error=why, put_error=put_error)
        return False
    tracker.log.warning("kept in the dead-letter queue", sqs_message_id=record.message_id, error=why)
    return True


def _name(error: MailbusError) -> str:
    return error.code if isinstance(error, PublishError) else type(error).__name__
