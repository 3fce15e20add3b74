"""Which parts of a mail are bodies, attachments and inlines."""

from __future__ import annotations

import binascii
import json
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import mime
from mailbus.errors import InboundError
from tests.unit.inbound.multiparts import FILED, HTML, PLAIN, multipart, shown

SHOWN = "Content-Disposition: inline\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (multipart("alternative", PLAIN, HTML), (b"hello", b"<p>hello", [], [])),
        (multipart("alternative", HTML), (None, b"<p>hello", [], [])),
        (multipart("mixed", PLAIN, FILED + PLAIN), (b"hello", None, ["text/plain"], [])),
        (multipart("mixed", PLAIN, SHOWN + PLAIN), (b"hello\nhello", None, [], [])),
        (
            multipart("mixed", PLAIN, 'Content-Type: text/plain; name="log.txt"\n\nlog'),
            (b"hello", None, ["text/plain"], []),
        ),
        (
            multipart("mixed", PLAIN, SHOWN + 'Content-Type: text/plain; name="log.txt"\n\nlog'),
            (b"hello", None, ["text/plain"], []),
        ),
        (
            multipart("alternative", PLAIN, 'Content-Type: text/html; name="mail.html"\n\n<p>'),
            (b"hello", b"<p>", [], []),
        ),
        (
            multipart("alternative", PLAIN, "Content-Type: text/calendar\n\nBEGIN:VCALENDAR"),
            (b"hello", None, ["text/calendar"], []),
        ),
        (
            multipart("related", HTML, "Content-Type: image/gif\nContent-ID: <x>\n\nGIF"),
            (None, b"<p>hello", ["image/gif"], []),
        ),
        (
            multipart("related", HTML, "Content-ID: <style>\n" + HTML),
            (None, b"<p>hello", ["text/html"], []),
        ),
        (
            multipart("mixed", PLAIN, FILED + "Content-Type: image/gif\nContent-ID: <x>\n\nGIF"),
            (b"hello", None, ["image/gif"], []),
        ),
        (
            multipart("mixed", PLAIN, SHOWN + "Content-Type: application/pdf\n\n%PDF"),
            (b"hello", None, ["application/pdf"], []),
        ),
        (
            multipart("mixed", PLAIN, "Content-Disposition: hologram\n" + PLAIN),
            (b"hello", None, ["text/plain"], []),
        ),
        (
            multipart("mixed", PLAIN, SHOWN + 'Content-Type: text/html; name=" "\n\n<p>'),
            (b"hello", b"<p>", [], []),
        ),
        (
            multipart("mixed", PLAIN, 'Content-Type: text/plain; name="\t"\n\nhi'),
            (b"hello\nhi", None, [], []),
        ),
        (
            multipart(
                "alternative", "Content-Disposition: 8bit\n" + PLAIN, "Content-Disposition: 8bit\n" + HTML
            ),
            (b"hello", b"<p>hello", [], []),
        ),
        (
            multipart("mixed", "Content-Disposition: 8bit; filename=a.txt\n" + PLAIN),
            (None, None, ["text/plain"], []),
        ),
        (b"From: a@example.org\nContent-Disposition: 7bit\n\nhello", (b"hello", None, [], [])),
        (multipart("digest", "\nFrom: x@example.org\n\none"), (None, None, ["message/rfc822"], [])),
        (multipart("mixed", PLAIN, "Content-Type: nonsense\n\nkept"), (b"hello\nkept", None, [], [])),
        (multipart("mixed", "Content-Type: multipart/mixed; boundary=c\n\n"), (None, None, [], [])),
        (
            b"From: a@example.org\nContent-Type: application/pdf\n\n%PDF",
            (None, None, ["application/pdf"], []),
        ),
        (b"From: a@example.org\n" + FILED.encode() + b"\nhello", (None, None, ["text/plain"], [])),
        (b"From: a@example.org\nContent-Type: text/html\n\n<p>hello", (None, b"<p>hello", [], [])),
        (b"From: a@example.org\n\n", (b"", None, [], [])),
        (b"From: a@example.org", (b"", None, [], [])),
    ],
)
def test_a_part_is_body_attachment_or_inline(
    raw: bytes, expected: tuple[bytes | None, bytes | None, list[str], list[str]]
) -> None:
    assert shown(mime.parse(raw)) == expected


def test_a_blank_file_name_gives_way_to_the_other_one() -> None:
    part = 'Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment; filename=" "\n\n%PDF'
    assert mime.parse(multipart("mixed", PLAIN, part)).parts[0].filename == "a.pdf"


def test_line_breaks_of_texts_become_lf_and_those_of_attachments_do_not() -> None:
    raw = multipart("mixed", PLAIN + "\ntwo", FILED + PLAIN + "\ntwo").replace(b"\n", b"\r\n")
    mail = mime.parse(raw)
    assert mail.text == b"hello\ntwo"
    assert mail.parts[0].content(raw) == (b"hello\r\ntwo", ())


@given(st.text(st.sampled_from("a\r\n😀"), max_size=12), st.integers(1, 5))
def test_all_line_breaks_become_lf_in_pieces_of_any_size(text: str, size: int) -> None:
    raw = b"From: a@example.org\nContent-Type: text/plain; charset=utf-8\n\n" + text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mime, "PIECE_CHARACTERS", size)
        body = mime.parse(raw).text
    assert body == text.replace("\r\n", "\n").replace("\r", "\n").encode()


def test_comments_in_a_parts_header_are_ignored() -> None:
    raw = multipart(
        "mixed (all)",
        "Content-Type: text/plain; charset=iso-8859-2 (Latin 2)\n"
        "Content-Transfer-Encoding: quoted-printable (x)\n\n=B1=B6",
        "Content-Type: application/pdf (report)\nContent-Disposition: attachment (a)\n\n%PDF",
    )
    mail = mime.parse(raw)
    assert shown(mail) == ("ąś".encode(), None, ["application/pdf"], [])
    assert (mail.parts[0].disposition, mail.defects) == ("attachment", ())


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [("=?x-unknown?Q?a.txt?=", "a.txt"), ("a.txt", "a.txt")],
)
def test_a_file_name_with_an_unknown_charset_is_a_defect(disposition: str, filename: str) -> None:
    raw = multipart("mixed", PLAIN, f'Content-Disposition: attachment; filename="{disposition}"\n\nx')
    mail = mime.parse(raw)
    assert mail.parts[0].filename == filename
    assert mail.defects == (("unknown_charset",) if disposition != filename else ())


def test_an_rfc_2231_file_name_with_an_unknown_charset_is_a_defect() -> None:
    mail = mime.parse(multipart("mixed", PLAIN, "Content-Disposition: attachment; filename*=nowhere''a\n\nx"))
    assert (mail.parts[0].filename, mail.defects) == ("a", ("unknown_charset",))


@pytest.mark.parametrize(
    ("content", "attachments"), [(b"PK\3\4\0\0", ["application/octet-stream"]), (b"plain words", [])]
)
def test_a_binary_part_with_an_invalid_type_is_an_attachment(content: bytes, attachments: list[str]) -> None:
    encoded = binascii.b2a_base64(content).decode()
    part = f"Content-Type: word\nContent-Transfer-Encoding: base64\n\n{encoded}"
    mail = mime.parse(multipart("mixed", PLAIN, part))
    assert shown(mail)[2] == attachments
    assert mail.defects == ("bad_content_type",)


def test_more_addresses_than_are_read_are_a_defect() -> None:
    assert mime.parse(b"To: " + b"a@b, " * 6000 + b"\n\n").defects == ("addresses_cut",)
    assert mime.parse(b"To: " + b"a@b, " * 4000 + b"\n\n").defects == ()


def test_a_mail_written_by_the_standard_library_is_parsed_completely() -> None:
    written = EmailMessage()
    written["From"] = "Zoë <zoe@example.org>"
    written["To"] = "support@inbound.example.com"
    written["Subject"] = "Grüße " * 30
    written.set_content("Tee für 5 €\n" * 20)
    written.add_alternative("<p>Tee für 5 €</p>\n", subtype="html")
    parts: Any = written.get_payload()
    parts[1].add_related(b"\x89PNG", "image", "png", cid="<leaf@example.org>")
    written.add_attachment(bytes(range(256)) * 9, "application", "octet-stream", filename="Übersicht €.bin")
    raw = written.as_bytes()
    mail = mime.parse(raw)
    assert mail.text == ("Tee für 5 €\n" * 20).encode()
    assert mail.html == "<p>Tee für 5 €</p>\n".encode()
    assert mail.message.subject == ("Grüße " * 30).strip()
    assert mail.message.from_email[0].name == "Zoë"
    leaf, file = mail.parts
    assert (leaf.content_id, leaf.content(raw)[0]) == ("leaf@example.org", b"\x89PNG")
    assert (file.filename, file.content(raw)[0]) == ("Übersicht €.bin", bytes(range(256)) * 9)
    assert mail.defects == ()


def test_an_unexpected_error_becomes_an_inbound_error_without_the_mails_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> None:
        reason = "ada@example.org"
        raise KeyError(reason)

    monkeypatch.setattr("inbound.structure.read", broken)
    with pytest.raises(InboundError, match="KeyError") as caught:
        mime.parse(b"From: ada@example.org\n\n")
    assert "ada" not in str(caught.value)


def test_every_text_of_a_parsed_mail_is_valid_in_json() -> None:
    raw = b"From: \xff <\xfe@example.org>\nSubject: =?utf-7?Q?+2AA-?=\nX-\xff: 1\n\n\xed\xa0\x80"
    mail = mime.parse(raw)
    texts = [mail.message.subject, *(box.name for box in mail.message.from_email)]
    assert json.loads(json.dumps(texts).encode()) == texts
    assert [text for text in texts if any("\ud800" <= c <= "\udfff" for c in text or "")] == []
