"""Whatever SES answers: each job ends with its events or is requeued, and nobody gets two mails."""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from sender.rate.slots import QuotaExhausted, RetryAfter
from tests.unit.sender.answers import PAUSED, QUOTA, REJECTED, SES_URL, THROTTLED, UNREACHABLE, refusal
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from sender.rate.slots import Decision

REFUSALS: dict[str, Exception | Lost] = {
    "throttled": THROTTLED,
    "quota": QUOTA,
    "paused": PAUSED,
    "unreachable": ConnectTimeoutError(endpoint_url=SES_URL),
    "rejected": REJECTED,
    "not found": refusal("NotFoundException", "No such template.", 404),
    "lost": Lost(ReadTimeoutError(endpoint_url=SES_URL)),
    "broken": Lost(refusal("InternalServiceErrorException", "", 500)),
}
STATUSES = [
    "TRANSIENT_FAILURE",
    "ACCOUNT_THROTTLED",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED",
    "ACCOUNT_SENDING_PAUSED",
    "MESSAGE_REJECTED",
    "INVALID_PARAMETER",
    "FAILED",
]

calls = st.lists(st.sampled_from([None, None, *REFUSALS]), max_size=12)
statuses = st.lists(st.sampled_from([None, None, *STATUSES, "lost"]), max_size=4)
sizes = st.lists(st.sampled_from([0, 0, 1, 3, 12, 55]), min_size=1, max_size=6)
outages = st.lists(st.booleans(), max_size=6)


def enqueue(world: World, sizes: list[int]) -> dict[str, list[str]]:
    """Enqueue jobs, 0 being an ordinary one; the answer has their recipients."""
    jobs: dict[str, list[str]] = {}
    for number, size in enumerate(sizes):
        names = [f"j{number}r{place}" for place in range(max(1, size))]
        fields: dict[str, Any] = {"merge_data": {}} if size else {}
        world.put(to=names, job_id=f"job-{number}", **fields)
        jobs[f"job-{number}"] = names
    return jobs


def once(world: World, *kinds: str) -> Counter[str]:
    return Counter(name for kind in kinds for name in world.recipients_of(kind))


@settings(max_examples=40)
@given(
    sizes=sizes, data=st.data(), whole=calls, bus=outages, ledger=outages, largest=st.sampled_from([1, 5, 50])
)
def test_every_job_becomes_mails_or_failures_and_nobody_gets_two_messages(  # noqa: PLR0913, PLR0917 - what may happen
    sizes: list[int],
    data: st.DataObject,
    whole: list[str | None],
    bus: list[bool],
    ledger: list[bool],
    largest: int,
) -> None:
    world = World()
    world.pace.largest = largest
    jobs = enqueue(world, sizes)
    everybody = [name for names in jobs.values() for name in names]
    for name in data.draw(st.lists(st.sampled_from(everybody), max_size=8, unique=True)):
        merged = sizes[int(name[1 : name.index("r")])]
        drawn = data.draw(statuses)
        if merged:
            lost = Lost(ReadTimeoutError(endpoint_url=SES_URL))
            world.ses.answers[name] = [lost if status == "lost" else status for status in drawn]
    world.ses.calls = [None if name is None else REFUSALS[name] for name in whole]
    world.events.outages = [UNREACHABLE] * sum(bus)
    world.dynamodb.errors = [UNREACHABLE if fails else None for fails in ledger]
    for _ in range(60):
        if not world.queues.messages:
            break
        world.clock.now = max(
            world.clock.now, min(message.visible_at for message in world.queues.messages.values())
        )
        world.deliver()
        world.report_sends()
    world.run(14 * 24 * 3600)

    assert world.queues.messages == {}
    sent = Counter(world.ses.sent_to)
    assert set(sent.values()) <= {1}
    failed = once(world, "failed", "rejected")
    assert once(world, "queued") == sent
    assert set(sent) | set(failed) == set(everybody)
    # a failed job that is delivered again is tried again, and SES may accept it then
    assert set(sent) & set(failed) == set() or any(bus) or any(ledger)
    dead = {json.loads(letter["MessageBody"])["job_id"] for letter in world.queues.dead}
    assert {job_id for job_id, names in jobs.items() if set(names) & set(failed) - set(sent)} <= dead
    assert bool(dead) <= bool(failed)


@settings(max_examples=40)
@given(
    sizes=sizes,
    whole=calls,
    kinds=st.lists(st.sampled_from(["now", "later", "far", "exhausted"]), max_size=6),
)
def test_a_message_is_acknowledged_with_its_events_or_requeued_with_a_delay(
    sizes: list[int], whole: list[str | None], kinds: list[str]
) -> None:
    world = World()
    decisions: dict[str, Any] = {
        "later": RetryAfter(seconds=1.0),
        "far": RetryAfter(seconds=100.0),
        "exhausted": QuotaExhausted(),
    }
    reserve = world.pace.reserve

    def decide(kind: str, count: int) -> list[Decision]:
        return reserve([1] * count, "transactional") if kind == "now" else [decisions[kind]] * count

    world.pace.decisions = [functools.partial(decide, kind) for kind in kinds]
    world.ses.calls = [None if name is None else REFUSALS[name] for name in whole]
    jobs = enqueue(world, sizes)
    waiting = dict(zip(world.waiting, jobs, strict=True))
    world.deliver()
    left = {waiting[message_id] for message_id in world.waiting if message_id in waiting}
    delayed = {waiting[message_id] for message_id, _ in world.queues.delays if message_id in waiting}
    assert left == delayed
    published = {event["recipient"].partition("@")[0] for event in world.published}
    for job_id in set(jobs) - left:
        large = len(jobs[job_id]) > 50
        assert large or set(jobs[job_id]) <= published
    assert set(Counter(world.ses.sent_to).values()) <= {1}
