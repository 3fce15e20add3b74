"""What follows SES's acceptance: its notifications, and the functions that make a timeline of them.

Both run their own code, as the sender does: from the batch to the acknowledgement.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bench.world.costs import RECORDED_CPU, TRACKED_CPU
from bench.world.dynamodb import DynamoDbClient, Table
from bench.world.events import EventsClient
from bench.world.jobs import RECIPIENT
from bench.world.log import Log
from bench.world.notifications import CLICK, DELIVERY, READER, mail_object, notification
from bench.world.readers import Reader, ReaderCounts
from bench.world.sender import SETTINGS, open_log
from bench.world.sqs import Queue, SqsClient
from bench.world.world import FUNCTION_NAME
from mailbus.aws.sqs import batch_response, records
from mailbus.environment import TimelineSettings, TrackingSettings
from mailbus.metrics import put_metrics
from mailbus.timeline.items import INDEXES
from mailbus_cdk import event_workers, limits
from mailbus_cdk.settings.doubt import REPORT_SLACK_SECONDS, TRACKING_SECONDS
from timeline import wiring as timeline_wiring
from timeline.batch import process as record
from tracking import wiring as tracking_wiring
from tracking.batch import process as track
from tracking.health import HealthNotes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.world.process import Process
    from bench.world.readers import Function
    from bench.world.ses import Accepted
    from bench.world.world import World
    from mailbus_cdk.limits import Limits

TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:mailbus-sim-tracking"
TRACKING: Final = TrackingSettings(
    event_bus_name=SETTINGS.event_bus_name,
    dead_letter_queue_url=SETTINGS.dead_letter_queue_url,
    tracking_topic_arn=TOPIC,
    tracking_queue_url=SETTINGS.tracking_queue_url,
    ledger_table_name=SETTINGS.ledger_table_name,
    max_receives=limits.REPORT_RETRIES,
    events_bucket_name="mailbus-sim-events",
    esp_events_prefix="esp-events/",
)
TIMELINE: Final = TimelineSettings(
    timeline_table_name="mailbus-sim-timeline",
    timeline_days=30,
    dead_letter_queue_url=SETTINGS.dead_letter_queue_url,
    max_receives=limits.TIMELINE_RECEIVES,
)
#: What SES reports of a mail, and when, in seconds after it accepted it. Each comes into another batch, as
#: when a reader opens a mail after hours.
REPORTS: Final[Mapping[str, tuple[dict[str, Any], tuple[float, float]]]] = {
    "Send": ({}, (0.2, 1.0)),
    "Delivery": (DELIVERY | {"recipients": [RECIPIENT]}, (1.0, 3.0)),
    "Open": (READER | {"isBotEvent": "Unlikely"}, (6.0, 9.0)),
    "Click": (CLICK, (12.0, 15.0)),
}
LONGEST_SECONDS: Final = max(latest for _, (_, latest) in REPORTS.values())
# from SNS, or from a rule of the bus, to the queue
DELIVERY_SECONDS: Final = (0.05, 0.3)


class Reporting:
    """Reports on each mail that a world's SES accepts, as far as its events are recorded in a timeline.

    `tracked` and `recorded` count what the two functions' workers use, as many as follow from the rate;
    `ledgers` are tracking's clients of the ledger.
    """

    def __init__(self, world: World, *, rate: float, publish_sent: bool = True) -> None:
        self.tracked = ReaderCounts()
        self.recorded = ReaderCounts()
        self.timeline = Table(world.clock, indexes=INDEXES.values())
        self.ledgers: list[DynamoDbClient] = []
        self._calls: Counter[str] = Counter()
        self._world = world
        self._settings = msgspec.structs.replace(TRACKING, publish_sent=publish_sent)
        self._chance = world.new_chance()
        tracking_seconds = TRACKING_SECONDS + REPORT_SLACK_SECONDS
        self._reports = self._queue("tracking", tracking_seconds, limits.TRACKING)
        timeline_seconds = limits.TIMELINE_TIMEOUTS * limits.TIMELINE.timeout_seconds
        self._events = self._queue("timeline", timeline_seconds, limits.TIMELINE)
        world.bus.on_event = self._pass_on
        noted = world.ses.on_accepted

        def note(mail: Accepted) -> None:
            noted(mail)
            self._report(mail)

        world.ses.on_accepted = note
        for _ in range(event_workers.TRACKING.workers(rate)):
            self._read(self._reports, limits.TRACKING, self._tracking, self.tracked)
        for _ in range(event_workers.TIMELINE.workers(rate)):
            self._read(self._events, limits.TIMELINE, self._recording, self.recorded)

    def _queue(self, name: str, visibility: float, of: Limits) -> Queue:
        return Queue(
            self._world.clock,
            self._world.new_chance(),
            arn=f"arn:aws:sqs:eu-west-1:123456789012:mailbus-sim-{name}",
            visibility=visibility + of.batch_window_seconds,
        )

    def _read(
        self, queue: Queue, of: Limits, start: Callable[[Process], Function], counts: ReaderCounts
    ) -> None:
        clock, chance = self._world.clock, self._world.new_chance()
        reader = Reader(clock, chance, queue=queue, limits=of, start=start, counts=counts)
        clock.spawn(reader.run)

    def _report(self, mail: Accepted) -> None:
        """Publish SES's notifications of a mail, each at its time."""
        of_mail = mail_object(RECIPIENT, message_id=mail.message_id, job_id=mail.job_id)
        for kind, (content, (earliest, latest)) in REPORTS.items():
            text = notification({"eventType": kind, "mail": of_mail, kind.lower(): content}, topic=TOPIC)
            after = self._chance.uniform(earliest, latest) + self._chance.uniform(*DELIVERY_SECONDS)
            self._put(self._reports, text, after)

    def _pass_on(self, entry: dict[str, Any]) -> None:
        """Pass an event of the bus on to the timeline's queue, as its rule does."""
        self._put(self._events, bus_event(entry), self._chance.uniform(*DELIVERY_SECONDS))

    def _put(self, queue: Queue, text: str, after: float) -> None:
        self._world.clock.spawn(lambda: queue.put(text), after=after)

    def _tracking(self, process: Process) -> Function:
        """Return the tracking function of a process."""
        clients, log = self._clients(process, self._world.table), Log()
        self.ledgers.append(clients["dynamodb"])
        logger, health = open_log(log, level="INFO"), HealthNotes()
        events: Any = EventsClient(process, self._chance, bus=self._world.bus, calls=self._calls)

        def function(event: dict[str, Any]) -> dict[str, Any]:
            logged = log.bytes
            process.compute(TRACKED_CPU * len(event["Records"]))
            tracker = tracking_wiring.tracker(
                self._settings,
                limits.TRACKING.timeout_seconds,
                **clients,
                events=events,
                s3=_no_s3,
                health=health,
                log=logger,
                put_metrics=lambda values: log.print_of(lambda: put_metrics(FUNCTION_NAME, values)),
                now=process.time,
                sleep=process.pause,
                side_by_side=process.side_by_side,
            )
            response = batch_response(track(records(event), tracker))
            self.tracked.log_bytes += log.bytes - logged
            return response

        return function

    def _recording(self, process: Process) -> Function:
        """Return the timeline's function of a process."""
        clients, log = self._clients(process, self.timeline), Log()
        logger = open_log(log, level="INFO")

        def function(event: dict[str, Any]) -> dict[str, Any]:
            logged = log.bytes
            process.compute(RECORDED_CPU * len(event["Records"]))
            recorder = timeline_wiring.recorder(
                TIMELINE,
                limits.TIMELINE.timeout_seconds,
                **clients,
                log=logger,
                now=process.time,
                sleep=process.pause,
                side_by_side=process.side_by_side,
            )
            response = batch_response(record(records(event), recorder))
            self.recorded.log_bytes += log.bytes - logged
            return response

        return function

    def _clients(self, process: Process, table: Table) -> dict[str, Any]:
        round_trip, chance = self._world.scenario.round_trip, self._world.new_chance()
        return {
            "dynamodb": DynamoDbClient(process, table, round_trip=round_trip, chance=chance),
            "sqs": SqsClient(process, {}, chance, calls=self._calls, dead_letters=self._world.dead_letters),
        }

    @property
    def put_calls(self) -> int:
        """How many calls of PutEvents tracking has made."""
        return self._calls["PutEvents"]


def bus_event(entry: Mapping[str, Any]) -> str:
    """Return an entry of PutEvents as a rule of the bus sends it to a queue."""
    return msgspec.json.encode(
        {
            "version": "0",
            "id": "8f6d5c1e-0a57-4c55-bd6a-9a1a1f6f7a10",
            "detail-type": entry["DetailType"],
            "source": entry["Source"],
            "account": "123456789012",
            "time": entry["Time"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": "eu-west-1",
            "resources": entry["Resources"],
            "detail": msgspec.Raw(entry["Detail"].encode()),
        }
    ).decode()


def _no_s3() -> Any:  # noqa: ANN401 - a client of boto3
    reason = "no event of the simulation is too large for the bus"
    raise AssertionError(reason)
