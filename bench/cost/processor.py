"""`python -m bench.cost.processor`: the processor time of a batch of tracking and of the timeline.

The functions run as they are deployed, with boto3's clients, against a server in another process that answers
at once. `bench/world/costs.py` has what follows: the time of an event beside that of the calls.
"""

from __future__ import annotations

import io
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import boto3
from rich.console import Console

from bench.support import instant_services
from bench.world.costs import FULL_PROCESSOR_MB
from bench.world.notifications import JANE, mail_object, notification
from bench.world.reporting import REPORTS, TIMELINE, TOPIC, TRACKING, bus_event
from bench.world.sender import open_log
from mailbus.aws import sessions
from mailbus.aws.sqs import Record
from mailbus_cdk import limits
from timeline import batch as timeline_batch
from timeline import wiring as timeline_wiring
from tracking import batch as tracking_batch
from tracking import wiring as tracking_wiring
from tracking.health import HealthNotes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from timeline.batch import Recorder
    from tracking.tracker import Tracker

REPEATED: Final = 20
BATCH: Final = limits.TRACKING.batch_size


class _Published:
    """A client of EventBridge that keeps the entries."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}


def _reports() -> list[Record]:
    """Return a batch of notifications, each kind as often, of mails of their own."""
    kinds = list(REPORTS)
    texts = [
        notification(
            {
                "eventType": kind,
                "mail": mail_object(JANE, message_id=f"0102019a-{number:06}", job_id=f"order-{number}"),
                kind.lower(): REPORTS[kind][0],
            },
            topic=TOPIC,
        )
        for number in range(BATCH)
        for kind in (kinds[number % len(kinds)],)
    ]
    return _records(texts)


def _records(texts: Sequence[str]) -> list[Record]:
    now = time.time()
    return [
        Record(message_id=f"message-{number}", receipt_handle=f"handle-{number}", body=text, sent_at=now)
        for number, text in enumerate(texts)
    ]


def _processor_ms(work: Callable[[], object]) -> float:
    """Return the median of the processor time of some runs, after one that warms up."""
    work()
    times = []
    for _ in range(REPEATED):
        began = time.process_time()
        work()
        times.append(1000 * (time.process_time() - began))
    return statistics.median(times)


def main() -> None:
    """Measure both, and print them."""
    console = Console(highlight=False, soft_wrap=True)
    share = limits.TRACKING.memory_mb / FULL_PROCESSOR_MB
    with instant_services.serving() as url:
        for name, milliseconds in _measured(url).items():
            console.print(
                f"{name}: {milliseconds:.1f} ms of a processor for {BATCH} events,"
                f" {milliseconds / share:.0f} ms at {limits.TRACKING.memory_mb} MB"
            )


def _measured(url: str) -> dict[str, float]:
    def client(service: Any) -> Any:  # noqa: ANN401 - a name and a client of boto3
        return boto3.client(
            service,
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",  # noqa: S106 - the server takes any
            config=sessions.config(max_attempts=1, max_pool_connections=timeline_batch.WORKERS),
        )

    dynamodb, events, unused = client("dynamodb"), client("events"), None
    log = open_log(io.StringIO(), level="INFO")

    def tracker(events: Any) -> Tracker:  # noqa: ANN401 - a client, or what stands in for one
        return tracking_wiring.tracker(
            TRACKING,
            limits.TRACKING.timeout_seconds,
            dynamodb=dynamodb,
            events=events,
            sqs=unused,  # type: ignore[arg-type] # no record fails
            s3=unused,  # type: ignore[arg-type] # no event is that large
            health=HealthNotes(time.time()),
            log=log,
            put_metrics=lambda _: None,
        )

    def recorder() -> Recorder:
        return timeline_wiring.recorder(
            TIMELINE,
            limits.TIMELINE.timeout_seconds,
            dynamodb=dynamodb,
            sqs=unused,  # type: ignore[arg-type] # no record fails
            log=log,
        )

    reports, published = _reports(), _Published()
    tracking_batch.process(reports, tracker(published))
    recorded = _records([bus_event(entry) for entry in published.entries])
    return {
        "tracking": _processor_ms(lambda: tracking_batch.process(reports, tracker(events))),
        "timeline": _processor_ms(lambda: timeline_batch.process(recorded, recorder())),
    }


if __name__ == "__main__":
    main()
