"""From an SQS body to the entry for the bus: against a parser in Python, and against JSON decoding alone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

import msgspec
from anymail.webhooks.amazon_ses import (  # type: ignore[import-untyped] # it has no types
    AmazonSESTrackingWebhookView,
)
from django.conf import settings

from bench.support.comparison import Comparison, compare
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

REPEATED: Final = 100
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


def measure() -> Iterator[Comparison]:
    """Compare with django-anymail, with and without encoding its events as JSON, and with JSON alone."""
    made = REPEATED * sum(len(_entries(body)) for body in BODIES)
    sizes = [len(body.encode()) for body in BODIES]
    title = f"{made} events from {REPEATED * len(BODIES)} SQS bodies of {min(sizes)} to {max(sizes)} bytes"
    tracking = ("tracking, bytes out", lambda: _timed(_all_entries))
    objects = compare(title, tracking, ("django-anymail's parser, objects out", _anymail()))
    yield _with_note(objects, f"{1000 * objects.measured_ms / made:.1f} µs an event")
    yield compare(
        title, tracking, ("django-anymail's parser and json.dumps, bytes out", _anymail(to_bytes=True))
    )
    floor = compare(title, tracking, ("msgspec: two decodes, one encode for each event", _json_alone()))
    yield _with_note(floor, f"{1 - floor.ratio:.0%} of tracking's time is above that floor")


def _with_note(comparison: Comparison, note: str) -> Comparison:
    return msgspec.structs.replace(comparison, notes=(note,))


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(REPEATED):
        work()
    return time.perf_counter() - start


def _entries(body: str) -> list[BusEntry]:
    report = normalize(parse_notification(body), topic_arn=TOPIC)
    return [bus_entry(event, report.resources, esp_event=report.esp_event) for event in report.events]


def _all_entries() -> None:
    for body in BODIES:
        _entries(body)


def _anymail(*, to_bytes: bool = False) -> Callable[[], float]:
    """Return a run of its tracking webhook from the request's body to its objects, or to their JSON."""
    if not settings.configured:
        settings.configure(ANYMAIL={"WEBHOOK_SECRET": "bench:bench"})
    parse = AmazonSESTrackingWebhookView().esp_to_anymail_events

    def all_events() -> None:
        for body in BODIES:
            envelope = json.loads(body)
            for event in parse(json.loads(envelope["Message"]), envelope):
                if to_bytes:
                    json.dumps(vars(event), default=str)

    return lambda: _timed(all_events)


def _json_alone() -> Callable[[], float]:
    """Return a run of the minimal JSON work: decode and encode the same bytes."""
    decode, encode = msgspec.json.decode, msgspec.json.encode
    given = [(body, [decode(made.detail) for made in _entries(body)]) for body in BODIES]

    def all_json() -> None:
        for body, details in given:
            decode(decode(body)["Message"])
            for detail in details:
                encode(detail)

    return lambda: _timed(all_json)
