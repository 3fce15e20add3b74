"""Damaged mail: whatever happened to the bytes, there is one event, and never an exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from inbound import mime
from inbound.handler import process
from mailbus.errors import InboundError
from tests.unit.inbound.arrivals import Room, received, record

GOLDEN = [path.read_bytes() for path in sorted((Path(__file__).parent / "golden").glob("*.eml"))]

# what mail is made of, so that damage hits where it hurts
SCRAPS = st.sampled_from(
    [
        b"\r\n",
        b"\n\n",
        b"\r",
        b"\0",
        b"--",
        b"--outer--\r\n",
        b"\n--fwd\n",
        b"Content-Type: multipart/mixed; boundary=\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"Content-Disposition: inline; filename*0*=utf-9''%",
        b"From: (",
        b'To: "',
        b"Date: Mon, 32 Foo 0000 25:61:61 +9999\n",
        b"=?utf-8?B?",
        b"=?utf-16?Q?=D8?=",
        b"?=",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b";",
        b"=",
        b"<",
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    mail = bytearray(draw(st.sampled_from(GOLDEN)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(mail)))
        length = draw(st.integers(0, 40))
        mail[start : start + length] = draw(st.one_of(SCRAPS, st.binary(max_size=12)))
    return bytes(mail)


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_damaged_mail_gives_exactly_one_event(raw: bytes) -> None:
    room = Room(raw)
    assert process([record(received())], room.wiring) == ()
    assert room.detail["event_type"] in {"inbound", "inbound_failed"}
    assert (room.detail["message"] is None) == (room.detail["event_type"] == "inbound_failed")
    assert room.sqs.sent == []


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail_or_an_inbound_error(raw: bytes) -> None:
    try:
        mail = mime.parse(raw)
    except InboundError as error:
        assert error.__cause__ is None  # noqa: PT017 - refused on purpose, not by a crash inside
    else:
        for body in (mail.text, mail.html):
            assert body is None or body.decode().encode() == body


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=4))
def test_any_text_survives_its_way_through_an_encoded_header(words: list[str]) -> None:
    subject = "".join(f"=?utf-8?Q?{''.join(f'={b:02X}' for b in word.encode())}?= " for word in words)
    mail = mime.parse(f"From: a@example.org\nSubject: {subject}\n\n".encode())
    meant = "".join(words)
    if not any(c.isspace() or c in "\x1c\x1d\x1e\x1f\x85" for c in meant):
        assert mail.message.subject == meant
    assert "\n" not in (mail.message.subject or "")
