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
        ("(((((", []),
        ('"open', [("", "open")]),
        ('"Ada Lovelace <ada@example.org>', [("Ada Lovelace", "ada@example.org")]),
        ('Ada" <ada@example.org>, b@example.org', [("Ada", "ada@example.org"), ("", "b@example.org")]),
        ("Ada (Sales <ada@example.org>", [("Ada Sales", "ada@example.org")]),
        ("ada@example.org (Ada", [("Ada", "ada@example.org")]),
        ("Ada ada@example.org>", [("Ada", "ada@example.org")]),
        ("ada@example.org >", [("", "ada@example.org")]),
        ("Ada <ada@exam ple.org>", [("Ada", "ada@example.org")]),
        ('Ada <ada@example.org">, b@example.org', [("Ada", 'ada@example.org"'), ("", "b@example.org")]),
        ("Ada <SMTP:ada@example.org>", [("Ada", "ada@example.org")]),
        ("<> <ada@example.org>", [("", "ada@example.org")]),
        ("Ada <ada. lovelace@example.org>", [("Ada", "ada.lovelace@example.org")]),
        ("Zoë <=?utf-8?Q?zo=C3=AB?=@example.org>", [("Zoë", "zoë@example.org")]),
        ("ada@exämple.org", [("", "ada@exämple.org")]),
        ("Ada\t\t  L <ada@\texample.org>", [("Ada L", "ada@example.org")]),
        ("ada@example.org (Ada, or (so) Zoë)", [("Ada, or (so) Zoë", "ada@example.org")]),
    ],
)
def test_addresses_are_parsed_well_formed_or_not(value: str, expected: list[tuple[str, str]]) -> None:
    assert mailboxes([value]) == tuple(Mailbox(name=name, address=address) for name, address in expected)


@pytest.mark.parametrize(
    "inside", [",", ";", ":", "@", "<", ">", "(", ")", '"', "\\", "<x@example.net>", ", Zoe ("]
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", " <z@example.org>"),
        ("", "<z@example.org>"),
        ("<z@example.org> ", ""),
        ("Dr. ", " <z@example.org>"),
    ],
)
def test_an_encoded_word_is_one_word_whatever_it_holds(before: str, inside: str, after: str) -> None:
    name = "Dr. Z" if before == "Dr. " else "Z"
    value = f"a@example.org, {before}=?UTF-8?Q?Z{inside}S?={after}, b@example.org"
    assert mailboxes([value]) == (
        Mailbox(name="", address="a@example.org"),
        Mailbox(name=f"{name}{inside}S", address="z@example.org"),
        Mailbox(name="", address="b@example.org"),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?UTF-8?Q?Zo=C3=AB,_Dr.?= =?UTF-8?Q?_S;?= <z@example.org>", [("Zoë, Dr. S;", "z@example.org")]),
        ("z@example.org (=?UTF-8?Q?Zo=C3=AB_:)?=)", [("Zoë :)", "z@example.org")]),
        ('"=?UTF-8?Q?Zo=C3=AB_"S"?=" <z@example.org>', [('Zoë "S"', "z@example.org")]),
        ("=?UTF-8?Q?Zo=C3=AB?= z@example.org", [("Zoë", "z@example.org")]),
        ("=?UTF-8?Q?Zo=C3=AB?=z@example.org", [("Zoë", "z@example.org")]),
        ("=?UTF-8?Q?z=40example.org?= <a@example.org>", [("z@example.org", "a@example.org")]),
        ("=?UTF-8?Q?z=40example.org?=", [("", "z@example.org")]),
        ("=?UTF-8?Q?Zo=C3=AB_<z@example.org>?=", [("Zoë <z@example.org>", "")]),
        ("=?UTF-8?Q?Zo=C3=AB?=", [("Zoë", "")]),
        (
            '"=?UTF-8?Q?open" <a@example.org>, "shut?=" <b@example.org>',
            [("=?UTF-8?Q?open", "a@example.org"), ("shut?=", "b@example.org")],
        ),
        ("=?UTF-8?Q?two words, three?= <a@example.org>", [("two words, three", "a@example.org")]),
        ("=?UTF-8?Q?open, <a@example.org>", [("=?UTF-8?Q?open", "a@example.org")]),
        ("=?UTF-8?Q?a?= , =?UTF-8?Q?b?= <b@example.org>", [("a, b", "b@example.org")]),
    ],
)
def test_encoded_words_are_names(value: str, expected: list[tuple[str, str]]) -> None:
    assert mailboxes([value]) == tuple(Mailbox(name=name, address=address) for name, address in expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ada Lovelace ada@example.org", [("Ada Lovelace", "ada@example.org")]),
        ("ada@example.org Ada Lovelace", [("Ada Lovelace", "ada@example.org")]),
        ('"Lovelace, Ada" ada@example.org', [("Lovelace, Ada", "ada@example.org")]),
        ('"Ada"ada@example.org', [("Ada", "ada@example.org")]),
        ("Dr. A. Lovelace ada@example.org", [("Dr. A. Lovelace", "ada@example.org")]),
        ("Ada ada@example.org (Countess)", [("Ada", "ada@example.org")]),
        ("ada @ example . org", [("", "ada@example.org")]),
        ("ada . l @ mail. example .org", [("", "ada.l@mail.example.org")]),
        ('"ada l" . "x" @ example.org', [("", '"ada l"."x"@example.org')]),
        ("a@example.org b@example.org", [("", "a@example.org"), ("", "b@example.org")]),
        ("A a@example.org B b@example.org", [("A", "a@example.org"), ("B", "b@example.org")]),
        ("Ada <ada lovelace@example.org>", [("Ada", "lovelace@example.org")]),
        ("<Ada Lovelace ada@example.org>", [("Ada Lovelace", "ada@example.org")]),
        ("Ada <Ada <ada@example.org>>", [("Ada", "ada@example.org")]),
        ("<Ada <ada@example.org>>, b@example.org", [("Ada", "ada@example.org"), ("", "b@example.org")]),
        ("<<ada@example.org>>", [("", "ada@example.org")]),
        ("Ada <<ada@example.org> > Lovelace", [("Ada Lovelace", "ada@example.org")]),
        ("Ada <Countess> L. <ada@example.org>", [("Ada <Countess> L.", "ada@example.org")]),
        ("A <a@example.org> B <b@example.org>", [("A", "a@example.org"), ("B", "b@example.org")]),
        ("A <a@example.org, B <b@example.org>", [("A", "a@example.org"), ("B", "b@example.org")]),
        ("A <a@example.org, b@example.org", [("A", "a@example.org"), ("", "b@example.org")]),
        ("A <a@example.org; b@example.org>", [("A", "a@example.org"), ("", "b@example.org")]),
        ("Ada <ada(the first)@example.org(of them)>", [("Ada", "ada@example.org")]),
        ("Ada <ada@(home)example.org>", [("Ada", "ada@example.org")]),
        ("Ada <a(da@example.org>", [("Ada", "a(da@example.org")]),
        ("Ada Lovelace [ada@example.org]", [("Ada Lovelace", "ada@example.org")]),
        ("Ada <mailto:ada@example.org>", [("Ada", "ada@example.org")]),
        ("Mail System <MAILER DAEMON>", [("Mail System", "MAILER DAEMON")]),
        ("ada@[IPv6:2001:db8::1]", [("", "ada@[IPv6:2001:db8::1]")]),
    ],
)
def test_blanks_do_not_join_names_to_addresses(value: str, expected: list[tuple[str, str]]) -> None:
    assert mailboxes([value]) == tuple(Mailbox(name=name, address=address) for name, address in expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Lovelace, Ada <ada@example.org>", [("Lovelace, Ada", "ada@example.org")]),
        ("Lovelace, Ada ada@example.org", [("Lovelace, Ada", "ada@example.org")]),
        ("Lovelace, <ada@example.org>", [("Lovelace", "ada@example.org")]),
        ("Engine, Inc., Sales <s@example.org>", [("Engine, Inc., Sales", "s@example.org")]),
        (
            "x@example.org, Lovelace, Ada <ada@example.org>",
            [("", "x@example.org"), ("Lovelace, Ada", "ada@example.org")],
        ),
        (
            "A, B <b@example.org>, C, D <d@example.org>",
            [("A, B", "b@example.org"), ("C, D", "d@example.org")],
        ),
        ("root, ada@example.org", [("", "root"), ("", "ada@example.org")]),
        ("ada@example.org, root", [("", "ada@example.org"), ("", "root")]),
        ("root, postmaster", [("", "root"), ("", "postmaster")]),
        ("Lovelace; Ada <ada@example.org>", [("", "Lovelace"), ("Ada", "ada@example.org")]),
        ("root, Team: Ada <ada@example.org>;", [("", "root"), ("Ada", "ada@example.org")]),
        ("Team: Lovelace, Ada <ada@example.org>;", [("Lovelace, Ada", "ada@example.org")]),
        ("Lovelace,, Ada <ada@example.org>", [("Lovelace, Ada", "ada@example.org")]),
    ],
)
def test_a_piece_without_an_address_before_a_comma_is_of_the_next_name(
    value: str, expected: list[tuple[str, str]]
) -> None:
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


HOSTILE = (
    *("(", "<", '"', "a:", ",", "<a> ", "<a@b, ", "a, ", "=?u?q?", "=?u?q?x?= ", '<"', "> ", "a@b "),
    *(" @ ", '"a" ', "\\", "a. ", "<(", "<(> ", "<()> ", "(=?u?q?)?=", " ", "a"),
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_address_lists_are_parsed_in_linear_time(piece: str) -> None:
    value = piece * (fields.HEADER_BYTES // 4 // len(piece))
    started = time.process_time()
    assert len(mailboxes([value])) <= ADDRESSES
    assert time.process_time() - started < 2
