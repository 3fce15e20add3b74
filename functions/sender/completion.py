"""Completes settled messages in one order: ledger, events, dead-letter queue, acknowledgement.

Whatever fails in between is repeated and nothing is lost: the ledger prevents that a mail that SES accepted
is sent again, and the queue keeps its events until they are on the bus; repeated events have the same
`event_id`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.aws.event_bus import PublishFailure
from mailbus.events import DETAIL_TYPE_PREFIX
from mailbus.metrics import DOUBT_SECONDS, DOUBTFUL_JOBS, LANE_PAUSED, SENDING_PAUSED, count_events
from sender.retries import delay_seconds
from sender.settlement import is_last_delivery, isolated
from sender.waiting import Requeued

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from mailbus.errors import MailbusError
    from sender.settlement import Settlement
    from sender.wiring import Sender

SETTLED: Final = "job settled"
QUEUED: Final = "jobs queued"


def complete(sender: Sender, settlements: Sequence[Settlement]) -> list[Requeued]:
    """Complete messages, all of them together; return those that are to be delivered again."""
    if not settlements:
        return []
    save(sender, settlements)
    failures = publish(sender, settlements)
    _measure(sender, settlements)
    requeued = [
        _requeued(sender, settlement)
        for settlement, failed in zip(settlements, failures, strict=True)
        if not _is_acknowledged(sender, settlement, failed)
    ]
    _log_queued(
        sender, [one for one, failed in zip(settlements, failures, strict=True) if _is_usual(one, failed)]
    )
    return requeued


def _measure(sender: Sender, settlements: Sequence[Settlement]) -> None:
    """Count what waits for SES, and the events of mails that will not be sent."""
    put = sender.put_metric
    doubts = [one.doubt_seconds for one in settlements if one.doubt_seconds is not None]
    if doubts:
        put(DOUBTFUL_JOBS, len(doubts))
        put(DOUBT_SECONDS, max(doubts))
    if paused := sum(settlement.paused for settlement in settlements):
        put(SENDING_PAUSED, paused)
    if held := sum(settlement.held for settlement in settlements):
        put(LANE_PAUSED, held)
    event_types = (
        entry.detail_type.removeprefix(DETAIL_TYPE_PREFIX) for one in settlements for entry in one.bus_entries
    )
    for metric, count in count_events(event_types).items():
        put(metric, count)


def save(sender: Sender, settlements: Sequence[Settlement]) -> None:
    """Save to the ledger; a job that is not saved is in doubt, and SES's own event decides."""
    by_key = {settlement.save.key: settlement for settlement in settlements if settlement.save is not None}
    job_records = [settlement.save for settlement in by_key.values() if settlement.save is not None]
    for key in isolated(lambda: sender.ledger.save(job_records), lambda _: tuple(by_key)):
        _log(sender, by_key[key], "job was not saved in the ledger")
    for settlement in settlements:
        _release(sender, settlement)


def _release(sender: Sender, settlement: Settlement) -> None:
    claimed = settlement.release
    if claimed is not None:
        # otherwise the lease ends by itself
        isolated(lambda: sender.ledger.release_lease(claimed), lambda _: None)


def publish(sender: Sender, settlements: Sequence[Settlement]) -> list[list[PublishFailure]]:
    """Put all events on the bus; return each settlement's failures."""
    owned = [(owner, put) for owner, settlement in enumerate(settlements) for put in settlement.bus_entries]

    def all_failed(error: Exception) -> Mapping[int, PublishFailure]:
        failure = PublishFailure(code=type(error).__name__, reason="unexpected", retryable=True)
        return dict.fromkeys(range(len(owned)), failure)

    failed = isolated(lambda: sender.bus.publish([put for _, put in owned]), all_failed)
    failures: list[list[PublishFailure]] = [[] for _ in settlements]
    for index, failure in failed.items():
        failures[owned[index][0]].append(failure)
    return failures


def _is_acknowledged(sender: Sender, settlement: Settlement, failures: Sequence[PublishFailure]) -> bool:
    def keep(error: Exception) -> bool:
        _log(sender, settlement, "job was not settled and is retried", put_error=type(error).__name__)
        return False

    return isolated(lambda: finish(sender, settlement, failures), keep)


def finish(sender: Sender, settlement: Settlement, failures: Sequence[PublishFailure]) -> bool:
    """Finish one message after its events; return whether it is acknowledged, or else delivered again."""
    code = failures[0].code if failures else None
    if code is not None:
        _log(sender, settlement, "events were not published", bus_error=code)
    unpublished = any(failure.retryable for failure in failures) and not is_last_delivery(
        sender, settlement.record
    )
    acknowledged = settlement.requeue_seconds is None and not unpublished
    if acknowledged and settlement.dead_letter is not None:
        acknowledged = dead_letter(sender, settlement, settlement.dead_letter)
    if not _is_usual(settlement, failures):
        _log(sender, settlement, SETTLED)
    return acknowledged


def dead_letter(sender: Sender, settlement: Settlement, error: MailbusError) -> bool:
    """Send the message to the dead-letter queue; return True if it is there."""

    def report(failure: Exception) -> bool:
        _log(sender, settlement, "job could not be dead-lettered", put_error=type(failure).__name__)
        return False

    def send() -> bool:
        sender.dead_letters.send(settlement.record, error)
        return True

    return isolated(send, report)


def _requeued(sender: Sender, settlement: Settlement) -> Requeued:
    seconds = settlement.requeue_seconds
    if seconds is None:
        seconds = delay_seconds("retry", settlement.record.receive_count, sender.uniform)
    return Requeued(settlement=settlement, due=sender.now().timestamp() + seconds)


def _is_usual(settlement: Settlement, failures: Sequence[PublishFailure]) -> bool:
    """Return True for what nearly every job is: sent at its first delivery, whole, with its events."""
    record = settlement.record
    is_first = record.receive_count == 1 and record.part is None
    return settlement.outcome == "queued" and is_first and not failures


def _log_queued(sender: Sender, settlements: Sequence[Settlement]) -> None:
    """Write one line for all jobs that were sent as usual: one for each costs as much as SQS does."""
    if settlements:
        jobs = {settlement.job_id: settlement.message_ids for settlement in settlements}
        sender.log.info(QUEUED, extra={"jobs": jobs})


def _log(
    sender: Sender,
    settlement: Settlement,
    text: str,
    bus_error: str | None = None,
    put_error: str | None = None,
) -> None:
    is_error = settlement.outcome == "unexpected" or text != SETTLED
    write = sender.log.error if is_error else sender.log.info
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
