"""Reports that SES should never send: something comes of each, and never a crash."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus.errors import InvalidNotification
from mailbus.events import EmailEvent, entry
from mailbus.sns import parse_notification
from tests.unit.tracking.reports import NAMES, TOPIC, envelope, payload, report
from tracking.normalize import normalize

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


def check(event: EmailEvent, resources: tuple[str, ...]) -> None:
    """Whatever came in, what goes out is a sound event."""
    detail = msgspec.json.decode(entry(event, resources).detail, type=dict[str, Any])
    assert set(detail) == set(EmailEvent.__struct_fields__)
    assert detail["timestamp"].endswith("Z")
    assert len(detail["event_id"]) == 32
    assert all(arn.startswith("arn:") for arn in resources)
    msgspec.convert(
        {name: value for name, value in detail.items() if name != "esp_event"}, EmailEvent, strict=True
    )


@settings(max_examples=300)
@given(mutated())
def test_a_mutated_report_gives_sound_events_or_is_invalid(tree: dict[str, Any]) -> None:
    try:
        got = report(json.dumps(tree))
    except InvalidNotification:
        known = isinstance(tree.get("mail"), dict) and any(
            isinstance(tree.get(key), str) and tree[key] not in {"", "Received"}
            for key in ("eventType", "notificationType")
        )
        assert not known
        return
    mail = tree.get("mail")
    assert got.events or (isinstance(mail, dict) and mail.get("messageId") == "AMAZON_SES_SETUP_NOTIFICATION")
    for event in got.events:
        check(event, got.resources)


@given(JSON)
def test_any_json_gives_events_or_is_invalid(tree: object) -> None:
    try:
        got = report(json.dumps(tree))
    except InvalidNotification:
        return
    for event in got.events:
        check(event, got.resources)


@given(st.text(st.characters(codec=None)))
def test_any_text_gives_events_or_is_invalid(message: str) -> None:
    try:
        got = normalize(parse_notification(envelope(message)), topic_arn=TOPIC)
    except InvalidNotification:
        return
    assert got.events == ()
