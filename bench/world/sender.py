"""Puts a process's sender together, as `sender.wiring` does, with clients of the models."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
from aws_lambda_powertools import Logger

from mailbus.aws.dead_letters import DeadLetterQueue
from mailbus.aws.event_bus import EventBus
from mailbus.environment import SenderSettings
from mailbus.ledger.claims import Claims
from mailbus.ledger.table import LedgerTable
from sender.aws.s3 import Objects
from sender.aws.scheduler import Schedules
from sender.aws.send_queues import SendQueues
from sender.aws.tracking_queue import TrackingQueue
from sender.rate.account import Account
from sender.rate.pacer import Pacer
from sender.rate.table import RateTable
from sender.ses.client import MailService
from sender.wiring import Sender

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from bench.world.process import Process
    from mailbus.stages import Lane

_QUEUE: Final = "arn:aws:sqs:eu-west-1:123456789012:mailbus-sim-"
_QUEUE_URL: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/mailbus-sim-"
SETTINGS: Final = SenderSettings(
    event_bus_name="mailbus-sim",
    dead_letter_queue_url=f"{_QUEUE_URL}dead",
    dead_letter_queue_arn=f"{_QUEUE}dead",
    send_queue_url=f"{_QUEUE_URL}send",
    send_queue_arn=f"{_QUEUE}send",
    bulk_queue_url=f"{_QUEUE_URL}bulk",
    bulk_queue_arn=f"{_QUEUE}bulk",
    configuration_set_name="mailbus-sim",
    metadata_in_headers=True,
    jobs_bucket_name="mailbus-sim-jobs",
    schedule_group_name="mailbus-sim",
    schedule_role_arn="arn:aws:iam::123456789012:role/mailbus-sim-schedules",
    max_attempts=5,
    ledger_table_name="mailbus-sim-ledger",
    ledger_days=7,
    rate_cache_seconds=60,
    bulk_share=0.5,
    tracking_queue_url=f"{_QUEUE_URL}tracking",
    doubt_seconds=120,
    on_unknown="resend",
)
QUEUE_ARNS: Final[Mapping[Lane, str]] = {
    "transactional": SETTINGS.send_queue_arn,
    "bulk": SETTINGS.bulk_queue_arn,
}
QUEUE_URLS: Final[Mapping[Lane, str]] = {
    "transactional": SETTINGS.send_queue_url,
    "bulk": SETTINGS.bulk_queue_url,
}


# Powertools has one logger for a name
_LOGS: Final = itertools.count()


def open_log(stream: TextIO, *, level: str = "ERROR") -> Logger:
    """Return a log that writes errors alone, or all from a level on."""
    return Logger(service=f"sender-{next(_LOGS)}", stream=stream, level=level)


class Clients(msgspec.Struct, frozen=True, kw_only=True):
    """A process's stand-ins for boto3's clients, and its log.

    Without `s3` and `scheduler` jobs must have no files, and be due at once.
    """

    dynamodb: Any
    ses: Any
    sqs: Any
    events: Any
    s3: Any = None
    scheduler: Any = None
    log: Logger


def build_sender(
    process: Process, clients: Clients, settings: SenderSettings, chance: random.Random
) -> Sender:
    """Return the sender of a process."""
    return Sender(
        settings=settings,
        mail=MailService(clients.ses, clock=process.time),
        bus=EventBus(
            clients.events,
            settings.event_bus_name,
            sleep=process.pause,
            clock=process.time,
            uniform=chance.uniform,
            side_by_side=process.side_by_side,
        ),
        queues=SendQueues(clients.sqs, {QUEUE_ARNS[lane]: QUEUE_URLS[lane] for lane in QUEUE_ARNS}),
        dead_letters=DeadLetterQueue(clients.sqs, settings.dead_letter_queue_url),
        ledger=Claims(
            LedgerTable(
                clients.dynamodb, settings.ledger_table_name, sleep=process.pause, uniform=chance.uniform
            ),
            side_by_side=process.side_by_side,
        ),
        tracking_queue=TrackingQueue(clients.sqs, settings.tracking_queue_url),
        objects=Objects(clients.s3, own_bucket=settings.jobs_bucket_name, buckets=()),
        schedules=Schedules(
            clients.scheduler,
            group_name=settings.schedule_group_name,
            role_arn=settings.schedule_role_arn,
            dead_letter_queue_arn=settings.dead_letter_queue_arn,
        ),
        pacer=Pacer(
            RateTable(clients.dynamodb, settings.ledger_table_name, bulk_share=settings.bulk_share),
            Account(clients.ses).limits,
            cache_seconds=settings.rate_cache_seconds,
            clock=process.time,
            sleep=process.sleep,
            uniform=chance.uniform,
        ),
        wait_until=process.wait_until,
        log=clients.log,
        now=process.date,
        uniform=chance.uniform,
        put_metric=lambda _metric, _value: None,
        write_metrics=lambda: None,
        side_by_side=process.side_by_side,
    )
