"""One batch of the send queue: parse, plan, pace, send, settle, report.

Each step takes the former one's value, and leaves the others alone: one bad job never hurts its
neighbours. The effects come in one order: the event, then the dead-letter queue, then the
acknowledgement, so that whatever fails in between is repeated and nothing is lost; repeated events
have the same `event_id`.

A mail that SES accepted is acknowledged whatever the bus says: redelivering the job would send
the mail again. The bus is tried several times, then the loss of `queued` is logged as an error
with the ids; SES's own `Send` event, which carries the job id, still arrives as `sent`. A function
that dies between SES's acceptance and its answer gets the job again and sends it twice; only a
record of each job, kept outside the queue, can close that gap.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from mailbus.errors import InvalidJob
from mailbus.jobs import Job, parse_job, peek_job_id
from mailbus.ledger import Unreachable
from sender.outcomes import Fault, Kind
from sender.pacing import Later, Turn
from sender.report import report
from sender.request import plan_request
from sender.results import Accepted, Planned, Postponed, Prepared, Refused, Result, Unexpected, Unreadable
from sender.settlement import conclude

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from mailbus.settings import SenderSettings
    from mailbus.sqs import Record
    from sender.wiring import Sender

WORKERS: Final = 10
REMEMBERED_SECONDS: Final = 14 * 24 * 60 * 60
# the outcomes whose number decides how long a job waits, or whether it is tried again
COUNTED: Final = frozenset({"retry", "throttled", "paused"})


def process(sender: Sender, records: Sequence[Record]) -> dict[str, list[dict[str, str]]]:
    """Send a batch; the answer names the messages that go back to the queue.

    From the first mail on it never raises: an error for one record would send the others' mail again.
    """
    prepared = [prepare(sender, record) for record in records]
    turns = pace(sender, [item for item in prepared if isinstance(item, Planned)])
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        results = list(pool.map(lambda item: attempt(sender, item, turns), prepared))
    return report(sender, [conclude(sender, result) for result in results])


def prepare(sender: Sender, record: Record) -> Prepared:
    """Take one record as far as it goes without SES."""
    try:
        parsed = parse(record)
        return parsed if isinstance(parsed, Unreadable) else plan(record, parsed, sender.settings)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=record, error_type=type(error).__name__)


def parse(record: Record) -> Job | Unreadable:
    """Read the job."""
    try:
        return parse_job(record.body, record.message_id)
    except InvalidJob as error:
        return Unreadable(record=record, job_id=peek_job_id(record.body, record.message_id), error=error)


def plan(record: Record, job: Job, settings: SenderSettings) -> Planned | Refused:
    """Work out the call."""
    try:
        return Planned(record=record, job=job, request=plan_request(job, settings))
    except InvalidJob as error:
        return Refused(record=record, job=job, kind="failed", error=error)


def pace(sender: Sender, planned: Sequence[Planned]) -> dict[str, Turn]:
    """Reserve the account's rate for the whole batch: each message's turn, by its SQS id."""
    turns = sender.pacer.reserve([len(item.request.envelope.recipients) for item in planned])
    return {item.record.message_id: turn for item, turn in zip(planned, turns, strict=True)}


def attempt(sender: Sender, item: Prepared, turns: dict[str, Turn]) -> Result:
    """Send what is to be sent, when its turn is."""
    if not isinstance(item, Planned):
        return item
    turn = turns[item.record.message_id]
    if isinstance(turn, Later):
        return Postponed(record=item.record, job=item.job, seconds=turn.seconds)
    try:
        sender.wait_until(turn.due)
        return send(sender, item)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=item.record, error_type=type(error).__name__)


def send(sender: Sender, planned: Planned) -> Accepted | Refused:
    """Call SES, once."""
    answer = sender.mail.send(planned.request)
    if isinstance(answer, Fault):
        return Refused(
            record=planned.record,
            job=planned.job,
            kind=answer.kind,
            error=answer.error,
            attempts=count_attempt(sender, planned.record, answer.kind),
        )
    return Accepted(record=planned.record, job=planned.job, message_id=answer)


def count_attempt(sender: Sender, record: Record, kind: Kind) -> int:
    """Count a try, where the count matters.

    Where the ledger does not answer, deliveries tell how long to wait, but end no job: it may have
    been delivered often for want of a turn, and tried once.
    """
    if kind not in COUNTED:
        return 1
    expires_at = math.ceil(sender.now().timestamp()) + REMEMBERED_SECONDS
    attempts = sender.ledger.count_attempt(record.message_id, kind, expires_at=expires_at)
    if isinstance(attempts, Unreachable):
        return min(record.receive_count, sender.settings.max_attempts - 1)
    return attempts
