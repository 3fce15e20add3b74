from __future__ import annotations

import re
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.ses.attached_mail import seven_bit

SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=mail; bh=x; b=y\r\n"
    b"From: Ann <ann@example.net>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello.\r\n"
)


def test_a_mail_in_seven_bits_is_sent_as_it_is() -> None:
    assert seven_bit(SIGNED) == SIGNED


def test_line_ends_are_those_of_mail() -> None:
    assert seven_bit(SIGNED.replace(b"\r\n", b"\n")) == SIGNED


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Zwölf Boxkämpfer.\r\n".encode(), "text/plain; charset=utf-8"),
        ("Zwölf Boxkämpfer.\r\n".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        (b"%PDF \xff\xfe", "application/pdf"),
        (b"x" * 3000, "text/plain"),
    ],
)
def test_a_part_in_eight_bits_keeps_its_content(body: bytes, content_type: str) -> None:
    mail = f"Subject: Report\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"

    read = message_from_bytes(seven_bit(mail.encode() + body), policy=policy.default)

    assert read["Subject"] == "Report"
    assert str(read["Content-Type"]).replace('"', "") == content_type
    assert read["Content-Transfer-Encoding"] == "base64"
    assert read.get_payload(decode=True) == body


def test_parts_of_a_multipart_are_encoded_one_by_one() -> None:
    mail = (
        "Subject: Größe\r\nFrom: Jörg <joerg@example.net>\r\nContent-Transfer-Encoding: 8bit\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\nnöthing\r\n--b\r\n\r\nplain\r\n--b\r\n'
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nÜbersicht"
        "\r\n--b--\r\n"
    ).encode()

    read = message_from_bytes(seven_bit(mail), policy=policy.default)

    plain, other = read.iter_parts()
    assert (read["Subject"], read["From"].addresses[0].display_name) == ("Größe", "Jörg")
    assert read["From"].addresses[0].addr_spec == "joerg@example.net"
    assert (plain.get_payload(), other.get_payload(decode=True)) == ("plain", "Übersicht".encode())
    assert read["Content-Transfer-Encoding"] == "7bit"


@pytest.mark.parametrize("boundary", [b"x" * 2000, b"x"])
def test_what_is_no_mail_becomes_the_file_of_one(boundary: bytes) -> None:
    data = b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n\r\n\xff'
    read = message_from_bytes(seven_bit(data))
    assert read.get_payload(decode=True) == data


def test_a_mail_in_a_mail_that_is_not_read_has_line_ends_too() -> None:
    mail = b"Content-Type: message/partial; id=1\r\n\r\n" + b"\xff" * 300
    assert b"\n" not in seven_bit(mail).replace(b"\r\n", b"")


@given(
    st.binary(max_size=3000) | st.text(max_size=500).map(lambda text: f"Subject: {text}\n\n{text}".encode())
)
def test_whatever_is_attached_becomes_lines_that_can_be_sent(data: bytes) -> None:
    written = seven_bit(data)
    assert written.isascii()
    assert b"\0" not in written
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", written)
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))
