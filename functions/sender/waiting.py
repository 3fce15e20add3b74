"""Has messages delivered again later: as delayed copies, which are not in flight, while they wait.

The copies of a batch are sent at its end, all together, so that only a worker that dies between that and the
acknowledgement leaves two messages of one job. They have the same identity: the ledger has what was sent for
one of them, and their events have the same ids.
"""

from __future__ import annotations

import functools
import json
import math
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.jobs.claim_check import JOBS_PREFIX
from mailbus.jobs.parsing import job_id_in_body
from mailbus.sqs_messages import MAX_MESSAGE_BYTES
from sender.aws.send_queues import Delayed, copy_bytes
from sender.settlement import Settlement, isolated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus.aws.sqs import Record
    from sender.wiring import Sender

# What a call of the queue may take. Without so much time a message waits by its queue's own visibility
# timeout: a function that is stopped acknowledges nothing of its batch.
CALL_SECONDS: Final = 8.0


class Requeued(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is to be delivered again at `due`, in epoch seconds."""

    settlement: Settlement
    due: float


def deliver_later(sender: Sender, requeued: Sequence[Requeued], deadline: float) -> list[Record]:
    """Have messages delivered again when they are due; return those that must not be acknowledged.

    These are the messages of which SQS took no copy; they wait in flight, as they are. `deadline`, in epoch
    seconds, is when the function is ended.
    """
    sent: frozenset[str] = isolated(lambda: _send_copies(sender, requeued, deadline), lambda _: frozenset())
    kept = [each for each in requeued if each.settlement.record.sqs_id not in sent]
    for each in kept:
        if not isolated(functools.partial(_hide, sender, each, deadline), lambda _: False):
            extra = {"sqs_message_id": each.settlement.record.sqs_id}
            sender.log.error("visibility timeout was not changed", extra=extra)
    return [each.settlement.record for each in kept]


def _hide(sender: Sender, requeued: Requeued, deadline: float) -> bool:
    return _has_time(sender, deadline) and sender.queues.hide(_delayed(sender, requeued))


def _send_copies(sender: Sender, requeued: Sequence[Requeued], deadline: float) -> frozenset[str]:
    """Send copies while there is time; return SQS's ids of the messages that they replace."""
    if not _has_time(sender, deadline):
        return frozenset()
    now = sender.now().timestamp()
    copies: list[Delayed] = []
    for each in requeued:
        record = isolated(functools.partial(_with_room, sender, each.settlement, now), lambda _: None)
        if record is not None:
            copies.append(msgspec.structs.replace(_delayed(sender, each), record=record))
    unsent = {copy.record.sqs_id for copy in sender.queues.send_copies(copies, now)}
    return frozenset(copy.record.sqs_id for copy in copies) - unsent


def _delayed(sender: Sender, requeued: Requeued) -> Delayed:
    seconds = math.ceil(max(0.0, requeued.due - sender.now().timestamp()))
    return Delayed(record=requeued.settlement.record, seconds=seconds)


def _with_room(sender: Sender, settlement: Settlement, now: float) -> Record:
    """Return the message, with its job moved to S3 if it has no room for the attributes of a copy."""
    record = settlement.record
    if copy_bytes(record, now) <= MAX_MESSAGE_BYTES:
        return record
    job_id = settlement.job_id or job_id_in_body(record.body, record.original_message_id)
    reference = sender.objects.store(JOBS_PREFIX, job_id, record.body.encode())
    return msgspec.structs.replace(record, body=json.dumps({"job_id": job_id, "content_ref": reference}))


def _has_time(sender: Sender, deadline: float) -> bool:
    return sender.now().timestamp() < deadline - CALL_SECONDS
