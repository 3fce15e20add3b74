"""One schedule: jobs, workers of the sender and of the tracker, and the faults that its seed draws."""

from __future__ import annotations

import functools
import io
import math
import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.protocol import faults, jobs
from bench.protocol.faults import happens
from bench.protocol.network import READ_SECONDS, Network
from bench.protocol.reports import TOPIC, reports
from bench.protocol.services import BusClient, PartlyFailingSqs, S3Client, SchedulerClient
from bench.world.clock import Clock
from bench.world.dynamodb import DynamoDbClient, Table
from bench.world.process import Died, Process
from bench.world.sender import QUEUE_ARNS, QUEUE_URLS, Clients, build_sender, open_log
from bench.world.sender import SETTINGS as PACING_SETTINGS
from bench.world.ses import Ses, SesClient
from bench.world.sqs import Queue
from bench.world.workers import FUNCTION_SECONDS
from bench.world.world import VISIBILITY_SECONDS
from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import batch_response, records
from mailbus.environment import TrackingSettings
from mailbus.errors import SendError
from mailbus.events.lanes import lane_event
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.lanes import Lanes
from mailbus.ledger.table import LedgerTable
from mailbus.stages import LANES
from mailbus_cdk.settings.doubt import REPORT_SECONDS, REPORT_SLACK_SECONDS, TRACKING_SECONDS
from mailbus_local.ses.errors import MESSAGE_REJECTED, SENDING_PAUSED, SesError
from sender.batch import process as send
from tracking import wiring
from tracking.batch import process as track
from tracking.health import HealthNotes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.protocol.faults import Faults
    from bench.world.ses import Accepted
    from mailbus.environment import SenderSettings
    from mailbus.stages import Lane

    # of an SQS event and the deadline, to the response
    Handler = Callable[[dict[str, Any], float], dict[str, list[dict[str, str]]]]

TRACKING_VISIBILITY: Final = float(TRACKING_SECONDS + REPORT_SLACK_SECONDS)
TRACKING_ARN: Final = "arn:aws:sqs:eu-west-1:123456789012:mailbus-sim-tracking"
BUCKET: Final = PACING_SETTINGS.jobs_bucket_name
TRACKING: Final = TrackingSettings(
    event_bus_name=PACING_SETTINGS.event_bus_name,
    dead_letter_queue_url=f"{PACING_SETTINGS.tracking_queue_url}-dead",
    tracking_topic_arn=TOPIC,
    tracking_queue_url=PACING_SETTINGS.tracking_queue_url,
    ledger_table_name=PACING_SETTINGS.ledger_table_name,
    max_receives=1000,
    events_bucket_name="mailbus-sim-events",
    esp_events_prefix="esp-events/",
)
ROUND_TRIP: Final = 0.010
# faults end so long after the beginning, so that all can be settled
CALM_SECONDS: Final = (30.0, 300.0)
# an idle worker looks after so many seconds, twice as long each time up to the second
IDLE_SECONDS: Final = (0.05, 8.0)
# how long a schedule may take: what is not settled by then never is
MOST_SECONDS: Final = 24 * 60 * 60.0
STEP_SECONDS: Final = 20.0
# Powertools has one logger for a name, for ever
_LOG: Final = open_log(io.StringIO())


class World:
    """A schedule, and what has happened in it. `events` are the details on the bus.

    `held` is a lane that somebody pauses, with when it is paused and resumed.

    `delays` is how long each notification of SES was under way to the queue, by message id and kind.
    """

    def __init__(self, seed: int, *, settings: SenderSettings | None = None) -> None:
        self.seed = seed
        self.chance = random.Random(seed)  # noqa: S311 - the same each time
        chance = self.chance
        self.clock = Clock()
        self.settings = settings or _settings(chance)
        self.faults = faults.draw(chance)
        self._calm_at = self.clock.now + chance.uniform(*CALM_SECONDS)
        self.jobs = jobs.draw(chance, self.clock.now, bucket=BUCKET)
        self.events: list[dict[str, Any]] = []
        self.dead_letters: list[dict[str, Any]] = []
        self.cancelled: dict[str, str] = {}
        self.delays: dict[tuple[str, str], float] = {}
        self.died = 0
        self._under_way = 0
        self._schedules: set[str] = set()
        self._objects = {(BUCKET, job.stored[0]): job.stored[1] for job in self.jobs if job.stored}
        self.table = Table(self.clock)
        self.ses = Ses(self.clock, chance.choice((1.0, 14.0, 200.0)))
        self.ses.on_accepted = self._report
        self.ses.refusal = self._refusal
        self._paused = self._drawn_pause()
        self.queues: dict[str, Queue] = {
            lane: self._queue(arn, VISIBILITY_SECONDS) for lane, arn in QUEUE_ARNS.items()
        }
        self.queues["tracking"] = self._queue(TRACKING_ARN, TRACKING_VISIBILITY)
        self.held = self._hold()
        self._enqueue()
        self._employ()

    @property
    def faults_now(self) -> Faults:
        """The faults of the moment."""
        return self.faults if self.clock.now < self._calm_at else faults.NONE

    def run(self) -> bool:
        """Let time pass until all is settled, and end; return False if it never is."""
        clock, end = self.clock, self.clock.now + MOST_SECONDS
        clock.run(clock.now + jobs.SECONDS + 1)
        while not self._is_settled() and clock.now < end:
            clock.run(clock.now + STEP_SECONDS)
        clock.end()
        return self._is_settled()

    def _is_settled(self) -> bool:
        busy = self._under_way or self._schedules or any(queue.messages for queue in self.queues.values())
        return not busy

    def _queue(self, arn: str, visibility: float) -> Queue:
        return Queue(self.clock, self._new_chance(), arn=arn, visibility=visibility)

    def _new_chance(self) -> random.Random:
        return random.Random(self.chance.getrandbits(64))  # noqa: S311 - as above

    # --- applications

    def _enqueue(self) -> None:
        for job in self.jobs:
            for at in job.enqueued_at:
                self._later(at, functools.partial(self.queues[job.lane].put, job.body))
            if job.cancelled_at is not None:
                self._later(max(0.0, job.cancelled_at), functools.partial(self._cancel, job.job_id))

    def _hold(self) -> tuple[Lane, float, float] | None:
        """Have somebody pause a lane and resume it, perhaps; return when, in epoch seconds."""
        if not happens(self.chance, 0.15):
            return None
        lane: Lane = self.chance.choice(LANES)
        begin = self.chance.uniform(0, jobs.SECONDS)
        end = begin + self.chance.uniform(10, 1000)
        lanes = Lanes(self._operators_client(), self.settings.ledger_table_name)

        def pause() -> None:
            event = lane_event("lane_paused", lane, at=self._date(), by="operator", reason=None)
            assert lanes.pause(event).changed  # noqa: S101 - a model

        def resume() -> None:
            assert lanes.resume(lane, at=self._date(), by="operator", reason=None).changed  # noqa: S101 - as above

        self._later(begin, pause)
        self._later(end, resume)
        return lane, self.clock.now + begin, self.clock.now + end

    def _date(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now, UTC)

    def _operators_client(self) -> Any:  # noqa: ANN401 - a model
        process = Process(self.clock, self._new_chance())
        return DynamoDbClient(process, self.table, round_trip=ROUND_TRIP, chance=self._new_chance())

    def _cancel(self, job_id: str) -> None:
        table = LedgerTable(self._operators_client(), self.settings.ledger_table_name, sleep=self.clock.sleep)
        try:
            self.cancelled[job_id] = cancel(
                table, job_id, now=self.clock.now, expires_at=int(self.clock.now) + 7 * 24 * 3600
            )
        except SendError:
            self.cancelled[job_id] = "busy"

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        """Act later; the schedule is not settled before."""

        def do() -> None:
            self._under_way -= 1
            act()

        self._under_way += 1
        self.clock.spawn(do, after=seconds)

    # --- SES

    def _refusal(self, addresses: tuple[str, ...]) -> SesError | None:
        if self._paused[0] <= self.clock.now < self._paused[1]:
            return SesError(SENDING_PAUSED, "Email sending is paused.")
        if any(address.startswith(jobs.REFUSED) for address in addresses):
            return SesError(MESSAGE_REJECTED, "The message was rejected.")
        return None

    def _drawn_pause(self) -> tuple[float, float]:
        if not happens(self.chance, 0.2):
            return 0.0, 0.0
        begin = self.clock.now + self.chance.uniform(0, 60)
        return begin, begin + self.chance.uniform(10, 1000)

    def _report(self, mail: Accepted) -> None:
        for kind, body in reports(mail):
            times = 2 if happens(self.chance, self.faults_now.repeated) else 1
            delays = [self._report_seconds() for _ in range(times)]
            self.delays[mail.message_id, kind] = min(delays)
            for delay in delays:
                self._later(delay, functools.partial(self.queues["tracking"].put, body))

    def _report_seconds(self) -> float:
        if happens(self.chance, self.faults_now.late):
            return self.settings.doubt_seconds + self.chance.uniform(1, 1000)
        return self.chance.random() * self.chance.choice((0.05, 1.0, float(REPORT_SECONDS)))

    # --- Lambda

    def _employ(self) -> None:
        for lane in QUEUE_ARNS:
            for _ in range(self.chance.randint(1, 2)):
                self._work(self.queues[lane], FUNCTION_SECONDS, self._start_sender)
        for _ in range(self.chance.randint(1, 2)):
            self._work(self.queues["tracking"], float(TRACKING_SECONDS), self._start_tracker)

    def _work(self, queue: Queue, seconds: float, start: Callable[[], tuple[Process, Handler]]) -> None:
        chance = self._new_chance()
        # Lambda may throttle a function for a while
        begin = chance.uniform(0, 200) if happens(chance, 0.1) else chance.random()
        worker = Worker(self, queue, chance, seconds, start)
        self.clock.spawn(worker.run, after=begin)

    def _start_sender(self) -> tuple[Process, Handler]:
        process, clients = self._clients(self._new_chance())
        sender = build_sender(process, clients, self.settings, self._new_chance())
        return process, lambda event, seconds: send(sender, records(event), process.time() + seconds)

    def _start_tracker(self) -> tuple[Process, Handler]:
        chance = self._new_chance()
        process, clients = self._clients(chance)
        health = HealthNotes()

        def handle(event: dict[str, Any], seconds: float) -> dict[str, list[dict[str, str]]]:
            tracker = wiring.tracker(
                TRACKING,
                seconds,
                dynamodb=clients.dynamodb,
                events=clients.events,
                sqs=clients.sqs,
                s3=lambda: clients.s3,
                health=health,
                log=_LOG,
                put_metrics=lambda _metrics: None,
                now=process.time,
                sleep=process.pause,
            )
            bus = EventBus(
                clients.events,
                TRACKING.event_bus_name,
                sleep=process.pause,
                clock=process.time,
                uniform=chance.uniform,
                side_by_side=process.side_by_side,
            )
            return batch_response(track(records(event), msgspec.structs.replace(tracker, bus=bus)))

        return process, handle

    def _clients(self, chance: random.Random) -> tuple[Process, Clients]:
        process = Process(self.clock, chance, death=lambda: self.faults_now.death)

        def network(code: str, **options: Any) -> Any:  # noqa: ANN401 - a process, for the models
            return Network(process, chance, lambda: self.faults_now, code=code, **options)

        urls = {QUEUE_URLS[lane]: self.queues[lane] for lane in QUEUE_ARNS}
        urls[TRACKING.tracking_queue_url] = self.queues["tracking"]
        return process, Clients(
            dynamodb=DynamoDbClient(
                network("InternalServerError", retries=True),
                self.table,
                round_trip=ROUND_TRIP,
                chance=chance,
            ),
            ses=SesClient(
                network("InternalServiceErrorException", read_seconds=READ_SECONDS), self.ses, chance
            ),
            sqs=PartlyFailingSqs(
                network("ServiceUnavailable"),
                urls,
                chance,
                calls=Counter(),
                dead_letters=self.dead_letters,
                faults=lambda: self.faults_now,
            ),
            events=BusClient(network("InternalFailure"), chance, lambda: self.faults_now, self._take),
            scheduler=SchedulerClient(network("InternalServerException", retries=True), self._schedule),
            s3=S3Client(network("SlowDown", retries=True), self._objects),
            log=_LOG,
        )

    def _take(self, detail: str) -> None:
        self.events.append(msgspec.json.decode(detail))

    def _schedule(self, name: str, due: float, arn: str, body: str) -> bool:
        if name in self._schedules:
            return False
        self._schedules.add(name)
        lane = next(lane for lane, known in QUEUE_ARNS.items() if known == arn)

        def fire() -> None:
            self._schedules.remove(name)
            self.queues[lane].put(body)

        self._later(max(0.0, due - self.clock.now) + self.chance.uniform(0, 60), fire)
        return True


class Worker:
    """One concurrent execution of a function, which has one process after another."""

    def __init__(
        self,
        world: World,
        queue: Queue,
        chance: random.Random,
        seconds: float,
        start: Callable[[], tuple[Process, Handler]],
    ) -> None:
        self._world = world
        self._queue = queue
        self._chance = chance
        self._seconds = seconds
        self._start = start
        self._process, self._handle = start()

    def run(self) -> None:
        """Process batches for ever."""
        shortest, longest = IDLE_SECONDS
        idle = shortest
        while True:
            messages = self._queue.receive(self._chance.randint(1, 10))
            if not messages:
                self._world.clock.sleep(idle * self._chance.uniform(0.5, 1.5))
                idle = min(2 * idle, longest)
                continue
            idle = shortest
            event = {"Records": [message.record(self._queue.arn) for message in messages]}
            handles = [message.receipt_handle for message in messages]
            for handle in handles:
                if happens(self._chance, self._world.faults_now.twice):
                    self._queue.change_visibility(handle, self._chance.choice((0.0, 0.3, 5.0)))
            self._invoke(event, handles)

    def _invoke(self, event: dict[str, Any], handles: list[str]) -> None:
        process = self._process
        process.end_at(self._world.clock.now + self._seconds)
        try:
            process.compute(0.001 * len(handles))
            response = self._handle(event, self._seconds)
            # Lambda acknowledges what the function answered
            process.pause(0.001)
        except Died:
            self._world.died += 1
            self._process, self._handle = self._start()
            return
        process.end_at(math.inf)
        failed = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        for record, handle in zip(event["Records"], handles, strict=True):
            if record["messageId"] not in failed:
                self._queue.delete(handle)


def _settings(chance: random.Random) -> SenderSettings:
    return msgspec.structs.replace(
        PACING_SETTINGS,
        on_unknown=chance.choice(("resend", "fail")),
        bulk_share=chance.choice((0.5, 1.0)),
        merge_by=chance.choice(("SendBulkEmail", "SendEmail")),
        max_attempts=chance.choice((2, 5)),
    )
