"""Reads and updates the ledger's records of the jobs that a batch's events are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from mailbus.errors import PublishError, SendError
from mailbus.ledger.records import SentEntry
from mailbus.ledger.table import INVALID
from tracking.correlation import (
    is_duplicate_message,
    is_new_acceptance,
    is_of_job,
    lookup_by_message,
    with_job,
    with_metadata,
)
from tracking.tracker import TrackedRecord, Unfinished, each, publish_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailbus.ledger.records import JobRecord, RecordKey
    from tracking.correlation import Lookup, Message, Untagged
    from tracking.tracker import Tracker

NOT_WRITTEN_DOWN: Final = "NotWrittenDown"
K = TypeVar("K")
V = TypeVar("V")


def find_jobs(
    tracked_records: Sequence[TrackedRecord], tracker: Tracker
) -> tuple[list[TrackedRecord], list[Unfinished]]:
    """Find the jobs of messages without tags, if the sender indexes its messages.

    It indexes them at the end of its batch, which can be after SES's first notification: the notification of
    a message that young is retried then. A message that is not found later was sent by somebody else.
    """
    message_ids = [
        one.normalized.untagged.message.message_id for one in tracked_records if one.normalized.untagged
    ]
    if not message_ids or not tracker.settings.index_messages:
        return list(tracked_records), []
    sent_entries, errors = _read(tracker.ledger.find_messages, message_ids)
    found: list[TrackedRecord] = []
    unfinished: list[Unfinished] = []
    for tracked in tracked_records:
        untagged = tracked.normalized.untagged
        if untagged is None:
            found.append(tracked)
        elif sent := sent_entries.get(untagged.message.message_id):
            found.append(_of_job(tracked, untagged, sent))
        elif error := errors.get(untagged.message.message_id):
            unfinished.append(Unfinished(record=tracked.record, error=error))
        elif (seconds := _seconds_until_indexed(tracked, untagged.message, tracker)) > 0:
            error = PublishError(NOT_WRITTEN_DOWN, "the sender may not have indexed the message yet")
            unfinished.append(Unfinished(record=tracked.record, error=error, delay_seconds=seconds))
        else:
            found.append(tracked)
    return found, unfinished


def _of_job(tracked: TrackedRecord, untagged: Untagged, sent: SentEntry) -> TrackedRecord:
    normalized = msgspec.structs.replace(
        tracked.normalized,
        events=with_job(tracked.normalized.events, sent),
        lookup=lookup_by_message(untagged, sent),
    )
    return TrackedRecord(record=tracked.record, normalized=normalized)


def _seconds_until_indexed(tracked: TrackedRecord, message: Message, tracker: Tracker) -> float:
    """Return how long to wait for the sender, 0 if the record would not be delivered again."""
    if tracker.is_last_delivery(tracked.record):
        return 0.0
    longest = tracker.settings.sender_seconds
    # SES's JSON may have any time
    return min(message.accepted_at + longest - tracker.now(), longest)


def complete(
    tracked_records: Sequence[TrackedRecord], tracker: Tracker
) -> tuple[list[TrackedRecord], list[Unfinished]]:
    """Complete events from the ledger, and record in it what SES accepted: one read for the whole batch.

    The first value is what can be published now. An incomplete event is not: consumers would ignore the
    complete one later, since it has the same id.
    """
    keys = {one.normalized.lookup.key: None for one in tracked_records if one.normalized.lookup}
    job_records, errors = _read(tracker.ledger.find, keys)
    completed: list[TrackedRecord] = []
    unfinished: list[Unfinished] = []
    for tracked in tracked_records:
        lookup = tracked.normalized.lookup
        error = errors.get(lookup.key) if lookup else None
        if error is not None:
            unfinished.append(Unfinished(record=tracked.record, error=error))
        if error is None or lookup is None or not lookup.incomplete:
            completed.append(_completed(tracked, job_records))
    return completed, unfinished + _record_acceptances(tracked_records, job_records, tracker)


def _completed(tracked: TrackedRecord, job_records: Mapping[RecordKey, JobRecord]) -> TrackedRecord:
    normalized, lookup = tracked.normalized, tracked.normalized.lookup
    job_record = job_records.get(lookup.key) if lookup is not None and lookup.incomplete else None
    if lookup is None or job_record is None or not is_of_job(lookup, job_record):
        return tracked
    events = with_metadata(normalized.events, job_record, lookup.entry)
    return TrackedRecord(record=tracked.record, normalized=msgspec.structs.replace(normalized, events=events))


def _record_acceptances(
    tracked_records: Sequence[TrackedRecord], job_records: Mapping[RecordKey, JobRecord], tracker: Tracker
) -> list[Unfinished]:
    """Record what SES accepted; return the records that must be redelivered for it."""
    unreachable: SendError | None = None

    def step(tracked: TrackedRecord) -> tuple[()]:
        nonlocal unreachable
        lookup = tracked.normalized.lookup
        job_record = job_records.get(lookup.key) if lookup is not None else None
        if lookup is not None and job_record is not None:
            # do not wait for an unreachable ledger once per record
            if unreachable is not None:
                raise unreachable
            try:
                _record_acceptance(lookup, job_record, tracker)
            except SendError as error:
                unreachable = None if _is_of_one_item(error) else error
                raise
        return ()

    _, unfinished = each(tracked_records, step, lambda tracked: tracked.record)
    return unfinished


def _record_acceptance(lookup: Lookup, job_record: JobRecord, tracker: Tracker) -> None:
    """Record in the ledger the acceptances that the sender does not know of."""
    is_new = is_new_acceptance(lookup, job_record)
    message = lookup.message
    if tracker.settings.index_messages and (is_new or is_duplicate_message(lookup, job_record)):
        sent = SentEntry(key=lookup.key, entry=lookup.entry)
        tracker.ledger.index_message(message.message_id, sent, job_record.expires_at)
    if is_new:
        tracker.ledger.mark_accepted(lookup.key, lookup.entry, message.message_id, message.accepted_at)


def _read(
    find: Callable[[Sequence[K]], dict[K, V]], keys: Iterable[K]
) -> tuple[dict[K, V], dict[K, PublishError]]:
    """Read from the ledger; the second value has the error of each key that could not be read."""
    wanted = list(keys)
    try:
        return (find(wanted) if wanted else {}), {}
    except Exception as error:  # noqa: BLE001 - one damaged item must not fail its batch
        if len(wanted) > 1 and _is_of_one_item(error):
            return _read_one_by_one(find, wanted)
        return {}, dict.fromkeys(wanted, publish_error(error))


def _read_one_by_one(
    find: Callable[[Sequence[K]], dict[K, V]], keys: Sequence[K]
) -> tuple[dict[K, V], dict[K, PublishError]]:
    """Find out for which key, or which item, a read failed."""
    answers = [_read(find, [key]) for key in keys]
    return (
        {key: value for found, _ in answers for key, value in found.items()},
        {key: error for _, errors in answers for key, error in errors.items()},
    )


def _is_of_one_item(error: Exception) -> bool:
    """Return whether a call failed for one of its items: DynamoDB refuses it, or it is damaged."""
    return not isinstance(error, SendError) or error.code == INVALID
