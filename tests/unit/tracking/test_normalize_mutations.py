"""Notifications that SES should never send: each gives events or is invalid, without any other error."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus.aws.sns import parse_notification
from mailbus.bus_entries import bus_entry
from mailbus.errors import InvalidNotification
from mailbus.events import EmailEvent, parse
from tests.unit.tracking.notifications import NAMES, TOPIC, envelope, expected, normalized, payload
from tracking.normalize import VALIDATED, NormalizedNotification, normalize

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(["", "2026-11-20T09:31:57Z", "0001-01-01T00:00:00+14:00", "<>", "OptOut", "Received"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


TEXT = st.text(st.characters(codec=None))
PLACES = (
    ("mail", "tags"),
    ("mail", "tags", "mailbus-job-id"),
    ("mail", "tags", "mailbus-entry"),
    ("mail", "tags", "ses:configuration-set"),
    ("mail", "headers"),
    ("mail", "headersTruncated"),
    ("mail", "destination"),
    ("mail", "sourceArn"),
    ("mail", "sendingAccountId"),
    ("mail", "timestamp"),
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, member in members for found in ((*path, key), *places(member, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    tree = payload(draw(st.sampled_from(NAMES)))
    for _ in range(draw(st.integers(1, 4))):
        *parents, last = draw(st.sampled_from(places(tree) or [("eventType",)]))
        node: Any = tree
        for step in parents:
            node = node[step]
        if draw(st.booleans()):
            node[last] = draw(JSON)
        elif last in node or isinstance(node, list):
            del node[last]
    return tree


def check(got: NormalizedNotification) -> None:
    """Check that a consumer can read all events, and that each has its own id."""
    for event in got.events:
        detail = bus_entry(event, got.resources).detail
        read = json.loads(detail)
        assert set(read) == set(EmailEvent.__struct_fields__)
        assert read["timestamp"].endswith("Z")
        assert isinstance(read["esp_event"], dict)
        assert len(event.event_id) == 32
        assert parse(detail) == msgspec.structs.replace(event, esp_event=read["esp_event"])
    assert len({event.event_id for event in got.events}) == len(got.events)
    assert all(arn.startswith("arn:") for arn in got.resources)


@settings(max_examples=150)
@given(mutated())
def test_a_mutated_notification_gives_valid_events_or_is_invalid(tree: dict[str, Any]) -> None:
    try:
        got = normalized(json.dumps(tree))
    except InvalidNotification:
        known = isinstance(tree.get("mail"), dict) and any(
            isinstance(tree.get(key), str) and tree[key] not in {"", "Received"}
            for key in ("eventType", "notificationType")
        )
        assert not known
        return
    mail = tree.get("mail")
    assert got.events or (isinstance(mail, dict) and mail.get("messageId") == "AMAZON_SES_SETUP_NOTIFICATION")
    check(got)


@settings(max_examples=100)
@given(JSON, st.sampled_from(NAMES), st.sampled_from(PLACES))
def test_any_json_in_place_of_a_field_costs_only_that_field(
    found: object, name: str, place: tuple[str, ...]
) -> None:
    """Ids, tags, headers and addresses, which are read by their own code, not by the table of types."""
    tree = payload(name)
    *parents, last = place
    node: Any = tree
    for step in parents:
        node = node.setdefault(step, {})
    node[last] = found
    got = normalized(json.dumps(tree))
    assert got.events
    assert {event.event_type for event in got.events} == {
        event["event_type"] for event in expected(name)["events"]
    }
    check(got)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_metadata_of_any_json_keeps_its_scalars(members: dict[str, object]) -> None:
    tree = payload("event_delivery")
    tree["mail"]["headers"] = [{"name": "x-metadata", "value": json.dumps(members)}]
    got = normalized(json.dumps(tree))
    check(got)
    scalars = {name for name, value in members.items() if not isinstance(value, dict | list)}
    assert all(set(event.metadata) <= scalars for event in got.events)


@given(JSON)
def test_any_json_gives_events_or_is_invalid(tree: object) -> None:
    try:
        got = normalized(json.dumps(tree))
    except InvalidNotification:
        return
    check(got)


@given(TEXT | TEXT.map(VALIDATED.__add__))
def test_any_text_gives_events_or_is_invalid(message: str) -> None:
    try:
        got = normalize(parse_notification(envelope(message)), topic_arn=TOPIC)
    except InvalidNotification:
        return
    assert got.events == ()
