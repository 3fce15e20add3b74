from __future__ import annotations

import base64

import pytest

from mailbus_local.ses.scanning import EICAR, scan


def attachment(name: str, content: bytes) -> bytes:
    return (
        b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        + f"Content-Disposition: attachment; {name}\r\n\r\n".encode()
        + base64.encodebytes(content)
        + b"--b--\r\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "filename=setup.exe",
        'filename="photo.jpg.VBS"',
        "filename*=utf-8''r%C3%A9sum%C3%A9.js",
        'filename*0="long"; filename*1=".scr"',
    ],
)
def test_a_blocked_extension_is_found_in_any_encoding_of_the_name(name: str) -> None:
    assert scan(attachment(name, b"x")).blocked() is not None


@pytest.mark.parametrize("name", ["filename=report.pdf", "filename=exe", "filename=archive.zip"])
def test_other_attachments_are_not_blocked(name: str) -> None:
    assert scan(attachment(name, b"x")).blocked() is None


def test_a_virus_is_found_in_plain_text_and_in_base64() -> None:
    assert scan(b"Subject: x\r\n\r\n" + EICAR).virus
    assert scan(attachment("filename=sample.txt", EICAR)).virus
    assert not scan(attachment("filename=sample.txt", EICAR[:-1])).virus
