"""One worker with one batch: a thread that waits at each call until it is next by the clock."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.ledger.claims import Claims
from mailbus.ledger.table import LedgerTable
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.aws.tracking_queue import TrackingQueue
from sender.batch import process
from sender.ses.client import MailService
from sender.wiring import Sender
from tests.unit.fakes.dynamodb import TABLE
from tests.unit.fakes.side_by_side import in_turn
from tests.unit.sender.fake_tracking_queue import FakeTrackingQueue
from tests.unit.sender.faults.clients import (
    FaultyBus,
    FaultyDynamo,
    FaultyPace,
    FaultyScheduler,
    FaultySes,
    FaultySqs,
    Uncalled,
)
from tests.unit.sender.faults.deployment import (
    DEATHS,
    QUEUES,
    TIMES,
    Fault,
    Killed,
)
from tests.unit.sender.settings import DEAD_LETTERS, FUNCTION_SECONDS

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from mailbus.aws.sqs import Record
    from tests.unit.sender.faults.world import World


class Worker:
    """One worker with one batch: the real sender on clients that pause, fail, and die when it is time."""

    def __init__(self, world: World, slot: int, batch: Sequence[Record]) -> None:
        self.world, self.slot, self.batch = world, slot, batch
        self.chance = world.chance_for("batch", next(world.batches))
        self.deadline = world.now + FUNCTION_SECONDS
        # until when what this worker's threads do takes
        self.busy_until = world.now
        self.death = next(
            (death for death, part in DEATHS.items() if self._draws(part * world.likely.deaths)), None
        )
        self.called = False
        self._own = threading.local()
        self._turn, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        self._thread.start()
        self._go_on()

    def pause(self) -> None:
        """Let the others work until the call is there."""
        moment = max(self.world.now, self.busy_until) + self.chance.uniform(0.001, 0.02)
        self.world.at(moment, f"worker {self.slot}", self._go_on)
        self._paused.release()
        self._turn.acquire()
        if self.world.now > self.deadline:
            raise Killed

    def die(self, death: Fault, job_ids: Sequence[str] = ()) -> None:
        """Die here if this is the worker's fault."""
        if self.death == death:
            self.world.hit[death] |= set(job_ids or self.job_ids)
            raise Killed

    @property
    def job_ids(self) -> set[str]:
        return {json.loads(record.body)["job_id"] for record in self.batch}

    def now(self) -> datetime:
        moment = getattr(self._own, "now", None) or max(self.world.now, self.busy_until)
        return datetime.fromtimestamp(moment, UTC)

    def wait_until(self, moment: float) -> None:
        if threading.current_thread() is self._thread:
            self.busy_until = max(self.busy_until, moment)
            self.pause()
        else:
            self._own.now = max(self.world.now, moment)

    def call(self, job_id: str, entry: str, number: int) -> tuple[float, random.Random]:
        """Take the time for a call of SES; when it gets there, and what decides about it."""
        chance = self.world.chance_for("call", job_id, entry, number)
        at: float = self._own.now
        took = at + chance.choice([0.05, 0.2, 0.2, 0.2, 1.0, 12.0 * chance.random()])
        with TIMES:
            self.busy_until = max(self.busy_until, took)
        return at, chance

    def _draws(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _go_on(self) -> None:
        self._turn.release()
        self._paused.acquire()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        self._turn.acquire()
        try:
            answer = process(self._sender(), self.batch, self.deadline)
            self.pause()
            self.die("killed before the acknowledgement")
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for record in self.batch:
                if record.sqs_id not in failed:
                    self.world.delete(record.receipt_handle)
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - the test's own thread raises it
            self._failure = error
        self.world.rest(self.slot, max(self.world.now, self.busy_until))
        self._paused.release()

    def _sender(self) -> Sender:
        world = self.world
        sqs, dynamodb = FaultySqs(self), FaultyDynamo(self)
        return Sender(
            settings=world.settings,
            mail=MailService(FaultySes(self)),  # type: ignore[arg-type] # a fake, as all of these
            # one after the other: a pause is the whole worker's
            bus=EventBus(FaultyBus(world, self), world.settings.event_bus_name, workers=1, sleep=self._sleep),  # type: ignore[arg-type]
            queues=SendQueues(sqs, QUEUES),  # type: ignore[arg-type]
            dead_letters=DeadLetterQueue(sqs, DEAD_LETTERS),  # type: ignore[arg-type]
            ledger=Claims(
                LedgerTable(dynamodb, TABLE, sleep=self._sleep),  # type: ignore[arg-type]
                side_by_side=in_turn,
            ),
            # no report waits on the queue: late ones are late on the way to it
            tracking_queue=TrackingQueue(FakeTrackingQueue(), world.settings.tracking_queue_url),  # type: ignore[arg-type]
            objects=Objects(Uncalled(), own_bucket="mailbus-dev-jobs", buckets=()),  # type: ignore[arg-type]
            schedules=Schedules(
                FaultyScheduler(self),  # type: ignore[arg-type]
                group_name=world.settings.schedule_group_name,
                role_arn=world.settings.schedule_role_arn,
                dead_letter_queue_arn=world.settings.dead_letter_queue_arn,
            ),
            pacer=FaultyPace(self),  # type: ignore[arg-type]
            wait_until=self.wait_until,
            log=world.log,
            now=self.now,
            uniform=self.chance.uniform,
            put_metric=lambda _name, _value: None,
        )

    def _sleep(self, seconds: float) -> None:
        self.busy_until = max(self.world.now, self.busy_until) + seconds
        self.pause()
