"""Mails that are made to exhaust a parser have one event each, and take bounded work.

Work is counted in calls of functions, so that no clock decides. Each mail exceeds what is read of its kind:
parts, fields, addresses, encoded words or bytes of a header.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from inbound import addresses, fields, structure
from inbound.handler import process
from tests.unit.inbound.world import SETTINGS, World, received, record

HEAD = b"From: ada@example.org\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
EMPTY_PART = b"--b\r\n\r\nx\r\n"
ATTACHED = b"Content-Type: message/rfc822\r\n\r\n"
TEXT = b"\r\n\r\nx"


def nested(depth: int) -> bytes:
    """Return a text in `depth` multiparts, each with its own boundary."""
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(depth)
    )
    closed = b"".join(b"--b%d--\r\n" % level for level in reversed(range(depth)))
    return HEAD + opened + b"\r\nhello\r\n" + closed


class Hostile(msgspec.Struct, frozen=True, kw_only=True):
    """A mail of any size, a size that exceeds the limits, and the defects and parts of its event."""

    made: Callable[[int], bytes]
    size: int
    defects: tuple[str, ...] = ()
    parts: int = 0


MAILS = {
    "multiparts in each other": Hostile(
        made=nested, size=4 * structure.DEPTH, defects=("nested_too_deep",), parts=1
    ),
    "messages in each other": Hostile(
        made=lambda size: HEAD + ATTACHED * size + b"Subject: x\r\n\r\nhello", size=20_000, parts=1
    ),
    "parts": Hostile(
        made=lambda size: MIXED + EMPTY_PART * size + b"--b--",
        size=2 * structure.PARTS,
        defects=("too_many_parts",),
    ),
    "separators in a parameter": Hostile(
        made=lambda size: HEAD + b'Content-Type: text/plain; a="' + b"x;=" * size + b'"' + TEXT,
        size=50_000,
        defects=("bad_parameters",),
    ),
    "parameters": Hostile(
        made=lambda size: HEAD + b"Content-Type: text/plain" + b"; a=1" * size + TEXT,
        size=50_000,
        defects=("bad_parameters",),
    ),
    "addresses": Hostile(
        made=lambda size: HEAD + b"To: " + b'"a" <b@c>, ' * size + TEXT,
        size=2 * addresses.ADDRESSES,
        defects=("addresses_cut", "headers_cut"),
    ),
    "encoded words": Hostile(
        made=lambda size: HEAD + b"Subject: " + b"=?utf-8?q?x?= " * size + TEXT, size=2 * fields.WORDS
    ),
    "blanks in a subject": Hostile(
        made=lambda size: HEAD + b"Subject: a" + (b"\r\n" + b" " * 900) * size + b"b" + TEXT,
        size=300,
        defects=("headers_cut", "values_cut"),
    ),
    "header fields": Hostile(
        made=lambda size: HEAD + b"A: b\r\n" * size + b"\r\nx",
        size=2 * fields.FIELDS,
        defects=("headers_cut",),
    ),
    "padding in base64": Hostile(
        made=lambda size: HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A!" * size,
        size=100_000,
        defects=("bad_base64",),
    ),
    "base64 that is cut off": Hostile(
        made=lambda size: (
            MIXED
            + b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: application/pdf\r\n"
            + b"Content-Transfer-Encoding: base64\r\n\r\n"
            + b"AAAA" * size
            + b"A\r\n--b--"
        ),
        size=1000,
        defects=("bad_base64",),
        parts=1,
    ),
    "NULs": Hostile(
        made=lambda size: HEAD + b"Subject: a" + b"\0" * size + b"b\r\n\r\nx" + b"\0" * size,
        size=10_000,
        defects=("nul_characters",),
    ),
    "lines without a header": Hostile(
        made=lambda size: b"hello\r\nworld\r\n" * size,
        size=1000,
        defects=("missing_header_end", "no_headers"),
    ),
}


def receive(raw: bytes) -> dict[str, Any]:
    world = World(raw)
    assert process([record(received())], world.wiring) == ()
    assert world.sqs.sent == []
    assert len(world.events.taken[0]["Detail"].encode()) < SETTINGS.event_bytes
    return world.detail


def calls(raw: bytes) -> int:
    """Return how many Python functions are called to receive a mail."""
    count = 0

    def counted(_frame: object, _event: str, _argument: object) -> None:
        nonlocal count
        count += 1

    before = sys.gettrace()
    sys.settrace(counted)
    try:
        receive(raw)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS.keys())
def test_a_hostile_mail_becomes_an_event_that_names_its_defects(mail: Hostile) -> None:
    message = receive(mail.made(mail.size))["message"]
    assert (tuple(message["defects"]), len(message["attachments"])) == (mail.defects, mail.parts)


@pytest.mark.parametrize("mail", MAILS.values(), ids=MAILS.keys())
def test_a_hostile_mail_takes_no_more_calls_when_it_is_four_times_as_large(mail: Hostile) -> None:
    assert calls(mail.made(4 * mail.size)) < 1.1 * calls(mail.made(mail.size)) + 20


def test_an_empty_mail_is_reported_as_failed() -> None:
    detail = receive(b"")
    assert (detail["event_type"], detail["message"]) == ("inbound_failed", None)
