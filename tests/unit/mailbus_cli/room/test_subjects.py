from __future__ import annotations

import boto3
import pytest

from mailbus_cli.deployment import Deployment
from mailbus_cli.room.subjects import Subjects, subject


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Subject: Hello\r\n\r\nbody", "Hello"),
        (b"Subject: =?utf-8?q?Best=C3=A4tigen?=\r\n\r\n", "Bestätigen"),
        (b"From: a@example.com\r\n\r\nbody", ""),
        (b"\x00\xff", ""),
    ],
)
def test_a_subject_is_decoded(raw: bytes, text: str) -> None:
    assert subject(raw) == text


def test_an_account_has_no_subjects() -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")
    assert Subjects(Deployment(stage="prod", session=session, outputs={})).of(["m1"]) == {}
