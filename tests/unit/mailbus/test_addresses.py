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
    ("info@straße.example", "", "info@xn--strae-oqa.example"),
    ("info@Ann.EXAMPLE.com", "", "info@Ann.EXAMPLE.com"),
    ("山田 <yamada@例え.テスト>", "山田", "yamada@xn--r8jz45g.xn--zckzah"),
]
REFUSED = [
    ("", "is empty"),
    ("   ", "is empty"),
    ("<>", "is empty"),
    ("ann", "no @"),
    ("ann.example.com", "no @"),
    ("@example.com", "nothing before the @"),
    ("ann@", "incomplete domain"),
    ("ann@example", "incomplete domain"),
    ("ann@example.com.", "incomplete domain"),
    ("ann@.example.com", "incomplete domain"),
    ("ann@example..com", "incomplete domain"),
    ("ann@[192.0.2.1]", "IP address"),
    ("ann@exa mple.com", "domain label"),
    ("ann@-example.com", "domain label"),
    ("ann@" + "x" * 64 + ".com", "domain label"),
    ("ann@" + "x.é." * 100 + "com", "253"),
    ("ann@" + ("é" * 40 + ".") * 6 + "com", "253 characters in its ASCII form"),
    ("ann@℀.com", "domain label"),
    ("ann@ab\u200dcd.com", "zero-width joiner"),
    ("ann@\u05d0a.com", "IDNA"),
    ("a" * 65 + "@example.com", "64 characters"),
    ("jürgen@example.com", "SMTPUTF8"),
    ("ann..lee@example.com", "misplaced dot"),
    (".ann@example.com", "misplaced dot"),
    ("ann.@example.com", "misplaced dot"),
    ("ann lee@example.com", "not allowed in an address"),
    ("ann@bob@example.com", "more than one @"),
    ("ann@example.com, bob@example.com", "more than one address"),
    ("Lee, Ann <ann@example.com>", "in quotes"),
    ("Team: ann@example.com;", "group"),
    ("undisclosed-recipients:;", "group"),
    ("Ann (Sales) <ann@example.com>", "comment"),
    ("Ann <ann@example.com", "unbalanced"),
    ('"Ann <ann@example.com>', "unbalanced"),
    ("Ann <ann@example.com> Lee", "unbalanced"),
    ("ann@example.com <ann@example.com>", "needs quotes"),
    ('"\\' * 100_000, "2000 are allowed"),
    ("[Sales] <ann@example.com>", "needs quotes"),
    ("Ann\r\nBcc: eve@example.com <ann@example.com>", "carriage return"),
    ("Ann\nLee <ann@example.com>", "line feed"),
    ("Ann\0 <ann@example.com>", "NUL"),
    ("Ann\u2028Lee <ann@example.com>", "U+2028"),
    ("=?utf-8?q?Ann=0D=0ABcc=3A_eve=40example.com?= <ann@example.com>", "carriage return"),
]


@pytest.mark.parametrize(("text", "name", "address"), READ)
def test_a_mailbox_is_read_as_it_is_written(text: str, name: str, address: str) -> None:
    assert parse_mailbox(text, "$.to[0]") == Mailbox(name=name, address=address)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_an_invalid_mailbox_is_refused_with_its_path_and_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_mailbox(text, "$.to[1]")
    assert refused.value.path == "$.to[1]"
    assert reason in refused.value.reason


@pytest.mark.parametrize("text", ["secret-name@", "Secret Name <a b@example.com>", "sécret@example.com"])
def test_an_error_does_not_repeat_the_address(text: str) -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_mailbox(text, "$.to")
    assert "ecret" not in str(refused.value)


def test_a_header_with_several_mailboxes_is_split_outside_quotes() -> None:
    text = '"Lee, Ann" <ann@example.com>, bob@example.com,Zoë <zoe@example.com>'
    assert [mailbox.name for mailbox in parse_mailboxes(text, "$.headers.To")] == ["Lee, Ann", "", "Zoë"]


@pytest.mark.parametrize("text", ["ann@example.com, bob@example.com,", "ann@example.com,,bob@example.com"])
def test_a_gap_in_a_headers_list_loses_no_address(text: str) -> None:
    read = [mailbox.address for mailbox in parse_mailboxes(text, "$.headers.To")]
    assert read == ["ann@example.com", "bob@example.com"]


@pytest.mark.parametrize("text", ["", " ", ","])
def test_a_header_without_an_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidJob, match=r"is empty|more than one"):
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
