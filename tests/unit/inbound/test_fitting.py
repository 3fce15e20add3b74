"""The event of a mail of any size fits the bus, and nothing of the mail is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from inbound.handler import process
from mailbus.aws.event_bus import entry_size
from mailbus.bus_entries import BusEntry
from mailbus.environment import ENTRY_BYTES
from tests.unit.inbound.world import BUCKET, FOLDER, World, received, record

HEAD = b"From: a@example.org\nSubject: long\n"
FILE = b"\n--b\nContent-Disposition: attachment; filename=%s\n\nx"


def published(raw: bytes, **changes: object) -> World:
    world = World(raw)
    assert process([record(received(**changes))], world.wiring) == ()
    assert len(world.events.taken[0]["Detail"].encode()) < ENTRY_BYTES
    assert world.detail["event_type"] == "inbound"
    return world


def alternatives(text: bytes, html: bytes) -> bytes:
    return b"\n".join(
        [
            HEAD + b"Content-Type: multipart/alternative; boundary=b\n",
            b"--b\nContent-Type: text/plain; charset=utf-8\n",
            text,
            b"--b\nContent-Type: text/html; charset=utf-8\n",
            html,
            b"--b--\n",
        ]
    )


def test_bodies_that_fit_stay_in_the_event() -> None:
    world = published(alternatives(b"t" * 100_000, b"h" * 100_000))
    message = world.detail["message"]
    assert (len(message["text"]), len(message["html"])) == (100_000, 100_000)
    assert (message["text_ref"], message["html_ref"]) == (None, None)
    assert world.s3.writes == []


def test_the_longer_of_two_bodies_goes_to_s3_if_both_do_not_fit() -> None:
    world = published(alternatives(b"t" * 100_000, b"h" * 200_000))
    message = world.detail["message"]
    assert (len(message["text"]), message["html"]) == (100_000, None)
    assert message["html_ref"] == {"bucket": BUCKET, "key": f"{FOLDER}body.html"}
    assert world.stored(f"{FOLDER}body.html") == b"h" * 200_000
    assert message["defects"] == []


def test_two_bodies_that_are_too_long_go_to_s3_in_utf_8() -> None:
    world = published(alternatives("é".encode() * 200_000, "€".encode() * 200_000))
    message = world.detail["message"]
    assert (message["text"], message["html"]) == (None, None)
    assert message["text_ref"] == {"bucket": BUCKET, "key": f"{FOLDER}body.txt"}
    assert world.stored(f"{FOLDER}body.txt").decode() == "é" * 200_000
    assert world.stored(f"{FOLDER}body.html").decode() == "€" * 200_000


def test_a_body_that_is_too_long_only_as_json_goes_to_s3() -> None:
    world = published(HEAD + b"\n" + b"\x01" * 100_000)
    assert world.detail["message"]["text"] is None
    assert world.stored(f"{FOLDER}body.txt") == b"\x01" * 100_000


def test_headers_are_cut_last_and_a_very_large_one_is_skipped() -> None:
    raw = b"X-Giant: " + b"g" * 300_000 + b"\n" + HEAD + b"\nbody"
    message = published(raw).detail["message"]
    assert [name for name, _ in message["headers"]] == ["From", "Subject"]
    assert message["subject"] == "long"
    assert message["text_ref"]["key"] == f"{FOLDER}body.txt"
    assert message["defects"] == ["headers_cut"]


def test_attachments_that_an_event_cannot_list_are_stored() -> None:
    files = b"".join(FILE % (b"attachment-%04d.txt" % n) for n in range(1500))
    world = published(HEAD + b"Content-Type: multipart/mixed; boundary=b\n" + files + b"\n--b--")
    message = world.detail["message"]
    assert len(world.s3.writes) == 1500
    assert 600 < len(message["attachments"]) < 1500
    assert message["attachments"][0]["s3"]["key"] == f"{FOLDER}1-attachment-0000.txt"


def bytes_of(world: World) -> int:
    return entry_size(
        BusEntry(
            detail_type="email.inbound",
            time=datetime(2026, 11, 16, tzinfo=UTC),
            detail=world.events.taken[0]["Detail"],
            resources=tuple(world.events.taken[0]["Resources"]),
        )
    )


@pytest.mark.parametrize(
    ("files", "images", "listed_files", "listed_images"),
    [(1000, 0, 600, 0), (0, 1000, 0, 500), (700, 700, 350, 150), (50, 900, 50, 450), (900, 50, 500, 50)],
)
def test_lists_of_parts_use_all_the_room_of_an_event(
    files: int, images: int, listed_files: int, listed_images: int
) -> None:
    names = b"".join(b"<img src=cid:%d@example.org>" % n for n in range(images))
    html = b"\n--b\nContent-Type: text/html\n\n" + names
    parts = (
        html
        + b"".join(FILE % (b"attachment-%04d.txt" % n) for n in range(files))
        + b"".join(
            b"\n--b\nContent-Type: image/png\nContent-ID: <%d@example.org>\nContent-Disposition: inline\n\nx"
            % n
            for n in range(images)
        )
    )
    world = published(HEAD + b"Content-Type: multipart/mixed; boundary=b\n" + parts + b"\n--b--")
    message = world.detail["message"]
    assert listed_files <= len(message["attachments"]) <= files
    assert listed_images <= len(message["inlines"]) <= images
    assert ENTRY_BYTES - 500 < bytes_of(world) <= ENTRY_BYTES
    assert message["defects"] == ["parts_cut"]
    assert len([key for key in world.s3.writes if not key.endswith("body.html")]) == files + images


HOSTILE = {
    "a giant subject": b"Subject: " + b"s" * 500_000 + b"\n\n",
    "control characters": b"Subject: " + b"\x01" * 100_000 + b"\n\n" + b"\x01" * 300_000,
    "ten thousand recipients": b"To: " + b"someone@example.org, " * 10_000 + b"\n\n",
    "ten thousand fields": b"X-A: b\n" * 50_000 + b"\nbody",
    "all address fields": b"".join(
        name + b": " + b'"\x01\x01\x01\x01" <a@example.org>, ' * 5000 + b"\n"
        for name in (b"From", b"To", b"Cc", b"Bcc", b"Reply-To")
    )
    + b"\n",
    "endless references": b"References: " + b"<a@example.org> " * 30_000 + b"\n\n",
    "giant message ids": b"".join(
        name + b": <" + b"\x02" * 60_000 + b">\n" for name in (b"Message-ID", b"In-Reply-To", b"References")
    )
    + b"\n",
    "a giant name": b"From: " + b"n" * 600_000 + b" <a@example.org>\n\n",
    "giant filenames": b"From: a@b\nContent-Type: multipart/mixed; boundary=b\n"
    + b"".join(FILE % (b"\x03" * 1900) for _ in range(50)),
    "giant content ids": b"From: a@b\nContent-Type: multipart/mixed; boundary=b\n"
    + b"".join(b"\n--b\nContent-Type: x/y\nContent-ID: <" + b"c" * 90_000 + b">\n\nx" for _ in range(50)),
    "a giant auto-submitted": b"Auto-Submitted: " + b"a" * 300_000 + b"\n\n",
    "everything at once": b"".join(
        name + b": " + b"\x01" * 80_000 + b"\n"
        for name in (
            b"Subject",
            b"Message-ID",
            b"In-Reply-To",
            b"References",
            b"From",
            b"To",
            b"Auto-Submitted",
        )
    )
    + b"Content-Type: multipart/mixed; boundary=b\n"
    + b"\n--b\n\ntext"
    + b"".join(FILE % (b"\x03" * 900) for _ in range(1500)),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_mail_fits_and_its_cuts_are_defects(raw: bytes) -> None:
    world = published(raw, receipt__recipients=[f"{n:060}@inbound.example.com" for n in range(500)])
    message = world.detail["message"]
    assert [defect for defect in message["defects"] if defect.endswith("_cut")] != []
    assert json.dumps(message).encode()


def test_a_message_that_fits_after_its_first_cut_is_not_cut_further() -> None:
    raw = b"X-Pad: " + b"p" * 258_000 + b"\nSubject: " + b"s" * 5000 + b"\n\n"
    message = published(raw).detail["message"]
    assert len(message["subject"]) == 5000
    assert message["defects"] == ["headers_cut"]


def test_a_cut_that_removes_nothing_is_not_a_defect() -> None:
    files = b"".join(FILE % (b"attachment-%04d.txt" % n) for n in range(1500))
    world = published(HEAD + b"Content-Type: multipart/mixed; boundary=b\n" + files + b"\n--b--")
    assert world.detail["message"]["defects"] == ["parts_cut"]
