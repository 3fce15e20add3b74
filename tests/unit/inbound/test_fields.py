"""How header fields are read."""

from __future__ import annotations

import time

import pytest

from inbound import fields, mime


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?Caf=C3=A9?=", "Café"),
        ("=?UTF-8?b?Q2Fmw6k=?=", "Café"),
        ("=?utf-8?B?Q2Fmw6k?=", "Café"),
        ("=?iso-8859-1?Q?a?= =?iso-8859-1?Q?b?=", "ab"),
        ("=?iso-8859-1?Q?a?=  \t =?utf-8?Q?b?=", "ab"),
        ("=?iso-8859-1?Q?a_b?= c =?utf-8?Q?d?=", "a b c d"),
        ("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"),
        ("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=", "€"),
        ("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        ("=?utf-8?Q?What??=", "What?"),
        ("=?utf-8?Q?two words?=", "two words"),
        ("=?utf-8?Q??=", ""),
        ("=?utf-8?Q?open", "=?utf-8?Q?open"),
        ("=?utf-8?X?odd?=", "=?utf-8?X?odd?="),
        ("=?utf-8?Q?a=?utf-8?Q?b?=", "=?utf-8?Q?ab"),
        ("=?utf-8?Q?bad=ZZ?=", "bad=ZZ"),
        ("=?nowhere-1?Q?a=E9?=", "aé"),
        ("=?=?=?=?", "=?=?=?=?"),
        ("=?utf-8?Q?one=0D=0ABcc:_victim@example.org?=", "one Bcc: victim@example.org"),
    ],
)
def test_encoded_words_are_decoded(value: str, text: str) -> None:
    assert fields.text(value) == text


@pytest.mark.parametrize(
    ("value", "defects"),
    [
        ("=?x-unknown?Q?a=E9?=", ("unknown_charset",)),
        ("=?utf-8?Q?a=E9?=", ("undecodable_text",)),
        ("=?utf-8?Q?a=00b?=", ("nul_characters",)),
        ("a\0b", ("nul_characters",)),
        ("=?utf-8?Q?a=C3=A9?=", ()),
    ],
)
def test_problems_of_a_header_are_defects(value: str, defects: tuple[str, ...]) -> None:
    assert fields.decoded(value).defects == defects
    raw = f"From: a@example.org\nX-Odd: {value}\n\nbody".encode()
    assert mime.parse(raw).defects == defects


def test_a_header_of_nothing_but_openings_is_read_in_linear_time() -> None:
    value = "=?u?Q?" * 40_000 + "?="
    assert fields.text(value).startswith("=?u?Q?")


def test_encoded_words_beyond_the_limit_stay_encoded() -> None:
    assert (
        fields.text("=?utf-8?q?x?= " * (fields.WORDS + 2)) == "x" * fields.WORDS + " =?utf-8?q?x?=" * 2 + " "
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" + " " * 100_000 + "b", "a" + " " * 100_000 + "b"),
        ("a" + " " * 100_000 + "=?utf-8?Q?=0D=0A?=" + " " * 100_000 + "b", "a b"),
    ],
    ids=["blanks", "a line break between blanks"],
)
def test_a_header_of_nothing_but_blanks_is_read_in_linear_time(value: str, text: str) -> None:
    started = time.process_time()
    assert fields.text(value) == text
    assert time.process_time() - started < 1


def test_eight_bit_headers_are_utf_8_or_else_windows_1252() -> None:
    raw = b"Subject: Gr\xc3\xbc\xc3\x9fe\r\nX-Old: Gr\xfc\xdfe\r\n\r\n"
    header = fields.read_header(raw, 0, len(raw))
    assert [fields.text(field.value) for field in header.fields] == ["Grüße", "Grüße"]


def test_japanese_headers_that_are_not_encoded_are_read_by_their_escapes() -> None:
    raw = b"Subject: \x1b$B$3$s\x1b(B 5\r\nX-Odd: a\x1b[1m\r\n\r\n"
    header = fields.read_header(raw, 0, len(raw))
    assert [fields.text(field.value) for field in header.fields] == ["こん 5", "a\x1b[1m"]


def test_raw_bytes_in_an_encoded_word_have_its_charset() -> None:
    raw = b"Subject: =?koi8-r?Q?\xd0\xd2\xc9?=\r\n\r\n"
    header = fields.read_header(raw, 0, len(raw))
    assert fields.text(header.fields[0].value) == "при"


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
def test_header_lines_may_end_in_crlf_lf_or_cr(ending: bytes) -> None:
    raw = ending.join([b"A: 1", b"B: 2", b" and 3", b"", b"body"])
    header = fields.read_header(raw, 0, len(raw))
    assert [(field.name, field.value) for field in header.fields] == [("A", "1"), ("B", "2 and 3")]
    assert raw[header.end :] == b"body"


@pytest.mark.parametrize(
    ("raw", "names", "body", "defects"),
    [
        (b"From someone Mon Jan 1\nA: 1\n\nbody", ["A"], b"body", ()),
        (b"A : 1\n\nbody", ["A"], b"body", ()),
        (b"A: 1\nno field\nTo: 2\n\nbody", ["A", "To"], b"body", ("bad_header",)),
        (b"A: 1\nno field\nB: 2\nX-C: 3\n\nbody", ["A", "B", "X-C"], b"body", ("bad_header",)),
        (
            b"A: 1\nno field\nand none\nB: 2\n folded\nDate: 3\n\nbody",
            ["A", "B", "Date"],
            b"body",
            ("bad_header",),
        ),
        (b"A: 1\nDear Ada,\n\nhello", ["A"], b"Dear Ada,\n\nhello", ("missing_header_end",)),
        (b"A: 1\nFrom a@b Fri Nov 27\nB: 2\n\nbody", ["A", "B"], b"body", ("bad_header",)),
        (b"A: 1\n>From a@b Fri Nov 27\n\nbody", ["A"], b"body", ("bad_header",)),
        (b"A: 1\n>From a@b\n>From c@d\n\nbody", ["A"], b"body", ("bad_header",)),
        (b"no field\nSubject: 1\n\nbody", ["Subject"], b"body", ("bad_header",)),
        (b"caf\xe9: 1\nSubject: 1\n\nbody", ["Subject"], b"body", ("bad_header",)),
        (b"Content-Type: a/b\nspam ok\n\nbody", ["Content-Type"], b"body", ("bad_header",)),
        (b"Content-Type: a/b\nspam ok\nB: 2\n\nbody", ["Content-Type", "B"], b"body", ("bad_header",)),
        (b"Content-Type: a/b\nSGk=\n\n", ["Content-Type"], b"SGk=\n\n", ("missing_header_end",)),
        (b"Content-Type: a/b\n<b>a b\n\n", ["Content-Type"], b"<b>a b\n\n", ("missing_header_end",)),
        (b"A: 1\nhi,\nE-Mail: b@c\n\nd", ["A"], b"hi,\nE-Mail: b@c\n\nd", ("missing_header_end",)),
        (b"A: 1\nhi,\nCheck-in: 2\n\nd", ["A"], b"hi,\nCheck-in: 2\n\nd", ("missing_header_end",)),
        (b"Date: 1\nDown:\nhi\nDate: 2\n\nd", ["Date", "Down"], b"hi\nDate: 2\n\nd", ("missing_header_end",)),
        (b"A: 1\n<p>hi</p>\nX-B: 2\n\nc", ["A"], b"<p>hi</p>\nX-B: 2\n\nc", ("missing_header_end",)),
        (b"A: 1\n<b@c>\nX-B: 2\n\nd", ["A", "X-B"], b"d", ("bad_header",)),
        (b"A: 1\nyes\n_____\nFrom: b\n\nc", ["A"], b"yes\n_____\nFrom: b\n\nc", ("missing_header_end",)),
        (b"A: 1\n\xef\xbb\xbfFrom: b\n\nc", ["A", "From"], b"c", ()),
        (b"A: 1\nDear,\nNote: a\nhello\n\nb", ["A"], b"Dear,\nNote: a\nhello\n\nb", ("missing_header_end",)),
        (b"A: 1\nDear all,\nhello\n\nb", ["A"], b"Dear all,\nhello\n\nb", ("missing_header_end",)),
        (b"A: 1\nDear all,\nhello", ["A"], b"Dear all,\nhello", ("missing_header_end",)),
        (b"A: 1\n--b\nContent-Type: x\n\nb", ["A"], b"--b\nContent-Type: x\n\nb", ("missing_header_end",)),
        (b"A: 1\nhi\n--b\nX-C: x\n\nb", ["A"], b"hi\n--b\nX-C: x\n\nb", ("missing_header_end",)),
        (b"A: 1\nDear all,", ["A"], b"Dear all,", ("missing_header_end",)),
        (b"A: 1\n: 2\nB: 3\n\nbody", ["A", "B"], b"body", ("bad_header",)),
        (b"\nbody", [], b"body", ()),
        (b" folded into nothing\n\nbody", [], b" folded into nothing\n\nbody", ("missing_header_end",)),
        (b"A: 1", ["A"], b"", ()),
        (b"A:", ["A"], b"", ()),
        (b"", [], b"", ()),
        (b"caf\xe9: 1\n\n", [], b"caf\xe9: 1\n\n", ("missing_header_end",)),
    ],
)
def test_a_malformed_header_section_loses_nothing(
    raw: bytes, names: list[str], body: bytes, defects: tuple[str, ...]
) -> None:
    header = fields.read_header(raw, 0, len(raw))
    assert ([field.name for field in header.fields], raw[header.end :]) == (names, body)
    assert header.defects == defects


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'T: a/b; c=d;\nname="x.pdf"\nE: f\n\n', 'a/b; c=d; name="x.pdf"'),
        (b'T: a/b; \t\nname*0="x: y.pdf";\nname*1=z\n\n', 'a/b; \t name*0="x: y.pdf"; name*1=z'),
        (b"T: a/b\n;name=x\n\n", "a/b ;name=x"),
        (b"T: a/b;\n\tc=d;\nname=x", "a/b;\tc=d; name=x"),
    ],
)
def test_a_parameter_that_lost_its_blank_continues_its_field(raw: bytes, value: str) -> None:
    header = fields.read_header(raw, 0, len(raw))
    assert (header.first("t"), header.defects) == (value, ("bad_header",))


@pytest.mark.parametrize(
    "raw", [b"A: 1\nx=2\nX-B: 3\n\n", b"A: 1;\nX-B=2: 3\n\n", b"A: 1;\nx y=2\nX-B: 3\n\n"]
)
def test_other_lines_do_not_continue_a_field(raw: bytes) -> None:
    header = fields.read_header(raw, 0, len(raw))
    assert header.first("a") in {"1", "1;", "1; X-B=2: 3"}


@pytest.mark.parametrize(
    "line", [b"no field\n", b"no field\nB: 2\n", b">From x\n", b"x=1\n", b":\n", b" x\nno\n"]
)
@pytest.mark.parametrize("end", [b"", b"\n", b"X-C: 3\n\nbody"])
def test_broken_lines_are_read_in_linear_time(line: bytes, end: bytes) -> None:
    raw = b"A: 1\n" + line * (fields.HEADER_BYTES // 2 // len(line)) + end
    started = time.process_time()
    fields.read_header(raw, 0, len(raw))
    assert time.process_time() - started < 2


def test_a_header_section_that_is_too_large_is_cut_and_the_body_is_found() -> None:
    raw = b"Subject: first\n" + b"X-Pad: 0123456789\n" * 100_000 + b"\nbody"
    header = fields.read_header(raw, 0, len(raw))
    assert header.first("subject") == "first"
    assert header.defects == ("headers_cut",)
    assert raw[header.end :] == b"body"


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
@pytest.mark.parametrize("more", [0, 1, 2, 1000])
def test_fields_beyond_the_limit_are_cut_and_the_body_is_found(ending: bytes, more: int) -> None:
    raw = b"X: 1" + ending + (b"Y: 2" + ending) * (fields.FIELDS - 1 + more) + ending + b"body" + ending * 2
    header = fields.read_header(raw, 0, len(raw))
    assert len(header.fields) == fields.FIELDS
    assert header.defects == (("headers_cut",) if more else ())
    assert raw[header.end :] == b"body" + ending * 2


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@example.org> <b@example.org>", ("<a@example.org>", "<b@example.org>")),
        ("<a@example.org><b@example.org>", ("<a@example.org>", "<b@example.org>")),
        ("a@example.org", ("a@example.org",)),
        ('"your mail" of Monday <a@example.org>', ("<a@example.org>",)),
        ("", ()),
        ("<<<>>>", ("<<<>>>",)),
    ],
)
def test_references_are_message_ids(value: str, ids: tuple[str, ...]) -> None:
    assert fields.message_ids(value) == ids
