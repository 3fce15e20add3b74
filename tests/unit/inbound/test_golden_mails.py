"""Every `golden/*.eml` beside the event that it must become, whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from inbound.handler import process
from tests.unit.goldens import MAILS, golden_of_mail, receive
from tests.unit.inbound.world import RAW_KEY, received, record

EXAMPLES = Path(__file__).parents[3] / "examples/mails"


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_a_mail_becomes_the_event_beside_it_however_often_it_is_delivered(mail: Path) -> None:
    world = receive(mail)
    assert golden_of_mail(world) == mail.with_suffix(".json").read_text("utf-8")
    assert described_objects(world.detail) == {
        key: (len(world.stored(key)), hashlib.sha256(world.stored(key)).hexdigest())
        for key in world.s3.writes
    }
    assert world.stored(RAW_KEY) == mail.read_bytes()
    assert world.detail["raw"]["size"] == mail.stat().st_size
    once = dict(world.s3.objects)
    process([record(received(), receive_count=2)], world.wiring)
    assert world.s3.objects == once
    first, second = world.events.taken
    assert first == second


def described_objects(detail: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """The size and the hash that an event gives for each stored part, by its key."""
    message = detail["message"] or {"attachments": [], "inlines": []}
    parts = message["attachments"] + message["inlines"]
    return {part["s3"]["key"]: (part["size"], part["sha256"]) for part in parts}


@pytest.mark.parametrize(
    ("name", "recipient", "attachments", "inlines"),
    [
        ("support-request", "support@inbound.example.com", ["Bestätigung 4711.csv"], []),
        ("photo", "photos@inbound.example.com", ["logo.png"], ["sign.png"]),
    ],
)
def test_the_example_mails_are_in_order(
    name: str, recipient: str, attachments: list[str], inlines: list[str]
) -> None:
    world = receive(EXAMPLES / f"{name}.eml")
    message = world.detail["message"]
    assert message["to"][0]["address"] == recipient
    assert message["text"]
    assert message["html"].startswith("<p>")
    assert [part["filename"] for part in message["attachments"]] == attachments
    assert [part["filename"] for part in message["inlines"]] == inlines
    assert all(f"cid:{part['content_id']}" in message["html"] for part in message["inlines"])
    assert message["defects"] == []
