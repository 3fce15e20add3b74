"""From an SQS body to the entry for the bus: against a parser in Python, and against JSON decoding alone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from anymail.webhooks.amazon_ses import (  # type: ignore[import-untyped] # it has no types
    AmazonSESTrackingWebhookView,
)
from django.conf import settings

from bench.support.comparison import Comparison, compare
from mailbus.aws.sns import parse_notification
from mailbus.bus_entries import BusEntry, bus_entry
from tracking.normalize import normalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATED: Final = 100
TOPIC: Final = "arn:aws:sns:eu-west-1:000000000000:mailbus-tracking"
JANE: Final = "jane@example.net"
READERS: Final = tuple(f"reader-{number}@example.net" for number in range(3))
MOMENT: Final = {"timestamp": "2026-11-22T10:01:00.417Z"}
FEEDBACK: Final = MOMENT | {"feedbackId": "0102019a9c1f1b77-7a4b9ad0-3b0f-4c59-8e0b-6f2a8f4fd1c3-000000"}
READER: Final = MOMENT | {
    "ipAddress": "192.0.2.51",
    "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/142.0.0.0 Safari/537.36",
}
DELIVERY: Final = MOMENT | {
    "processingTimeMillis": 812,
    "recipients": [JANE],
    "smtpResponse": "250 2.0.0 OK  1763802001 5b1f17b1804b1-47bf3aecb94si12345678 - gsmtp",
    "remoteMtaIp": "203.0.113.25",
    "reportingMTA": "b224-13.smtp-out.eu-west-1.amazonses.com",
}
BOUNCE: Final = FEEDBACK | {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [
        {
            "emailAddress": JANE,
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550-5.1.1 The email account that you tried to reach does not exist."
            " Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1"
            " unnecessary spaces.",
        }
    ],
    "reportingMTA": "dns; b224-13.smtp-out.eu-west-1.amazonses.com",
}
COMPLAINT: Final = FEEDBACK | {
    "complainedRecipients": [{"emailAddress": JANE}],
    "complaintFeedbackType": "abuse",
    "userAgent": "Yahoo!-Mail-Feedback/2.0",
    "arrivalDate": "2026-11-22T10:00:59.000Z",
}
CLICK: Final = READER | {
    "link": "https://shop.example.com/orders/1001?utm_source=mail&utm_campaign=receipts",
    "linkTags": {"position": ["footer"]},
    "isBotEvent": "Unlikely",
}
DELAY: Final = MOMENT | {
    "delayType": "MailboxFull",
    "delayedRecipients": [{"emailAddress": JANE, "status": "4.2.2", "diagnosticCode": "452 4.2.2 full"}],
    "expirationTime": "2026-11-23T10:00:00.000Z",
    "reportingMTA": "b224-13.smtp-out.eu-west-1.amazonses.com",
}


# the headers of a receipt, those that a newsletter adds, and those of a mail that was forwarded often
RECEIPT: Final = {
    "From": "Shop <orders@shop.example.com>",
    "Reply-To": "Shop <help@shop.example.com>",
    "Subject": "=?utf-8?q?Your_order_1001_is_on_its_way_=E2=9C=88?=",
    "Date": "Sun, 22 Nov 2026 10:00:00 +0000",
    "Message-ID": "<1763805600.4c0a9a551d3b@shop.example.com>",
    "MIME-Version": "1.0",
    "Content-Type": 'multipart/alternative; boundary="===============7330845974216740156=="',
    "X-Tag": "receipt",
    "X-Metadata": '{"order": 1001, "tenant": "north"}',
    "Auto-Submitted": "auto-generated",
}
NEWSLETTER: Final = RECEIPT | {
    "List-Unsubscribe": "<https://shop.example.com/unsubscribe/4c0a9a551d3b>, <mailto:leave@example.com>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-ID": "News of the shop <news.shop.example.com>",
    "Feedback-ID": "news-2026-47:4c0a9a551d3b:newsletter:shop",
    "Precedence": "bulk",
    "X-Mailer": "ShopMailer 4.7.1",
    "X-Campaign": "news-2026-47",
    "Received": "from mailer-1.shop.example.com (ec2-198-51-100-23.compute.amazonaws.com [198.51.100.23])"
    " by email-smtp.amazonaws.com with SMTP (SimpleEmailService-d-4WQ6J9C7C) id kNqPb3cJm0sF2dT1xVwZ"
    " for jane@example.net; Sun, 22 Nov 2026 10:00:00 +0000 (UTC)",
    "DKIM-Signature": "v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s=4h6qyz2m; d=shop.example.com;"
    " t=1763805600; h=From:Reply-To:Subject:Date:Message-ID:MIME-Version:Content-Type;"
    " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=" + "Zk9fQm3L" * 43,
}
FORWARDED: Final = NEWSLETTER | {
    f"X-Forwarded-By-{hop}": f"relay-{hop}.example.org ([203.0.113.{hop}]); 22 Nov 2026 10:00:0{hop} +0000;"
    f" spf=pass smtp.mailfrom=orders@shop.example.com; dkim=pass header.d=shop.example.com; {'Zk9fQm3L' * 12}"
    for hop in range(10)
}


def _mail(*recipients: str, headers: dict[str, str] = RECEIPT) -> dict[str, Any]:
    """Return the mail object of a published event."""
    message_id = "0102019a9c1f0a26-5f0e7b1c-41a7-4c0a-9a55-1d3b6d0f7f11-000000"
    shown = {"To": ", ".join(recipients)} | headers
    return {
        "timestamp": "2026-11-22T10:00:00.118Z",
        "source": shown["From"],
        "sourceArn": "arn:aws:ses:eu-west-1:000000000000:identity/shop.example.com",
        "sendingAccountId": "000000000000",
        "messageId": message_id,
        "destination": recipients,
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in shown.items()],
        "commonHeaders": {
            "from": [shown["From"]],
            "replyTo": [shown["Reply-To"]],
            "date": shown["Date"],
            "to": recipients,
            "messageId": message_id,
            "subject": "Your order 1001 is on its way ✈",
        },
        "tags": {
            "ses:source-tls-version": ["TLSv1.3"],
            "ses:operation": ["SendEmail"],
            "ses:configuration-set": ["mailbus"],
            "ses:source-ip": ["198.51.100.23"],
            "ses:from-domain": ["shop.example.com"],
            "ses:caller-identity": ["mailbus-sender"],
            "mailbus-job-id": ["order-1001"],
            "mailbus-entry": ["0"],
        },
    }


def _short_mail() -> dict[str, Any]:
    """Return the mail object of a notification without headers."""
    kept = ("timestamp", "source", "sourceArn", "sendingAccountId", "messageId", "destination")
    return {name: value for name, value in _mail(JANE).items() if name in kept} | {
        "sourceIp": "198.51.100.23",
        "callerIdentity": "mailbus-sender",
    }


def _body(reported: dict[str, Any]) -> str:
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "8f2c1d7e-2b1a-5d1e-9c3f-4f5a6b7c8d9e",
            "TopicArn": TOPIC,
            "Subject": "Amazon SES Email Event Notification",
            "Message": json.dumps(reported),
            "Timestamp": "2026-11-22T10:01:00.891Z",
            "SignatureVersion": "1",
            "Signature": "dGhlIHNpZ25hdHVyZQ==" * 17,
            "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0000.pem",
            "UnsubscribeURL": f"https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={TOPIC}",
        }
    )


BODIES: Final = tuple(
    _body(reported)
    for reported in (
        {"eventType": "Send", "mail": _mail(JANE), "send": {}},
        {"eventType": "Send", "mail": _mail(JANE, headers=FORWARDED), "send": {}},
        {"eventType": "Delivery", "mail": _mail(JANE), "delivery": DELIVERY},
        {"eventType": "Delivery", "mail": _mail(JANE, headers=NEWSLETTER), "delivery": DELIVERY},
        {"eventType": "Delivery", "mail": _mail(*READERS), "delivery": DELIVERY | {"recipients": READERS}},
        {"notificationType": "Delivery", "mail": _short_mail(), "delivery": DELIVERY},
        {"eventType": "Bounce", "mail": _mail(JANE), "bounce": BOUNCE},
        {"notificationType": "Bounce", "mail": _short_mail(), "bounce": BOUNCE},
        {"eventType": "Complaint", "mail": _mail(JANE, headers=NEWSLETTER), "complaint": COMPLAINT},
        {"eventType": "Open", "mail": _mail(JANE), "open": READER},
        {"eventType": "Click", "mail": _mail(JANE, headers=NEWSLETTER), "click": CLICK},
        {"eventType": "DeliveryDelay", "mail": _short_mail(), "deliveryDelay": DELAY},
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
