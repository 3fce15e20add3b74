from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailbus_local.ses import mime


@pytest.mark.parametrize(
    ("region", "domain"),
    [("us-east-1", "email.amazonses.com"), ("eu-west-1", "eu-west-1.amazonses.com")],
)
def test_the_message_id_header_has_the_domain_of_the_region(region: str, domain: str) -> None:
    raw = b"Message-ID: <own@example.com>\r\nBcc: secret@x.example\r\nSubject: x\r\n\r\nhi"
    sent = mime.rewrite(raw, "0100-1", datetime(2026, 11, 29, tzinfo=UTC), region)
    assert sent == (
        b"Subject: x\r\nDate: Sun, 29 Nov 2026 00:00:00 +0000\r\n"
        b"Message-ID: <0100-1@%s>\r\n\r\nhi" % domain.encode()
    )


def test_headers_are_unfolded_and_invalid_lines_dropped() -> None:
    headers = mime.read_headers(
        b"Subject: one\r\n two\r\n\tthree\r\nno colon here\r\nX A: b\r\nTo:a@b.example"
    )
    assert [(header.name, header.value) for header in headers.lines] == [
        ("Subject", "one two\tthree"),
        ("To", "a@b.example"),
    ]


def test_a_message_without_a_blank_line_is_all_headers() -> None:
    assert mime.split(b"Subject: x\r\nTo: a@b.example") == (b"Subject: x\r\nTo: a@b.example", b"")
    assert mime.split(b"\r\nbody") == (b"", b"body")
    assert mime.split(b"A: b\n\nbody\n\nmore") == (b"A: b", b"body\n\nmore")
