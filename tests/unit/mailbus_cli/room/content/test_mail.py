from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus_cli.room.content import mail
from mailbus_cli.room.content.checks import checks
from mailbus_cli.room.content.frame import document
from mailbus_cli.room.content.links import links
from tests.unit.mailbus_cli.room.content.mails import HEADER, PNG, html_mail, with_picture


def test_a_mail_has_its_bodies_headers_and_subject_decoded() -> None:
    read = mail.read(html_mail("<p>Hello</p>", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="))
    assert (read.subject, read.text, read.html) == ("Grüße", "Hello Jane", "<p>Hello</p>")
    assert [name for name, _ in read.headers] == ["From", "To", "MIME-Version", "Subject", "Content-Type"]
    assert read.all("FROM") == ("Fern & Field <billing@example.com>",)
    assert read.charset == "utf-8"


def test_files_have_their_number_size_and_hash_and_pictures_are_apart() -> None:
    read = mail.read(with_picture('<img src="cid:logo">'))
    logo, attached = read.files
    assert (logo.number, logo.is_inline, logo.size) == (1, True, len(PNG))
    assert logo.sha256 == hashlib.sha256(PNG).hexdigest()
    assert (attached.number, attached.name, attached.hides_type) == (2, "details\u202efdp.exe", True)
    assert [piece.text for piece in attached.shown_name] == ["details", "U+202E", "fdp.exe"]
    assert read.attachments == (attached,)


def test_a_file_is_read_by_its_number() -> None:
    raw = with_picture("x")
    assert mail.file_content(raw, 2) == ("detailsfdp.exe", b"MZ")
    assert [mail.file_content(raw, number) for number in (0, 3, -1)] == [None, None, None]


def test_the_mails_own_pictures_are_shown_in_its_frame() -> None:
    raw = with_picture('<img src="cid:logo">')
    assert 'src="data:image/png;base64,iVBOR' in document(mail.read(raw).html or "", mail.pictures(raw))


@pytest.mark.parametrize("raw", [b"", b"\0\1\2", bytes(range(256)) * 4])
def test_what_is_no_mail_has_a_reason(raw: bytes) -> None:
    read = mail.read(raw)
    assert read.size == len(raw)
    assert (read.problem or read.message) is not None
    assert mail.file_content(raw, 7) is None
    assert not mail.pictures(raw)


@pytest.mark.parametrize("charset", ["windows-1252", "utf-16", "nonsense", "utf-7", ""])
def test_a_body_in_any_charset_is_shown(charset: str) -> None:
    raw = HEADER + f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode() + b"caf\xe9 \xff\0"
    assert mail.read(raw).text


def deeply_nested(depth: int) -> bytes:
    header = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    levels = b"".join(header % (level, level) for level in range(depth))
    return b"MIME-Version: 1.0\r\n" + levels + b"Content-Type: text/html\r\n\r\n<p>deep"


@pytest.mark.parametrize(
    "raw",
    [
        deeply_nested(100),
        deeply_nested(5000),
        HEADER + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000,
        HEADER + b"Content-Type: multipart/mixed\r\n\r\n--x\r\n",
        HEADER + b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        HEADER + b"Subject: " + b"x" * 100_000 + b"\r\n\r\n",
        b"X: \xff\xfe\r\n" * 6000 + b"\r\n",
        HEADER.replace(b"\r\n", b"\r") + b"\r\r<p>",
    ],
    ids=[
        "nested",
        "nested too deep",
        "many parts",
        "no boundary",
        "bad base64",
        "long",
        "many headers",
        "CR",
    ],
)
def test_a_malformed_mail_is_read_and_shown(raw: bytes) -> None:
    read = mail.read(raw)
    assert document(read.html or "", mail.pictures(raw)).startswith("<!doctype html>")
    assert isinstance(checks(read, is_bulk=True), tuple)
    assert mail.source(raw)


def test_a_huge_mail_is_read_and_its_source_is_shown_in_part() -> None:
    raw = html_mail("<p>x</p>" * 1_300_000)
    read = mail.read(raw)
    assert read.size > 10_000_000
    assert len(read.html or "") > 10_000_000
    assert len(mail.source(raw)) <= mail.SOURCE_BYTES
    assert "clipped" in {check.name for check in checks(read, is_bulk=False)}


def test_the_source_is_shown_byte_for_byte() -> None:
    assert mail.source(b"A: \xe9\r\n\r\n\0<b>") == "A: \\xe9\n\n\0<b>"


@given(st.binary(max_size=400), st.sampled_from([b"", HEADER, HEADER + b"Content-Type: text/html\r\n\r\n"]))
def test_any_bytes_are_read(raw: bytes, before: bytes) -> None:
    read = mail.read(before + raw)
    document(read.html or "", mail.pictures(before + raw))
    assert len(links(read.html, read.text)) <= len(raw)
    assert all(mail.file_content(before + raw, file.number) is not None for file in read.files)
    assert all(check.source.startswith("https://") for check in checks(read, is_bulk=True))
