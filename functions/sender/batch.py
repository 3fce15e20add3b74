"""One batch of a send queue: read, look up, reserve, claim, call, settle.

Each step takes the values of the one before, and an error in one job never affects the others.

A job is sent once because of the order: it is claimed in the ledger before SES is called, and SES's answer
is saved after. Whoever finds a claim without an answer knows that the job is in doubt, and waits for SES's
own `Send` event (`mailbus.ledger.records`). The events follow the ledger, the dead-letter queue the events,
and the acknowledgement all of them, so that what fails in between is repeated and nothing is lost; repeated
events have the same `event_id`.

A batch is sent in rounds. Each sends what the account's rate allows; the rest waits for the next round, as
long as some of the rate comes soon and the function has time, and is then delivered again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus.aws.sqs import batch_response
from mailbus.errors import MailbusError, SendError
from mailbus.jobs.job_id import job_id_of
from mailbus.metrics import WAITING_JOB_SECONDS
from sender.completion import complete
from sender.deferral import defer, split_merge
from sender.dispatch import Round, dispatch_round, requeue
from sender.preparing import is_memory_heavy, parse, prepare, read_message
from sender.settlement import Settlement, failed_step, isolated, postponed
from sender.verdicts import failed_work, look_up, refuse, refuse_message
from sender.waiting import deliver_later
from sender.work import Message, NotDue, Oversized, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus.aws.sqs import Record
    from mailbus.jobs.job import Job
    from sender.waiting import Requeued
    from sender.wiring import Sender

# How long a batch begins new rounds, in seconds. The last one may reserve as far ahead as the pacing does,
# then SES may take long to answer, and what follows needs a few seconds more.
ROUNDS_SECONDS: Final = 10.0
# How long a batch waits in the function for some of the rate. With as many workers as the rate needs it is
# there sooner; of too many, each would only receive other mails if it waited for less.
PATIENCE_SECONDS: Final = 4.0
# how long a job that there was no time for is delayed at most: without, the same busy worker would receive it
LATE_SECONDS: Final = 2.0


def process(sender: Sender, records: Sequence[Record], deadline: float) -> dict[str, list[dict[str, str]]]:
    """Send a batch; return the messages that are not acknowledged, as Lambda expects them.

    `deadline`, in epoch seconds, is when the function is ended. It never raises: an error for one message
    would fail all of them.
    """
    until = sender.now().timestamp() + ROUNDS_SECONDS
    messages = [_read(sender, record) for record in records]
    requeued = [
        one for group in _groups(sender, messages) for one in _process_group(sender, group, until, deadline)
    ]
    waited = max((waited for _, waited in requeued), default=0.0)
    if waited:
        sender.put_metric(WAITING_JOB_SECONDS, waited)
    unfinished = deliver_later(sender, [each for each, _ in requeued], deadline)
    sender.write_metrics()
    return batch_response(unfinished)


def _read(sender: Sender, record: Record) -> Message | Settlement:
    return isolated(lambda: read_message(record), lambda error: refuse_message(sender, record, error))


def _groups(sender: Sender, messages: Sequence[Message | Settlement]) -> list[list[Message | Settlement]]:
    """Group messages that are processed together: memory-heavy ones alone, all others at once."""
    defaults = sender.settings.send_defaults
    light: list[Message | Settlement] = []
    # each of them may have the size that the function's memory is for
    heavy: list[list[Message | Settlement]] = []
    for message in messages:
        if isinstance(message, Message) and is_memory_heavy(message.document, defaults):
            heavy.append([message])
        else:
            light.append(message)
    # what had no time before comes first: jobs that wait for the rate may use up all of it, again and again
    return sorted(
        [light, *heavy],
        key=lambda group: -max((message.record.receive_count for message in group), default=0),
    )


def _process_group(
    sender: Sender, messages: Sequence[Message | Settlement], until: float, deadline: float
) -> list[tuple[Requeued, float]]:
    """Send jobs as far as there is time; return what is delivered again, with how long it has waited."""
    begun = [
        _begin(sender, message, until, deadline) if isinstance(message, Message) else message
        for message in messages
    ]
    requeued = complete(sender, _settlements(begun))
    looked_up = look_up(sender, _works(begun))
    requeued += complete(sender, _settlements(looked_up))
    requeued += _send(sender, _works(looked_up), until, deadline)
    send_at = {work.record.message_id: work.job.send_at for work in _works(begun)}
    return [
        (each, _waited(sender, each.settlement, send_at.get(each.settlement.record.message_id)))
        for each in requeued
    ]


def _begin(sender: Sender, message: Message, until: float, deadline: float) -> Work | Settlement:
    """Prepare a job; settle it if it is not sent from this message."""
    record = message.record
    if sender.now().timestamp() > until:
        job_id = job_id_of(message.document, record.original_message_id)
        return postponed(sender, record, job_id, seconds=sender.uniform(0, LATE_SECONDS))
    parsed = isolated(
        lambda: parse(sender, message, deadline), lambda error: refuse_message(sender, record, error)
    )
    if isinstance(parsed, Settlement):
        return parsed
    whole, job = parsed
    return isolated(
        lambda: _begin_job(sender, whole, job, deadline),
        lambda error: failed_step(sender, whole.record, error, job_id=job.job_id),
    )


def _begin_job(sender: Sender, message: Message, job: Job, deadline: float) -> Work | Settlement:
    try:
        prepared = prepare(sender, message, job, deadline)
    except MailbusError as error:
        if isinstance(error, SendError) and error.retryable:
            raise
        return refuse(sender, message.record, job, error)
    match prepared:
        case NotDue():
            return defer(sender, prepared)
        case Oversized():
            return split_merge(sender, prepared, deadline)
        case Work():
            return prepared


def _send(sender: Sender, works: Sequence[Work], until: float, deadline: float) -> list[Requeued]:
    """Send jobs in rounds; return what is delivered again."""
    requeued: list[Requeued] = []
    pending = works
    patient_until = sender.now().timestamp() + PATIENCE_SECONDS
    while pending:
        done = _dispatch(sender, pending, deadline)
        requeued += complete(sender, done.settlements)
        pending = done.pending
        now = sender.now().timestamp()
        if not done.wait:
            patient_until = now + PATIENCE_SECONDS
        resumes_at = now + done.wait
        if pending and resumes_at > min(until, patient_until):
            late = [requeue(sender, work, seconds=done.wait) for work in pending]
            return requeued + complete(sender, late)
        if pending and done.wait:
            sender.wait_until(resumes_at)
    return requeued


def _dispatch(sender: Sender, works: Sequence[Work], deadline: float) -> Round:
    def fail(error: Exception) -> Round:
        return Round(settlements=[failed_work(sender, work, error) for work in works], pending=[])

    return isolated(lambda: dispatch_round(sender, works, deadline), fail)


def _waited(sender: Sender, settlement: Settlement, send_at: float | None) -> float:
    """Return how long a transactional job that is due has waited, for its alarm; otherwise 0.

    SQS measures only the message, which is a new one whenever the job waits.
    """
    record = settlement.record
    if record.sent_at is None or settlement.outcome == "scheduled" or sender.lane_of(record) == "bulk":
        return 0.0
    return max(0.0, sender.now().timestamp() - max(record.sent_at, send_at or 0.0))


def _works(items: Iterable[Work | Settlement]) -> list[Work]:
    return [item for item in items if isinstance(item, Work)]


def _settlements(items: Iterable[Work | Settlement]) -> list[Settlement]:
    return [item for item in items if isinstance(item, Settlement)]
