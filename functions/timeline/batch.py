"""A batch of events, step by step: read, group by mail, write, requeue.

Every write may be repeated and made in any order, so that a record is simply retried whenever one of its
writes failed. A record that can never be written, or was delivered too often, goes to the dead-letter queue
with the reason; redriven from there it is written like any other.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.sqs import Record
from mailbus.errors import InvalidEvent, MailbusError
from mailbus.side_by_side import SideBySide
from mailbus.timeline import items
from mailbus.timeline.mails import merged
from timeline.aws.table import Key, TimelineWrites, key_of
from timeline.reading import Kept, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailbus.timeline.mails import TimelineMail

# A call takes a few milliseconds, all of it waiting.
WORKERS: Final = 8


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """The clients of a batch, whose calls are made `side_by_side`.

    Its items expire at `expires_at`, in epoch seconds.
    """

    table: TimelineWrites
    dead_letters: DeadLetterQueue
    log: Logger
    expires_at: int
    max_receives: int
    side_by_side: SideBySide


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    record: Record
    kept: Kept
    keys: tuple[Key, ...]


def process(batch: Sequence[Record], recorder: Recorder) -> tuple[Record, ...]:
    """Record the events of a batch; return the records to retry."""
    events, failed = _read_all(batch)
    puts, updates = _writes(events, recorder.expires_at)
    errors = _write(puts, updates, recorder)
    for one in events:
        error = next((errors[key] for key in one.keys if key in errors), None)
        if error is not None:
            failed.append((one.record, error))
    requeued = tuple(record for record, error in failed if not _is_dead_lettered(record, error, recorder))
    recorder.log.info(
        "batch done", records=len(batch), mails=len(updates), events=len(puts), requeued=len(requeued)
    )
    return requeued


def _read_all(batch: Iterable[Record]) -> tuple[list[_Read], list[tuple[Record, MailbusError]]]:
    events: list[_Read] = []
    failed: list[tuple[Record, MailbusError]] = []
    for record in batch:
        try:
            kept = read(record.body)
        except InvalidEvent as error:
            failed.append((record, error))
        except Exception as error:  # noqa: BLE001 - one event must not fail its batch
            # only its type: its text may quote the event
            reason = f"unexpected {type(error).__name__} in the timeline; report it, and redrive the event"
            failed.append((record, MailbusError(reason, code="UnexpectedError")))
        else:
            events.append(_Read(record=record, kept=kept, keys=_keys(kept)))
    return events, failed


def _keys(kept: Kept) -> tuple[Key, ...]:
    event = (kept.group, f"{items.EVENT}{kept.event.event_id}")
    if kept.received is not None:
        return event, (kept.group, items.MAIL)
    return (event,) if kept.mail is None else (event, key_of(items.mail_key(kept.mail)))


def _writes(events: Sequence[_Read], expires_at: int) -> tuple[dict[Key, Any], dict[Key, items.Update]]:
    """Return the items to put, and one update for each mail, whatever the number of its events."""
    puts: dict[Key, Any] = {}
    mails: dict[Key, list[TimelineMail]] = {}
    for one in events:
        kept = one.kept
        of_no_mail = kept.mail is None and kept.received is None
        new = [items.event_item(kept.event, kept.group, expires_at, of_no_mail=of_no_mail)]
        if kept.received is not None:
            new.append(items.received_item(kept.received, expires_at))
        puts |= {key_of(item): item for item in new}
        if kept.mail is not None:
            mails.setdefault(key_of(items.mail_key(kept.mail)), []).append(kept.mail)
    return puts, {key: items.mail_update(merged(of_one), expires_at) for key, of_one in mails.items()}


def _write(
    puts: Mapping[Key, Any], updates: Mapping[Key, items.Update], recorder: Recorder
) -> dict[Key, MailbusError]:
    """Make all calls side by side; return the errors by key."""
    table = recorder.table

    def update(key: Key) -> dict[Key, MailbusError]:
        error = table.update(updates[key])
        return {} if error is None else {key: error}

    calls: list[Callable[[], dict[Key, MailbusError]]] = [
        *(functools.partial(table.put, call) for call in table.calls(puts)),
        *(functools.partial(update, key) for key in updates),
    ]
    errors: dict[Key, MailbusError] = {}
    for failed in recorder.side_by_side(lambda call: call(), calls, WORKERS):
        errors |= failed
    return errors


def _is_dead_lettered(record: Record, error: MailbusError, recorder: Recorder) -> bool:
    permanent = isinstance(error, InvalidEvent) or record.receive_count >= recorder.max_receives
    if not permanent:
        recorder.log.warning("requeued", sqs_message_id=record.message_id, error=error.code)
        return False
    try:
        recorder.dead_letters.send(record, error)
    except Exception as send_error:  # noqa: BLE001 - SQS moves it there itself when it was delivered too often
        recorder.log.warning(
            "not dead-lettered",
            sqs_message_id=record.message_id,
            error=error.code,
            send_error=type(send_error).__name__,
        )
        return False
    recorder.log.warning("dead-lettered", sqs_message_id=record.message_id, error=error.code)
    return True
