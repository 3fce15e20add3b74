"""Flowed text is joined as RFC 3676 says."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import flowed, mime
from inbound.flowed import Flow
from inbound.parameters import parameterized

KEPT = Flow(deletes_space=False)
DELETED = Flow(deletes_space=True)


def text_of(content_type: str, body: str, encoding: str = "8bit") -> str | None:
    """The text of a mail with one part."""
    head = f"From: ada@example.org\nContent-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n\n"
    found = mime.parse(f"{head}{body}".encode()).text
    return None if found is None else found.decode()


@pytest.mark.parametrize(
    ("sent", "joined"),
    [
        ("One paragraph \nof two lines.\nAnother.", "One paragraph of two lines.\nAnother."),
        ("Three \nlines \nflow.", "Three lines flow."),
        ("fixed\nlines\n", "fixed\nlines\n"),
        (" From here on\n  indented\n >no quote", "From here on\n indented\n>no quote"),
        ("> quoted \n> on\nMine.", "> quoted on\nMine."),
        (">quoted \n>on", "> quoted on"),
        (">> deep \n>> down \n> up", ">> deep down \n> up"),
        ("> a \nb", "> a \nb"),
        ("b \n> a", "b \n> a"),
        ("> > not flowed twice", "> > not flowed twice"),
        (">\n> \n>> ", ">\n>\n>>"),
        ("Bye \n-- \nAda \nLovelace", "Bye \n-- \nAda Lovelace"),
        ("> -- \n> Ada", "> -- \n> Ada"),
        ("Hello, \n\nhow are you?", "Hello, \n\nhow are you?"),
        ("the end \n", "the end \n"),
        ("with \r\nCR LF\ra\n", "with CR LF\na\n"),
        ("", ""),
    ],
)
def test_soft_line_breaks_are_joined_within_a_paragraph_of_one_depth(sent: str, joined: str) -> None:
    assert flowed.joined(sent, KEPT) == joined


@pytest.mark.parametrize(
    ("sent", "joined"),
    [
        (
            "https://shop.example/a-long- \npath?of=one \n&word",
            "https://shop.example/a-long-path?of=one&word",
        ),
        ("two  \nwords", "two words"),
        ("> 返金は \n> いつですか", "> 返金はいつですか"),
        ("Bye \n-- \nAda", "Bye\n-- \nAda"),
    ],
)
def test_delsp_deletes_the_space_of_each_soft_break_so_that_urls_are_whole(sent: str, joined: str) -> None:
    assert flowed.joined(sent, DELETED) == joined


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/plain; charset=utf-8; format=flowed", "a b\n"),
        ('TEXT/PLAIN; Format="Flowed"; DelSp=No', "a b\n"),
        ("text/plain; format=flowed; delsp=yes", "ab\n"),
        ("text/plain; delsp=yes", "a \nb\n"),
        ("text/plain; format=fixed", "a \nb\n"),
        ("text/plain", "a \nb\n"),
    ],
)
def test_a_text_is_joined_only_if_its_type_says_so(content_type: str, expected: str) -> None:
    assert text_of(content_type, "a \nb\n") == expected


def test_soft_breaks_are_those_of_the_decoded_text() -> None:
    assert text_of("text/plain; format=flowed", "a=20\nb =\nc=20\nd\n", "quoted-printable") == "a b c d\n"


def test_html_is_never_flowed() -> None:
    head = "From: ada@example.org\nContent-Type: text/html; format=flowed\n\n"
    assert mime.parse(f"{head}<pre>a \nb</pre>".encode()).html == b"<pre>a \nb</pre>"


def test_each_body_part_is_joined_by_its_own_type() -> None:
    raw = (
        'From: ada@example.org\nContent-Type: multipart/mixed; boundary="b"\n\n'
        "--b\nContent-Type: text/plain; format=flowed\n\na \nb\n"
        "--b\nContent-Type: text/plain\n\nc \nd\n--b--\n"
    )
    assert mime.parse(raw.encode()).text == b"a b\nc \nd"


def test_an_attached_text_stays_as_it_was_sent() -> None:
    raw = (
        b'From: ada@example.org\nContent-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain\n\nhello\n"
        b"--b\nContent-Type: text/plain; format=flowed\nContent-Disposition: attachment\n\na \nb\n--b--\n"
    )
    (part,) = mime.parse(raw).parts
    assert part.content(raw)[0] == b"a \nb"


def test_the_parameters_of_another_type_are_no_flow() -> None:
    parameters = parameterized("text/plain; format=flowed")
    assert flowed.flow("text/plain", parameters) == KEPT
    assert flowed.flow("text/enriched", parameters) is None


@pytest.mark.parametrize("line", [" \n", "\n", "> \n", ">" * 50 + " \n", "a ", "\r"])
def test_the_largest_text_that_is_joined_takes_seconds_at_most(line: str) -> None:
    text = (line * (flowed.BYTES // len(line) + 1))[: flowed.BYTES]
    start = time.process_time()
    flowed.joined(text, DELETED)
    assert time.process_time() - start < 4


def test_a_larger_text_in_one_part_or_in_several_stays_as_it_was_sent() -> None:
    half = "a \nb" * (flowed.BYTES // 8 + 1)
    part = f"--b\nContent-Type: text/plain; format=flowed\n\n{half}\n"
    head = 'From: ada@example.org\nContent-Type: multipart/mixed; boundary="b"\n\n'
    assert mime.parse(f"{head}{part}{part}--b--\n".encode()).text == f"{half}\n{half}".encode()
    assert text_of("text/plain; format=flowed", half) == half.replace("\n", "")
    assert text_of("text/plain; format=flowed", half * 3) == half * 3


LINES = st.lists(st.text(st.sampled_from("> a-\n"), max_size=6), max_size=12).map("\n".join)


@given(LINES, st.booleans())
def test_joining_loses_nothing_but_spaces_and_breaks(text: str, deletes_space: bool) -> None:  # noqa: FBT001 - hypothesis's
    joined = flowed.joined(text, Flow(deletes_space=deletes_space))
    assert [c for c in joined if c not in "> \n"] == [c for c in text if c not in "> \n"]


@given(LINES.filter(lambda text: " " not in text and ">" not in text))
def test_text_without_spaces_is_the_same(text: str) -> None:
    assert flowed.joined(text, DELETED) == text
