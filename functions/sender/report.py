"""Carry out what was settled, in one order: events, dead-letter queue, acknowledgement.

Whatever fails in between is repeated and nothing is lost; repeated events have the same `event_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.bus import PublishFailure
from mailbus.sqs import batch_response
from sender.outcomes import delay_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.errors import MailbusError
    from sender.settlement import Settlement
    from sender.wiring import Sender

SETTLED: Final = "job settled"


def report(sender: Sender, settlements: Sequence[Settlement]) -> dict[str, list[dict[str, str]]]:
    """Carry out what was settled: the events of the whole batch together, then the rest."""
    failures = publish(sender, settlements)
    closed = [
        close(sender, settlement, failed) for settlement, failed in zip(settlements, failures, strict=True)
    ]
    return batch_response(
        settlement.record for settlement, done in zip(settlements, closed, strict=True) if not done
    )


def publish(sender: Sender, settlements: Sequence[Settlement]) -> list[list[PublishFailure]]:
    """Put all events on the bus; the answer holds each settlement's failures."""
    owned = [(owner, put) for owner, settlement in enumerate(settlements) for put in settlement.entries]
    try:
        failed = sender.bus.publish([put for _, put in owned])
    except Exception as error:  # noqa: BLE001 - an accepted mail must be acknowledged all the same
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
    unpublished = any(failure.retryable for failure in failures)
    if settlement.bury is None:
        acknowledged = settlement.give_back_seconds is None
    else:
        acknowledged = not unpublished and bury(sender, settlement, settlement.bury)
    if not acknowledged:
        give_back(sender, settlement)
    _log(sender, settlement, SETTLED)
    return acknowledged


def bury(sender: Sender, settlement: Settlement, error: MailbusError) -> bool:
    """Keep the job in the dead-letter queue; false where that failed, and has to be tried again."""
    try:
        sender.dead_letters.put(settlement.record, error)
    except Exception as failure:  # noqa: BLE001 - the rest of the batch must be acknowledged
        _log(sender, settlement, "job is not in the dead-letter queue", put_error=type(failure).__name__)
        return False
    return True


def give_back(sender: Sender, settlement: Settlement) -> None:
    """Hide the job until it is due; without that the queue's own visibility timeout holds."""
    seconds = settlement.give_back_seconds
    if seconds is None:
        seconds = delay_seconds("retry", settlement.record.receive_count, sender.uniform)
    if not sender.queue.give_back(settlement.record, seconds):
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
            "message_id": settlement.message_id,
            "receive_count": settlement.record.receive_count,
            "outcome": settlement.outcome,
            "error": settlement.error,
            "bus_error": bus_error,
            "put_error": put_error,
        },
    )
