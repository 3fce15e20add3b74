"""How address lists are read."""

from __future__ import annotations

import time

import pytest

from inbound import fields
from inbound.addresses import ADDRESSES, mailboxes
from mailbus.events import Mailbox


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ada@example.org", [("", "ada@example.org")]),
        ("Ada <ada@example.org>", [("Ada", "ada@example.org")]),
        ("<ada@example.org>", [("", "ada@example.org")]),
        ('"Lovelace, Ada" <ada@example.org>', [("Lovelace, Ada", "ada@example.org")]),
        (r'"Ada \"Countess\" L." <ada@example.org>', [('Ada "Countess" L.', "ada@example.org")]),
        ("ada@example.org (Ada Lovelace)", [("Ada Lovelace", "ada@example.org")]),
        ("ada(the first)@example.org", [("the first", "ada@example.org")]),
        ("a@example.org, b@example.org", [("", "a@example.org"), ("", "b@example.org")]),
        ("a@example.org; b@example.org", [("", "a@example.org"), ("", "b@example.org")]),
        ("Team: a@example.org, B <b@example.org>;", [("", "a@example.org"), ("B", "b@example.org")]),
        ("undisclosed-recipients:;", []),
        ('"john smith"@example.org', [("", '"john smith"@example.org')]),
        ('<"john > smith"@example.org>', [("", '"john > smith"@example.org')]),
        ("<@relay.example,@b.example:ada@example.org>", [("", "ada@example.org")]),
        ("=?utf-8?Q?Zo=C3=AB=2C_S?= <z@example.org>", [("Zoë, S", "z@example.org")]),
        ('"=?utf-8?Q?Zo=C3=AB?=" <z@example.org>', [("Zoë", "z@example.org")]),
        ("Ada Lovelace", [("Ada Lovelace", "")]),
        ("postmaster", [("", "postmaster")]),
        ("Ada <ada@example.org", [("Ada", "ada@example.org")]),
        ("Ada <>", [("Ada", "")]),
        ("<>", []),
        ("", []),
        (",,;", []),
        ("(((((", [("((((", "")]),
        ('"open', [("open", "")]),
        ("ada@exämple.org", [("", "ada@exämple.org")]),
        ("Ada\t\t  L <ada@\texample.org>", [("Ada L", "ada@example.org")]),
    ],
)
def test_addresses_are_parsed_well_formed_or_not(value: str, expected: list[tuple[str, str]]) -> None:
    assert mailboxes([value]) == tuple(Mailbox(name=name, address=address) for name, address in expected)


def test_a_repeated_field_gives_all_its_addresses() -> None:
    assert [box.address for box in mailboxes(["a@example.org", "b@example.org"])] == [
        "a@example.org",
        "b@example.org",
    ]


def test_more_addresses_than_an_event_has_room_for_are_skipped() -> None:
    found = mailboxes(["a@b," * (ADDRESSES + 1), "c@d"])
    assert found == (Mailbox(name="", address="a@b"),) * ADDRESSES


def test_the_largest_address_list_takes_little_time() -> None:
    value = "Ada Lovelace of Ockham Park <ada.lovelace@a.mail.example.org>, " * (fields.HEADER_BYTES // 63)
    started = time.process_time()
    assert mailboxes([value])[-1].address == "ada.lovelace@a.mail.example.org"
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("hostile", ["(" * 50_000, "<" * 50_000, '"' * 50_001, "a:" * 50_000, "," * 50_000])
def test_hostile_address_lists_are_parsed(hostile: str) -> None:
    assert len(mailboxes([hostile])) <= 1
