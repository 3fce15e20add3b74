"""A batch of SES's notifications, step by step: normalize, find jobs, complete, publish, requeue.

A record is requeued if the bus does not take its events, the ledger cannot be read or written, or there is no
time left: events have deterministic ids, so that repeating them is harmless. A record that can never become
an event, or was delivered too often, goes to the dead-letter queue with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.aws import sessions
from mailbus.aws.sns import parse_notification
from tracking.ledger_updates import complete, find_jobs
from tracking.measures import Measures
from tracking.normalize import normalize
from tracking.publishing import publish
from tracking.tracker import TrackedRecord, Unfinished, each

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailbus.aws.sqs import Record
    from tracking.tracker import Tracker

# An event takes about 2 KB of memory before it is encoded.
EVENTS_AT_ONCE: Final = 10_000
# The first retry of a record comes soon, since a mail in doubt may wait for it; later ones give a service
# that is unavailable more time.
FIRST_DELAY_SECONDS: Final = 5.0
LONGEST_DELAY_SECONDS: Final = 120.0
# doubling more often exceeds the longest delay
MAX_DOUBLINGS: Final = 5


def process(batch: Sequence[Record], tracker: Tracker) -> tuple[Record, ...]:
    """Publish the events of the records; return the records to retry."""
    unfinished: list[Unfinished] = []
    events, measures = 0, Measures()
    for chunk in _chunks(batch, unfinished, tracker):
        found, not_found = find_jobs(chunk, tracker)
        completed, incomplete = complete(found, tracker)
        unpublished = publish(completed, tracker)
        unfinished += not_found + incomplete + unpublished
        events += _count_events(completed)
        measures.add(completed, (one.record.message_id for one in unpublished), now=tracker.now())
    tracker.health.note(batch, tracker.ledger, tracker.now())
    requeued = _requeue(unfinished, tracker)
    tracker.log.info("batch done", records=len(batch), events=events, requeued=len(requeued))
    tracker.put_metrics(measures.metrics())
    return requeued


def _chunks(
    batch: Sequence[Record], unfinished: list[Unfinished], tracker: Tracker
) -> Iterator[list[TrackedRecord]]:
    """Normalize as many records at a time as there is memory for their events: nearly always all.

    Records that cannot be normalized, or not in time, are added to `unfinished`.
    """
    chunk: list[TrackedRecord] = []
    events = 0
    for record in batch:
        tracked, failed = each([record], lambda record: _normalize(record, tracker), lambda record: record)
        chunk += tracked
        unfinished += failed
        events += _count_events(tracked)
        if events >= EVENTS_AT_ONCE:
            yield chunk
            chunk, events = [], 0
    yield chunk


def _count_events(tracked_records: Sequence[TrackedRecord]) -> int:
    return sum(len(tracked.normalized.events) for tracked in tracked_records)


def _normalize(record: Record, tracker: Tracker) -> list[TrackedRecord]:
    if tracker.seconds_to_publish <= 0:
        raise sessions.NotTried
    normalized = normalize(
        parse_notification(record.body),
        topic_arn=tracker.settings.tracking_topic_arn,
        metadata_in_headers=tracker.settings.metadata_in_headers,
        trusts_other_topics=tracker.settings.trusts_other_topics,
        publish_sent=tracker.settings.publish_sent,
    )
    return [TrackedRecord(record=record, normalized=normalized)]


def _requeue(unfinished: Sequence[Unfinished], tracker: Tracker) -> tuple[Record, ...]:
    """Dead-letter records that failed permanently or too often; return the other records.

    A record of several events is retried if any of them can be done.
    """
    by_record: dict[str, Unfinished] = {}
    for one in unfinished:
        former = by_record.get(one.record.message_id)
        if former is None or (one.retry and not former.retry):
            by_record[one.record.message_id] = one
    requeued = [one for one in by_record.values() if not _is_dead_lettered(one, tracker)]
    tracker.queue.delay((one.record, _delay_seconds(one)) for one in requeued)
    return tuple(one.record for one in requeued)


def _delay_seconds(unfinished: Unfinished) -> float:
    if unfinished.delay_seconds is not None:
        return unfinished.delay_seconds
    doublings = min(unfinished.record.receive_count - 1, MAX_DOUBLINGS)
    return min(FIRST_DELAY_SECONDS * (1 << doublings), LONGEST_DELAY_SECONDS)


def _is_dead_lettered(unfinished: Unfinished, tracker: Tracker) -> bool:
    record, why = unfinished.record, unfinished.error.code
    if unfinished.retry and not tracker.is_last_delivery(record):
        tracker.log.warning("requeued", sqs_message_id=record.message_id, error=why)
        return False
    try:
        tracker.dead_letters.send(record, unfinished.error)
    except Exception as error:  # noqa: BLE001 - SQS moves it there itself when it was delivered too often
        send_error = type(error).__name__
        tracker.log.warning(
            "not dead-lettered", sqs_message_id=record.message_id, error=why, send_error=send_error
        )
        return False
    tracker.log.warning("dead-lettered", sqs_message_id=record.message_id, error=why)
    return True
