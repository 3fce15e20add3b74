"""Every `golden/*.eml` beside the event that it must become, whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from inbound.handler import process
from tests.unit.inbound.world import RAW_KEY, World, received, record

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = Path(__file__).parents[3] / "examples/mails"
MAILS = sorted(GOLDEN.glob("*.eml"))


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_a_mail_becomes_the_event_beside_it(mail: Path) -> None:
    world = World(mail.read_bytes())
    assert process([record(received())], world.wiring) == ()
    assert world.detail == json.loads(mail.with_suffix(".json").read_text("utf-8"))


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_what_the_event_says_of_a_part_is_true_of_the_object(mail: Path) -> None:
    world = World(mail.read_bytes())
    process([record(received())], world.wiring)
    message = world.detail["message"] or {"attachments": [], "inlines": []}
    parts = message["attachments"] + message["inlines"]
    described = {part["s3"]["key"]: (part["size"], part["sha256"]) for part in parts}
    written = {
        key: (len(world.stored(key)), hashlib.sha256(world.stored(key)).hexdigest())
        for key in world.s3.writes
    }
    assert described == written


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_a_second_delivery_writes_the_same_keys_and_the_same_event(mail: Path) -> None:
    world = World(mail.read_bytes())
    process([record(received())], world.wiring)
    once = dict(world.s3.objects)
    process([record(received(), receive_count=2)], world.wiring)
    assert world.s3.objects == once
    first, second = world.events.taken
    assert first == second


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
def test_the_raw_mail_stays_as_it_came(mail: Path) -> None:
    world = World(mail.read_bytes())
    process([record(received())], world.wiring)
    assert world.stored(RAW_KEY) == mail.read_bytes()
    assert world.detail["raw"]["size"] == mail.stat().st_size


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
    world = World((EXAMPLES / f"{name}.eml").read_bytes())
    assert process([record(received())], world.wiring) == ()
    message = world.detail["message"]
    assert message["to"][0]["address"] == recipient
    assert message["text"]
    assert message["html"].startswith("<p>")
    assert [part["filename"] for part in message["attachments"]] == attachments
    assert [part["filename"] for part in message["inlines"]] == inlines
    assert all(f"cid:{part['content_id']}" in message["html"] for part in message["inlines"])
    assert message["defects"] == []
