"""The labels of the addresses that a mail came to."""

from __future__ import annotations

import pytest

from inbound import replies
from inbound.handler import process
from mailbus.environment import ENTRY_BYTES
from tests.unit.inbound.world import World, received, record


def test_the_label_after_plus_is_returned_for_each_address_that_has_one() -> None:
    recipients = (
        "support+4711@inbound.example.com",
        "sales@inbound.example.com",
        "a+b+c@inbound.example.com",
    )
    assert replies.recipient_details(recipients) == {recipients[0]: "4711", recipients[2]: "b+c"}


@pytest.mark.parametrize(
    ("address", "details"),
    [
        ("support+@inbound.example.com", {"support+@inbound.example.com": ""}),
        ('"a+b c"@inbound.example.com', {'"a+b c"@inbound.example.com': "b c"}),
        ("support@plus+domain.example", {}),
        ("no-address+4711", {}),
        ("", {}),
    ],
)
def test_unusual_addresses_have_the_label_of_their_local_part(address: str, details: dict[str, str]) -> None:
    assert replies.recipient_details([address]) == details


def test_the_events_labels_are_those_of_the_envelope_and_not_of_the_header() -> None:
    world = World(b"To: support+4712@inbound.example.com\n\nHello\n")
    notification = received(receipt__recipients=["support+4711@inbound.example.com"])
    assert process([record(notification)], world.wiring) == ()
    assert world.detail["message"]["recipient_details"] == {"support+4711@inbound.example.com": "4711"}


def test_labels_that_do_not_fit_are_cut_with_their_addresses() -> None:
    recipients = [f"support+{n:060}@inbound.example.com" for n in range(3000)]
    world = World(b"From: ada@example.org\n\n" + b"\x01" * 60_000)
    assert process([record(received(receipt__recipients=recipients))], world.wiring) == ()
    found = world.detail["message"]
    assert "addresses_cut" in found["defects"]
    assert 50 < len(found["recipient_details"]) < len(found["envelope_recipients"]) < 3000
    assert found["recipient_details"][recipients[0]] == f"{0:060}"
    assert len(world.events.taken[0]["Detail"].encode()) < ENTRY_BYTES
