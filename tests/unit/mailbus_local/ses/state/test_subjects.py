from __future__ import annotations

import pytest

from mailbus_local.ses.state.subjects import subject_of


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Subject: Hello\r\n\r\nbody", "Hello"),
        (b"From: a@example.com\r\nsubject:Hello\r\n there\r\nTo: b@example.com\r\n\r\n", "Hello there"),
        (b"Subject: =?utf-8?q?Best=C3=A4tigen?=\r\n\r\n", "Bestätigen"),
        (b"Subject: =?utf-8?b?8J+OiQ==?=\r\n =?utf-8?q?_Black?=\r\n\r\n", "🎉 Black"),
        ("Subject: Bestätigen\r\n\r\n".encode(), "Bestätigen"),
        (b"From: a@example.com\r\n\r\nSubject: of the body", ""),
        (b"X-Subject: other\r\n\r\n", ""),
        (b"\x00\xff", ""),
    ],
)
def test_a_subject_is_unfolded_and_decoded(raw: bytes, text: str) -> None:
    assert subject_of(raw) == text
