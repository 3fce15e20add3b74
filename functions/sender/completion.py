"""Carry out what was settled, in one order: ledger, events, dead-letter queue, acknowledgement.

Whatever fails in between is repeated and nothing is lost: the ledger keeps a mail that SES accepted from
being sent again, and the queue keeps its events until they are on the bus; repeated events have the same
`event_id`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mailbus.aws.event_bus import PublishFailure
from mailbus.metrics import SENDING_PAUSED
from sender.retries import delay_seconds
from sender.settlement import is_over

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.errors import MailbusError
    from mailbus.ledger.records import JobRecord, RecordKey
    from sender.settlement import Settlement
    from sender.wiring import Sender

SETTLED: Final = "job settled"


def report(sender: Sender, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Carry out what was settled, of the whole batch together; the answer is what goes back to the queue."""
    write_down(sender, settlements)
    failures = publish(sender, settlements)
    paused = sum(settlement.paused for settlement in settlements)
    if paused:
        sender.put_metric(SENDING_PAUSED, paused)
    return [
        settlement
        for settlement, failed in zip(settlements, failures, strict=True)
        if not _is_closed(sender, settlement, failed)
    ]


def _is_closed(sender: Sender, settlement: Settlement, failures: Sequence[PublishFailure]) -> bool:
    try:
        return close(sender, settlement, failures)
    except Exception as error:  # noqa: BLE001 - the rest of the batch must be acknowledged
        _log(sender, settlement, "job is not settled; it comes again", put_error=type(error).__name__)
        return False


def write_down(sender: Sender, settlements: Sequence[Settlement]) -> None:
    """Write to the ledger; where it does not take it, the job is in doubt, and SES's own event decides."""
    kept = {settlement.keep.key: settlement for settlement in settlements if settlement.keep is not None}
    for key in _save(sender, [settlement.keep for settlement in kept.values() if settlement.keep]):
        _log(sender, kept[key], "job is not written down")
    for settlement in settlements:
        if settlement.let_go is not None:
            _let_go(sender, settlement.let_go)


def _save(sender: Sender, records: Sequence[JobRecord]) -> Sequence[RecordKey]:
    try:
        return sender.ledger.save(records)
    except Exception:  # noqa: BLE001 - the events have to get out all the same
        return [record.key for record in records]


def _let_go(sender: Sender, record: JobRecord) -> None:
    # otherwise the lease ends by itself
    with contextlib.suppress(Exception):
        sender.ledger.release_lease(record)


def publish(sender: Sender, settlements: Sequence[Settlement]) -> list[list[PublishFailure]]:
    """Put all events on the bus; the answer holds each settlement's failures."""
    owned = [(owner, put) for owner, settlement in enumerate(settlements) for put in settlement.entries]
    try:
        failed = sender.bus.publish([put for _, put in owned])
    except Exception as error:  # noqa: BLE001 - the rest of the batch must be settled
        failure = PublishFailure(code=type(error).__name__, reason="unexpected", retryable=True)
        failed = dict.fromkeys(range(len(owned)), failure)
    failures: list[list[PublishFailure]] = [[] for _ in settlements]
    for index, failure in failed.items():
        failures[owned[index][0]].append(failure)
    return failures


def close(sender: Sender, settlement: Settlement, failures: Sequence[PublishFailure]) -> bool:
    """Finish one record after its events; true acknowledges it, false gives it back to the queue."""
    code = failures[0].code if failures else None
    if code is not None:
        _log(sender, settlement, "events are not on the bus", bus_error=code)
    unpublished = any(failure.retryable for failure in failures) and not is_over(sender, settlement.record)
    acknowledged = settlement.give_back_seconds is None and not unpublished
    if acknowledged and settlement.bury is not None:
        acknowledged = bury(sender, settlement, settlement.bury)
    if not acknowledged:
        give_back(sender, settlement)
    _log(sender, settlement, SETTLED)
    return acknowledged


def bury(sender: Sender, settlement: Settlement, error: MailbusError) -> bool:
    """Keep the job in the dead-letter queue; false where that failed, and has to be tried again."""
    try:
        sender.dead_letters.send(settlement.record, error)
    except Exception as failure:  # noqa: BLE001 - the rest of the batch must be acknowledged
        _log(sender, settlement, "job is not in the dead-letter queue", put_error=type(failure).__name__)
        return False
    return True


def give_back(sender: Sender, settlement: Settlement) -> None:
    """Hide the job until it is due; without that the queue's own visibility timeout holds."""
    seconds = settlement.give_back_seconds
    if seconds is None:
        seconds = delay_seconds("retry", settlement.record.receive_count, sender.uniform)
    if not sender.queues.requeue(settlement.record, seconds):
        _log(sender, settlement, "visibility timeout is not changed")


def _log(
    sender: Sender,
    settlement: Settlement,
    text: str,
    bus_error: str | None = None,
    put_error: str | None = None,
) -> None:
    wrong = settlement.outcome == "unexpected" or text != SETTLED
    write = sender.log.error if wrong else sender.log.info
    write(
        text,
        extra={
            "job_id": settlement.job_id,
            "sqs_message_id": settlement.record.message_id,
            "part": settlement.record.part,
            "message_ids": settlement.message_ids,
            "receive_count": settlement.record.receive_count,
            "outcome": settlement.outcome,
            "error": settlement.error,
            "bus_error": bus_error,
            "put_error": put_error,
        },
    )
