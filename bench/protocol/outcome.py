"""What must hold of a schedule that has ended: nothing lost, sent twice, left open, or without its event."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from mailbus.ledger.items import JOB_PREFIX, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.protocol.jobs import Job
    from bench.protocol.world import World

FAILURES: Final = ("failed", "rejected")
# after a pause is written, what was reserved before is sent
RESERVED_SECONDS: Final = 3.0


def problems(world: World) -> list[str]:
    """Return what is wrong, a line each; of a world that is settled."""
    return list(Outcome(world).problems())


class Outcome:
    """What became of the jobs and of SES's notifications."""

    def __init__(self, world: World) -> None:
        self._world = world
        # by job and address
        self._copies: dict[tuple[str, str], list[str]] = defaultdict(list)
        for mail in world.ses.accepted:
            for address in mail.addresses:
                self._copies[mail.job_id, address].append(mail.message_id)
        # the ids, by type, job and address, and by type, message and address
        self._by_job: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
        self._by_message: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
        for event in world.events:
            name, recipient = event["event_type"], event["recipient"]
            self._by_job[name, event["job_id"], recipient].add(event["event_id"])
            self._by_message[name, event["message_id"], recipient].add(event["event_id"])
        self._reasons = {json.loads(one["MessageBody"])["job_id"]: one for one in world.dead_letters}
        self._late = {
            message_id
            for (message_id, kind), seconds in world.delays.items()
            if kind == "Send" and seconds > world.settings.doubt_seconds
        }

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        for job in self._world.jobs:
            yield from self._of_job(job)
        yield from self._of_messages()
        yield from self._of_pause()
        yield from self._of_ledger()
        for job_id, letter in self._reasons.items():
            if not {"Error", "Code", "Reason"} <= letter["MessageAttributes"].keys():
                yield f"{job_id}: a dead letter without its reason"

    def _of_job(self, job: Job) -> Iterator[str]:
        for address in job.to:
            for problem in self._of_recipient(job, address):
                yield f"{job.job_id} {address}: {problem}"
        if not job.is_valid and job.job_id not in self._reasons:
            yield f"{job.job_id}: invalid, and not dead-lettered"

    def _of_recipient(self, job: Job, address: str) -> Iterator[str]:
        copies = self._copies[job.job_id, address]
        failures = {kind: self._by_job[kind, job.job_id, address] for kind in FAILURES}
        failed = any(failures.values())
        is_late = bool(self._late & set(copies))
        is_cancelled = self._world.cancelled.get(job.job_id) in {"cancelled", "already_cancelled"}
        if len(copies) > 1 and not (is_late and self._world.settings.on_unknown == "resend"):
            yield f"sent {len(copies)} times"
        # each message of a job that failed is another try
        if copies and failed and not is_late and job.messages == 1:
            yield "accepted and failed"
        if copies and (is_cancelled or not job.is_valid):
            yield f"sent, although it is {'cancelled' if is_cancelled else 'invalid'}"
        if job.is_valid and not is_cancelled and not copies:
            yield from self._of_unsent(job, failed=failed)
        if any(len(ids) > job.messages for ids in failures.values()):
            yield "failed by several ids"

    def _of_unsent(self, job: Job, *, failed: bool) -> Iterator[str]:
        if not failed:
            yield "lost"
        elif job.job_id not in self._reasons:
            yield "failed without a dead letter"

    def _of_messages(self) -> Iterator[str]:
        for mail in self._world.ses.accepted:
            for address in mail.addresses:
                for kind in ("queued", "sent", "delivered"):
                    ids = self._by_message[kind, mail.message_id, address]
                    # of a mail that was given up, or sent again, only SES's own events tell
                    if len(ids) != 1 and not (kind == "queued" and mail.message_id in self._late):
                        yield f"{mail.job_id} {address}: {kind} by {len(ids)} ids"

    def _of_pause(self) -> Iterator[str]:
        if self._world.held is None:
            return
        lane, begin, end = self._world.held
        ids = {job.job_id for job in self._world.jobs if job.lane == lane}
        for mail in self._world.ses.accepted:
            if mail.job_id in ids and begin + RESERVED_SECONDS < mail.at < end:
                yield f"{mail.job_id}: sent while its lane was paused"

    def _of_ledger(self) -> Iterator[str]:
        for item in self._world.table.items():
            if item["pk"]["S"].startswith(JOB_PREFIX):
                record = read(item)
                job_id = record.key.job_id
                is_open = record.state == "scheduled" or set(record.open) & set(record.unsettled)
                # what failed is known by its event: a record that could not be written is not written later
                if is_open and job_id not in self._reasons:
                    yield f"{job_id}: left open in the ledger"
