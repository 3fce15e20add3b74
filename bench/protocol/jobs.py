"""The jobs of a schedule: few, small, and of each kind that the protocol treats differently."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.protocol.faults import happens
from mailbus.jobs.claim_check import JOBS_PREFIX
from mailbus.stages import Lane

if TYPE_CHECKING:
    import random

REFUSED: Final = "refused"
# in which SQS's longest delay is, and a schedule is not
SOON_SECONDS: Final = (5.0, 800.0)
LATER_SECONDS: Final = (1000.0, 4000.0)
# so many seconds applications enqueue for
SECONDS: Final = 60.0
MOST: Final = 4
# more recipients than one call of SendBulkEmail has, so that the merge is split
LARGE: Final = 52
# a worker that dies while it splits a merge enqueues some of its parts again
MOST_OF_A_PART: Final = 5


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is enqueued at each of `enqueued_at`, and perhaps cancelled; seconds after the beginning.

    `is_valid` unless it can never be sent. `stored` is its document if only a reference is on the queue.
    """

    job_id: str
    lane: Lane
    to: tuple[str, ...]
    body: str
    enqueued_at: tuple[float, ...]
    cancelled_at: float | None = None
    is_valid: bool = True
    stored: tuple[str, bytes] | None = None
    is_scheduled: bool = False

    @property
    def messages(self) -> int:
        """How many messages of it there may be: also that of its schedule, and those of its parts."""
        return len(self.enqueued_at) + self.is_scheduled + (MOST_OF_A_PART if len(self.to) >= LARGE else 0)


def draw(chance: random.Random, start: float, *, bucket: str) -> list[Job]:
    """Return the jobs of a schedule that begins at `start`, in epoch seconds."""
    return [_job(number, chance, start, bucket) for number in range(chance.randint(1, MOST))]


def _job(number: int, chance: random.Random, start: float, bucket: str) -> Job:
    job_id = f"order-{number}"
    at = chance.uniform(0, SECONDS)
    count = chance.choice((1, 1, 1, 2, 3))
    is_merge = happens(chance, 0.3)
    if is_merge:
        count = LARGE if happens(chance, 0.03) else chance.randint(1, 4)
    to = [f"{_name(chance)}-{place}@{job_id}.example" for place in range(count)]
    document: dict[str, Any] = {
        "job_id": job_id,
        "from_email": "Example Shop <shop@example.com>",
        "to": to,
        "subject": f"Your order {number} is on its way",
        "text": "It left us this morning.",
    }
    if is_merge:
        document["merge_data"] = {address: {"number": place} for place, address in enumerate(to)}
    seconds = 0.0
    if happens(chance, 0.25):
        seconds = chance.uniform(*(SOON_SECONDS if happens(chance, 0.6) else LATER_SECONDS))
        document["send_at"] = _text(start + at + seconds)
    if happens(chance, 0.1):
        document["expires_at"] = _text(start + at + seconds + chance.uniform(1, 900))
    is_valid = not happens(chance, 0.05)
    if not is_valid:
        document["subject"] = 47
    body, stored = json.dumps(document), None
    if is_valid and happens(chance, 0.1):
        key = f"{JOBS_PREFIX}{job_id}/document.json"
        stored = (key, body.encode())
        body = json.dumps({"job_id": job_id, "content_ref": {"bucket": bucket, "key": key}})
    again = (at + chance.choice((0.0, 1.0, 100.0)),) if happens(chance, 0.2) else ()
    return Job(
        job_id=job_id,
        lane="bulk" if is_merge or happens(chance, 0.3) else "transactional",
        to=tuple(to),
        body=body,
        enqueued_at=(at, *again),
        cancelled_at=at + chance.uniform(-5, 900) if is_valid and happens(chance, 0.15) else None,
        is_valid=is_valid,
        stored=stored,
        is_scheduled="send_at" in document,
    )


def _name(chance: random.Random) -> str:
    return REFUSED if happens(chance, 0.05) else "reader"


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
