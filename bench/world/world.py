"""The world of a scenario: an account, its queues, its ledger, and the workers of its lanes."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.world.clock import Clock
from bench.world.costs import START_SECONDS
from bench.world.dynamodb import DynamoDbClient, Table
from bench.world.events import Bus, EventsClient
from bench.world.jobs import body
from bench.world.log import Log
from bench.world.process import Process
from bench.world.sender import QUEUE_ARNS, QUEUE_URLS, SETTINGS, Clients, build_sender, open_log
from bench.world.ses import Accepted, Ses, SesClient
from bench.world.sqs import Queue, SqsClient
from bench.world.workers import Worker
from mailbus.metrics import BatchMetrics

if TYPE_CHECKING:
    from bench.world.scenario import LaneLoad, Scenario
    from mailbus.stages import Lane
    from sender.wiring import Sender

# as CloudFormation names one
FUNCTION_NAME: Final = "mailbus-sim-mail-MailSendingSenderFunction3B4C5D6E-A1B2C3D4E5F6"
# of the send queues
VISIBILITY_SECONDS: Final = 90.0


class World:
    """A simulation. `calls` counts requests of SQS and EventBridge.

    `log` is what the senders logged: errors alone, or with `logs_all` all lines and metrics. `delays` has how
    long each transactional mail that did not wait in a backlog took from its arrival to SES, `silences` the
    seconds before each mail in which there was something to send, and SES accepted nothing.
    """

    def __init__(self, scenario: Scenario, *, logs_all: bool = False) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.calls: Counter[str] = Counter()
        self.dead_letters: list[dict[str, Any]] = []
        self.log = Log()
        self.bus = Bus()
        self._logs_all = logs_all
        self._logger = open_log(self.log, level="INFO" if logs_all else "ERROR")
        self.delays: list[float] = []
        self.silences: list[float] = []
        self._arrived: dict[str, float] = {}
        self._chance = random.Random(scenario.seed)  # noqa: S311 - the same each time
        self.table = Table(self.clock, table_units=scenario.table_units)
        self.ses = Ses(self.clock, scenario.rate, quota=scenario.quota)
        self.ses.on_accepted = self._note
        self.queues = {
            lane: Queue(self.clock, self.new_chance(), arn=QUEUE_ARNS[lane], visibility=VISIBILITY_SECONDS)
            for lane in QUEUE_ARNS
        }
        self.workers = [
            worker for lane, load in scenario.lanes.items() for worker in self._workers(lane, load)
        ]
        self._accepted_at = self.clock.now
        for lane, load in scenario.lanes.items():
            self._fill(lane, load)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.run(self.clock.now + seconds)

    @property
    def silence(self) -> float:
        """For how many seconds there has been something to send, and SES has accepted nothing."""
        filled_at = min(
            (queue.filled_at for queue in self.queues.values() if queue.messages), default=math.inf
        )
        return max(0.0, self.clock.now - max(self._accepted_at, filled_at))

    def new_chance(self) -> random.Random:
        """Return random numbers for one part of the world, that depend on the seed alone."""
        return random.Random(self._chance.getrandbits(64))  # noqa: S311 - as above

    def _workers(self, lane: Lane, load: LaneLoad) -> list[Worker]:
        chance = self.new_chance()
        workers = [
            Worker(self.clock, self.new_chance(), load, self.queues[lane], self._start)
            for _ in range(load.workers)
        ]
        for worker in workers:
            self.clock.spawn(worker.run, after=chance.uniform(0, START_SECONDS))
        return workers

    def _start(self) -> tuple[Process, Sender]:
        scenario, chance = self.scenario, self.new_chance()
        skew = chance.uniform(-scenario.skew, scenario.skew)
        process = Process(self.clock, chance, skew=skew, death=lambda: scenario.death)
        urls = {QUEUE_URLS[lane]: queue for lane, queue in self.queues.items()}
        clients = Clients(
            dynamodb=DynamoDbClient(process, self.table, round_trip=scenario.round_trip, chance=chance),
            ses=SesClient(process, self.ses, chance),
            sqs=SqsClient(process, urls, chance, calls=self.calls, dead_letters=self.dead_letters),
            events=EventsClient(process, chance, bus=self.bus, calls=self.calls),
            log=self._logger,
        )
        settings = msgspec.structs.replace(
            SETTINGS, bulk_share=scenario.bulk_share, rate_cache_seconds=scenario.cache_seconds
        )
        sender = build_sender(process, clients, settings, chance)
        if self._logs_all:
            metrics = BatchMetrics(FUNCTION_NAME)
            sender = msgspec.structs.replace(
                sender, put_metric=metrics.put, write_metrics=lambda: self.log.print_of(metrics.write)
            )
        return process, sender

    def _fill(self, lane: Lane, load: LaneLoad) -> None:
        chance = self.new_chance()
        mails_a_second = self.scenario.rate / (sum(load.recipients) / len(load.recipients))
        if load.load is None:
            for _ in range(math.ceil(mails_a_second * self.scenario.backlog)):
                self.queues[lane].put(body(chance.choice(load.recipients)))
            return
        arrivals = mails_a_second * load.load

        def arrive() -> None:
            while True:
                self.clock.sleep(chance.expovariate(arrivals))
                job_id = self.queues[lane].put(body(chance.choice(load.recipients)))
                if lane == "transactional":
                    self._arrived[job_id] = self.clock.now

        self.clock.spawn(arrive)

    def _note(self, mail: Accepted) -> None:
        arrived_at = self._arrived.pop(mail.job_id, None)
        if arrived_at is not None:
            self.delays.append(mail.at - arrived_at)
        self.silences.append(self.silence)
        self._accepted_at = mail.at
