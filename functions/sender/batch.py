"""One batch of a send queue: read, look up, pace, claim, send, settle.

Each step takes the former one's values, and leaves the others alone: one bad job never hurts its neighbours.

What makes a job be sent once is the order: it is claimed in the ledger before SES is called, and what SES
answered is written down after. Whoever finds a claim without an answer knows that the job is in doubt, and
lets SES's own `Send` event decide (`mailbus.ledger.records`). The events follow the ledger, the dead-letter
queue the events, and the acknowledgement all of them, so that what fails in between is repeated and nothing
is lost; repeated events have the same `event_id`.

A batch is played in rounds. Each takes what has its turn within the account's rate; the others wait for the
next one, as long as the function has time, and then go back to the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.aws.sqs import Record, batch_response
from mailbus.errors import SendError
from mailbus.jobs.parsing import job_id_of
from mailbus.metrics import WAITING_JOB_SECONDS
from sender.claims import look_up, refuse
from sender.completion import report
from sender.deferral import defer, divide
from sender.dispatch import Played, back_to_queue, play
from sender.preparing import Read, is_heavy, open_record, prepare
from sender.results import Early, Large, Postponed, Refused, Unexpected, Work
from sender.settlement import conclude

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sender.preparing import Opened
    from sender.results import Result
    from sender.settlement import Settlement
    from sender.wiring import Sender

# How long a batch goes on beginning rounds, in seconds. The last one may plan as far ahead as the pacing
# does, then SES may take its time to answer, and what follows needs a few seconds more.
ROUNDS_SECONDS: Final = 10.0
# how long what had no time is hidden at most: at once, it would come to the same busy worker
LATE_SECONDS: Final = 2.0


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A message that goes back to the queue; `waited` counts seconds for transactional jobs that could go."""

    record: Record
    waited: float


def process(sender: Sender, records: Sequence[Record], deadline: float) -> dict[str, list[dict[str, str]]]:
    """Send a batch; the answer names the messages that go back to the queue.

    `deadline`, in epoch seconds, is when the function is ended. It never raises: an error for one record
    would take the others along.
    """
    until = sender.now().timestamp() + ROUNDS_SECONDS
    defaults = sender.settings.send_defaults
    opened = [open_record(record) for record in records]
    heavy = [item for item in opened if isinstance(item, Read) and is_heavy(item, defaults)]
    # one at a time: each may have the size that the function's memory is for
    groups: list[list[Opened]] = [[item for item in opened if item not in heavy]]
    groups += [[item] for item in heavy]
    # who had no time before goes first: what waits for its turn may take all there is, again and again
    groups.sort(key=lambda group: -max((item.record.receive_count for item in group), default=0))
    left = [item for group in groups for item in _send(sender, group, until, deadline)]
    waited = max((item.waited for item in left), default=0.0)
    if waited:
        sender.put_metric(WAITING_JOB_SECONDS, waited)
    return batch_response(item.record for item in left)


def _send(sender: Sender, opened: Sequence[Opened], until: float, deadline: float) -> list[Left]:
    """Bring jobs as far as there is time for; the answer is what goes back to the queue."""
    begun = [_begin(sender, item, until, deadline) for item in opened]
    due = {item.record.message_id: item.job.send_at for item in begun if isinstance(item, Work)}
    return [
        Left(
            record=settlement.record,
            waited=_waited(sender, settlement, due.get(settlement.record.message_id)),
        )
        for settlement in _bring(sender, begun, until, deadline)
    ]


def _waited(sender: Sender, settlement: Settlement, due: float | None) -> float:
    """Measure what the alarm on waiting jobs looks at; SQS measures no message that came three times.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    record = settlement.record
    if record.sent_at is None or settlement.outcome == "scheduled" or sender.lane_of(record) == "bulk":
        return 0.0
    return max(0.0, sender.now().timestamp() - max(record.sent_at, due or 0.0))


def _bring(sender: Sender, begun: Sequence[Work | Result], until: float, deadline: float) -> list[Settlement]:
    left = _finish(sender, [item for item in begun if not isinstance(item, Work)])
    looked_up = _look_up(sender, [item for item in begun if isinstance(item, Work)])
    left += _finish(sender, [item for item in looked_up if not isinstance(item, Work)])
    pending = [item for item in looked_up if isinstance(item, Work)]
    while pending:
        played = _play(sender, pending, deadline)
        left += _finish(sender, played.results)
        pending = played.pending
        resumed = sender.now().timestamp() + played.wait
        if pending and resumed > until:
            return left + _finish(sender, [back_to_queue(work, played.wait) for work in pending])
        if pending and played.wait:
            sender.wait_until(resumed)
    return left


def _begin(sender: Sender, opened: Opened, until: float, deadline: float) -> Work | Result:
    if not isinstance(opened, Read):
        return opened
    record = opened.record
    if sender.now().timestamp() > until:
        job_id = job_id_of(opened.document, record.original_message_id)
        return Postponed(record=record, job_id=job_id, seconds=sender.uniform(0, LATE_SECONDS))
    prepared = prepare(sender, opened, deadline)
    if isinstance(prepared, Early | Large | Refused):
        return _guarded(sender, prepared, deadline)
    return prepared


def _look_up(sender: Sender, works: Sequence[Work]) -> list[Work | Result]:
    try:
        return look_up(sender, works)
    except Exception as error:  # noqa: BLE001 - what was settled before must be acknowledged
        return [_unexpected(work, error) for work in works]


def _play(sender: Sender, works: Sequence[Work], deadline: float) -> Played:
    try:
        return play(sender, works, deadline)
    except Exception as error:  # noqa: BLE001 - as above
        return Played(results=[_unexpected(work, error) for work in works], pending=[])


def _unexpected(work: Work, error: Exception) -> Result:
    return Unexpected(record=work.record, error_type=type(error).__name__, called=True)


def _guarded(sender: Sender, item: Early | Large | Refused, deadline: float) -> Result:
    try:
        match item:
            case Early():
                return defer(sender, item)
            case Large():
                return divide(sender, item, deadline)
            case Refused():
                return refuse(sender, item)
    except SendError as error:
        return Postponed(record=item.record, job_id=item.job.job_id, error=error.code)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=item.record, error_type=type(error).__name__)


def _finish(sender: Sender, results: Sequence[Result]) -> list[Settlement]:
    return report(sender, [conclude(sender, result) for result in results]) if results else []
