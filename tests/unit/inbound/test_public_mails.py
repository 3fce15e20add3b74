"""Public mails that break parsers, compared with a reference parser."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inbound import mime
from inbound.handler import process
from tests.unit.inbound.world import World, received, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from inbound.mime import ParsedMail
    from mailbus.events import Mailbox

CORPUS = Path(__file__).parents[4] / "shared/corpus/mime"
REFERENCE = CORPUS / "stalwart/expected.jsonl"

pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="the corpus is missing")

MAILS = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.glob("**/*.eml"))
EXPECTED: list[dict[str, Any]] = (
    [json.loads(line) for line in REFERENCE.read_text("utf-8").splitlines()] if REFERENCE.exists() else []
)

# 8-bit headers without a label: U+FFFD there, Windows-1252 here.
EIGHT_BIT = {"legacy/010", "legacy/020", "legacy/022", "legacy/027", "legacy/052"}
# Multiparts that nothing closes: it takes the last text for an attachment, here it is shown.
UNCLOSED = {"malformed/006", "malformed/008", "malformed/009", "malformed/011", "malformed/016"}
# Multiparts whose delimiters are lost or name each other: what can be read is shown here.
TANGLED = {f"malformed/{number:03}" for number in (1, 2, 3, 4, 5)}
# Flowed text (RFC 3676): its lines are joined here.
FLOWED = {"legacy/009", "thirdparty/015"}
# One header section with two content types: the first one counts here, the last one there.
TWO_HEADERS = {"malformed/020", "malformed/021"}

# Where this parser decides otherwise than the reference, by field.
OTHERWISE: dict[str, set[str]] = {
    # a word without @ is an address here, as in "postmaster", and a name there
    "from": {"rfc/001", "rfc/004"},
    "to": {"rfc/001", "rfc/004", "legacy/017", *EIGHT_BIT},
    "subject": EIGHT_BIT,
    # two Date fields: the first one counts here
    "date": {"malformed/019"},
    "text": {
        *(UNCLOSED - {"malformed/008"}),
        *TANGLED,
        *TWO_HEADERS,
        *FLOWED,
        "legacy/052",  # an 8-bit body without a label, as above
        "malformed/019",  # the first of two headers counts here
        "thirdparty/002",  # base64 ends with its padding here
        "thirdparty/005",  # "invalid--1--" is no delimiter here, since it does not begin its line
    },
    "html": {"malformed/008", *TWO_HEADERS},
    "attachments": {
        *UNCLOSED,
        *(TANGLED - {"malformed/005"}),
        *(f"legacy/{number:03}" for number in (16, 17, 48)),  # uuencode and BinHex are left encoded there
        *(f"legacy/{number:03}" for number in (23, 26)),  # 8-bit file names, as above
        *(f"legacy/{number:03}" for number in (35, 39)),  # the backslashes of a Windows path are kept here
        "malformed/007",  # a part that is nothing but broken headers is no attachment here
        "malformed/012",  # a message inside is one attachment here, whatever it is cut off by
        "malformed/017",  # a file name in a disposition without a kind is read here
        "thirdparty/002",
        "thirdparty/015",  # three messages are attached, each one is kept here
    },
}


@pytest.mark.parametrize("name", MAILS)
def test_every_public_mail_has_one_event(name: str) -> None:
    world = World((CORPUS / name).read_bytes())
    assert process([record(received())], world.wiring) == ()
    assert world.detail["event_type"] == "inbound"
    assert (world.sqs.sent, len(world.events.taken)) == ([], 1)


def boxes(mailboxes: tuple[Mailbox, ...]) -> list[list[str | None]]:
    return [[box.name or None, box.address or None] for box in mailboxes]


def body(text: bytes | str | None) -> str | None:
    decoded = text.decode() if isinstance(text, bytes) else text
    return (decoded or "").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") or None


def files(raw: bytes, mail: ParsedMail, expected: list[dict[str, Any]]) -> list[list[str | None]]:
    """Name, type and hash of the parts; None where the reference has none."""
    found = [
        [part.filename, part.content_type, hashlib.sha256(part.content(raw)[0]).hexdigest()]
        for part in mail.parts
    ]
    for mine, theirs in zip(found, expected, strict=False):
        mine[1] = mine[1] if theirs["type"] else None
        mine[2] = mine[2] if theirs["sha256"] else None
    return found


FOUND: dict[str, Callable[[bytes, ParsedMail, Any], Any]] = {
    "subject": lambda _, mail, __: mail.message.subject,
    "from": lambda _, mail, __: boxes(mail.message.from_email),
    "to": lambda _, mail, __: boxes(mail.message.to),
    "cc": lambda _, mail, __: boxes(mail.message.cc),
    "date": lambda _, mail, __: mail.message.date,
    "message_id": lambda _, mail, __: (mail.message.message_id_header or "").strip("<>") or None,
    "text": lambda _, mail, __: body(mail.text),
    "html": lambda _, mail, __: body(mail.html),
    "attachments": files,
}
MEANT: dict[str, Callable[[Any], Any]] = {
    "date": lambda date: date and datetime.fromisoformat(date),
    "text": body,
    "html": body,
    "attachments": lambda parts: [[part["name"], part["type"], part["sha256"]] for part in parts],
}


@pytest.mark.parametrize("field", FOUND)
def test_fields_equal_those_of_the_reference_except_in_known_mails(field: str) -> None:
    different = set()
    for expected in EXPECTED:
        raw = (CORPUS / "stalwart" / expected["file"]).read_bytes()
        meant = MEANT.get(field, lambda value: value)(expected[field])
        if FOUND[field](raw, mime.parse(raw), expected[field]) != meant:
            different.add(expected["file"].removesuffix(".eml"))
    assert different == OTHERWISE.get(field, set())
