"""From an SQS body to the entry for the bus: against a parser in Python, and against JSON decoding alone."""

from __future__ import annotations

import functools
import json
import time
from typing import TYPE_CHECKING, Final

import msgspec
from anymail.webhooks.amazon_ses import (  # type: ignore[import-untyped] # it has no types
    AmazonSESTrackingWebhookView,
)

from bench.results import Goal
from bench.support import anymail_settings
from bench.support.comparison import compare
from bench.world.notifications import (
    BOUNCE,
    CLICK,
    COMPLAINT,
    DELAY,
    DELIVERY,
    FORWARDED,
    JANE,
    NEWSLETTER,
    READER,
    READERS,
    TOPIC,
    mail_object,
    notification,
    short_mail_object,
)
from mailbus.aws.sns import parse_notification
from mailbus.bus_entries import BusEntry, bus_entry
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.results import Result

REPEATED: Final = 100
TITLE: Final = "an event, from the SQS body to the entry for the bus"
GOAL: Final = Goal(of="value", at_most=12)
BODIES: Final = tuple(
    notification(reported)
    for reported in (
        {"eventType": "Send", "mail": mail_object(JANE), "send": {}},
        {"eventType": "Send", "mail": mail_object(JANE, headers=FORWARDED), "send": {}},
        {"eventType": "Delivery", "mail": mail_object(JANE), "delivery": DELIVERY},
        {"eventType": "Delivery", "mail": mail_object(JANE, headers=NEWSLETTER), "delivery": DELIVERY},
        {
            "eventType": "Delivery",
            "mail": mail_object(*READERS),
            "delivery": DELIVERY | {"recipients": READERS},
        },
        {"notificationType": "Delivery", "mail": short_mail_object(), "delivery": DELIVERY},
        {"eventType": "Bounce", "mail": mail_object(JANE), "bounce": BOUNCE},
        {"notificationType": "Bounce", "mail": short_mail_object(), "bounce": BOUNCE},
        {"eventType": "Complaint", "mail": mail_object(JANE, headers=NEWSLETTER), "complaint": COMPLAINT},
        {"eventType": "Open", "mail": mail_object(JANE), "open": READER},
        {"eventType": "Click", "mail": mail_object(JANE, headers=NEWSLETTER), "click": CLICK},
        {"eventType": "DeliveryDelay", "mail": short_mail_object(), "deliveryDelay": DELAY},
    )
)


def measure() -> Iterator[Result]:
    """Compare with django-anymail, with and without encoding its events as JSON, and with JSON alone."""
    made = sum(len(_entries(body)) for body in BODIES)
    sizes = [len(body.encode()) for body in BODIES]
    note = f"{made} events from {len(BODIES)} SQS bodies of {min(sizes):,} to {max(sizes):,} bytes"
    tracking = ("tracking, bytes out", lambda: _timed(_all_entries, made))
    for baseline, work, goal in (
        ("django-anymail's parser and json.dumps, bytes out", _anymail(to_bytes=True), GOAL),
        ("django-anymail's parser, objects out", _anymail(), None),
        ("msgspec: two decodes, one encode for each event", _json_alone(), None),
    ):
        timed = functools.partial(_timed, work, made)
        notes = (note,) if goal else ()
        yield compare(TITLE, tracking, (baseline, timed), unit="µs", goal=goal, notes=notes)


def _timed(work: Callable[[], object], events: int) -> float:
    """Return the seconds of one event."""
    start = time.perf_counter()
    for _ in range(REPEATED):
        work()
    return (time.perf_counter() - start) / (REPEATED * events)


def _entries(body: str) -> list[BusEntry]:
    report = normalize(parse_notification(body), topic_arn=TOPIC)
    return [bus_entry(event, report.resources) for event in report.events]


def _all_entries() -> None:
    for body in BODIES:
        _entries(body)


def _anymail(*, to_bytes: bool = False) -> Callable[[], None]:
    """Return its tracking webhook's work from the requests' bodies to its objects, or to their JSON."""
    anymail_settings.configure()
    parse = AmazonSESTrackingWebhookView().esp_to_anymail_events

    def all_events() -> None:
        for body in BODIES:
            envelope = json.loads(body)
            for event in parse(json.loads(envelope["Message"]), envelope):
                if to_bytes:
                    json.dumps(vars(event), default=str)

    return all_events


def _json_alone() -> Callable[[], None]:
    """Return the minimal JSON work: decode and encode the same bytes."""
    decode, encode = msgspec.json.decode, msgspec.json.encode
    given = [(body, [decode(made.detail) for made in _entries(body)]) for body in BODIES]

    def all_json() -> None:
        for body, details in given:
            decode(decode(body)["Message"])
            for detail in details:
                encode(detail)

    return all_json
