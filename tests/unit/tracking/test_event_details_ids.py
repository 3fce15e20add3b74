"""Event ids: the same for the same event, however SES and SNS report it; different otherwise.

An event is drawn first, then two ways of reporting it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus.aws.sns import parse_notification
from tests.unit.tracking.notifications import NAMES, OBJECT_KEYS, envelope, payload
from tracking.normalize import normalize

# what notifications and event publishing both report: the key of its object, and that of its recipients
FEEDBACK: Final = {
    "bounce": "bouncedRecipients",
    "complaint": "complainedRecipients",
    "delivery": "recipients",
}
# events with a time of their own, which can happen again
TIMED: Final = {
    name: key
    for name, key in OBJECT_KEYS.items()
    if "timestamp" in payload(name)[key] and key not in FEEDBACK
}
ONCE: Final = sorted(OBJECT_KEYS.keys() - TIMED.keys() - {f"event_{kind}" for kind in FEEDBACK})

Draw = Callable[[st.SearchStrategy[Any]], Any]
MOMENTS = st.datetimes(
    min_value=datetime(2012, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
LOCALS = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+_-", min_size=1, max_size=12
)
DOMAINS = st.sampled_from(["example.net", "mail.example.org", "xn--bcher-kva.example"])
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)
DISPLAYS = st.sampled_from(
    ["{}", "<{}>", "Ada Lovelace <{}>", '"Lovelace, Ada" <{}>', "  {} ", "=?utf-8?q?J=C3=BCrgen?= <{}>"]
)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of SNS, which differ each time it delivers a notification."""

    sns_id: str
    time: str
    topic: str


ENVELOPES = st.builds(
    Envelope,
    sns_id=st.uuids().map(str),
    time=MOMENTS.map(datetime.isoformat),
    topic=st.sampled_from(["tracking", "feedback"]).map("arn:aws:sns:eu-west-1:210987654321:{}".format),
)
SNS: Final = Envelope(
    sns_id="3b1f6a0e-6f38-5b0c-8d4b-08f5c7a1f9d2",
    time="2026-11-20T09:14:05.000Z",
    topic="arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking",
)


def ids(message: dict[str, Any], sns: Envelope = SNS) -> list[str]:
    body = envelope(json.dumps(message), sns_id=sns.sns_id, time=sns.time, topic=sns.topic)
    return [event.event_id for event in normalize(parse_notification(body), topic_arn=sns.topic).events]


def spelled(draw: Draw, moment: datetime, *, fraction: bool) -> str:
    """Write a time as JSON may have it: in any zone, with all, some or none of its fraction."""
    written = moment.astimezone(draw(ZONES)).isoformat(timespec="microseconds")
    seconds, rest = written.split(".")
    digits = draw(st.sampled_from((3, 6) if fraction else (0, 1, 2, 3, 6)))
    text = f"{seconds}.{rest[:digits]}{rest[6:]}" if digits else seconds + rest[6:]
    return text.replace("+00:00", "Z") if draw(st.booleans()) else text


def displayed(draw: Draw, address: str) -> str:
    local, _, domain = address.rpartition("@")
    display: str = draw(DISPLAYS)
    return display.format(f"{local}@{draw(st.sampled_from([domain, domain.upper(), domain.title()]))}")


@st.composite
def reported(
    draw: st.DrawFn, kind: str, addresses: list[str], moment: datetime
) -> list[tuple[dict[str, Any], Envelope]]:
    """Report this of these recipients: on one channel, in one notification or several, in any order."""
    whole = payload(draw(st.sampled_from([f"event_{kind}", f"notification_{kind}"])))
    whole["mail"]["messageId"] = "0102019a9c1f0a26-5f0e7b1c-000000"
    # fields that only one of the channels, or only some notifications, have
    whole[kind] |= draw(
        st.fixed_dictionaries(
            {"feedbackId": st.uuids().map(str), "reportingMTA": st.sampled_from(["dns; a.example", None])},
            optional={"remoteMtaIp": st.just("203.0.113.7"), "arrivalDate": st.just("2026-11-20T09:00:00Z")},
        )
    )
    rest = draw(st.permutations(addresses))
    notifications = []
    while rest:
        size = draw(st.integers(1, len(rest)))
        group, rest = rest[:size], rest[size:]
        notification = copy.deepcopy(whole)
        notification[kind]["timestamp"] = spelled(draw, moment, fraction=False)
        written = [displayed(draw, address) for address in group]
        notification[kind][FEEDBACK[kind]] = (
            written
            if kind == "delivery"
            else [
                {"emailAddress": address} | ({"status": "5.1.1"} if draw(st.booleans()) else {})
                for address in written
            ]
        )
        notification["mail"]["destination"] = draw(st.permutations(addresses))
        notifications.append((notification, draw(ENVELOPES)))
    return notifications


def ids_of(notifications: list[tuple[dict[str, Any], Envelope]]) -> set[str]:
    return {found for notification, sns in notifications for found in ids(notification, sns)}


@pytest.mark.parametrize("kind", list(FEEDBACK))
@settings(max_examples=40)
@given(data=st.data(), addresses=st.lists(ADDRESSES, min_size=1, max_size=5, unique=True), moment=MOMENTS)
def test_feedback_has_one_id_per_recipient_however_it_is_reported(
    kind: str, data: st.DataObject, addresses: list[str], moment: datetime
) -> None:
    one = ids_of(data.draw(reported(kind, addresses, moment)))
    other = ids_of(data.draw(reported(kind, addresses, moment)))
    assert one == other
    assert len(one) == len(addresses)


@pytest.mark.parametrize("kind", list(FEEDBACK))
def test_event_publishing_and_feedback_notifications_give_the_same_ids(kind: str) -> None:
    assert ids(payload(f"event_{kind}")) == ids(payload(f"notification_{kind}"))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20)
@given(sns=ENVELOPES)
def test_a_notification_that_is_delivered_again_has_the_same_ids(name: str, sns: Envelope) -> None:
    assert ids(payload(name), sns) == ids(payload(name))


@given(sns=ENVELOPES)
def test_an_event_of_a_new_type_has_the_same_id_on_another_topic(sns: Envelope) -> None:
    new = payload("event_open") | {
        "eventType": "Forward",
        "forward": {"timestamp": "2026-11-20T09:31:57.000Z"},
    }
    assert ids(new, sns) == ids(new)
    later = new | {"forward": {"timestamp": "2026-11-20T09:31:58.000Z"}}
    assert not set(ids(later)) & set(ids(new))


@pytest.mark.parametrize("name", list(TIMED))
@given(data=st.data(), moment=MOMENTS)
def test_the_spelling_of_a_time_makes_no_difference(name: str, data: st.DataObject, moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    one, other = payload(name), payload(name)
    one[TIMED[name]]["timestamp"] = spelled(data.draw, moment, fraction=True)
    other[TIMED[name]]["timestamp"] = spelled(data.draw, moment, fraction=True)
    assert ids(one) == ids(other)


@pytest.mark.parametrize("name", list(TIMED))
@given(moment=MOMENTS, milliseconds=st.integers(1, 10**9))
def test_events_of_one_type_at_different_times_have_different_ids(
    name: str, moment: datetime, milliseconds: int
) -> None:
    first, second = payload(name), payload(name)
    first[TIMED[name]]["timestamp"] = moment.isoformat()
    second[TIMED[name]]["timestamp"] = (moment + timedelta(milliseconds=milliseconds)).isoformat()
    assert not set(ids(first)) & set(ids(second))


@pytest.mark.parametrize("kind", list(FEEDBACK))
@given(moment=MOMENTS, seconds=st.integers(1, 10**6))
def test_feedback_in_another_second_has_another_id(kind: str, moment: datetime, seconds: int) -> None:
    first, second = payload(f"event_{kind}"), payload(f"notification_{kind}")
    first[kind]["timestamp"] = moment.isoformat()
    second[kind]["timestamp"] = (moment + timedelta(seconds=seconds)).isoformat()
    assert not set(ids(first)) & set(ids(second))


@given(st.permutations(["Permanent", "Transient", "Undetermined", None]))
def test_a_bounce_of_another_type_in_the_same_second_has_another_id(types: list[str | None]) -> None:
    first, second = payload("event_bounce"), payload("event_bounce")
    first["bounce"]["bounceType"], second["bounce"]["bounceType"] = types[:2]
    assert not set(ids(first)) & set(ids(second))


@pytest.mark.parametrize(
    "change",
    [
        {"ipAddress": "192.0.2.52"},
        {"userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)"},
        {"link": "https://shop.example.com/orders/4712"},
    ],
)
def test_clicks_of_two_readers_or_on_two_links_at_the_same_time_have_different_ids(
    change: dict[str, str],
) -> None:
    other = payload("event_click")
    other["click"] |= change
    assert not set(ids(other)) & set(ids(payload("event_click")))


@pytest.mark.parametrize(
    ("name", "named", "change"),
    [
        ("event_open", "open", {"isBotEvent": "Likely"}),
        ("event_click", "click", {"isBotEvent": None}),
        ("event_click", "click", {"linkTags": None}),
        ("event_bounce", "bounce", {"bounceSubType": "NoEmail"}),
        ("event_complaint", "complaint", {"complaintFeedbackType": None, "userAgent": None}),
        ("event_delivery", "delivery", {"smtpResponse": "250 OK", "processingTimeMillis": None}),
    ],
)
def test_fields_that_only_describe_an_event_are_not_part_of_its_id(
    name: str, named: str, change: dict[str, Any]
) -> None:
    described = payload(name)
    described[named] |= change
    assert ids(described) == ids(payload(name))


@pytest.mark.parametrize("name", NAMES)
def test_fields_that_describe_the_message_are_not_part_of_an_id(name: str) -> None:
    other = payload(name)
    kept = ("messageId", "destination")
    other["mail"] = {key: value for key, value in other["mail"].items() if key in kept}
    assert ids(other) == ids(payload(name))


def test_ids_of_different_events_differ() -> None:
    found = [one for name in NAMES if name.startswith("event_") for one in ids(payload(name))]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_event_of_another_message_has_another_id(name: str) -> None:
    other = payload(name)
    other["mail"]["messageId"] = "0102019a9c1f0a26-another-000000"
    assert not set(ids(other)) & set(ids(payload(name)))


@pytest.mark.parametrize("name", list(TIMED))
def test_events_without_a_time_differ_by_their_sns_message(name: str) -> None:
    timeless = payload(name)
    del timeless[TIMED[name]]["timestamp"]
    another = msgspec.structs.replace(SNS, sns_id="f0c1c2d3-0000-5b0c-8d4b-08f5c7a1f9d2")
    assert ids(timeless) == ids(timeless)
    assert not set(ids(timeless)) & set(ids(timeless, another))


@pytest.mark.parametrize("name", ONCE)
def test_messages_without_an_id_are_not_taken_for_one_message(name: str) -> None:
    nameless = payload(name)
    del nameless["mail"]["messageId"]
    another = msgspec.structs.replace(SNS, sns_id="f0c1c2d3-0000-5b0c-8d4b-08f5c7a1f9d2")
    assert not set(ids(nameless)) & set(ids(nameless, another))


@given(addresses=st.lists(ADDRESSES, min_size=2, max_size=2, unique=True), name=st.sampled_from(ONCE))
def test_two_recipients_have_two_ids_whatever_their_mailboxes_case(addresses: list[str], name: str) -> None:
    one, other = payload(name), payload(name)
    one["mail"]["destination"], other["mail"]["destination"] = addresses[:1], addresses[1:]
    assert ids(one) != ids(other)


@settings(max_examples=30)
@given(st.lists(st.emails(), min_size=1, max_size=10, unique=True))
def test_every_recipient_has_its_own_event_with_its_own_id(addresses: list[str]) -> None:
    lowered = {address.rpartition("@")[0] + "@" + address.rpartition("@")[2].lower() for address in addresses}
    sent = payload("event_send")
    sent["mail"]["destination"] = addresses
    assert len(ids(sent)) == len(set(ids(sent))) == len(lowered)


@given(data=st.data(), address=ADDRESSES)
def test_one_recipient_spelled_twice_has_one_event(data: st.DataObject, address: str) -> None:
    opened = payload("event_open")
    opened["mail"]["destination"] = [displayed(data.draw, address) for _ in range(2)]
    body = envelope(json.dumps(opened))
    (event,) = normalize(parse_notification(body), topic_arn=SNS.topic).events
    assert not event.recipient_ambiguous
    opened["mail"]["destination"] = [address]
    assert [event.event_id] == ids(opened)
