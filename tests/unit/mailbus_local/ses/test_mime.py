from __future__ import annotations

from mailbus_local.ses import mime


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
