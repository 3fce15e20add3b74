from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.addresses import address_key, parse_mailbox, parse_mailboxes
from mailbus.errors import InvalidJob
from mailbus.events import Mailbox

READ = [
    ("ann@example.com", "", "ann@example.com"),
    ("  ann@example.com ", "", "ann@example.com"),
    ("<ann@example.com>", "", "ann@example.com"),
    ("Ann Lee <ann@example.com>", "Ann Lee", "ann@example.com"),
    ("Jürgen Müller <j.mueller@example.com>", "Jürgen Müller", "j.mueller@example.com"),
    ('"Lee, Ann" <ann@example.com>', "Lee, Ann", "ann@example.com"),
    ('"Ann \\"The Boss\\" Lee" <ann@example.com>', 'Ann "The Boss" Lee', "ann@example.com"),
    ('"sales <eu>" <sales@example.com>', "sales <eu>", "sales@example.com"),
    ("J. R. Lee <jr@example.com>", "J. R. Lee", "jr@example.com"),
    ("=?utf-8?q?J=C3=BCrgen?= <j@example.com>", "Jürgen", "j@example.com"),
    ("=?x-nonsense?q?J=FCrgen?= <j@example.com>", "=?x-nonsense?q?J=FCrgen?=", "j@example.com"),
    ('"=?utf-8?q?as_it_stands?=" <j@example.com>', "=?utf-8?q?as_it_stands?=", "j@example.com"),
    ("o'neil+news_x=1@sub.example.co.uk", "", "o'neil+news_x=1@sub.example.co.uk"),
    ('"john doe"@example.com', "", '"john doe"@example.com'),
    ('"a@b" <"a@b"@example.com>', "a@b", '"a@b"@example.com'),
    ("info@bücher.example", "", "info@xn--bcher-kva.example"),
    ("info@BÜCHER.example", "", "info@xn--bcher-kva.example"),
    ("info@bücher。example", "", "info@xn--bcher-kva.example"),
    ("info@STRAẞE.example", "", "info@xn--strae-oqa.example"),
    ("info@\u05e9\u05dc\u05d5\u05dd1.example", "", "info@xn--1-9hcuf1d.example"),
    ("info@i❤️.example", "", "info@xn--i-7iq.example"),
    ("info@Ann.EXAMPLE.com", "", "info@Ann.EXAMPLE.com"),
    ("山田 <yamada@例え.テスト>", "山田", "yamada@xn--r8jz45g.xn--zckzah"),
    ("Team (Berlin) <team@example.com>", "Team", "team@example.com"),
    ("Team (a (nested) one) East <team@example.com>", "Team East", "team@example.com"),
    ('"Team" (Berlin) <team@example.com> (no reply)', "Team", "team@example.com"),
    ('"Team (Berlin)" <team@example.com>', "Team (Berlin)", "team@example.com"),
    ('Team (\\) "quoted) <team@example.com>', "Team", "team@example.com"),
    ("team@example.com (Our Team)", "Our Team", "team@example.com"),
    ("(Our Team) team@example.com", "Our Team", "team@example.com"),
    ("<team@example.com> (Our Team)", "Our Team", "team@example.com"),
    ("team@example.com (=?utf-8?q?J=C3=BCrgen?=)", "Jürgen", "team@example.com"),
    ("team@example.com ()", "", "team@example.com"),
    ("Ann \u200d👩\u200d💻 <ann@example.com>", "Ann \u200d👩\u200d💻", "ann@example.com"),
    ("\u00a0ann@example.com\u3000", "", "ann@example.com"),
    ("李\uff0c明 <li@example.com>", "李\uff0c明", "li@example.com"),
]


@pytest.mark.parametrize(("text", "name", "address"), READ)
def test_a_mailbox_is_read_as_it_is_written(text: str, name: str, address: str) -> None:
    assert parse_mailbox(text, "$.to[0]") == Mailbox(name=name, address=address)


def test_a_header_with_several_mailboxes_is_split_outside_quotes() -> None:
    text = '"Lee, Ann" <ann@example.com>, bob@example.com,Zoë <zoe@example.com>, Jo (a, b) <jo@example.com>'
    names = [mailbox.name for mailbox in parse_mailboxes(text, "$.headers.To")]
    assert names == ["Lee, Ann", "", "Zoë", "Jo"]


@pytest.mark.parametrize("separators", [",{},{},", "{},,{}", "{}, {}, ", "{} , , {}"])
def test_a_gap_in_a_headers_list_loses_no_address(separators: str) -> None:
    text = separators.format("ann@example.com", "bob@example.com")
    read = [mailbox.address for mailbox in parse_mailboxes(text, "$.headers.To")]
    assert read == ["ann@example.com", "bob@example.com"]


@pytest.mark.parametrize("text", ["", " ", ","])
def test_a_header_without_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidJob, match="is empty"):
        parse_mailboxes(text, "$.headers.To")


def test_a_headers_list_has_a_bounded_length() -> None:
    with pytest.raises(InvalidJob, match="8000 are allowed"):
        parse_mailboxes('"\\' * 100_000, "$.headers.To")


def test_two_spellings_of_a_domain_are_one_address_and_of_a_local_part_are_two() -> None:
    assert address_key("Ann@EXAMPLE.com") == address_key("Ann@example.com")
    assert address_key("Ann@example.com") != address_key("ann@example.com")


# Text that is made of the characters of addresses is one now and then; other text hardly ever.
@given(st.text() | st.text('ab@.,"<>\\ü ', max_size=8) | st.from_regex(r"\A\w+@\w+\.[a-z]+\Z"))
def test_any_text_is_read_to_an_ascii_address_or_refused(text: str) -> None:
    try:
        mailbox = parse_mailbox(text, "$.to")
    except InvalidJob:
        return
    assert mailbox.address.isascii()
    assert "@" in mailbox.address
