"""What a batch asks the ledger, and tells it: the jobs that its reports are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from mailbus.errors import PublishError
from mailbus.ledger.records import SentEntry
from mailbus.ledger.table import INVALID, Unreachable
from tracking.correlation import complete, found_by_message, identified, is_about, is_news, is_second
from tracking.tracker import Held, Reading, unforeseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailbus.aws.sqs import Record
    from mailbus.ledger.records import JobRecord, RecordKey
    from tracking.correlation import Lookup
    from tracking.tracker import Tracker

NOT_WRITTEN_DOWN: Final = "NotWrittenDown"
K = TypeVar("K")
V = TypeVar("V")


def identify(readings: Sequence[Reading], tracker: Tracker) -> tuple[list[Reading], list[Held]]:
    """Find the jobs of messages that SES reports without tags, where the sender writes them down.

    It does so when its batch is done, which can be after SES's first notification: a message that young
    waits until then. What is not found later was sent by somebody else.
    """
    untagged = [reading.report.untagged.message.message_id for reading in readings if reading.report.untagged]
    if not untagged or not tracker.settings.index_messages:
        return list(readings), []
    found, damaged = _ask(tracker.ledger.find_messages, untagged)
    known: list[Reading] = []
    held: list[Held] = []
    for reading in readings:
        asked = reading.report.untagged
        sent = found.get(asked.message.message_id) if asked else None
        if asked is None:
            known.append(reading)
        elif sent is not None:
            report = msgspec.structs.replace(
                reading.report,
                events=identified(reading.report.events, sent),
                lookup=found_by_message(asked, sent),
            )
            known.append(Reading(record=reading.record, report=report))
        elif error := damaged.get(asked.message.message_id):
            held.append(Held(record=reading.record, error=error))
        elif (seconds := _until_written_down(reading.record, asked.message.accepted_at, tracker)) > 0:
            held.append(Held(record=reading.record, error=_not_written_down(), seconds=seconds))
        else:
            known.append(reading)
    return known, held


def _until_written_down(record: Record, accepted_at: float, tracker: Tracker) -> float:
    """Say how long to wait, in seconds; not at all where the record would not come again."""
    if record.receive_count >= tracker.settings.max_receives:
        return 0.0
    longest = tracker.settings.sender_seconds
    # whatever time a report gives
    return min(accepted_at + longest - tracker.now(), longest)


def _not_written_down() -> PublishError:
    return PublishError(NOT_WRITTEN_DOWN, "which job it is of may not be written down yet")


def settle(readings: Sequence[Reading], tracker: Tracker) -> tuple[list[Reading], list[Held]]:
    """Ask and tell the ledger what is to be asked and told: one question for all, one mark for each news.

    The first value is what can be published now. An event that lacks something waits; it would count for
    consumers as the one that comes complete.
    """
    asked = {reading.report.lookup.key: None for reading in readings if reading.report.lookup}
    found, unanswered = _ask(tracker.ledger.find, asked)
    complete_ones: list[Reading] = []
    held: list[Held] = []
    for reading in readings:
        wanted = reading.report.lookup
        error = unanswered.get(wanted.key) if wanted else None
        if error is not None:
            held.append(Held(record=reading.record, error=error))
        if error is None or wanted is None or not wanted.incomplete:
            complete_ones.append(_completed(reading, found))
    return complete_ones, held + _mark(readings, found, tracker)


def _ask(
    question: Callable[[Sequence[K]], dict[K, V] | Unreachable], keys: Iterable[K]
) -> tuple[dict[K, V], dict[K, PublishError]]:
    """Ask the ledger; the second value says of which keys it gave no answer, and why."""
    each = list(keys)
    try:
        answer = question(each) if each else {}
    except Exception as error:  # noqa: BLE001 - one damaged item must not take its batch along
        if len(each) == 1:
            return {}, {each[0]: unforeseen(error)}
        return _ask_one_by_one(question, each)
    if not isinstance(answer, Unreachable):
        return answer, {}
    if answer.code == INVALID and len(each) > 1:
        return _ask_one_by_one(question, each)
    return {}, dict.fromkeys(each, _unreachable(answer))


def _ask_one_by_one(
    question: Callable[[Sequence[K]], dict[K, V] | Unreachable], keys: Sequence[K]
) -> tuple[dict[K, V], dict[K, PublishError]]:
    """Find out which key, or which item, a question failed for."""
    answers = [_ask(question, [key]) for key in keys]
    return (
        {key: value for found, _ in answers for key, value in found.items()},
        {key: error for _, unanswered in answers for key, error in unanswered.items()},
    )


def _completed(reading: Reading, found: Mapping[RecordKey, JobRecord]) -> Reading:
    asked = reading.report.lookup
    record = found.get(asked.key) if asked is not None and asked.incomplete else None
    if asked is None or record is None or not is_about(asked, record):
        return reading
    events = complete(reading.report.events, record, asked.entry)
    return Reading(record=reading.record, report=msgspec.structs.replace(reading.report, events=events))


def _mark(readings: Sequence[Reading], found: Mapping[RecordKey, JobRecord], tracker: Tracker) -> list[Held]:
    """Write down what SES accepted; the answer is the records that have to come again for it."""
    held: list[Held] = []
    away: Unreachable | None = None
    for reading in readings:
        asked = reading.report.lookup
        record = found.get(asked.key) if asked is not None else None
        if asked is None or record is None:
            continue
        try:
            # a ledger that is away is not waited for once for each record
            trouble = away or _tell(asked, record, tracker)
        except Exception as error:  # noqa: BLE001 - as above
            held.append(Held(record=reading.record, error=unforeseen(error)))
            continue
        if trouble is not None:
            held.append(Held(record=reading.record, error=_unreachable(trouble)))
            # what is wrong with one item says nothing of the next
            away = None if trouble.code == INVALID else trouble
    return held


def _tell(asked: Lookup, record: JobRecord, tracker: Tracker) -> Unreachable | None:
    """Tell the ledger what the sender never learnt."""
    news = is_news(asked, record)
    message = asked.message
    if tracker.settings.index_messages and (news or is_second(asked, record)):
        sent = SentEntry(key=asked.key, entry=asked.entry)
        if away := tracker.ledger.index_message(message.message_id, sent, record.expires_at):
            return away
    if not news:
        return None
    marked = tracker.ledger.mark_accepted(asked.key, asked.entry, message.message_id, message.accepted_at)
    return marked if isinstance(marked, Unreachable) else None


def _unreachable(away: Unreachable) -> PublishError:
    return PublishError(away.code, "the ledger does not answer")
