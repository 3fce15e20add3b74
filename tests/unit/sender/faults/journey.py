"""Jobs sent through a deployment with faults, and what has become of all of them in the end."""

from __future__ import annotations

import functools
import json
import random
from collections import defaultdict
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from mailbus.ledger.items import JOB_PREFIX
from tests.unit.sender.faults.deployment import (
    BULK,
    DOUBT_SECONDS,
    SECONDS,
    SEND,
    Likely,
)
from tests.unit.sender.faults.world import World
from tests.unit.sender.settings import START

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailbus.environment import SenderSettings


def jobs(count: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Write jobs as a shop has them: mails, some later, some that expire, some refused, and merges."""
    for number in range(count):
        kind = chance.random()
        name = f"refused-{number}" if kind < 0.02 else f"order-{number}"
        job: dict[str, Any] = {
            "job_id": name,
            "from_email": "Example Shop <shop@example.com>",
            "subject": f"Your order {number} is on its way",
            "text": "It left us this morning.",
            "metadata": {"order": number},
            "tags": ["shipping"],
        }
        if 0.02 <= kind < 0.08:
            people = range(chance.choice([3, 12, 30, 50, 51, 60]))
            job["to"] = [f"reader{place}@{name}.example" for place in people]
            job["merge_data"] = {address: {"order": place} for place, address in enumerate(job["to"])}
            job["text"] = "Order {{order}} left us this morning."
        else:
            job["to"] = [f"reader{place}@{name}.example" for place in range(chance.choice([1, 1, 1, 2, 3]))]
        if 0.06 <= kind < 0.16:
            due = START + chance.choice([chance.uniform(10, 600), chance.uniform(1000, 4000)])
            job["send_at"] = datetime.fromtimestamp(due, UTC).isoformat()
        if 0.16 <= kind < 0.22:
            over = START + SECONDS * number / count + chance.uniform(0, 200)
            job["expires_at"] = datetime.fromtimestamp(over, UTC).isoformat()
        yield job


class Journey:
    """What became of all jobs."""

    def __init__(self, world: World, written: Sequence[dict[str, Any]]) -> None:
        self.world = world
        self.jobs = {job["job_id"]: job for job in written}
        self.copies = {
            (job_id, recipient): len(world.accepted.get((job_id, entry), ()))
            for job_id, job in self.jobs.items()
            for entry, recipient in _entries(job)
        }
        self.events: dict[tuple[str, str, str | None], set[str]] = defaultdict(set)
        for event in world.events:
            self.events[event["event_type"], event["job_id"], event["recipient"]].add(event["event_id"])
        self.dead = {json.loads(letter["body"])["job_id"] for letter in world.dead}

    @property
    def sent_twice(self) -> list[tuple[str, str]]:
        return [who for who, copies in self.copies.items() if copies > 1]

    @property
    def lost(self) -> list[tuple[str, str]]:
        """Who has neither a mail nor a failure with a dead letter."""
        return [
            (job_id, recipient)
            for (job_id, recipient), copies in self.copies.items()
            if not copies and not (self._failed(job_id, recipient) and job_id in self.dead)
        ]

    @property
    def sent_and_failed(self) -> list[tuple[str, str]]:
        return [who for who, copies in self.copies.items() if copies and self._failed(*who)]

    @property
    def reported_late(self) -> set[tuple[str, str]]:
        """Recipients of mails whose event arrived when it was no longer waited for."""
        world = self.world
        return {
            (job_id, recipient)
            for job_id, job in self.jobs.items()
            for entry, recipient in _entries(job)
            if any(
                world.reported_at[message_id] > world.accepted_at[message_id] + DOUBT_SECONDS
                for message_id in world.accepted.get((job_id, entry), ())
            )
        }

    @property
    def unannounced(self) -> list[tuple[str, str]]:
        """Who has a mail and not exactly one event of it, however often that was repeated."""
        return [
            (job_id, recipient)
            for (job_id, recipient), copies in self.copies.items()
            if copies == 1 and len(self.events["queued", job_id, recipient]) != 1
        ]

    @property
    def open_records(self) -> list[tuple[str, str]]:
        """The ledger's places where something is neither known nor given up."""
        return [
            place
            for place, item in self.world.dynamodb.items.items()
            if place[0].startswith(JOB_PREFIX)
            and (
                item.get("state", {}).get("S") == "scheduled"
                or {number["N"] for number in item.get("open", {}).get("L", ())}
                - item["accepted"]["M"].keys()
                - {number["N"] for number in item.get("unknown", {}).get("L", ())}
            )
        ]

    def _failed(self, job_id: str, recipient: str) -> bool:
        return any(self.events[kind, job_id, recipient] for kind in ("failed", "rejected"))


def _entries(job: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name each recipient with the entry that its mail has in SES's tags."""
    for place, written in enumerate(job["to"]):
        address = parseaddr(written)[1]
        if "merge_data" not in job:
            yield "", address
        elif len(job["to"]) > 50:
            yield f"{place // 50}-{place % 50}", address
        else:
            yield str(place), address


def travel(count: int, *, seed: int, settings: SenderSettings, likely: Likely | None = None) -> Journey:
    """Send so many jobs, some of them twice, over `SECONDS`, and see what has become of them in the end."""
    # what the ledger and the bus draw their waits from
    random.seed(seed)
    world = World(seed=seed, settings=settings, likely=likely or Likely())
    written = list(jobs(count, world.chance))
    for number, job in enumerate(written):
        body = json.dumps(job)
        lane = BULK if "merge_data" in job or number % 4 == 0 else SEND
        again = world.chance.choice([0.0, 1.0, 60.0, 900.0]) if world.chance.random() < 0.05 else None
        moment = START + SECONDS * number / count
        for place, delay in enumerate((0.0,) if again is None else (0.0, again)):
            world.at(
                moment + delay,
                f"application {number} {place}",
                functools.partial(world.enqueue, lane, body),
            )
    world.run()
    return Journey(world, written)
