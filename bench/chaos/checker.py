"""What must hold at the end of a run: nothing lost, sent twice, without its event, or dead without a reason.

And what was to fail has failed.

Pure: from what was expected and what was observed, the problems, a line each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from bench.chaos.jobs import EVENTS_OF, Job
from bench.chaos.notifications import Notification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from bench.chaos.episodes import Episode
    from bench.chaos.observed import Accepted, Letter, Observed
    from bench.chaos.plan import Rule

FAILURES: Final = ("failed", "rejected")
RECEIVED: Final = "inbound"
#: What is about a lane, and no mail.
LANE_EVENTS: Final = ("lane_paused", "lane_resumed")
CONFLICT: Final = "same id"


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has put in.

    `due` has the time (epoch seconds) before which a scheduled job is not to be sent, `received` SES's ids of
    the received mails, `published` the notifications of the queue of each name.
    """

    jobs: tuple[Job, ...]
    due: Mapping[str, float]
    published: Mapping[str, tuple[Notification, ...]]
    received: tuple[str, ...]


def problems(expected: Expected, observed: Observed) -> list[str]:
    """Return what is wrong, a line each."""
    return list(_Check(expected, observed).problems())


def not_happened(
    happened: Iterable[tuple[Rule, int]], episodes: Sequence[Episode], played: Sequence[str]
) -> list[str]:
    """Return the faults that happened less often than planned and the episodes not played, a line each.

    `happened` has each rule with how many calls it was applied to, `played` the names of ended episodes.
    """
    rules = [
        f"{rule.function}, {rule.service}, {rule.fault} {rule.point or rule.code}: "
        f"{count} calls instead of {rule.planned}"
        for rule, count in happened
        if count < rule.planned
    ]
    return rules + [f"not played: {episode.name}" for episode in episodes if episode.name not in played]


class _Check:
    def __init__(self, expected: Expected, observed: Observed) -> None:
        self._expected = expected
        self._observed = observed
        # by job and address
        self._copies: dict[tuple[str, str], list[Accepted]] = defaultdict(list)
        for mail in observed.accepted:
            for address in mail.recipients:
                self._copies[mail.job_id, address].append(mail)
        # the ids, by type, message and address
        self._ids: dict[tuple[str, str | None, str | None], set[str]] = defaultdict(set)
        self._failed: Counter[tuple[str | None, str | None]] = Counter()
        for event in observed.events:
            self._ids[event.event_type, event.message_id, event.recipient].add(event.event_id)
            if event.event_type in FAILURES and event.message_id is None:
                self._failed[event.job_id, event.recipient] += 1
        self._failed_jobs = {job_id for job_id, _ in self._failed}
        self._first = _by_job(observed.letters)
        self._after = _by_job(observed.letters_after)

    def problems(self) -> Iterator[str]:
        for job in self._expected.jobs:
            for problem in self._of_job(job):
                yield f"{job.kind} {job.job_id}: {problem}"
        yield from self._of_conflicts()
        yield from self._of_messages()
        yield from self._of_notifications()
        yield from self._of_letters()
        yield from self._of_others()

    def _of_job(self, job: Job) -> Iterator[str]:
        found = {address: self._copies[job.job_id, address] for address in job.to}
        for address, mails in found.items():
            if len(mails) > 1:
                yield f"{address} sent {len(mails)} times"
            early = self._expected.due.get(job.job_id, 0.0) - mails[0].at if mails else 0.0
            if early > 0:
                yield f"{address} sent {early:.1f} s before it was due"
        yield from self._OUTCOMES[job.outcome](self, job, {address for address in job.to if found[address]})

    def _of_accepted(self, job: Job, sent: AbstractSet[str]) -> Iterator[str]:
        missing = "not sent again" if self._first[job.job_id] else "lost"
        yield from (f"{address} {missing}" for address in job.to if address not in sent)
        if self._after[job.job_id]:
            yield "a dead letter again, although nothing is wrong with it any more"

    def _of_fixed(self, job: Job, sent: AbstractSet[str]) -> Iterator[str]:
        yield from self._of_accepted(job, sent)
        yield from self._of_dead(job, self._first[job.job_id])

    def _of_failed(self, job: Job, sent: AbstractSet[str]) -> Iterator[str]:
        if sent:
            yield "sent, although it cannot be"
        yield from self._of_failure(job)

    def _of_either(self, job: Job, sent: AbstractSet[str]) -> Iterator[str]:
        for address in job.to:
            failed = bool(self._failed[job.job_id, address])
            if failed == (address in sent):
                yield f"{address} {'sent and failed' if failed else 'lost'}"
        if len(sent) < len(job.to):
            yield from self._of_failure(job)

    _OUTCOMES: Final = {
        "accepted": _of_accepted,
        "fixed": _of_fixed,
        "failed": _of_failed,
        "either": _of_either,
    }

    def _of_failure(self, job: Job) -> Iterator[str]:
        if job.job_id not in self._failed_jobs:
            yield "failed without an event"
        yield from self._of_dead(job, self._first[job.job_id])
        yield from self._of_dead(job, self._after[job.job_id])

    @staticmethod
    def _of_dead(job: Job, letters: Sequence[Letter]) -> Iterator[str]:
        codes = {letter.code for letter in letters}
        if not letters:
            yield "no dead letter"
        elif job.code not in codes:
            yield f"a dead letter with {codes} instead of {job.code}"

    def _of_conflicts(self) -> Iterator[str]:
        """Of two jobs with one id, the one that comes first is sent."""
        sent: Counter[str] = Counter()
        for job in self._expected.jobs:
            if job.kind == CONFLICT:
                sent[job.job_id] += bool(self._copies[job.job_id, job.to[0]])
        for job_id, count in sent.items():
            if count != 1:
                yield f"{CONFLICT} {job_id}: {count} of two jobs sent"

    def _of_messages(self) -> Iterator[str]:
        for mail in self._observed.accepted:
            for address in mail.recipients:
                for event_type in EVENTS_OF[address.partition("+")[0]]:
                    ids = self._ids[event_type, mail.message_id, address]
                    if len(ids) != 1:
                        yield f"{mail.job_id} {address}: {event_type} with {len(ids)} ids"

    def _of_notifications(self) -> Iterator[str]:
        for published in self._expected.published.values():
            for notification in published:
                for event in notification.events:
                    if len(self._ids[event]) != 1:
                        yield f"notification {event}: {len(self._ids[event])} ids"
        for message_id in self._expected.received:
            ids = self._ids[RECEIVED, message_id, None]
            if len(ids) != 1:
                yield f"received mail {message_id}: {len(ids)} ids"

    def _of_letters(self) -> Iterator[str]:
        poison = {
            (queue, one.text, one.code)
            for queue, published in self._expected.published.items()
            for one in published
            if one.code
        }
        for name, letters in (("first", self._observed.letters), ("redriven", self._observed.letters_after)):
            found = {(letter.queue, letter.text, letter.code) for letter in letters}
            for queue, text, code in sorted(poison - found, key=str):
                yield f"{queue}: no dead letter {code} ({name}) of {text[:60]}"
            for letter in letters:
                if not (letter.code and letter.reason):
                    yield f"{letter.queue}: a dead letter without its reason ({name}): {letter.text[:80]}"
        known = {job.job_id for job in self._expected.jobs}
        for letter in self._observed.letters_after:
            is_poison = (letter.queue, letter.text, letter.code) in poison
            if not is_poison and not (letter.queue == "send" and letter.job_id in known):
                yield f"{letter.queue}: not settled by the redrive: {letter.code} {letter.text[:80]}"

    def _of_others(self) -> Iterator[str]:
        messages = {
            *(mail.message_id for mail in self._observed.accepted),
            *(event[1] for one in self._expected.published.values() for each in one for event in each.events),
            *self._expected.received,
        }
        jobs = {job.job_id for job in self._expected.jobs}
        for event in self._observed.events:
            is_known = event.message_id in messages if event.message_id else event.job_id in jobs
            if not is_known and event.event_type not in LANE_EVENTS:
                yield f"an event of nothing that was put in: {event}"


def _by_job(letters: Sequence[Letter]) -> dict[str, list[Letter]]:
    found: dict[str, list[Letter]] = defaultdict(list)
    for letter in letters:
        if letter.queue == "send" and letter.job_id is not None:
            found[letter.job_id].append(letter)
    return found
