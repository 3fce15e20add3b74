"""Mail that others collected because it breaks parsers, beside what a reference made of it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inbound import mime
from inbound.handler import process
from tests.unit.inbound.arrivals import Room, received, record

CORPUS = Path(__file__).parents[4] / "shared/corpus/mime"
REFERENCE = CORPUS / "stalwart/expected.jsonl"

pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="the corpus is not at hand")

MAILS = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("**/*.eml"))
EXPECTED: list[dict[str, Any]] = (
    [json.loads(line) for line in REFERENCE.read_text("utf-8").splitlines()] if REFERENCE.exists() else []
)

# What the reference leaves out of attachments: it does not undo uuencode and BinHex; an 8-bit header
# without a label is U+FFFD to it, Windows-1252 here.
EIGHT_BIT = {"legacy/010", "legacy/017", "legacy/020", "legacy/022", "legacy/027", "legacy/052"}
OTHERWISE: dict[str, set[str]] = {}


@pytest.mark.parametrize("name", MAILS)
def test_every_public_mail_gives_one_event(name: str) -> None:
    room = Room((CORPUS / name).read_bytes())
    assert process([record(received())], room.wiring) == ()
    assert room.detail["event_type"] == "inbound"
    assert (room.sqs.sent, len(room.events.taken)) == ([], 1)
